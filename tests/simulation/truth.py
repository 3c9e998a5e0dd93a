"""What must hold once all has come to rest: that all is as if each object had been counted once, and from scratch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.model import Model, TrainingStatus
from offer_ranking.counting.counts import IMPRESSION, Counts
from offer_ranking.counting.dataset_counts import DatasetCounts
from offer_ranking.counting.index import DayIndex
from offer_ranking.counting.ledger import Row, State
from offer_ranking.counting.protocol import Counting, Place, delta_name
from tests.simulation import counter
from tests.simulation.history import BUCKET, differences
from tests.simulation.lines import UNREADABLE
from tests.simulation.stage import Disk
from tests.support.fakes import FakeFiles, FakeLedger, FakeObjects, digest


@dataclass(frozen=True)
class Truth:
    """The objects, and what was made of them. `in_bytes` compares files as bytes, else by what those follow from."""

    objects: FakeObjects
    ledger: FakeLedger
    files: FakeFiles
    disk: Disk
    parser: int
    in_bytes: bool

    def miscounted(self, dataset: Dataset) -> Iterator[str]:
        """What is wrong with a dataset's counts and accounting, with its rows, or with its files."""
        lying = {
            key.removeprefix(dataset.prefix): data
            for (bucket, key), (_, data) in self.objects.content.items()
            if dataset.holds(bucket, key)
        }
        counts, accounting = counter.recount(lying, dataset.mapping, self.parser)
        found = DatasetCounts.of([dataset.id], self.ledger, self.files)
        yield from (f"{dataset.id} {wrong}" for wrong in differences(dict((found.since(None) - counts).items())))
        if found.accounting != accounting:
            yield f"{dataset.id} accounts for {found.accounting} instead of {accounting}"
        rows = {row.key: row for row in self.ledger.between(dataset.id, "", None)}
        yield from (f"{dataset.id} has no row of {key!r}" for key in lying if key not in rows)
        for key, row in rows.items():
            if wrong := self._wrong(dataset, row, lying.get(key)):
                yield f"{dataset.id} {key!r} {wrong}"
        if others := self._unlike_a_recount(dataset, lying):
            yield f"{dataset.id} has other bytes than a recount in {others}"

    def untaught(self, model: Model) -> Iterator[str]:
        """What a model has not learned, or does not say."""
        counts = DatasetCounts.of(model.dataset_ids, self.ledger, self.files)
        if not (counts.since(None).kind == IMPRESSION).any():
            return
        if model.snapshot is None or model.snapshot.trained_on != counts.generations:
            yield f"{model.id} has learned from {model.snapshot}, not {counts.generations}"
        elif model.training.status is not TrainingStatus.SUCCESS:
            yield f"{model.id} has learned all there is, but says {model.training}"

    def _wrong(self, dataset: Dataset, row: Row, data: bytes | None) -> str | None:
        reading = row.reading
        if row.counted != row.applied:
            return "was not merged"
        if reading is None:
            return "was never read"
        if data is None:
            return None if reading.state is State.DELETED else f"is gone, but {reading}"
        if data.startswith(UNREADABLE):
            return None if reading.state is State.BAD else f"cannot be read, but {reading}"
        version, _ = self.objects.content[BUCKET, dataset.prefix + row.key]
        if reading.tried != delta_name(Place.of(dataset, dataset.prefix + row.key), version):
            return f"was read as it, the mapping or the parser were before: {reading}"
        accounting = counter.tally(data.splitlines(), dataset.mapping, self.parser).accounting()
        return None if reading.accounting == accounting else f"accounts for {reading.accounting}, not {accounting}"

    def _unlike_a_recount(self, dataset: Dataset, lying: dict[str, bytes]) -> list[str]:
        """Which of the aggregate's files differ from those of a count from scratch."""
        ledger, files = FakeLedger(), FakeFiles()
        counting = Counting(ledger, self.objects, files, counter.counter(self.parser, self.disk.read))
        for key in lying:
            counting.count(Place.of(dataset, dataset.prefix + key))
        counting.merge(dataset.id, list(lying))
        scratch, have = (
            {name: one.to_bytes() if self.in_bytes else digest(one) for name, one in contents(*place).items()}
            for place in ((dataset.id, ledger, files), (dataset.id, self.ledger, self.files))
        )
        return [name for name in sorted({*have, *scratch}) if have.get(name) != scratch.get(name)]


def contents(dataset_id: str, ledger: FakeLedger, files: FakeFiles) -> dict[str, Counts | DayIndex]:
    """An aggregate's files, by what they are of. Of a day's index without the names of its large hours' files."""
    pointer = ledger.pointer(dataset_id)
    found: dict[str, Counts | DayIndex] = {}
    for day, names in files.aggregate(pointer.name).days.items() if pointer.name else ():
        if names.counts:
            (found[f"counts of {day}"],) = files.days([names.counts])
        if names.index:
            index = files.index(names.index)
            found[f"index of {day}"] = DayIndex(index.few)
            found |= {f"index of {day}, hour {hour}": files.index(name) for hour, name in index.many.items()}
    return found
