"""The same objects counted twice: object by object and merged, and by DuckDB's COUNT(DISTINCT) over all of them.

Copies lie within an object, and across objects that were delivered days apart.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.dataset_counts import DatasetCounts
from offer_ranking.counting.engine import count_object
from offer_ranking.counting.protocol import Counting, Place
from tests.benchmarks.counting.offer_events import DUPLICATES, SPAN_MS, START_MS, World, write_gzip
from tests.support.fakes import FakeFiles, FakeLedger, FakeObjects

_POOL = 50_000  # lines of which copies are made, in whichever object they lay
_OBJECT_EVERY_MS = 2 * SPAN_MS


class Group(NamedTuple):
    """What the two ways of counting are compared by."""

    hour: int
    offer: str
    kind: int
    lag: int


Counted = dict[Group, int]


def written(folder: Path, events: int, objects: int) -> list[Path]:
    """Objects of lean events, in the order of their times; 0.5 % of all lines are copies of any line before."""
    world, rng = World(lean=True), random.Random(20_251_124)
    pool: list[str] = []
    paths = []
    for part in range(objects):
        lines = world.lines(events // objects, start_ms=START_MS + part * _OBJECT_EVERY_MS, part=part, duplicates=0)
        path = folder / f"{rng.getrandbits(32):08x}-{part:04d}.jsonl.gz"
        paths.append(write_gzip(_with_copies(lines, pool, rng), path, level=1))
    return paths


def _with_copies(lines: Iterator[str], pool: list[str], rng: random.Random) -> Iterator[str]:
    for line in lines:
        if pool and rng.random() < DUPLICATES:
            yield rng.choice(pool)  # in place of a line, which never arrives
            continue
        if len(pool) < _POOL:
            pool.append(line)
        elif rng.random() < 0.05:
            pool[rng.randrange(_POOL)] = line
        yield line


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset in memory, counted by the real engine and protocol."""

    objects: FakeObjects
    ledger: FakeLedger
    files: FakeFiles

    @classmethod
    def empty(cls) -> Dataset:
        return cls(FakeObjects(), FakeLedger(), FakeFiles())

    def take(self, some: dict[str, bytes]) -> None:
        """Put these objects, count each and merge them."""
        for key, data in some.items():
            self.objects.put("b", key, data)
        self._look_at(list(some))

    def forget(self, keys: list[str]) -> None:
        """Remove these objects, and have that counted."""
        for key in keys:
            self.objects.remove("b", key)
        self._look_at(keys)

    def _look_at(self, keys: list[str]) -> None:
        counting = Counting(self.ledger, self.objects, self.files, count_object)
        for key in keys:
            counting.count(Place("d", "b", "", key))
        counting.merge("d", keys)

    def counted(self) -> tuple[Counted, Accounting]:
        dataset = DatasetCounts.of(["d"], self.ledger, self.files)
        groups: Counter[Group] = Counter()
        for key, count in dataset.since(None).items():
            groups[Group(key.hour, key.offer, key.kind, key.lag)] += count
        return dict(groups), dataset.accounting


# The rule of duplicates in SQL: a signed offer is known by (token, offer, kind), any other by (id, time of the event).
_DISTINCT = """
WITH event AS (
  SELECT _id, eventType LIKE '%Interact' AS converted, epoch_ms(timestamp) AS sent,
    unnest(_experience.decisioning.propositions) AS proposition
  FROM read_json($files, format = 'newline_delimited', columns = {
    _id: 'VARCHAR', timestamp: 'TIMESTAMPTZ', eventType: 'VARCHAR',
    _experience: 'STRUCT(decisioning STRUCT(propositions STRUCT(id VARCHAR, items STRUCT(id VARCHAR)[],
      scopeDetails STRUCT(characteristics STRUCT(eventToken VARCHAR, issuedAt BIGINT)))[]))'})
), offer AS (
  SELECT _id, converted, sent, proposition.items[1].id AS offer,
    proposition.scopeDetails.characteristics.eventToken AS token,
    if(converted, ('0x' || left(replace(proposition.id, '-', ''), 12))::BIGINT, sent) AS shown
  FROM event
)
SELECT least(shown, sent) // 3600000 AS hour, offer, converted::INT AS kind,
  sent // 3600000 - least(shown, sent) // 3600000 AS lag,
  count(DISTINCT if(token IS NULL, 'i' || _id || ' ' || sent, 't' || token)) AS events, count(*) AS lines
FROM offer GROUP BY ALL"""


def distinct(paths: list[Path], *, memory: str = "4GB") -> tuple[Counted, int]:
    """The same by COUNT(DISTINCT), and how many lines there are."""
    with duckdb.connect(config={"threads": 1, "memory_limit": memory}) as connection:
        rows: list[Any] = connection.execute(_DISTINCT, {"files": [str(path) for path in paths]}).fetchall()
    return {Group(*row[:4]): row[4] for row in rows}, sum(row[5] for row in rows)


def differences(ours: Counted, theirs: Counted) -> list[tuple[Group, int, int]]:
    """Groups whose counts differ, with both."""
    return [
        (group, ours.get(group, 0), theirs.get(group, 0))
        for group in sorted({*ours, *theirs})
        if ours.get(group, 0) != theirs.get(group, 0)
    ]
