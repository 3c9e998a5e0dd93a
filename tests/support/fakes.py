"""The stores behind the ports of counting and learning, in memory; they keep the contracts that the adapters keep."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.catalog.model import Model, SnapshotPointer, Training
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.aggregate import Aggregate, Pointer
from offer_ranking.counting.counts import Counts
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.index import DayIndex
from offer_ranking.counting.ledger import Found, Listed, Reading, Row, Written
from offer_ranking.learning.snapshot import CorruptSnapshotError, Snapshot

_TRANSACTION = 100  # items


@dataclass(slots=True)
class _Item:
    """A row with what only the ledger needs of it."""

    drawn: int = 0
    settled: int = 0
    reading: Reading | None = None
    applied: str | None = None

    @property
    def counted(self) -> str | None:
        return self.reading.counted if self.reading else None


class FakeLedger:
    """See counting.ledger.Ledger. What is dirty is told by an index that comes `lag` seconds after, in order."""

    def __init__(self, now: Callable[[], float] = lambda: 0.0, lag: Callable[[], float] = lambda: 0.0) -> None:
        self._now = now
        self._lag = lag
        self._items: defaultdict[str, dict[str, _Item]] = defaultdict(dict)
        self._pointers: dict[str, Pointer] = {}
        self._index: defaultdict[str, dict[str, list[tuple[float, Row | None]]]] = defaultdict(dict)

    def next_generation(self, dataset_id: str, key: str) -> int:
        item = self._items[dataset_id].setdefault(key, _Item())
        item.drawn += 1
        return item.drawn

    def settle(self, dataset_id: str, key: str, generation: int, reading: Reading) -> bool:
        item = self._items[dataset_id].setdefault(key, _Item())
        if item.settled >= generation:
            return False
        item.settled, item.reading = generation, reading
        self._mark(dataset_id, key, dirty=True)
        return True

    def dirty(self, dataset_id: str, limit: int) -> list[Row]:
        now = self._now()
        index = self._index[dataset_id]
        found: list[Row] = []
        for key in sorted(index):
            changes = index[key]
            seen = bisect_right(changes, now, key=lambda change: change[0])
            if seen and (row := changes[seen - 1][1]) is not None:
                found.append(row)
            elif seen == len(changes):
                del index[key]
        return found[:limit]

    def rows(self, dataset_id: str, keys: Sequence[str]) -> list[Row]:
        assert len(set(keys)) == len(keys), "a batch of reads names a key twice"
        return [self._row(dataset_id, key) for key in keys if key in self._items[dataset_id]]

    def between(self, dataset_id: str, after: str, until: str | None, limit: int | None = None) -> list[Row]:
        keys = sorted(key for key in self._items[dataset_id] if after < key and (until is None or key <= until))
        return [self._row(dataset_id, key) for key in keys[:limit]]

    def pointer(self, dataset_id: str) -> Pointer:
        return self._pointers.get(dataset_id, Pointer(dataset_id))

    def advance(self, before: Pointer, after: Pointer, rows: Sequence[Row]) -> bool:
        assert len(rows) < _TRANSACTION
        items = [self._items[row.dataset_id].get(row.key, _Item()) for row in rows]
        if self.pointer(after.dataset_id).generation != before.generation:
            return False
        seen = [(row.counted, row.applied) for row in rows]
        if seen != [(item.counted, item.applied) for item in items]:
            return False
        self._pointers[after.dataset_id] = after
        for row, item in zip(rows, items, strict=True):
            item.applied = row.counted
            self._mark(row.dataset_id, row.key, dirty=False)
        return True

    def clean(self, row: Row) -> None:
        item = self._items[row.dataset_id].get(row.key)
        if item is not None and (item.counted, item.applied) == (row.counted, row.applied):
            self._mark(row.dataset_id, row.key, dirty=False)

    def _row(self, dataset_id: str, key: str) -> Row:
        item = self._items[dataset_id][key]
        return Row(dataset_id, key, item.reading, item.applied)

    def _mark(self, dataset_id: str, key: str, *, dirty: bool) -> None:
        changes = self._index[dataset_id].setdefault(key, [])
        if not dirty and not changes:
            return
        seen_at = max(self._now() + self._lag(), changes[-1][0] if changes else 0.0)
        changes.append((seen_at, self._row(dataset_id, key) if dirty else None))


@dataclass
class FakeObjects:
    """See counting.ledger.Objects. A version is its content's hash, or else one that never was. `write` has a disk."""

    content: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)
    versions: int = 0
    unique: bool = False
    write: Callable[[Path, bytes], Any] = Path.write_bytes

    def put(self, bucket: str, key: str, data: bytes) -> None:
        self.versions += 1
        digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
        self.content[bucket, key] = (f"v{self.versions}" if self.unique else f'"{digest}"', data)

    def remove(self, bucket: str, key: str) -> None:
        self.content.pop((bucket, key), None)

    def head(self, bucket: str, key: str) -> Found | None:
        there = self.content.get((bucket, key))
        return Found(there[0]) if there else None

    def download(self, bucket: str, key: str, found: Found, target: Path) -> bool:
        there = self.content.get((bucket, key))
        if there is None or there[0] != found.version:
            return False
        self.write(target, there[1])
        return True

    def listing(self, bucket: str, prefix: str, after: str | None, limit: int) -> list[Listed]:
        below = sorted(
            key for place, key in self.content if place == bucket and key.startswith(prefix) and key > (after or "")
        )
        return [Listed(key, self.content[bucket, key][0]) for key in below[:limit]]

    def written(self, bucket: str, prefix: str, most: int) -> tuple[list[Written], bool]:
        """Objects are as old as the order says in which they were put for the first time."""
        below = sorted(
            (key, at) for at, (place, key) in enumerate(self.content) if place == bucket and key.startswith(prefix)
        )
        found = [Written(key, *self._stored(bucket, key), float(at)) for key, at in below]
        return found[:most], len(found) <= most

    def _stored(self, bucket: str, key: str) -> tuple[str, int]:
        version, data = self.content[bucket, key]
        return version, len(data)


