"""What is known of every object of a dataset, and the ports through which the counting reaches it.

The ledger says which version of an object was last read, what it counts as, and what of that the dataset's aggregate
already holds. Numbers drawn before reading (generations) decide which of two workers read later, never a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from offer_ranking.catalog.mapping import FieldMapping
from offer_ranking.counting.accounting import Accounting

if TYPE_CHECKING:
    from offer_ranking.counting.aggregate import Aggregate, Pointer
    from offer_ranking.counting.counts import Counts
    from offer_ranking.counting.delta import Delta
    from offer_ranking.counting.engine import Counted
    from offer_ranking.counting.index import DayIndex
    from offer_ranking.counting.refused import RefusedLine


class State(StrEnum):
    """An object's present state, as last read."""

    LIVE = "live"
    DELETED = "deleted"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of an object found.

    Args:
        state: of the object.
        version: which was read; None when deleted.
        tried: the name of the delta that it would have, also when it cannot be read.
        reason: why it cannot be read.
        accounting: of its lines alone, whatever other objects hold.

    """

    state: State
    version: str | None = None
    tried: str | None = None
    reason: str | None = None
    accounting: Accounting = field(default_factory=Accounting.zero)

    @property
    def counted(self) -> str | None:
        """The name of the delta that the object counts as; None counts as nothing."""
        return self.tried if self.state is State.LIVE else None

    def is_as(self, known: Reading | None) -> bool:
        """Whether an earlier reading found the same: this state and version, for this reason, by whatever parser."""
        mine = (self.state, self.version, self.reason)
        return known is not None and mine == (known.state, known.version, known.reason)


@dataclass(frozen=True, slots=True)
class Row:
    """One object's row: its last reading, and the delta that the aggregate holds. `key` is relative to the dataset."""

    dataset_id: str
    key: str
    reading: Reading | None
    applied: str | None

    @property
    def counted(self) -> str | None:
        """The name of the delta that it counts as."""
        return self.reading.counted if self.reading else None


class Ledger(Protocol):
    """The rows, and the pointer to the aggregate that they add up to."""

    def next_generation(self, dataset_id: str, key: str) -> int:
        """Draw a number before reading the object: whoever holds the higher one began to read later."""

    def settle(self, dataset_id: str, key: str, generation: int, reading: Reading) -> bool:
        """Write the reading and mark the row dirty, unless a later generation has; False then."""

    def dirty(self, dataset_id: str, limit: int) -> list[Row]:
        """Rows that the aggregate may not hold yet. May lag behind a moment; `rows` does not."""

    def rows(self, dataset_id: str, keys: Sequence[str]) -> list[Row]:
        """The rows of these objects, as they stand."""

    def between(self, dataset_id: str, after: str, until: str | None, limit: int | None = None) -> list[Row]:
        """The rows of objects with after < key <= until, in the order of keys; to the end when `until` is None."""

    def pointer(self, dataset_id: str) -> Pointer:
        """Where the dataset's aggregate lies."""

    def advance(self, before: Pointer, after: Pointer, rows: Sequence[Row]) -> bool:
        """Move the pointer, and note the rows as applied, if none of them changed meanwhile; all or nothing."""

    def clean(self, row: Row) -> None:
        """Take the mark from a row that counts as what is applied already."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it lies there now. `version` changes with every overwrite; `size` is in bytes."""

    version: str
    size: int = 0


class Listed(NamedTuple):
    """An object in a listing, by its whole key."""

    key: str
    version: str


class Written(NamedTuple):
    """An object in a listing that tells times, by its whole key; `size` in bytes, `at` in seconds since 1970 UTC."""

    key: str
    version: str
    size: int
    at: float


class Objects(Protocol):
    """The objects of the datasets."""

    def head(self, bucket: str, key: str) -> Found | None:
        """The present version; None when there is none."""

    def download(self, bucket: str, key: str, found: Found, target: Path) -> bool:
        """Write exactly this version to a file; False when it is no longer there. Raises ArchivedError."""

    def listing(self, bucket: str, prefix: str, after: str | None, limit: int) -> list[Listed]:
        """The next objects below a prefix in the order of keys, at most 1,000."""


class CountFiles(Protocol):
    """Deltas, refused lines, and the files of aggregates: immutable, named by what they hold.

    Names of an aggregate's files begin with the dataset and hold the generation that wrote them.
    """

    def accounting(self, name: str) -> Accounting | None:
        """The accounting of a delta; None when it is not there."""

    def put_delta(self, name: str, delta: Delta) -> None: ...

    def delta(self, name: str) -> Delta: ...

    def put_refused(self, name: str, lines: Sequence[RefusedLine]) -> None: ...

    def refused(self, name: str) -> list[RefusedLine]:
        """The refused lines kept of a delta; none when there are none."""

    def put_day(self, dataset_id: str, day: int, generation: int, counts: Counts) -> str: ...

    def days(self, names: Sequence[str]) -> list[Counts]: ...

    def put_index(self, dataset_id: str, day: int, hour: int | None, generation: int, index: DayIndex) -> str:
        """Of a day, or of one of its hours (0 to 23) alone."""

    def index(self, name: str) -> DayIndex: ...

    def put_aggregate(self, dataset_id: str, generation: int, aggregate: Aggregate) -> str: ...

    def aggregate(self, name: str) -> Aggregate: ...

    def written_before(self, dataset_id: str, generation: int) -> list[str]:
        """Names of an aggregate's files that earlier generations wrote."""

    def delete(self, names: Collection[str]) -> None: ...


CountObject = Callable[[Path, FieldMapping], "Counted"]
"""The engine: what an object counts as. Raises UnreadableObjectError."""
