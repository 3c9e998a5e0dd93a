"""CPU time of one ranking beside others', of propensities and of refits, into tests/benchmarks/results/ranking.md.

Run: make bench-ranking
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.ranking import propensities
from tests.benchmarks.ranking import models
from tests.benchmarks.ranking.contenders import Call, contenders
from tests.benchmarks.ranking.timing import Race
from tests.benchmarks.ranking.whole_answer import answers
from tests.benchmarks.reporting.report import Report, command, versions

RESULTS = Path(__file__).parents[1] / "results" / "ranking.md"
_HEAD = """# CPU time of a ranking, beside others

Microseconds of CPU a call, medians over turns; contenders take turns within one run, and a ratio is the median of those
within a turn. Ours comes back with order, scores and propensities; the numpy kernel is `default_rng(seed)`, `rng.beta`
and a sort; mabwiser gives expectations and Vowpal Wabbit probabilities of all offers, not sorted; river the first
offer. One thread each."""
SIZES = (10, 100, 1_000, 10_000)


@dataclass(frozen=True)
class Limit:
    """What a figure must not exceed."""

    what: str
    found: float
    most: float
    unit: str = ""

    @property
    def is_held(self) -> bool:
        return self.found <= self.most

    def __str__(self) -> str:
        word = "held" if self.is_held else "missed"
        return f"| {self.what} | {self.found:.3g}{self.unit} | <= {self.most:.3g}{self.unit} | {word} |"


def main() -> int:
    """Write the tables; the exit code is 1 when a bound was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=25)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES))
    given = parser.parse_args()
    report, limits = Report(RESULTS, _HEAD), list[Limit]()
    for title, section in (("one ranking", _rankings(given)), ("propensities and refits", _fits(given.turns))):
        lines, found = section
        limits += found
        bounds = ["", "| | found | bound | |", "| --- | --- | --- | --- |", *map(str, found)]
        lines = [*lines, *bounds, "", f"`{command('bench-ranking')}`, {versions()}"]
        report.put(title, lines)
        print("\n".join(["", f"## {title}", *lines]), flush=True)
    return int(not all(limit.is_held for limit in limits))


def _rankings(given: argparse.Namespace) -> tuple[list[str], list[Limit]]:
    races = {size: _race(size, given.turns) for size in given.sizes}
    rows = list(next(iter(races.values()))[1])
    lines = ["| K | " + " | ".join(str(size) for size in races) + " |", "| --- " * (len(races) + 1) + "|"]
    lines += [
        f"| {name} | " + " | ".join(f"{race.median(name):.1f}" for race, _ in races.values()) + " |" for name in rows
    ]
    return lines, [limit for size, (race, _) in races.items() for limit in _limits(size, race)]


def _race(size: int, turns: int) -> tuple[Race, dict[str, Call]]:
    with answers(size) as whole:
        entries = contenders(size) | whole
        return Race(entries, turns), entries


def _limits(size: int, race: Race) -> Iterator[Limit]:
    for ours in ("auto-optimization", "personalized"):
        yield Limit(f"{ours} / numpy kernel, K={size}", race.ratio(ours, "numpy kernel"), 1.5)
        for peer, at, most in (
            ("mabwiser", 100, 1 / 4),
            ("mabwiser", 1_000, 1 / 15),
            ("Vowpal Wabbit SquareCB", 100, 1 / 10),
        ):
            if size == at:
                yield Limit(f"{ours} / {peer}, K={size}", race.ratio(ours, peer), most)


def _fits(turns: int) -> tuple[list[str], list[Limit]]:
    """CPU of what a refresh or a set of candidates seen for the first time costs."""
    entries = {
        "propensities, set never seen, K=100": _unseen(100, is_personalized=False),
        "propensities, set never seen, K=1000": _unseen(1_000, is_personalized=False),
        "propensities, set never seen, personalized, K=100": _unseen(100, is_personalized=True),
        "propensities, set never seen, personalized, K=1000": _unseen(1_000, is_personalized=True),
        "refit with propensities, K=100": _refit(100, is_personalized=False),
        "refit with propensities, K=100, 30 days of hours": _refit(100, is_personalized=False, hours=720),
        "refit, 1,000 offers x 32 cells": _refit(1_000, is_personalized=True),
    }
    race = Race(entries, turns)
    lines = ["| | ms |", "| --- | --- |", *(f"| {name} | {race.median(name) / 1000:.2f} |" for name in entries)]
    most = dict(zip(entries, (1, 8, 1, 8, 5, None, 50), strict=True))
    return lines, [Limit(name, race.median(name) / 1000, ms, " ms") for name, ms in most.items() if ms]


def _unseen(size: int, *, is_personalized: bool) -> Call:
    """Sets of K out of K + 50 offers, each asked for once; making the set is not part of the figure."""
    snapshot = models.fitted(models.counts(size + 50, is_personalized=is_personalized), is_personalized=is_personalized)
    cell = models.CELLS[-1 if is_personalized else 0]
    offers = [Offer(name) for name in models.names(size + 50)]
    rng = np.random.default_rng(1)
    # many more than are remembered, so that a set is forgotten by the time its turn comes again
    sets = [Candidates.of(offers[row] for row in rng.permutation(size + 50)[:size]) for _ in range(400)]
    return lambda number: propensities(snapshot, sets[number % len(sets)], cell)


def _refit(size: int, *, is_personalized: bool, hours: int = 1) -> Call:
    counted, all_of_them = models.counts(size, is_personalized=is_personalized, hours=hours), models.candidates(size)

    def refit(number: int) -> object:
        snapshot = models.fitted(counted, is_personalized=is_personalized, version=number)
        return snapshot if is_personalized else propensities(snapshot, all_of_them)

    return refit


if __name__ == "__main__":
    sys.exit(main())
