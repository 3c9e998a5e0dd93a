"""A model's own traffic from its beginning on, hour by hour: what its lift is measured from.

An interval that holds at all times holds for one beginning. Were it that of the last 30 days, each day would begin
another experiment: of 1,000 simulated years without lift, 17 % would at some time show one, and 3 % do by an interval
whose beginning never moves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from offer_ranking.counting.counts import Counts
from offer_ranking.learning.cell import Cell
from offer_ranking.measuring.lift import Lift, lifts
from offer_ranking.measuring.traffic import MODEL, RANDOM, OwnTraffic, arm

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from offer_ranking.catalog.model import Model

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Membership:
    """Which cells are of which of a model's audiences; each distinct cell is parsed once."""

    audiences: tuple[str, ...]
    _rows: dict[str, list[int]] = field(default_factory=dict)

    def of(self, cells: Sequence[str]) -> NDArray[np.bool_]:
        """One row an audience, and a last one for cells of none of them, shape (audiences + 1, cells).

        What is no cell is of unknown people, and in no row.
        """
        place = {audience: row for row, audience in enumerate(self.audiences)}
        rows: list[int] = []
        ends = [0]
        for text in cells:
            if (found := self._rows.get(text)) is None:
                found = self._rows[text] = self._read(text, place)
            rows += found
            ends.append(len(rows))
        members = np.zeros((len(self.audiences) + 1, len(cells)), np.bool_)
        members[np.array(rows, np.int64), np.repeat(np.arange(len(cells)), np.diff(ends))] = True
        return members

    def _read(self, text: str, place: dict[str, int]) -> list[int]:
        cell = Cell.read(text)
        if cell is None:
            return []
        return [place[one] for one in cell.audiences if one in place] or [len(place)]


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """Tables by hour (see OwnTraffic): of everybody, shape (hours, arms, kinds), and of each row of a Membership.

    `hours` are which, since 1970 UTC, ascending.
    """

    hours: Integers
    everybody: Array
    audiences: Array

    def lift_until(self, hours: Integers) -> list[Lift]:
        """The lift of the model over its random share from its beginning until just before each of these hours."""
        ends = np.searchsorted(self.hours, hours)
        return lifts(arm(self.everybody, MODEL), arm(self.everybody, RANDOM), ends)

    @classmethod
    def of(cls, parts: Iterable[Counts], model: Model, membership: Membership) -> History:
        """From the counts of the model's datasets in parts; what several hold of one hour is added."""
        hours: dict[int, Array] = {}
        for part in parts:
            own = OwnTraffic.of(part, model.id)
            members = membership.of(own.counts.cell.words)
            tables = [own.by_hour(), *(own.by_hour(member[own.counts.cell.codes]) for member in members)]
            for hour, table in zip(own.hours.tolist(), np.stack(tables, axis=1), strict=True):
                hours[hour] = hours[hour] + table if hour in hours else table
        if not hours:
            nothing = OwnTraffic.of(Counts.zero(), model.id).by_hour()
            return cls(np.zeros(0, np.int64), nothing, np.stack([nothing] * (len(membership.audiences) + 1)))
        known = sorted(hours)
        everything = np.stack([hours[hour] for hour in known], axis=1)
        return cls(np.array(known, np.int64), everything[0], everything[1:])
