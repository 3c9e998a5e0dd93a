"""Which objects of a dataset hold which identities: what finds copies however far apart they were delivered.

A file for each day of identities, and of its own for every hour that has many, so that a change reads and writes what
lies in the hours it touches, and a day of few events is one file. About 10 bytes an event.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from offer_ranking.counting import stored
from offer_ranking.counting.stored import CorruptCountsError

LARGE_HOUR = 8192  # entries from which an hour has a file of its own


class Holder(NamedTuple):
    """An object by its key within the dataset, and the delta that the aggregate holds of it."""

    key: str
    delta: str


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Entries (hour, key, holder), distinct and sorted; columns of shape (n,).

    Args:
        hour: of the identity, hours since 1970 UTC.
        key: the identity's hash.
        holder: index into `holders`.
        holders: sorted by object key, each of some entry. Of several holders of an identity the first counts it.

    """

    hour: NDArray[np.int64]
    key: NDArray[np.uint64]
    holder: NDArray[np.int32]
    holders: tuple[Holder, ...]

    @classmethod
    def none(cls) -> Self:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.int32), ())

    @classmethod
    def of(cls, hour: NDArray[Any], key: NDArray[Any], holder: NDArray[Any], holders: Iterable[Holder]) -> Self:
        """Take entries in any order, repeated or not; `holders` sorted by object key, some perhaps unused."""
        known = tuple(holders)
        if not len(key):
            return cls.none()
        columns: list[NDArray[Any]] = [hour.astype(np.int64), key.astype(np.uint64), holder.astype(np.int32)]
        if not _is_ascending(columns):
            order = np.lexsort(columns[::-1])
            columns = [column[order] for column in columns]
            is_new = np.ones(len(key), np.bool_)
            is_new[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
            columns = [column[is_new] for column in columns]
        used = np.bincount(columns[2], minlength=len(known)) > 0
        recoded = (np.cumsum(used) - 1).astype(np.int32)
        kept = tuple(known[code] for code in np.flatnonzero(used))
        return cls(columns[0], columns[1], recoded[columns[2]], kept)

    @classmethod
    def joined(cls, parts: Iterable[Index]) -> Self:
        """All entries of some indexes, in each of which a holder has the same delta."""
        tables = [part for part in parts if len(part)]
        holders = tuple(sorted({holder for part in tables for holder in part.holders}))
        code = {holder: number for number, holder in enumerate(holders)}
        if not tables:
            return cls.none()
        recoded = [np.array([code[one] for one in part.holders], np.int32)[part.holder] for part in tables]
        hour, key = (np.concatenate([getattr(part, name) for part in tables]) for name in ("hour", "key"))
        return cls.of(hour, key, np.concatenate(recoded), holders)

    def __len__(self) -> int:
        return len(self.key)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Index):
            return NotImplemented
        mine, theirs = self._columns(), other._columns()
        return self.holders == other.holders and all(np.array_equal(mine[name], theirs[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment] # arrays have no hash

    def where(self, entries: NDArray[np.bool_]) -> Self:
        """Select by a mask of shape (n,)."""
        return self.of(self.hour[entries], self.key[entries], self.holder[entries], self.holders)

    def by_hour(self) -> Iterator[tuple[int, Self]]:
        """Partition by hour."""
        hours, starts = np.unique(self.hour, return_index=True)
        for hour, start, end in zip(hours.tolist(), starts, [*starts[1:], len(self)], strict=False):  # no start in none
            part = slice(start, end)
            yield hour, self.of(self.hour[part], self.key[part], self.holder[part], self.holders)

    def _columns(self) -> dict[str, NDArray[Any]]:
        return {"hour": self.hour, "key": self.key, "holder": self.holder}


@dataclass(frozen=True, slots=True)
class DayIndex:
    """The entries of a day's hours that have few, and where those of the other hours lie (hour -> name of a file)."""

    few: Index = field(default_factory=Index.none)
    many: Mapping[int, str] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether anything is in it."""
        return bool(len(self.few) or self.many)

    def to_bytes(self) -> bytes:
        """Equal indexes, equal bytes."""
        named = {str(hour): self.many[hour] for hour in sorted(self.many)}
        texts = {"holders": stored.json_column(self.few.holders), "many": stored.json_column(named)}
        return stored.to_bytes(self.few._columns() | texts)  # noqa: SLF001 - the file is the table

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            CorruptCountsError: the bytes are cut, changed, or something else.

        """
        columns = stored.from_bytes(data)
        try:
            holders = [Holder(str(key), str(delta)) for key, delta in stored.json_value(columns["holders"])]
            many = {int(hour): str(name) for hour, name in stored.json_value(columns["many"]).items()}
            few = Index.of(columns["hour"], columns["key"], columns["holder"], holders)
            is_same = list(few.holders) == holders == sorted(holders) and np.array_equal(few.key, columns["key"])
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError) as error:
            raise CorruptCountsError(f"not an index: {error!r}") from error
        if not is_same:
            raise CorruptCountsError("an index is not in canonical form")
        return cls(few, many)


def _is_ascending(columns: list[NDArray[Any]]) -> bool:
    """Whether rows ascend strictly, the first column the most significant: most tables are merged sorted ones."""
    tied = np.ones(len(columns[0]) - 1, np.bool_)
    for column in columns:
        if np.any(tied & (column[1:] < column[:-1])):
            return False
        tied &= column[1:] == column[:-1]
    return not tied.any()
