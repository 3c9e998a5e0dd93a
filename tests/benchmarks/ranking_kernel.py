"""CPU time of `rank` against the bare numpy kernel (seed, beta draws, argsort), candidates seen before.

Both are timed in turns, so that a busy machine slows both alike. Run: python
tests/benchmarks/ranking_kernel.py
"""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "shared"))

from offer_ranking.learning.prior import Prior
from offer_ranking.learning.propensity import first_place_probabilities
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.ranking import rank

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (10, 100, 1000, 10_000)
TURNS = 60
CALLS_A_TURN = {10: 200, 100: 100, 1000: 30, 10_000: 4}


def snapshot_of(size: int) -> Snapshot:
    world = np.random.default_rng(20_260_101)
    impressions = world.integers(0, 3000, size).astype(np.float64)
    conversions = world.binomial(impressions.astype(int), world.beta(4, 196, size)).astype(np.float64)
    alpha, beta = 4 + conversions, 196 + impressions - conversions
    return Snapshot(
        model_id="benchmark",
        model_version=1,
        version=1,
        as_of=0.0,
        random_share=0.05,
        exploration=1.0,
        prior=Prior(0.02, 200.0),
        offers=tuple(f"offer-{index:05}" for index in range(size)),
        alpha=alpha,
        beta=beta,
        first_place=first_place_probabilities(alpha, beta),
        impressions=impressions,
        conversions=conversions,
        trained_on={},
    )


def cpu_microseconds(call: Callable[[int], object], calls: int, first_seed: int) -> float:
    start = time.process_time()
    for seed in range(first_seed, first_seed + calls):
        call(seed)
    return (time.process_time() - start) / calls * 1e6


def main() -> None:
    print(f"{'K':>6} {'kernel us':>10} {'rank us':>10} {'ratio':>6} {'built anew us':>14}")
    for size in SIZES:
        snapshot = snapshot_of(size)
        offers = [Offer(offer) for offer in snapshot.offers]
        candidates = Candidates.of(offers)
        alpha, beta = snapshot.alpha, snapshot.beta

        def kernel(seed: int, alpha: object = alpha, beta: object = beta) -> object:
            return np.argsort(np.random.default_rng(seed).beta(alpha, beta))

        def seen(seed: int, candidates: Candidates = candidates, snapshot: Snapshot = snapshot) -> object:
            return rank(candidates, snapshot, seed=seed)

        def anew(seed: int, offers: list[Offer] = offers, snapshot: Snapshot = snapshot) -> object:
            return rank(Candidates.of(offers), snapshot, seed=seed)

        seen(0)
        times = [
            [cpu_microseconds(call, CALLS_A_TURN[size], turn * 1000) for call in (kernel, seen, anew)]
            for turn in range(TURNS)
        ]
        bare, whole, built = (statistics.median(column) for column in zip(*times, strict=True))
        print(f"{size:>6} {bare:>10.1f} {whole:>10.1f} {whole / bare:>6.2f} {built:>14.1f}")


if __name__ == "__main__":
    main()
