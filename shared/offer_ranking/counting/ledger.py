"""What is known of every object of a dataset, and the ports through which the counting reaches it.

The ledger says which version of an object was last read, what it counts as, and what of that the dataset's aggregate
already holds. Numbers drawn before reading (generations) decide which of two workers read later, never a clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from offer_ranking.counting.aggregate import Aggregate, Pointer
    from offer_ranking.counting.counts import Counts
    from offer_ranking.counting.delta import Delta


class State(StrEnum):
    """An object's present state, as last read."""

    LIVE = "live"
    DELETED = "deleted"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of an object found. `counted` names its delta; None counts as nothing."""

    state: State
    version: str | None = None
    counted: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One object's row: what it counts as now, and what of it the aggregate holds. `key` is relative to the dataset."""

    dataset_id: str
    key: str
    counted: str | None
    applied: str | None


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

    def pointer(self, dataset_id: str) -> Pointer:
        """Where the dataset's aggregate lies."""

    def advance(self, before: Pointer, after: Pointer, rows: Sequence[Row]) -> bool:
        """Move the pointer, and note the rows as applied, if none of them changed meanwhile; all or nothing."""

    def clean(self, row: Row) -> None:
        """Take the mark from a row that counts as what is applied already."""


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it lies there now. `version` changes with every overwrite."""

    version: str


class Objects(Protocol):
    """The objects of the datasets."""

    def head(self, bucket: str, key: str) -> Found | None:
        """The present version; None when there is none."""

    def download(self, bucket: str, key: str, found: Found, target: Path) -> bool:
        """Write exactly this version to a file; False when it is no longer there."""


class CountFiles(Protocol):
    """Deltas, days and manifests: immutable, named by what they hold."""

    def has_delta(self, name: str) -> bool: ...

    def put_delta(self, name: str, delta: Delta) -> None: ...

    def delta(self, name: str) -> Delta: ...

    def put_day(self, dataset_id: str, day: int, generation: int, counts: Counts) -> str: ...

    def day(self, name: str) -> Counts: ...

    def put_aggregate(self, dataset_id: str, generation: int, aggregate: Aggregate) -> str: ...

    def aggregate(self, name: str) -> Aggregate: ...


CountLines = Callable[[Path], "Delta"]
"""The engine: what the lines of a decompressed object count as."""
