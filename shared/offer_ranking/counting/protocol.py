"""How an object's present state becomes part of its dataset's counts, exactly once whatever happens.

Counts are a pure function of the objects that lie in the dataset; nothing is ever incremented. A notification is only
a hint to look. Content is written first, the ledger second, and the hint is acknowledged last, so that a crash after
any call leaves a state from which the same hint, given again, goes on.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from offer_ranking.counting.aggregate import Aggregate, Pointer
from offer_ranking.counting.delta import PARSER_VERSION, Delta
from offer_ranking.counting.ledger import CountFiles, CountLines, Ledger, Objects, Reading, Row, State
from offer_ranking.counting.object_file import UnreadableObjectError, decompress

MERGED_AT_ONCE = 90  # a transaction takes 100 items, the pointer is one
_RACES = 40
MAX_OBJECT_BYTES = 4 * 2**30


class MergeRaceError(Exception):
    """Other merges of the dataset kept being faster; the rows stay dirty, and the hint must be given again."""


class ObjectChangesError(Exception):
    """The object kept changing while it was read; the hint must be given again."""


@dataclass(frozen=True, slots=True)
class Place:
    """An object of a dataset: where it lies, and its key relative to the dataset's prefix."""

    dataset_id: str
    bucket: str
    prefix: str
    key: str


@dataclass(frozen=True, slots=True)
class Counting:
    """The protocol over its ports."""

    ledger: Ledger
    objects: Objects
    files: CountFiles
    count_lines: CountLines

    def count(self, place: Place) -> Reading:
        """Read the object's present state and write what it counts as. Raises ObjectChangesError."""
        generation = self.ledger.next_generation(place.dataset_id, place.key)
        reading = self._read(place)
        self.ledger.settle(place.dataset_id, place.key, generation, reading)
        return reading

    def merge(self, dataset_id: str, keys: Sequence[str] = ()) -> bool:
        """Bring the aggregate up to the ledger: the objects `keys`, and whatever else is dirty.

        True when the aggregate changed. `keys` are read as they stand, since the index of dirty rows may lag behind
        the writes of this very worker. Raises MergeRaceError.
        """
        changed = False
        for _ in range(_RACES):
            indexed = [row.key for row in self.ledger.dirty(dataset_id, MERGED_AT_ONCE)]
            wanted = list(dict.fromkeys([*keys, *indexed]))[:MERGED_AT_ONCE]
            rows = self.ledger.rows(dataset_id, wanted)
            outstanding = [row for row in rows if row.counted != row.applied]
            for row in rows:
                if row.counted == row.applied:
                    self.ledger.clean(row)
            if not outstanding:
                return changed
            changed |= self._apply(dataset_id, outstanding)
        raise MergeRaceError

    def _read(self, place: Place) -> Reading:
        """The reading of whichever version lies there from now on; a version that goes meanwhile is read no further."""
        key = place.prefix + place.key
        for _ in range(3):
            found = self.objects.head(place.bucket, key)
            if found is None:
                return Reading(State.DELETED)
            name = delta_name(place, found.version)
            if self.files.has_delta(name):
                return Reading(State.LIVE, found.version, name)
            with tempfile.TemporaryDirectory() as folder:
                raw, lines = Path(folder, "object"), Path(folder, "lines")
                if not self.objects.download(place.bucket, key, found, raw):
                    continue
                try:
                    decompress(raw, lines, limit_bytes=MAX_OBJECT_BYTES)
                except UnreadableObjectError as error:
                    return Reading(State.BAD, found.version, reason=error.reason)
                self.files.put_delta(name, self.count_lines(lines))
                return Reading(State.LIVE, found.version, name)
        raise ObjectChangesError

    def _apply(self, dataset_id: str, rows: Sequence[Row]) -> bool:
        """Aggregate' = aggregate - applied + counted; False when another merge, or a recount, was faster."""
        before = self.ledger.pointer(dataset_id)
        change = Delta.zero()
        for row in rows:
            change += self._delta(row.counted) - self._delta(row.applied)
        aggregate = self.files.aggregate(before.name) if before.name else Aggregate()
        generation = before.generation + 1
        days = dict(aggregate.days)
        for day, counts in change.counts.by_day().items():
            summed = (self.files.day(days[day]) if day in days else type(counts).zero()) + counts
            days.pop(day, None)
            if len(summed):
                days[day] = self.files.put_day(dataset_id, day, generation, summed)
        after = Aggregate(aggregate.accounting + change.accounting, days)
        name = self.files.put_aggregate(dataset_id, generation, after)
        return self.ledger.advance(before, Pointer(dataset_id, generation, name), rows)

    def _delta(self, name: str | None) -> Delta:
        return self.files.delta(name) if name else Delta.zero()


def delta_name(place: Place, version: str) -> str:
    """A delta's name: its object, the object's version, and the parser's version. Keys may outgrow a name: hashed."""
    thing = hashlib.sha256(f"{place.bucket}/{place.prefix}{place.key}".encode(errors="surrogatepass")).hexdigest()[:32]
    state = hashlib.sha256(f"{version} {PARSER_VERSION}".encode()).hexdigest()[:32]
    return f"{place.dataset_id}/{thing}/{state}"
