"""`python -m tests.simulation.reading`: snapshots are read while others publish, crash in between, and the store lies.

Whoever reads goes one step, then whoever publishes goes some, and the other way round, in an order that the seed says.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError

from offer_ranking.catalog.model import Model, SnapshotPointer, Training
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.storage.serving import Serving
from offer_ranking.storage.snapshots import S3Snapshots
from tests.support.fakes import FakeModels
from tests.support.learned import a_model, fitted, shown

READERS, PUBLISHERS = 4, 3
_VERSIONS_A_WORLD = 30
_TIRED = 5.0  # seconds, longer than anything is served before the store is asked again


@dataclass
class Bucket:
    """As much of S3 as snapshots need. `tears`: whether an answer ends in its middle."""

    tears: Callable[[], bool]
    content: dict[str, bytes] = field(default_factory=dict)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "") -> None:  # noqa: N803
        assert Bucket
        if IfNoneMatch and Key in self.content:
            raise ClientError({"Error": {"Code": "PreconditionFailed", "Message": ""}}, "PutObject")
        self.content[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> Any:  # noqa: N803
        assert Bucket
        if Key not in self.content:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": ""}}, "GetObject")
        data = self.content[Key]
        return {"Body": BytesIO(data[: len(data) // 2] if self.tears() else data)}


@dataclass
class World:
    """One model from its first version on."""

    chance: random.Random
    torn: int = 0
    older: int = 0
    reads: int = 0
    now: float = 0.0
    published: list[Model] = field(default_factory=list)
    is_reading: bool = False

    def __post_init__(self) -> None:
        self.bucket = Bucket(lambda: self.is_reading and self.chance.random() < 0.1)
        self.models = FakeModels(a_model())
        self.store = S3Snapshots(self.bucket, "state")  # type: ignore[arg-type]
        self.publishing = [self._publish(n) for n in range(PUBLISHERS)]
        self.readers = [Serving(self, self._Bodies(self), clock=lambda: self.now) for _ in range(READERS)]
        self.seen = [0] * READERS

    def read(self) -> None:
        """One reader reads, and what it gets is compared with what was published."""
        self._others()
        reader = self.chance.randrange(READERS)
        self.now += _TIRED
        served = self.readers[reader].serve("m")
        self.reads += 1
        if served.snapshot is None:
            self.older += self.seen[reader] > 0
            return
        version = served.snapshot.version
        self.older += version < self.seen[reader]
        self.seen[reader] = version
        self.torn += served.snapshot.to_bytes() != self.bucket.content[f"snapshots/m/{version:010d}.npz"]

    def get(self, model_id: str) -> Model:
        """The model, now and then as it stood some versions ago; see storage.serving.ReadModels."""
        self._others()
        model = self.models.get(model_id)
        if self.published and self.chance.random() < 0.1:
            return self.chance.choice(self.published)
        return model

    @dataclass
    class _Bodies:
        """See storage.serving.ReadSnapshots."""

        world: World

        def get(self, pointer: SnapshotPointer) -> Snapshot:
            self.world._others()
            self.world.is_reading = True
            try:
                return self.world.store.get(pointer)
            finally:
                self.world.is_reading = False

    def _others(self) -> None:
        for _ in range(self.chance.randrange(3)):
            next(self.publishing[self.chance.randrange(PUBLISHERS)])

    def _publish(self, publisher: int) -> Iterator[None]:
        """A fit after the other, as learning.training does: body first, pointer last, or a crash between them."""
        while True:
            model = self.models.get("m")
            version = model.snapshot.version + 1 if model.snapshot else 1
            learned = replace(_LEARNED[publisher], version=version)
            yield
            pointer, _ = self.store.put(learned)
            yield
            if self.chance.random() < 0.2:
                continue  # it crashed
            if self.models.publish("m", pointer, Training(at=model.created_at)):
                self.published.append(self.models.get("m"))
            yield


# Each publisher learns something else.
_LEARNED = [fitted(shown(dict.fromkeys("abc", (100 + n, 1)))) for n in range(PUBLISHERS)]


def run(reads: int, seed: int = 0) -> list[World]:
    """So many reads, in worlds that begin anew before their versions are many."""
    worlds: list[World] = []
    while (left := reads - sum(world.reads for world in worlds)) > 0:
        world = World(random.Random(f"{seed} {len(worlds)}"))
        while world.reads < left and len(world.published) < _VERSIONS_A_WORLD:
            world.read()
        worlds.append(world)
    return worlds


def main() -> int:
    """0 when nothing was torn, and nothing older after something newer."""
    parser = argparse.ArgumentParser(prog="tests.simulation.reading", description=__doc__)
    parser.add_argument("--reads", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    worlds = run(given.reads, given.seed)
    torn, older = (sum(getattr(world, name) for world in worlds) for name in ("torn", "older"))
    published = sum(len(world.published) for world in worlds)
    print(f"{given.reads:,} reads, {published:,} versions: {torn} torn, {older} older after newer")
    return int(bool(torn or older))


if __name__ == "__main__":
    sys.exit(main())
