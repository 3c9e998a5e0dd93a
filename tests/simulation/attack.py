"""A flood of real conversions from few sources: how far it moves the worst of ten offers.

Everything that decides is the real code: ranking, tokens, the collector with its caps, the engine that counts, the fit.
Visitors have an address each, see one offer and click at its rate. The attacker sends its requests among theirs, from
20 addresses, each as another visitor; it loads pages until one gives the offer that it wants up, tells of no display,
and clicks. Where tokens are not enforced it need not even load a page.
    python -m tests.simulation.attack --seeds 5 --attacks 1000
"""

from __future__ import annotations

import argparse
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from offer_ranking.catalog.datastream import TokenMode
from offer_ranking.collecting.caps import Limits
from offer_ranking.collecting.collector import Collector
from offer_ranking.counting.counts import Counts
from offer_ranking.counting.engine import count_object
from offer_ranking.events.proposition import Proposition
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.fit import fit
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.policy import policy_of
from offer_ranking.ranking.proposal import Proposal, Step
from offer_ranking.ranking.ranking import rank
from tests.support.collecting import KEYS, NOW_MS, FakeCaps, FakeDelivery, datastream, event
from tests.support.learned import a_model

OFFERS = 10
RATES = 0.02, 0.11
"""Of the worst offer and of the best, the others evenly between."""
MOST_LOADS = 400
DAY_MS = 86_400_000
NO_LIMITS = Limits(10**9, 10**9)
UNSIGNED, SIGNED, CAPPED = "unsigned", "signed", "signed and capped"
WORLDS: dict[str, tuple[TokenMode, Limits]] = {
    UNSIGNED: (TokenMode.OFF, NO_LIMITS),
    SIGNED: (TokenMode.ENFORCE, NO_LIMITS),
    CAPPED: (TokenMode.ENFORCE, Limits()),
}


@dataclass(frozen=True, slots=True)
class Size:
    """How many visits of a day, attacks among them and their sources, and visits from fit to fit."""

    visits: int = 20_000
    attacks: int = 1000
    sources: int = 20
    between_fits: int = 500


@dataclass
class Shop:
    """A shop of ten offers through one day. `target` is the worst."""

    mode: TokenMode
    limits: Limits
    size: Size
    seed: int
    rates_between: tuple[float, float] = RATES
    shown: list[str] = field(default_factory=list)
    loads: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        lowest, highest = self.rates_between
        self.rates = {f"o{n}": lowest + n * (highest - lowest) / (OFFERS - 1) for n in range(OFFERS)}
        self.target = min(self.rates, key=lambda offer: self.rates[offer])
        self.candidates = Candidates.of(Offer(offer) for offer in self.rates)
        self.snapshot: Snapshot | None = None
        self.counts = Counts.zero()
        self.delivery = FakeDelivery()
        self.collector = Collector(lambda: KEYS, FakeCaps(self.limits), self.delivery)
        self.now_ms = NOW_MS - NOW_MS % DAY_MS
        self.sent = 0

    def run(self) -> float:
        """The share of the traffic that the worst offer ends up with, by the policy that is then in force."""
        moments = [(self.chance.random(), False) for _ in range(self.size.visits)]
        moments += [(self.chance.random(), True) for _ in range(self.size.attacks)]
        start = self.now_ms
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "lines.json"
            for n, (moment, is_attack) in enumerate(sorted(moments), start=1):
                self.now_ms = start + int(moment * DAY_MS)
                (self._attack if is_attack else self._visit)()
                if n % self.size.between_fits == 0:
                    self._learn(file)
            self._learn(file)
        first = policy_of(self.snapshot, self.candidates, Cell()).propensities
        return float(first[self.candidates.ids.index(self.target)])

    def _load(self, visitor: str) -> tuple[str, Proposition]:
        ranked = rank(self.candidates, self.snapshot, seed=self.chance.getrandbits(48))
        proposal = Proposal.of(
            ranked, self.candidates, count=1, step=Step.AI_MODEL, now_ms=self.now_ms, model="m", datastream="shop",
            visitor=visitor,
        )  # fmt: skip
        return proposal.token.given()[0], proposal.proposition("hero", KEYS)

    def _send(self, kind: str, proposition: Any, offer: str, source: str) -> None:
        self.sent += 1
        sent = event(kind, proposition | {"items": [{"id": offer}]}, id=f"e{self.sent}", timestamp=None)
        self.collector.take([sent], datastream=datastream(self.mode), source=source, now_ms=self.now_ms)

    def _visit(self) -> None:
        number = len(self.shown)
        offer, proposition = self._load(f"v{number}")
        self.shown.append(offer)
        source = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        self._send("display", proposition, offer, source)
        if self.chance.random() < self.rates[offer]:
            self._send("interact", proposition, offer, source)

    def _attack(self) -> None:
        proposition: Any = {"id": f"forged{self.sent}", "scope": "hero"}
        for _ in range(0 if self.mode is TokenMode.OFF else MOST_LOADS):
            self.loads += 1
            offer, proposition = self._load(f"a{self.sent}")
            if offer == self.target:
                break
        self._send("interact", proposition, self.target, f"198.51.100.{self.chance.randrange(self.size.sources)}")

    def _learn(self, file: Path) -> None:
        file.write_bytes(b"\n".join(self.delivery.stored.pop("events", [b"{}"])))
        self.counts = Counts.total([self.counts, count_object(file).delta.counts])
        version = 1 if self.snapshot is None else self.snapshot.version + 1
        learned = fit(self.counts, a_model(), version=version, as_of=self.now_ms / 1000, trained_on={})
        if isinstance(learned, Snapshot):
            self.snapshot = learned


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--attacks", type=int, nargs="+", default=[0, 200, 1000])
    parser.add_argument("--rates", type=float, nargs=2, default=RATES, help="of the worst offer and of the best")
    parser.add_argument("--per-source", type=int, default=Limits().per_source)
    given = parser.parse_args()
    worlds = WORLDS | {CAPPED: (TokenMode.ENFORCE, Limits(per_source=given.per_source))}
    print("| | attacks | worst offer's share of all visits, median | highest | at the end, highest | page loads |")
    print("| --- | --- | --- | --- | --- | --- |")
    for attacks in given.attacks:
        for name, world in worlds.items():
            shops = [Shop(*world, Size(attacks=attacks), seed, tuple(given.rates)) for seed in range(given.seeds)]
            ends = [shop.run() for shop in shops]
            shares = [shop.shown.count(shop.target) / len(shop.shown) for shop in shops]
            told = f"{median(shares):.1%} | {max(shares):.1%} | {max(ends):.1%} | {max(shop.loads for shop in shops)}"
            print(f"| {name} | {attacks} | {told} |", flush=True)


if __name__ == "__main__":
    main()
