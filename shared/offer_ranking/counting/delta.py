"""What one object contributes to the counts of its dataset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from offer_ranking.counting import stored
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import CorruptCountsError, Counts

# Part of a delta's name. A change of what any line counts as raises it, and every object is counted anew.
PARSER_VERSION = 1


@dataclass(frozen=True, slots=True)
class Delta:
    """Counts of an object's lines and what became of each line; an element of an abelian group as its parts are."""

    counts: Counts
    accounting: Accounting

    @classmethod
    def zero(cls) -> Self:
        return cls(Counts.zero(), Accounting.zero())

    def __neg__(self) -> Self:
        return type(self)(-self.counts, -self.accounting)

    def __add__(self, other: Self) -> Self:
        return type(self)(self.counts + other.counts, self.accounting + other.accounting)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.counts - other.counts, self.accounting - other.accounting)

    def to_bytes(self) -> bytes:
        """Equal deltas, equal bytes."""
        accounting = {"accounting": stored.json_column(self.accounting.to_json())}
        return stored.to_bytes(self.counts.to_stored() | accounting)

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
        return cls(Counts.from_stored(columns), accounting)
