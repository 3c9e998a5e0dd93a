"""Which counted offer is a copy of which: what an object's delta knows beyond its counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from offer_ranking.counting.stored import CorruptCountsError

_COLUMNS: dict[str, type[np.generic]] = {"hour": np.int64, "key": np.uint64, "line": np.int32, "row": np.int32}


@dataclass(frozen=True, slots=True, eq=False)
class Identities:
    """One entry for each offer that an object counts, sorted by (hour, key, line, row). All columns have shape (n,).

    Args:
        hour: hours since 1970 UTC. A function of the identity, so that copies share it.
        key: 64 bits of the identity's hash.
        line: of the object, from 1. Entries of one line stand or fall in its accounting together.
        row: of the delta's counts, to which the entry adds one.

    """

    hour: NDArray[np.int64]
    key: NDArray[np.uint64]
    line: NDArray[np.int32]
    row: NDArray[np.int32]

    @classmethod
    def none(cls) -> Self:
        return cls.of(hour=(), key=(), line=(), row=())

    @classmethod
    def of(cls, *, hour: ArrayLike, key: ArrayLike, line: ArrayLike, row: ArrayLike) -> Self:
        """Take entries in any order."""
        given = {"hour": hour, "key": key, "line": line, "row": row}
        columns: dict[str, Any] = {name: np.asarray(given[name], kind) for name, kind in _COLUMNS.items()}
        order = np.lexsort([columns[name] for name in reversed(_COLUMNS)])
        return cls(**{name: column[order] for name, column in columns.items()})

    def __len__(self) -> int:
        return len(self.key)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Identities):
            return NotImplemented
        return all(np.array_equal(getattr(self, name), getattr(other, name)) for name in _COLUMNS)

    __hash__ = None  # type: ignore[assignment] # arrays have no hash

    def where(self, entries: NDArray[Any]) -> Self:
        """Select by a mask of shape (n,), or by indices in order."""
        return type(self)(**{name: getattr(self, name)[entries] for name in _COLUMNS})

    def to_stored(self) -> dict[str, NDArray[Any]]:
        """Name the columns as they lie in a file."""
        return {f"identity_{name}": getattr(self, name) for name in _COLUMNS}

    @classmethod
    def from_stored(cls, columns: Mapping[str, NDArray[Any]], rows: int) -> Self:
        """Read the columns of a file; `rows` is how many the counts have that entries point to.

        Raises:
            CorruptCountsError: a column is missing, or what it holds is not what identities look like.

        """
        try:
            read = {name: columns[f"identity_{name}"].astype(kind) for name, kind in _COLUMNS.items()}
            entries = cls.of(**read)
        except (KeyError, ValueError, OverflowError) as error:
            raise CorruptCountsError(f"not a table of identities: {error!r}") from error
        pointed = np.unique(entries.row)
        if not np.array_equal(pointed, np.arange(rows)) or entries != cls(**read):
            raise CorruptCountsError("identities are not in canonical form, or point to other counts")
        return entries
