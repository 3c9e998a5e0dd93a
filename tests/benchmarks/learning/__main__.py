"""Regret of the product beside its peers', world by world, into tests/benchmarks/results/learning.md.

Run: make bench-learning, or `make bench-learning ARGS="--worlds geometric-10 swap --seeds 20"` for a part: the sections
of other worlds stay as they are in the file.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.learning.learners import made, seeds_of
from tests.benchmarks.learning.ours import assert_same_policy
from tests.benchmarks.learning.simulate import Outcome, run
from tests.benchmarks.learning.squarecb import TUNING_SEEDS, Tuning, best
from tests.benchmarks.learning.table import Verdict, regrets, verdict, verdicts
from tests.benchmarks.learning.worlds import WORLDS, Bound, World
from tests.benchmarks.reporting.report import Report, command, versions

RESULTS = Path(__file__).parents[1] / "results" / "learning.md"
_HEAD = """# Learning, beside its peers

Regret: expected conversions lost against always showing the best offer, over the whole run, mean over seeds with its
standard error, 95th percentile and maximum. Runs of one seed are paired: the same rates, requests and reluctances. A
ratio is one of means (its error from the pairs), and a bound counts as missed when the ratio exceeds it by two standard
errors. Seeds from 0 on; river and Vowpal Wabbit, which learn event by event, run the first of them only."""


@dataclass(frozen=True)
class Run:
    """One learner in one world with one seed."""

    world: str
    learner: str
    seed: int
    random_share: float
    tuning: Tuning | None = None


def main() -> int:
    """Write the tables; the exit code is 1 when a bound was missed."""
    given = _arguments()
    assert_same_policy()
    report = Report(RESULTS, _HEAD)
    is_missed = False
    with ProcessPoolExecutor(given.processes) as processes:

        def spread(work: Callable[[Any], Any], items: list[Any]) -> Iterator[Any]:
            return processes.map(work, items)

        for name in given.worlds:
            lines, found = _section(WORLDS[name], given, spread)
            report.put(name, lines)
            print("\n".join(["", f"## {name}", *lines]), flush=True)
            is_missed |= any(one.word == "missed" for one in found)
    return int(is_missed)


def outcome(one: Run) -> Outcome:
    world = WORLDS[one.world]
    learner = made(one.learner, world, one.seed, random_share=one.random_share, tuning=one.tuning)
    return run(world, learner, one.seed)


def _section(
    world: World, given: argparse.Namespace, spread: Callable[..., Iterator[Any]]
) -> tuple[list[str], list[Verdict]]:
    started = time.monotonic()
    lines, found = [world.says, ""], list[Verdict]()
    tuning = None
    if "squarecb" in world.learners and given.squarecb_seeds:
        tuning, tried = best(world, spread) if given.tuning is None else (given.tuning, [])
        lines += _tuned(tuning, tried)
    for share in given.random_share or world.shares:
        runs = _runs(world, share, given, tuning, spread)
        lines += [f"Random share {share:g}:", "", *regrets(world, runs), ""]
        judged = [verdict(bound, runs) for bound in _applicable(world, share, runs)]
        lines += [*verdicts(judged), ""] if judged else []
        found += judged
    lines += [f"`{command('bench-learning')}`, {versions()}, {time.monotonic() - started:.0f} s"]
    return lines, found


def _applicable(world: World, share: float, runs: dict[str, dict[int, Outcome]]) -> list[Bound]:
    """Bounds are of runs without a random share, but that on clicks holds with it too."""
    return [bound for bound in world.bounds if bound.statistic == "clicks" or (share == 0 and bound.peer in runs)]


def _runs(
    world: World,
    share: float,
    given: argparse.Namespace,
    tuning: Tuning | None,
    spread: Callable[..., Iterator[Any]],
) -> dict[str, dict[int, Outcome]]:
    """All runs of a world, by learner and seed; SquareCB, which is tuned without a random share, only without one."""
    wanted = [
        Run(world.name, learner, seed, share, tuning)
        for learner in world.learners
        if learner != "squarecb" or (tuning and share == 0)
        for seed in range(seeds_of(learner, world, given.seeds, given.squarecb_seeds))
    ]
    done = zip(wanted, spread(outcome, wanted), strict=True)
    return {
        learner: {one.seed: result for one, result in runs}
        for learner, runs in itertools.groupby(done, key=lambda pair: pair[0].learner)
    }


def _tuned(tuning: Tuning, tried: list[tuple[Tuning, float]]) -> list[str]:
    if not tried:
        return [f"SquareCB runs with `{tuning}`, as given.", ""]
    others = "; ".join(f"`{one}` {regret:.0f}" for one, regret in tried[1:4])
    chosen = f"SquareCB runs with `{tuning}`, the best of {len(tried)} by mean regret over seeds {TUNING_SEEDS}"
    return [f"{chosen}: {tried[0][1]:.0f}; then {others}; the worst {tried[-1][1]:.0f}.", ""]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", choices=WORLDS, default=list(WORLDS))
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--squarecb-seeds", type=int, default=10, help="0 leaves Vowpal Wabbit out")
    parser.add_argument("--tuning", type=_tuning, help="scale,exponent,rate,interaction...: instead of the grid")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--random-share", type=float, nargs="+", help="the default is 0 and 0.05")
    return parser.parse_args()


def _tuning(text: str) -> Tuning:
    scale, exponent, rate, *interactions = text.split(",")
    return Tuning(float(scale), float(exponent), float(rate), tuple(interactions))


if __name__ == "__main__":
    sys.exit(main())
