"""What a dataset counts as: the sum of its objects' deltas less what they repeat of each other, a file an event day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from offer_ranking.counting.accounting import Accounting


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which aggregate of a dataset holds. Generation 0 is the empty one, which no file needs to say."""

    dataset_id: str
    generation: int = 0
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Day:
    """Where a day's counts lie, by the hours of impressions, and its index, by the hours of identities."""

    counts: str | None = None
    index: str | None = None

    @property
    def names(self) -> list[str]:
        """Of the files that there are."""
        return [name for name in (self.counts, self.index) if name]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The accounting of a dataset, and where the files of each day lie (days since 1970 UTC)."""

    accounting: Accounting = field(default_factory=Accounting.zero)
    days: Mapping[int, Day] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON types, days in order."""
        days = {str(day): [self.days[day].counts, self.days[day].index] for day in sorted(self.days)}
        return {"accounting": self.accounting.to_json(), "days": days}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What to_json gave."""
        days = {int(day): Day(*names) for day, names in value["days"].items()}
        return cls(Accounting.from_json(value["accounting"]), days)
