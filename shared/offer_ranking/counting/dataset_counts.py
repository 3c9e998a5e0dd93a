"""What whole datasets count as, as of one moment, read from their aggregates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.aggregate import Aggregate, Pointer
from offer_ranking.counting.counts import Counts
from offer_ranking.counting.ledger import CountFiles, Ledger

_FILES_AT_ONCE = 32


@dataclass(frozen=True, slots=True)
class DatasetCounts:
    """The aggregates of some datasets. Taken once, so that what is read of them belongs together."""

    pointers: tuple[Pointer, ...]
    aggregates: tuple[Aggregate, ...]
    files: CountFiles

    @classmethod
    def of(cls, dataset_ids: Iterable[str], ledger: Ledger, files: CountFiles) -> DatasetCounts:
        """As they stand now."""
        pointers = tuple(ledger.pointer(dataset_id) for dataset_id in dataset_ids)
        aggregates = tuple(files.aggregate(one.name) if one.name else Aggregate() for one in pointers)
        return cls(pointers, aggregates, files)

    @property
    def generations(self) -> dict[str, int]:
        """The generation of each dataset's aggregate."""
        return {pointer.dataset_id: pointer.generation for pointer in self.pointers}

    @property
    def accounting(self) -> Accounting:
        """What became of every line of all of them."""
        total = Accounting.zero()
        for aggregate in self.aggregates:
            total += aggregate.accounting
        return total

    def since(self, day: int | None) -> Counts:
        """The counts of all event days from `day` on (days since 1970), of all days when None."""
        return Counts.total(self.files.days(self._names(day, None)))

    def parts(self, day: int, before: int) -> Iterator[Counts]:
        """The counts of event days from `day` on and before another, in parts, so that a long time fits in memory."""
        names = self._names(day, before)
        for start in range(0, len(names), _FILES_AT_ONCE):
            yield from self.files.days(names[start : start + _FILES_AT_ONCE])

    def _names(self, day: int | None, before: int | None) -> list[str]:
        return [
            names.counts
            for aggregate in self.aggregates
            for event_day, names in sorted(aggregate.days.items())
            if names.counts and (day is None or event_day >= day) and (before is None or event_day < before)
        ]
