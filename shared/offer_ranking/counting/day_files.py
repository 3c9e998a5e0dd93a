"""The files of an aggregate, read as a merge needs them and written as it leaves them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from offer_ranking.counting.aggregate import Aggregate, Day
from offer_ranking.counting.copies import Difference, Wanted
from offer_ranking.counting.counts import HOURS_PER_DAY, Counts
from offer_ranking.counting.index import LARGE_HOUR, DayIndex, Index
from offer_ranking.counting.ledger import CountFiles


@dataclass(frozen=True, slots=True)
class DayFiles:
    """The days of one aggregate of a dataset."""

    dataset_id: str
    aggregate: Aggregate
    files: CountFiles
    _indexes: dict[str, DayIndex] = field(default_factory=dict)

    def lookup(self, wanted: Wanted) -> Index:
        """Who holds these identities. Hours are read one by one: together those of a day may outgrow memory."""
        parts = []
        for day, hours in _by_day(wanted).items():
            index = self._index(self.aggregate.days.get(day, Day()).index)
            for hour in hours:
                of_hour = self._hour(index, hour)
                parts.append(of_hour.where(_among(of_hour.key, wanted[hour])))
        return Index.joined(parts)

    def with_difference(self, difference: Difference, generation: int) -> Aggregate:
        """Write what changes; the aggregate of it all is still to be written."""
        days = dict(self.aggregate.days)
        gained = dict(difference.index.by_hour())
        for day, touched in _by_day(difference.hours).items():
            index = self._rewritten(day, touched, difference.changed, gained, generation)
            days[day] = replace(days.get(day, Day()), index=index)
        for day, counts in difference.counts.by_day().items():
            days[day] = replace(days.get(day, Day()), counts=self._summed(day, counts, generation))
        accounting = self.aggregate.accounting + difference.accounting
        return Aggregate(accounting, {day: files for day, files in days.items() if files.names})

    def _rewritten(
        self, day: int, touched: list[int], changed: frozenset[str], gained: Mapping[int, Index], generation: int
    ) -> str | None:
        """Write the index of a day; None when nothing is left in it."""
        before = self._index(self.aggregate.days.get(day, Day()).index)
        many = {hour: name for hour, name in before.many.items() if hour not in touched}
        few = [before.few.where(~np.isin(before.few.hour, touched))]
        for hour in touched:
            held = self._hour(before, hour)
            is_kept = np.array([holder.key not in changed for holder in held.holders], np.bool_)[held.holder]
            after = Index.joined([held.where(is_kept), gained.get(hour, Index.none())])
            if len(after) < LARGE_HOUR:
                few.append(after)
            else:
                many[hour] = self.files.put_index(
                    self.dataset_id, day, hour % HOURS_PER_DAY, generation, DayIndex(after)
                )
        whole = DayIndex(Index.joined(few), many)
        return self.files.put_index(self.dataset_id, day, None, generation, whole) if whole else None

    def _hour(self, index: DayIndex, hour: int) -> Index:
        return self.files.index(index.many[hour]).few if hour in index.many else index.few.where(index.few.hour == hour)

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


def _among(keys: NDArray[np.uint64], wanted: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which are among some that ascend, at least one; shape of `keys`."""
    found: NDArray[np.bool_] = wanted[np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)] == keys
    return found


def _by_day(hours: Iterable[int]) -> dict[int, list[int]]:
    days: dict[int, list[int]] = {}
    for hour in sorted(hours):
        days.setdefault(hour // HOURS_PER_DAY, []).append(hour)
    return days
