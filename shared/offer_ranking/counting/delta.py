"""What one object contributes to the counts of its dataset, were there no other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from offer_ranking.counting import stored
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import CorruptCountsError, Counts, Key
from offer_ranking.counting.identities import Identities

# Part of a delta's name. A change of what any line counts as raises it, and every object is counted anew.
PARSER_VERSION = 4


@dataclass(frozen=True, slots=True)
class Delta:
    """Counts of an object's lines, what became of each line, and what tells the counted offers from copies elsewhere.

    Every count is the number of identities that point to its row.
    """

    counts: Counts
    accounting: Accounting
    identities: Identities

    @classmethod
    def zero(cls) -> Self:
        return cls(Counts.zero(), Accounting.zero(), Identities.none())

    @classmethod
    def tallied(  # noqa: PLR0913 - one argument a column
        cls,
        keys: Sequence[Key],
        *,
        hour: ArrayLike,
        key: ArrayLike,
        line: ArrayLike,
        group: ArrayLike,
        accounting: Accounting,
    ) -> Self:
        """Take one entry for each counted offer, in any order.

        Args:
            keys: distinct, in any order, each of some entry.
            hour: of the identity, shape (n,), as are the others.
            key: the identity's hash.
            line: of the object, from 1.
            group: index into `keys`.
            accounting: of all lines.

        """
        groups = np.asarray(group, np.int64)
        # Tuples of keys sort as the rows of counts do, and each key is a row: none of them has a count of zero.
        order = sorted(range(len(keys)), key=keys.__getitem__)
        row_of = np.empty(len(keys), np.int32)
        row_of[order] = np.arange(len(keys), dtype=np.int32)
        counts = Counts.of(keys, np.bincount(groups, minlength=len(keys)).tolist())
        return cls(counts, accounting, Identities.of(hour=hour, key=key, line=line, row=row_of[groups]))

    def to_bytes(self) -> bytes:
        """Equal deltas, equal bytes."""
        accounting = {"accounting": stored.json_column(self.accounting.to_json())}
        return stored.to_bytes(self.counts.to_stored() | self.identities.to_stored() | accounting)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            CorruptCountsError: the bytes are cut, changed, or something else.

        """
        columns = stored.from_bytes(data)
        try:
            accounting = Accounting.from_json(stored.json_value(columns.pop("accounting")))
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise CorruptCountsError(f"not a delta: {error!r}") from error
        counts = Counts.from_stored(columns)
        return cls(counts, accounting, Identities.from_stored(columns, len(counts)))
