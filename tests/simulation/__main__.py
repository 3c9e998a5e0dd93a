"""`python -m tests.simulation`: many histories; one, with all that happens; or what bugs are found, and how soon."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor

from tests.simulation import real
from tests.simulation.history import DOUBLE, LOST
from tests.simulation.wrong import RIGHT, WRONG

_CHUNK = 50
Run = Callable[..., list[str]]
NAMED: dict[str, Run] = {"real": real.run, "right": RIGHT, **WRONG}


def main() -> int:
    """0 when all is well; with --planted, when every bug is found."""
    parser = argparse.ArgumentParser(prog="tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this one; -v tells what happens")
    parser.add_argument("--seeds", help="run many: FIRST-LAST, both included, or how many")
    parser.add_argument("--planted", action="store_true", help="how many seeds each planted bug takes to be found")
    parser.add_argument("--protocol", choices=NAMED, default="real", help="which to run")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("-v", "--verbose", action="store_true")
    given = parser.parse_args()
    if given.planted:
        return _planted(given.seeds)
    if given.seed is not None:
        problems = NAMED[given.protocol](given.seed, print if given.verbose else None)
        print(*(problems or ["all is well"]), sep="\n")
        return int(bool(problems))
    return _many(given.protocol, _range(given.seeds or "2000"), given.jobs)


def _range(text: str) -> range:
    first, _, last = text.rpartition("-")
    return range(int(first), int(last) + 1) if first else range(int(last))


def _many(protocol: str, seeds: range, jobs: int) -> int:
    started, wrong, lost, double = time.monotonic(), 0, 0, 0
    for seed, problems in _results(protocol, seeds, jobs):
        if problems:
            wrong += 1
            lost += any(LOST in problem for problem in problems)
            double += any(DOUBLE in problem for problem in problems)
            print(f"seed {seed}:", *problems[:5], sep="\n  ")
            print(f"  replay: PYTHONPATH=shared:. python -m tests.simulation --seed {seed} -v", flush=True)
    seconds = time.monotonic() - started
    rate = f"{len(seeds) / seconds:.0f} a second on {jobs} cores"
    print(f"{len(seeds):,} histories, {rate}: {wrong} wrong, of them {lost} lost and {double} double")
    return int(wrong > 0)


def _results(protocol: str, seeds: range, jobs: int) -> Iterator[tuple[int, list[str]]]:
    chunks = [seeds[start : start + _CHUNK] for start in range(0, len(seeds), _CHUNK)]
    if jobs == 1:
        for chunk in chunks:
            yield from _run(protocol, chunk)
        return
    with ProcessPoolExecutor(jobs) as workers:
        for results in workers.map(_run, [protocol] * len(chunks), chunks):
            yield from results


def _run(protocol: str, seeds: range) -> list[tuple[int, list[str]]]:
    return [(seed, NAMED[protocol](seed)) for seed in seeds]


def _planted(text: str | None) -> int:
    seeds = _range(text or "1000")
    missed = 0
    for name, run in {"right": RIGHT, **WRONG}.items():
        found = [seed for seed in seeds if run(seed)]
        missed += not found and name != "right"
        first = f"first by seed {found[0]}, " if found else ""
        print(f"{name}: {first}{len(found)} of {len(seeds)} wrong", flush=True)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
