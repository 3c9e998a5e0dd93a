"""What the real refresh is put on: a catalog, hints, a disk, and limits that a handful of objects reach."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from greenlet import getcurrent

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.lifecycle import Status
from offer_ranking.catalog.model import Model, ModelType, Training
from offer_ranking.catalog.schema import PROPOSITION_INTERACTIONS
from offer_ranking.catalog.settings import Settings
from offer_ranking.counting import day_files, protocol
from offer_ranking.counting import delta as deltas
from offer_ranking.counting.counts import Counts
from offer_ranking.counting.hint import Fit, LookAt, Merge, Sweep
from offer_ranking.counting.ledger import Found
from offer_ranking.learning import training
from offer_ranking.learning.fit import NothingToLearn
from offer_ranking.learning.prior import DEFAULT_PRIOR
from offer_ranking.learning.rates import Rates
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.learning.versions import Versions
from tests.simulation import counter
from tests.simulation.history import BUCKET, History
from tests.simulation.world import START, Worker
from tests.support.fakes import FakeDatasets, FakeObjects

_WHEN = datetime.fromtimestamp(START, UTC)


class Read(NamedTuple):
    """What a worker has just read, and may act on after it changed."""

    what: str
    reader: Worker


class WatchedObjects(FakeObjects):
    read: Read | None = None

    def head(self, bucket: str, key: str) -> Found | None:
        if isinstance(worker := getcurrent(), Worker):
            self.read = Read(key, worker)
        return super().head(bucket, key)


class WatchedDatasets(FakeDatasets):
    read: Read | None = None

    def holding(self, bucket: str, key: str) -> Dataset | None:
        found = super().holding(bucket, key)
        if found is not None and isinstance(worker := getcurrent(), Worker):
            self.read = Read(found.id, worker)
        return found


class Sender:
    """Hints into the queues of the world."""

    def __init__(self, history: History) -> None:
        self._queues = history.queues

    def look_at(self, bucket: str, keys: Iterable[str]) -> None:
        for key in keys:
            self._queues["objects"].send(LookAt(bucket, key))

    def sweep(self, dataset_id: str, after: str | None = None) -> None:
        self._queues["objects"].send(Sweep(dataset_id, after))

    def merge(self, dataset_id: str) -> None:
        self._queues["objects"].send(Merge(dataset_id))

    def fit(self, model_id: str, *, window_moved: bool = False, delay: timedelta = timedelta(seconds=1)) -> None:
        self._queues["fits"].send(Fit(model_id, window_moved), delay.total_seconds())


class Disk:
    """Temporary folders in memory: real ones took a third of a history's time. Stands where `tempfile` does."""

    def __init__(self) -> None:
        self._files: dict[Path, bytes] = {}
        self._folders = 0

    @contextmanager
    def TemporaryDirectory(self) -> Iterator[str]:  # noqa: N802 - tempfile's name
        self._folders += 1
        yield f"folder-{self._folders}"

    def write(self, path: Path, data: bytes) -> None:
        self._files[path] = data

    def read(self, path: Path) -> bytes:
        return self._files.pop(path)


def learn_little(
    counts: Counts, model: Model, *, version: int, as_of: float, trained_on: Mapping[str, int]
) -> Snapshot | NothingToLearn:
    """A fit that knows how many impressions there are, and takes no time."""
    shown = counts.count[counts.kind == 0].sum()
    if not shown:
        return NothingToLearn()
    one = np.ones(1)
    return Snapshot(
        model_id=model.id,
        model_version=model.version,
        version=version,
        as_of=as_of,
        settings=model.settings,
        versions=Versions.of(["any"]),
        rates=Rates(DEFAULT_PRIOR, one, one),
        impressions=one * shown,
        conversions=one,
        trained_on=dict(trained_on),
    )


@contextmanager
def tuned(history: History, disk: Disk) -> Iterator[None]:
    """Limits that a dataset of six objects reaches; and in most seeds a fit that costs nothing."""
    draw = history.world.draw
    limits: list[tuple[Any, str, Any]] = [
        (day_files, "LARGE_HOUR", draw.choice((2, 4, 1000))),
        (protocol, "MERGED_AT_ONCE", draw.choice((1, 3, 90))),
        (protocol, "OFFERS_MERGED_AT_ONCE", draw.choice((1, 5, 1000))),
        (protocol, "SWEPT_AT_ONCE", draw.choice((1, 3, 1000))),
        (protocol, "KEPT_GENERATIONS", draw.choice((0, 2, 100))),
        (protocol, "tempfile", disk),
        (deltas, "PARSER_VERSION", counter.FIRST_PARSER),
    ]
    if history.seed % 10:
        limits.append((training, "fit", learn_little))
    before = [getattr(module, name) for module, name, _ in limits]
    for module, name, value in limits:
        setattr(module, name, value)
    try:
        yield
    finally:
        for (module, name, _), value in zip(limits, before, strict=True):
            setattr(module, name, value)


def a_dataset(name: str, *used_by: str) -> Dataset:
    return Dataset(
        id=name,
        name=name,
        description=None,
        bucket=BUCKET,
        prefix=f"{name}/",
        field_groups=(PROPOSITION_INTERACTIONS,),
        version=1,
        created_at=_WHEN,
        updated_at=_WHEN,
        used_by=frozenset(used_by),
    )


def a_model(name: str, *dataset_ids: str) -> Model:
    return Model(
        id=name,
        name=name,
        description=None,
        type=ModelType.AUTO_OPTIMIZATION,
        dataset_ids=dataset_ids,
        audiences=(),
        context_keys=(),
        settings=Settings(window_days=None),
        status=Status.LIVE,
        version=1,
        training=Training(at=_WHEN),
        created_at=_WHEN,
        updated_at=_WHEN,
    )
