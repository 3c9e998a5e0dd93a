"""What became of every line: nothing vanishes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping


class AccountingMismatchError(ValueError):
    """The parts do not add up to what was received: a fault of ours, and never to be kept quiet."""


@dataclass(frozen=True, slots=True)
class Accounting:
    """Lines received = counted + duplicate + other + late + refused, by reason. Differences may be negative.

    Raises:
        AccountingMismatchError: the parts do not add up to what was received.

    """

    received: int = 0
    counted: int = 0
    duplicate: int = 0
    other: int = 0
    late: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        refused = {str(reason): lines for reason, lines in sorted(self.refused.items()) if lines}
        object.__setattr__(self, "refused", MappingProxyType(refused))
        if self.received != self.counted + self.duplicate + self.other + self.late + sum(refused.values()):
            raise AccountingMismatchError("lines received differ from counted + duplicate + other + late + refused")

    @classmethod
    def zero(cls) -> Self:
        return cls()

    @classmethod
    def of(
        cls,
        *,
        counted: int = 0,
        duplicate: int = 0,
        other: int = 0,
        late: int = 0,
        refused: Mapping[str, int] | None = None,
    ) -> Self:
        """Add the parts up to what was received."""
        refused = refused or {}
        received = counted + duplicate + other + late + sum(refused.values())
        return cls(received, counted, duplicate, other, late, refused)

    def __neg__(self) -> Self:
        return self.zero() - self

    def __add__(self, other: Self) -> Self:
        return self._combined(other, 1)

    def __sub__(self, other: Self) -> Self:
        return self._combined(other, -1)

    def _combined(self, other: Self, sign: int) -> Self:
        refused = Counter(self.refused)
        for reason, lines in other.refused.items():
            refused[reason] += sign * lines
        return type(self)(
            self.received + sign * other.received,
            self.counted + sign * other.counted,
            self.duplicate + sign * other.duplicate,
            self.other + sign * other.other,
            self.late + sign * other.late,
            refused,
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "received": self.received,
            "counted": self.counted,
            "duplicate": self.duplicate,
            "other": self.other,
            "late": self.late,
            "refused": dict(self.refused),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave; KeyError, TypeError or ValueError where `value` is something else."""
        refused = {str(reason): int(lines) for reason, lines in value["refused"].items()}
        numbers = {name: int(value[name]) for name in ("received", "counted", "duplicate", "other", "late")}
        return cls(**numbers, refused=refused)
