"""What a personalized model looks at, as numbers: audiences, and the usual values of context keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from offer_ranking.learning.cell import Cell

    Array = NDArray[np.float64]

_VALUES_A_KEY = 16  # the usual ones, learned one by one; the rest of a key's values, and its absence, are pooled


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """A cell as a row x of D numbers: an intercept, then one a column: 1 - centre where it applies, else -centre.

    Centred by how usual each is, so that the intercept is an offer's rate among everybody, and what is known of an
    offer without knowing its cells says just that.

    Args:
        audiences: one column each.
        values: (context key, value), one column each.
        centre: part of impressions to which each column applies, shape (D - 1,).

    """

    audiences: tuple[str, ...]
    values: tuple[tuple[str, str], ...]
    centre: Array

    @classmethod
    def learned(
        cls, cells: Sequence[Cell], impressions: Array, *, audiences: Iterable[str], keys: Iterable[str], most: int
    ) -> Self:
        """Choose columns, `most` at most, by how much they tell cells apart: impressions with or without, the fewer.

        An audience or value beyond them is pooled with its absence.
        """
        shown: dict[str, dict[Any, float]] = {"audience": dict.fromkeys(audiences, 0.0)}
        shown |= {f"key {key}": {} for key in keys}
        for cell, number in zip(cells, impressions.tolist(), strict=True):
            for audience in cell.audiences:
                if audience in shown["audience"]:
                    shown["audience"][audience] += number
            for pair in cell.context:
                if (of_key := shown.get(f"key {pair[0]}")) is not None:
                    of_key[pair] = of_key.get(pair, 0.0) + number
        total = max(float(impressions.sum()), 1.0)
        columns: list[tuple[float, Any]] = [(min(n, total - n), name) for name, n in shown.pop("audience").items()]
        for of_key in shown.values():
            usual = sorted(of_key.items(), key=lambda item: (-item[1], item[0]))[:_VALUES_A_KEY]
            columns += [(min(n, total - n), pair) for pair, n in usual]
        chosen = [name for worth, name in sorted(columns, key=lambda column: -column[0])[:most] if worth > 0]
        known = sorted(name for name in chosen if isinstance(name, str))
        values = sorted(name for name in chosen if not isinstance(name, str))
        plain = cls(tuple(known), tuple(values), np.zeros(len(chosen)))
        centre = impressions @ plain.rows(cells)[:, 1:] / total
        return cls(plain.audiences, plain.values, centre)

    def __len__(self) -> int:
        """D."""
        return len(self.centre) + 1

    def rows(self, cells: Sequence[Cell]) -> Array:
        """Each cell's x, shape (len(cells), D)."""
        column: Mapping[Any, int] = {name: place for place, name in enumerate((*self.audiences, *self.values), 1)}
        x = np.zeros((len(cells), len(self)))
        for row, cell in enumerate(cells):
            found = [column[name] for name in (*cell.audiences, *cell.context) if name in column]
            x[row, found] = 1.0
        x[:, 1:] -= self.centre
        x[:, 0] = 1.0
        return x

    def row(self, cell: Cell | None) -> Array:
        """The x of a cell, or with none of somebody of whom nothing is known, shape (D,)."""
        row: Array = self.rows([cell])[0] if cell is not None else np.eye(1, len(self))[0]
        return row
