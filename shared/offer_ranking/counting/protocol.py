"""How an object's present state becomes part of its dataset's counts, exactly once whatever happens.

Counts are a pure function of the objects that lie in the dataset; nothing is ever incremented. A notification is only
a hint to look. Content is written first, the ledger second, and the hint is acknowledged last, so that a crash after
any call leaves a state from which the same hint, given again, goes on.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.mapping import NO_MAPPING, FieldMapping
from offer_ranking.counting import delta as deltas
from offer_ranking.counting.aggregate import Aggregate, Pointer
from offer_ranking.counting.copies import Change, difference
from offer_ranking.counting.day_files import DayFiles
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.ledger import CountFiles, CountObject, Ledger, Objects, Reading, Row, State
from offer_ranking.counting.unreadable import ArchivedError, UnreadableObjectError

MERGED_AT_ONCE = 90  # a transaction takes 100 items, the pointer is one
# Bounds the memory of a merge, which takes 400 bytes of each, before and after; an object of more is merged alone.
OFFERS_MERGED_AT_ONCE = 1_000_000
LARGEST_OBJECT = 2**30  # bytes, as it lies there: half of what the function may put on disk
SWEPT_AT_ONCE = 1000  # what one call lists
ROWS_SWEPT_AT_ONCE = 10_000  # objects that are gone have rows for ever, millions perhaps before the first that is there
_RACES = 40
# Readers that began with an older aggregate find its files for as many merges.
KEPT_GENERATIONS = 100


class MergeRaceError(Exception):
    """Other merges of the dataset kept being faster; the rows stay dirty, and the hint must be given again."""


class ObjectChangesError(Exception):
    """The object kept changing while it was read; the hint must be given again."""


@dataclass(frozen=True, slots=True)
class Place:
    """An object of a dataset: where it lies, its key relative to the dataset's prefix, and how it is to be read."""

    dataset_id: str
    bucket: str
    prefix: str
    key: str
    mapping: FieldMapping = NO_MAPPING

    @classmethod
    def of(cls, dataset: Dataset, key: str) -> Place:
        """The place of a whole key that the dataset holds."""
        relative = key.removeprefix(dataset.prefix)
        return cls(dataset.id, dataset.bucket, dataset.prefix, relative, dataset.mapping)


@dataclass(frozen=True, slots=True)
class Swept:
    """Whole keys whose objects differ from what the ledger knows, and after which key to go on; None at the end."""

    keys: tuple[str, ...]
    after: str | None