class TidiedError(Exception):
    """Somebody reads a file of an old aggregate that was deleted meanwhile."""


class FakeFiles:
    """See counting.ledger.CountFiles. What is written under a name that is taken must be what lies there."""

    def __init__(self) -> None:
        self.content: dict[str, Any] = {}
        self.deleted: set[str] = set()

    def accounting(self, name: str) -> Accounting | None:
        there = self.content.get(f"delta {name}")
        return there.accounting if there else None

    def put_delta(self, name: str, delta: Delta) -> None:
        self._put(f"delta {name}", delta)

    def delta(self, name: str) -> Delta:
        return self._get(f"delta {name}")

    def put_refused(self, name: str, lines: Sequence[Any]) -> None:
        self._put(f"refused {name}", tuple(lines))

    def refused(self, name: str) -> list[Any]:
        return list(self.content.get(f"refused {name}", ()))

    def put_day(self, dataset_id: str, day: int, generation: int, counts: Counts) -> str:
        day_name = datetime.fromtimestamp(day * 86400, UTC).date()
        return self._put_numbered(f"counts/{dataset_id}/days/{day_name}", generation, counts)

    def days(self, names: Sequence[str]) -> list[Counts]:
        return [self._get(name) for name in names]

    def put_index(self, dataset_id: str, day: int, hour: int | None, generation: int, index: DayIndex) -> str:
        return self._put_numbered(f"counts/{dataset_id}/index/{day}/{'' if hour is None else hour}", generation, index)

    def index(self, name: str) -> DayIndex:
        return self._get(name)

    def put_aggregate(self, dataset_id: str, generation: int, aggregate: Aggregate) -> str:
        return self._put_numbered(f"counts/{dataset_id}/aggregates", generation, aggregate)

    def aggregate(self, name: str) -> Aggregate:
        return self._get(name)

    def written_before(self, dataset_id: str, generation: int) -> list[str]:
        mine = (name for name in self.content if name.startswith(f"counts/{dataset_id}/"))
        return [name for name in mine if int(name.rpartition("/")[2].partition("-")[0]) < generation]

    def delete(self, names: Collection[str]) -> None:
        for name in names:
            self.content.pop(name, None)
        self.deleted.update(names)

    def _put_numbered(self, folder: str, generation: int, thing: Any) -> str:
        name = f"{folder}/{generation:010d}-{digest(thing)}"
        self._put(name, thing)
        return name

    def _put(self, name: str, thing: Any) -> None:
        there = self.content.setdefault(name, thing)
        assert there is thing or digest(there) == digest(thing), f"{name} is written with other content"

    def _get(self, name: str) -> Any:
        if name in self.deleted and name not in self.content:
            raise TidiedError(name)
        if name not in self.content:
            raise FileNotFoundError(name)
        return self.content[name]


def digest(thing: Any) -> str:
    """Differs where the bytes of two things would, and costs less than making those."""
    hashed = hashlib.blake2b(digest_size=8)
    _feed(hashed.update, thing)
    return hashed.hexdigest()


