"""What a dataset counts as: the sum of its objects' deltas, kept as one file an event day."""

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
class Aggregate:
    """The accounting of a dataset, and where the counts of each event day lie (days since 1970 -> file)."""

    accounting: Accounting = field(default_factory=Accounting.zero)
    days: Mapping[int, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """JSON types, days in order."""
        days = {str(day): self.days[day] for day in sorted(self.days)}
        return {"accounting": self.accounting.to_json(), "days": days}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What to_json gave."""
        days = {int(day): str(name) for day, name in value["days"].items()}
        return cls(Accounting.from_json(value["accounting"]), days)
