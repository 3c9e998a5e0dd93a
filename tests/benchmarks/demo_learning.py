"""What the demo's shop learns, over ten seeds: the same loop, straight through ranking and learning, without HTTP.

Prints, per seed, the true conversion rate of what was shown first over the last half of the visits, as a multiple of
random order's. The demo with a seed shows what this shows for it. Run: python
tests/benchmarks/demo_learning.py
"""

from __future__ import annotations

import statistics
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]

from infra.local.demo import ROUND, SEED, VISITS  # noqa: E402 - the path above comes first
from infra.local.shop import Shop, rounds  # noqa: E402
from offer_ranking.catalog.model import ModelType, NewModel, define_model  # noqa: E402
from offer_ranking.counting.counts import CONVERSION, IMPRESSION, Counts, Key  # noqa: E402
from offer_ranking.learning.fit import fit  # noqa: E402
from offer_ranking.learning.snapshot import Snapshot  # noqa: E402
from offer_ranking.ranking.candidates import Candidates, Offer  # noqa: E402
from offer_ranking.ranking.ranking import rank  # noqa: E402

_SEEDS = 10
_AS_OF = 1_700_000_000.0
_MODEL = define_model(  # by default settings, the random share of 0.05 included
    NewModel(name="shop", type=ModelType.AUTO_OPTIMIZATION, dataset_ids=("shop",)),
    id="shop",
    now=datetime.fromtimestamp(_AS_OF, UTC),
)


def main() -> int:
    """Print the table; the exit code is 1 when the average is below the 1.18 to reach."""
    seeds = range(SEED, SEED + _SEEDS)
    with ProcessPoolExecutor(2) as processes:
        ratios = list(processes.map(gain, seeds))
    for seed, ratio in zip(seeds, ratios, strict=True):
        print(f"seed {seed:3d}: {ratio:.3f} x random order")
    mean = statistics.fmean(ratios)
    error = statistics.stdev(ratios) / len(ratios) ** 0.5
    share = _MODEL.settings.random_share
    print(f"mean {mean:.3f}, standard error {error:.3f}, least {min(ratios):.3f}, random share {share}")
    return 0 if mean >= 1.18 else 1


def gain(seed: int) -> float:
    """True rate over the last half / true rate of random order, of one seed's shop."""
    shop = Shop.open_bandit_men()
    candidates = Candidates.of(Offer(offer) for offer in shop.offers)
    snapshot: Snapshot | None = None
    counts, shown_late = Counts.zero(), list[str]()
    for visits in rounds(VISITS, ROUND, seed):
        firsts = [rank(candidates, snapshot, seed=one, count=1).order[0] for one in visits.seeds]
        shown = [candidates.ids[first] for first in firsts]
        counts += _counted(shop, shown, visits.convinced(shop, shown))
        snapshot = _learned(counts, snapshot)
        shown_late += shown
    return shop.rate_of(shown_late[len(shown_late) // 2 :]) / shop.random_rate


def _counted(shop: Shop, shown: list[str], converted: list[bool]) -> Counts:
    hour = int(_AS_OF // 3600)
    sold = [offer for offer, did in zip(shown, converted, strict=True) if did]
    keys = [Key(hour, offer, kind=kind) for kind in (IMPRESSION, CONVERSION) for offer in shop.offers]
    return Counts.of(keys, [part.count(offer) for part in (shown, sold) for offer in shop.offers])


def _learned(counts: Counts, before: Snapshot | None) -> Snapshot:
    version = before.version + 1 if before else 1
    learned = fit(counts, _MODEL, version=version, as_of=_AS_OF, trained_on={})
    if not isinstance(learned, Snapshot):
        raise TypeError(learned)
    return learned


if __name__ == "__main__":
    sys.exit(main())