@dataclass(frozen=True, slots=True)
class Counting:
    """The protocol over its ports."""

    ledger: Ledger
    objects: Objects
    files: CountFiles
    count_object: CountObject

    def count(self, place: Place) -> Reading:
        """Read the object's present state and write what it counts as. Raises ObjectChangesError."""
        generation = self.ledger.next_generation(place.dataset_id, place.key)
        reading = self._read(place)
        self.ledger.settle(place.dataset_id, place.key, generation, reading)
        return reading

    def known(self, place: Place) -> Reading | None:
        """What the last reading of the object found; None before the first."""
        return next((row.reading for row in self.ledger.rows(place.dataset_id, [place.key])), None)

    def merge(self, dataset_id: str, keys: Sequence[str] = ()) -> bool:
        """Bring the aggregate up to the ledger: the objects `keys`, and whatever else is dirty.

        True when the aggregate changed. `keys` are read as they stand, since the index of dirty rows may lag behind
        the writes of this very worker. Raises MergeRaceError.
        """
        changed = False
        races = 0
        while races < _RACES:
            # Before the rows: what they say is applied must be in this aggregate, or in one after it.
            pointer = self.ledger.pointer(dataset_id)
            indexed = [row.key for row in self.ledger.dirty(dataset_id, MERGED_AT_ONCE)]
            rows = self.ledger.rows(dataset_id, list(dict.fromkeys([*keys, *indexed])))
            outstanding = [row for row in rows if row.counted != row.applied]
            for row in rows:
                if row.counted == row.applied:
                    self.ledger.clean(row)
            if not outstanding:
                return changed
            is_applied = self._apply(pointer, outstanding)
            changed |= is_applied
            races += not is_applied
        raise MergeRaceError

    def sweep(self, dataset: Dataset, after: str | None = None) -> Swept:
        """Compare the next page of the dataset's listing, and of its rows, with each other.

        Different are objects whose version, parser or mapping is another than was last tried, objects unknown, and
        objects known that are gone. So a sweep makes good for lost notifications, and is also how a new dataset is
        discovered and how one with another mapping is counted anew.
        """
        listed = self.objects.listing(dataset.bucket, dataset.prefix, after, SWEPT_AT_ONCE)
        last = listed[-1].key if len(listed) == SWEPT_AT_ONCE else None
        start, end = (key.removeprefix(dataset.prefix) if key else key for key in (after, last))
        rows = self.ledger.between(dataset.id, start or "", end, ROWS_SWEPT_AT_ONCE)
        if len(rows) == ROWS_SWEPT_AT_ONCE:
            last = dataset.prefix + rows[-1].key
            listed = [one for one in listed if one.key <= last]
        known = {row.key: row.reading for row in rows}
        places = {Place.of(dataset, key): version for key, version in listed if dataset.holds(dataset.bucket, key)}
        different = [place.key for place, version in places.items() if _is_other(known.get(place.key), place, version)]
        there = {place.key for place in places}
        gone = [
            key for key, one in known.items() if key not in there and (one is None or one.state is not State.DELETED)
        ]
        return Swept(tuple(dataset.prefix + key for key in (*different, *gone)), last)

    def unknown(self, dataset_id: str, places: Mapping[Place, str]) -> list[Place]:
        """Those of some objects that the ledger does not know in this version, read by this parser and mapping."""
        known = {row.key: row.reading for row in self.ledger.rows(dataset_id, [place.key for place in places])}
        return [place for place, version in places.items() if _is_other(known.get(place.key), place, version)]

    def tidy(self, dataset_id: str) -> int:
        """Delete files of aggregates that are no longer; how many. Files that a merge of now may write are young."""
        pointer = self.ledger.pointer(dataset_id)
        if pointer.name is None:
            return 0
        old = self.files.written_before(dataset_id, pointer.generation - KEPT_GENERATIONS)
        aggregate = self.files.aggregate(pointer.name)
        used = {name for day in aggregate.days.values() for name in day.names} | {pointer.name}
        unnamed = set(old) - used
        # An hour with a file of its own is named by its day's index: read only where it may matter.
        for day in aggregate.days.values():
            if day.index and unnamed:
                unnamed -= set(self.files.index(day.index).many.values())
        self.files.delete(unnamed)
        return len(unnamed)

    def _read(self, place: Place) -> Reading:
        """The reading of whichever version lies there from now on; a version that goes meanwhile is read no further."""
        key = place.prefix + place.key
        for _ in range(3):
            found = self.objects.head(place.bucket, key)
            if found is None:
                return Reading(State.DELETED)
            name = delta_name(place, found.version)
            if found.size > LARGEST_OBJECT:
                return Reading(State.BAD, found.version, name, reason="too-large")
            if (accounting := self.files.accounting(name)) is not None:
                return Reading(State.LIVE, found.version, name, accounting=accounting)
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder, "object")
                try:
                    if not self.objects.download(place.bucket, key, found, file):
                        continue
                    counted = self.count_object(file, place.mapping)
                except ArchivedError as error:
                    return self._as_known(place, found.version) or Reading(
                        State.BAD, found.version, reason=error.reason
                    )
                except UnreadableObjectError as error:
                    return Reading(State.BAD, found.version, name, reason=error.reason)
            if counted.refused:
                self.files.put_refused(name, counted.refused)
            self.files.put_delta(name, counted.delta)
            return Reading(State.LIVE, found.version, name, accounting=counted.delta.accounting)
        raise ObjectChangesError

    def _as_known(self, place: Place, version: str) -> Reading | None:
        """How an archived object was read before it went there, by whatever parser. Each sweep looks again."""
        known = self.known(place)
        return known if known and known.version == version and known.state is State.LIVE else None

    def _apply(self, before: Pointer, rows: Sequence[Row]) -> bool:
        """Bring as many rows as fit into the aggregate; False when another merge, or a recount, was faster."""
        dataset_id = before.dataset_id
        chosen, deltas = self._as_many_as_fit(rows)
        aggregate = self.files.aggregate(before.name) if before.name else Aggregate()
        generation = before.generation + 1
        days = DayFiles(dataset_id, aggregate, self.files)
        changes = [Change(row.key, row.applied, row.counted) for row in chosen]
        found = difference(changes, lambda name: deltas.get(name) or self.files.delta(name), days.lookup)
        name = self.files.put_aggregate(dataset_id, generation, days.with_difference(found, generation))
        return self.ledger.advance(before, Pointer(dataset_id, generation, name), chosen)

    def _as_many_as_fit(self, rows: Sequence[Row]) -> tuple[list[Row], dict[str, Delta]]:
        """The first rows, at least one, and by name the deltas between which they change.

        Lines do not tell how many offers there are: one may hold thousands.
        """
        chosen: list[Row] = []
        deltas: dict[str, Delta] = {}
        offers = 0
        for row in rows[:MERGED_AT_ONCE]:
            its = {name: self.files.delta(name) for name in (row.applied, row.counted) if name}
            offers += sum(len(one.identities) for one in its.values())
            if chosen and offers > OFFERS_MERGED_AT_ONCE:
                break
            chosen.append(row)
            deltas |= its
        return chosen, deltas


def _is_other(reading: Reading | None, place: Place, version: str) -> bool:
    return reading is None or reading.tried != delta_name(place, version)


def delta_name(place: Place, version: str) -> str:
    """A delta's name: its object, and what it was read from and how. Keys may outgrow a name: hashed."""
    thing = _hash(f"{place.bucket}/{place.prefix}{place.key}")
    state = _hash(f"{version} {deltas.PARSER_VERSION} {place.mapping}")
    return f"{place.dataset_id}/{thing}/{state}"


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
