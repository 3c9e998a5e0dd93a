"""The cell of a request: the audiences and context values of it that a model looks at, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

# A cell travels in every event of its request, and is a key of the counts.
_LONGEST = 2048


@dataclass(frozen=True, slots=True)
class Cell:
    """Audiences, sorted, and (context key, value), sorted by key. Every request has one, most often shared by many."""

    audiences: tuple[str, ...] = ()
    context: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls,
        audiences: Iterable[str],
        context: Mapping[str, str | float | bool],
        *,
        known: Collection[str],
        keys: Collection[str],
    ) -> Self:
        """Keep of a request what a model with these audiences and context keys looks at.

        What makes its text longer than 2,048 characters, as a token spells it in ASCII, is left out, the last first.
        """
        if not known and not keys:
            return cls()
        cell = cls(
            tuple(sorted(frozenset(known).intersection(audiences))),
            tuple(sorted((key, _value(value)) for key, value in context.items() if key in keys)),
        )
        while len(json.dumps(cell.text)) > _LONGEST:
            cell = cls(cell.audiences[:-1], cell.context) if cell.audiences else cls((), cell.context[:-1])
        return cell

    @property
    def text(self) -> str:
        """Compact JSON, equal for equal cells; "" for the empty one."""
        parts: dict[str, object] = {"a": self.audiences} if self.audiences else {}
        if self.context:
            parts["c"] = dict(self.context)
        return json.dumps(parts, separators=(",", ":"), ensure_ascii=False) if parts else ""

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The cell that a text stands for, None when it is none: events come from anybody."""
        if not text:
            return cls()
        try:
            parts = json.loads(text)
            cell = cls(tuple(parts.get("a", ())), tuple(sorted(parts.get("c", {}).items())))
            words = [*cell.audiences, *(word for pair in cell.context for word in pair)]
        except (ValueError, TypeError, AttributeError, RecursionError):
            return None
        is_spelled = all(isinstance(word, str) for word in words) and cell.text == text
        return cell if is_spelled and cell.audiences == tuple(sorted(set(cell.audiences))) else None


def _value(value: str | float | bool) -> str:
    """As text: true and false, numbers without a needless fraction."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
