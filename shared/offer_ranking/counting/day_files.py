"""The files of an aggregate, read as a merge needs them and written as it leaves them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from offer_ranking.counting.aggregate import Aggregate, Day
from offer_ranking.counting.copies import Difference
from offer_ranking.counting.counts import HOURS_PER_DAY, Counts
from offer_ranking.counting.index import LARGE_HOUR, DayIndex, Index
from offer_ranking.counting.ledger import CountFiles


@dataclass(frozen=True, slots=True)
class DayFiles:
    """The days of one aggregate of a dataset. Files are read once."""

    dataset_id: str
    aggregate: Aggregate
    files: CountFiles
    _indexes: dict[str, DayIndex] = field(default_factory=dict)

    def lookup(self, hours: Iterable[int]) -> Index:
        """The index of just these hours."""
        parts = []
        for day, wanted in _by_day(hours).items():
            index = self._index(self.aggregate.days.get(day, Day()).index)
            parts.append(index.few.where(np.isin(index.few.hour, wanted)))
            parts += [self._index(index.many[hour]).few for hour in wanted if hour in index.many]
        return Index.joined(parts)

    def with_difference(self, difference: Difference, generation: int) -> Aggregate:
        """Write what changes; the aggregate of it all is still to be written."""
        days = dict(self.aggregate.days)
        resulting = dict(difference.index.by_hour())
        for day, touched in _by_day(difference.hours).items():
            index = self._rewritten(day, touched, resulting, generation)
            days[day] = replace(days.get(day, Day()), index=index)
        for day, counts in difference.counts.by_day().items():
            days[day] = replace(days.get(day, Day()), counts=self._summed(day, counts, generation))
        accounting = self.aggregate.accounting + difference.accounting
        return Aggregate(accounting, {day: files for day, files in days.items() if files.names})

    def _rewritten(self, day: int, touched: list[int], resulting: dict[int, Index], generation: int) -> str | None:
        """Write the index of a day; None when nothing is left in it."""
        before = self._index(self.aggregate.days.get(day, Day()).index)
        many = {hour: name for hour, name in before.many.items() if hour not in touched}
        few = [before.few.where(~np.isin(before.few.hour, touched))]
        for hour in touched:
            if hour not in resulting:
                continue
            if len(resulting[hour]) < LARGE_HOUR:
                few.append(resulting[hour])
            else:
                own = DayIndex(resulting[hour])
                many[hour] = self.files.put_index(self.dataset_id, day, hour % HOURS_PER_DAY, generation, own)
        after = DayIndex(Index.joined(few), many)
        return self.files.put_index(self.dataset_id, day, None, generation, after) if after else None

    def _summed(self, day: int, change: Counts, generation: int) -> str | None:
        name = self.aggregate.days.get(day, Day()).counts
        counts = Counts.total([*(self.files.days([name]) if name else ()), change])
        return self.files.put_day(self.dataset_id, day, generation, counts) if len(counts) else None

    def _index(self, name: str | None) -> DayIndex:
        if name is None:
            return DayIndex()
        if name not in self._indexes:
            self._indexes[name] = self.files.index(name)
        return self._indexes[name]


def _by_day(hours: Iterable[int]) -> dict[int, list[int]]:
    days: dict[int, list[int]] = {}
    for hour in sorted(hours):
        days.setdefault(hour // HOURS_PER_DAY, []).append(hour)
    return days