def _feed(update: Callable[[Any], None], thing: Any) -> None:
    match thing:
        case Counts():
            for name, column in thing.columns().items():
                update(name.encode())
                update(column.tobytes())
            words = [getattr(thing, name).words for name in ("offer", "etag", "model", "traffic", "cell")]
            update(json.dumps(words).encode())
        case Delta():
            _feed(update, thing.counts)
            for column in ("hour", "key", "line", "row"):
                update(getattr(thing.identities, column).tobytes())
            update(json.dumps(thing.accounting.to_json()).encode())
        case DayIndex():
            for column in ("hour", "key", "holder"):
                update(getattr(thing.few, column).tobytes())
            update(repr((thing.few.holders, sorted(thing.many.items()))).encode())
        case Aggregate():
            update(json.dumps(thing.to_json()).encode())
        case _:
            update(repr(thing).encode())


class FakeDatasets:
    """The catalog's datasets."""

    def __init__(self, *datasets: Dataset) -> None:
        self.known = {dataset.id: dataset for dataset in datasets}

    def get(self, dataset_id: str) -> Dataset:
        if dataset_id not in self.known:
            raise NotFoundError("dataset", dataset_id)
        return self.known[dataset_id]

    def some(self, dataset_ids: Iterable[str]) -> dict[str, Dataset]:
        return {one: self.known[one] for one in dataset_ids if one in self.known}

    def all(self) -> list[Dataset]:
        return list(self.known.values())

    def holding(self, bucket: str, key: str) -> Dataset | None:
        return next((one for one in self.known.values() if one.holds(bucket, key)), None)

    def discovered(self, dataset_id: str) -> None:
        if dataset_id in self.known:
            self.known[dataset_id] = self.known[dataset_id].model_copy(update={"discovered": True})

    def save(self, dataset: Dataset) -> None:
        self.known[dataset.id] = dataset


class FakeModels:
    """The catalog's models; see learning.training.TrainedModels."""

    def __init__(self, *models: Model) -> None:
        self.known = {model.id: model for model in models}

    def get(self, model_id: str) -> Model:
        if model_id not in self.known:
            raise NotFoundError("model", model_id)
        return self.known[model_id]

    def all(self) -> list[Model]:
        return list(self.known.values())

    def publish(self, model_id: str, pointer: SnapshotPointer, training: Training) -> bool:
        model = self.known.get(model_id)
        if model is None or pointer.version != (model.snapshot.version if model.snapshot else 0) + 1:
            return False
        self.known[model_id] = model.model_copy(update={"snapshot": pointer, "training": training})
        return True

    def trained(self, model: Model, training: Training) -> bool:
        known = self.known.get(model.id)
        if known is None or known.snapshot != model.snapshot:
            return False
        self.known[model.id] = known.model_copy(update={"training": training})
        return True

    def save(self, model: Model) -> None:
        self.known[model.id] = model


class FakeSnapshots:
    """See learning.training.Snapshots. A version has one content for ever: the first that is put stays."""

    def __init__(self) -> None:
        self.content: dict[tuple[str, int], Snapshot] = {}

    def put(self, snapshot: Snapshot) -> tuple[SnapshotPointer, bool]:
        there = self.content.setdefault((snapshot.model_id, snapshot.version), snapshot)
        hashed = _snapshot_digest(there)
        pointer = SnapshotPointer(
            version=there.version,
            as_of=datetime.fromtimestamp(there.as_of, UTC),
            key=f"snapshots/{there.model_id}/{there.version:010d}",
            sha256=hashed,
            trained_on=dict(there.trained_on),
            settings=there.settings,
            audiences=there.audiences,
            context_keys=there.context_keys,
        )
        return pointer, there is snapshot or hashed == _snapshot_digest(snapshot)

    def version(self, model_id: str, version: int) -> Snapshot:
        if (model_id, version) not in self.content:
            raise NotFoundError("snapshot", str(version))
        return self.content[model_id, version]

    def get(self, pointer: SnapshotPointer) -> Snapshot:
        model_id = pointer.key.split("/")[1]
        found = self.version(model_id, pointer.version)
        if _snapshot_digest(found) != pointer.sha256:
            raise CorruptSnapshotError("the snapshot's hash differs from its pointer's")
        return found


def _snapshot_digest(snapshot: Snapshot) -> str:
    """Differs where the bytes of two snapshots would, and costs less than making those."""
    content = [snapshot.rates.alpha, snapshot.impressions, snapshot.conversions]
    told = (snapshot.as_of, snapshot.trained_on, snapshot.model_version, snapshot.versions.offers)
    return hashlib.sha256(b"".join(one.tobytes() for one in content) + repr(told).encode()).hexdigest()
