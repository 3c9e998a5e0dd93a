"""CPU seconds of merging one changed object into a dataset that has a million keys already.

Through the real protocol and files (as bytes, in memory). Two datasets: a million count keys of one day; and a million
identities within one hour; and that hour from four objects, each of which holds copies of 12 of the changed object's
events. The object of 10,000 events is new, then overwritten, then deleted.
Run: python tests/benchmarks/merge_cost.py
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]

from offer_ranking.counting.accounting import Accounting  # noqa: E402 - the path above comes first
from offer_ranking.counting.counts import Key  # noqa: E402
from offer_ranking.counting.delta import Delta  # noqa: E402
from offer_ranking.counting.identities import Identities  # noqa: E402
from offer_ranking.counting.protocol import Counting, Place  # noqa: E402
from offer_ranking.storage.count_files import S3CountFiles  # noqa: E402
from tests.benchmarks.counting.metered import MeteredS3  # noqa: E402
from tests.support.fakes import FakeLedger, FakeObjects  # noqa: E402

NOON = 490_008  # hours since 1970 of a day's first hour
EVENTS = 10_000  # of the object that changes
TO_REACH = 1.0
_CELLS = [f"country={country}|device={device}" for country in range(25) for device in ("desktop", "mobile")]


def key_of(number: int, hours: int) -> Key:
    """One of a million keys of a day: hours x 1,000 offers x 50 cells, 10 of the hours' 24 for the first million."""
    return Key(
        NOON + number % hours, f"dps:personalized-offer:{number // hours % 1000:016x}", model="m", traffic="model",
        cell=_CELLS[number // (hours * 1000) % 50], position=1, kind=number // (hours * 50_000) % 2,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Case:
    """What lies there, and two versions of the object that changes."""

    name: str
    bases: list[Delta]
    versions: list[Delta]


def cases(size: int) -> Iterator[Case]:
    rng = np.random.default_rng(20_251_124)
    keys = [key_of(number, 24) for number in range(size)]
    base = _delta(rng, keys, np.arange(size))
    yield Case(f"a day of {size} count keys", [base], [_object(rng, _some(rng, size), 24) for _ in range(2)])
    keys = [key_of(number, 1) for number in range(1_000)]
    base = _delta(rng, keys, np.arange(size) % 1_000)
    versions = [_object(rng, np.arange(1_000), 1) for _ in range(2)]
    yield Case(f"an hour of {size} identities", [base], versions)
    quarters = [_delta(rng, keys, np.arange(size // 4) % 1_000) for _ in range(4)]
    copied = [_copying(versions[0], quarters), _copying(versions[1], quarters)]
    yield Case(f"an hour of {size} identities in four objects, 48 copies", quarters, copied)


def _delta(rng: np.random.Generator, keys: list[Key], group: np.ndarray) -> Delta:
    lines = len(group)
    return Delta.tallied(
        keys,
        hour=np.array([key.hour for key in keys])[group],
        key=rng.integers(0, 2**64, lines, np.uint64),
        line=np.arange(1, lines + 1),
        group=group,
        accounting=Accounting.of(counted=lines),
    )


def _some(rng: np.random.Generator, size: int) -> np.ndarray:
    return np.unique(rng.integers(0, size + size // 100, EVENTS))


def _object(rng: np.random.Generator, numbers: np.ndarray, hours: int) -> Delta:
    keys = [key_of(int(number), hours) for number in numbers]
    return _delta(rng, keys, np.concatenate([np.arange(len(keys)), rng.integers(0, len(keys), EVENTS - len(keys))]))


def _copying(one: Delta, others: list[Delta]) -> Delta:
    """The same with the first identities of each other in place of some of its own."""
    entries = one.identities
    key = entries.key.copy()
    for place, other in enumerate(others):
        key[place * 12 : place * 12 + 12] = other.identities.key[:12]
    identities = Identities.of(hour=entries.hour, key=key, line=entries.line, row=entries.row)
    return Delta(one.counts, one.accounting, identities)


class World:
    """A dataset whose objects name the delta that they are."""

    def __init__(self) -> None:
        self.objects, self.ledger = FakeObjects(), FakeLedger()
        self.s3 = MeteredS3()
        self.deltas: dict[bytes, Delta] = {}
        files: Any = S3CountFiles(self.s3, "state")  # type: ignore[arg-type]
        self.counting = Counting(self.ledger, self.objects, files, self._count)

    def _count(self, path: Path, _mapping: object) -> Any:
        return SimpleNamespace(delta=self.deltas[path.read_bytes()], refused=())

    def put(self, key: str, what: Delta) -> None:
        name = f"{len(self.deltas)}".encode()
        self.deltas[name] = what
        self.objects.put("b", key, name)

    def merged(self, key: str) -> float:
        """CPU seconds of the merge, not of the count before it."""
        self.counting.count(Place("d", "b", "", key))
        start = time.process_time()
        if not self.counting.merge("d", [key]):
            raise SystemExit("nothing was merged")
        return time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print where the time goes")
    given = parser.parse_args()
    print("| one object of 10,000 events into | first | new | overwritten | deleted | to reach | MB read | written |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for case in cases(given.keys):
        world = World()
        for number, base in enumerate(case.bases):
            world.put(f"base{number}", base)
        first = sum(world.merged(f"base{number}") for number in range(len(case.bases)))
        runs: list[list[float]] = []
        world.s3.tally.clear()
        with cProfile.Profile() as profile:
            if not given.profile:
                profile.disable()
            for _ in range(given.repeats):
                world.put("object", case.versions[0])
                new = world.merged("object")
                world.put("object", case.versions[1])
                overwritten = world.merged("object")
                world.objects.remove("b", "object")
                runs.append([new, overwritten, world.merged("object")])
        medians = [statistics.median(column) for column in zip(*runs, strict=True)]
        read, written = (world.s3.tally[f"bytes {way}"] / 1e6 / given.repeats / 3 for way in ("read", "written"))
        print(
            f"| {case.name} | {first:.2f} | {' | '.join(f'{one:.2f}' for one in medians)} | {TO_REACH:.1f} | "
            f"{read:.1f} | {written:.1f} |"
        )
        if given.profile:
            pstats.Stats(profile).sort_stats("cumulative").print_stats(45)


if __name__ == "__main__":
    main()
