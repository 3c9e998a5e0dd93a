"""The real refresh in a simulated world, and what happens to its datasets and models."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from offer_ranking.counting import delta as deltas
from offer_ranking.counting.protocol import Counting
from offer_ranking.learning.refresh import Refresh
from offer_ranking.learning.training import Trainer
from tests.simulation import counter
from tests.simulation.history import BUCKET, EXPECTED, Batch, History
from tests.simulation.lines import LINES, MAPPINGS, UNREADABLE
from tests.simulation.stage import (
    Disk,
    Read,
    Sender,
    WatchedDatasets,
    WatchedObjects,
    a_dataset,
    a_model,
    tuned,
)
from tests.simulation.truth import Truth
from tests.simulation.world import Port
from tests.support.fakes import FakeFiles, FakeLedger, FakeModels, FakeSnapshots

_WRITES = "next_generation settle advance clean"
# Code point order is not the order of UTF-16, and a key may begin with another.
_KEYS = ("1", "1/2", "2", "a b+c", "\ue000", "\U0001f600", "z", "zz")


def run(seed: int, told: Callable[[str], None] | None = None, **plants: Any) -> list[str]:
    """What is wrong at the end of a seed's history. `plants` are bugs, see Real."""
    history, disk = History(seed, told), Disk()
    with tuned(history, disk):
        return history.run(Real(history, disk, **plants))


class Real:
    """See history.System. `ledger` is the store, `ledger_port` makes of its port what workers get; tests plant bugs."""

    def __init__(
        self,
        history: History,
        disk: Disk,
        ledger: type[FakeLedger] = FakeLedger,
        ledger_port: Callable[[Any, History], Any] = lambda port, _: port,
    ) -> None:
        self.history = history
        self.world = history.world
        self.draw = draw = history.world.draw
        self.disk = disk
        self.ledger_port = ledger_port
        self.parser = counter.FIRST_PARSER
        self.wanted = {"objects": draw.randint(1, 4), "fits": draw.randint(1, 2), "backfills": 1}
        self.lines = draw.sample(LINES, draw.randint(3, 14))
        self.keys = draw.sample(_KEYS, draw.choice((1, 1, 3, len(_KEYS))))
        self.is_swept_last = False
        lag = self.world.weather.lag
        self.objects = WatchedObjects(unique=draw.random() < 0.5, write=disk.write)
        self.ledger = ledger(lambda: self.world.time, lambda: draw.random() * lag if lag else 0.0)
        self.files = FakeFiles()
        self.datasets = WatchedDatasets(a_dataset("a", "m1", "m2"), a_dataset("b", "m2"))
        self.models = FakeModels(a_model("m1", "a"), a_model("m2", "a", "b"))
        self.snapshots = FakeSnapshots()
        self.sender = Sender(history)

    # ---- Workers -----------------------------------------------------------------------------------------------------

    def refresh(self, parser: int) -> Refresh:
        """As one worker has it, which was started when this version of the parser was deployed."""

        def port(target: Any, name: str, writing: str, conflicting: str = "") -> Any:
            return Port(self.world, target, name, writing=writing, conflicting=conflicting)

        ledger = self.ledger_port(port(self.ledger, "ledger", _WRITES, _WRITES), self.history)
        files = port(self.files, "files", "put_delta put_refused put_day put_index put_aggregate delete")
        models, snapshots = port(self.models, "models", "publish trained"), port(self.snapshots, "snapshots", "put")
        counting = Counting(ledger, port(self.objects, "objects", ""), files, counter.counter(parser, self.disk.read))
        return Refresh(
            counting,
            Trainer(models, ledger, files, snapshots),
            port(self.datasets, "datasets", "discovered"),
            models,
            port(self.sender, "hints", "look_at sweep merge fit"),
            lambda: datetime.fromtimestamp(self.world.wall_clock(), UTC),
        )

    def acting(self, queue: str, parser: int) -> Callable[[Batch], list[str]]:
        refresh = self.refresh(parser)
        if queue != "backfills":
            return refresh.handle

        def backfill(batch: Batch) -> list[str]:
            failed = []
            for message_id, (dataset_id, objects) in batch:
                left = dict(objects)
                try:
                    while left:  # as the state machine gives back what there was no time for
                        done = refresh.count_all(dataset_id, list(left.items()), lambda: self.draw.random() < 0.7)
                        left = {key: left[key] for key in done.left}
                except EXPECTED:
                    failed.append(message_id)
            return failed

        return backfill

    # ---- Deeds -------------------------------------------------------------------------------------------------------

    def deeds(self) -> dict[Callable[[], None], float]:
        return {
            self._put: 12, self._remove: 4, self._hint_for_nothing: 1, self._hour: 0.5, self._day: 0.5,
            self._redrive: 1, self._deploy: 0.4, self._map: 0.5, self._switch: 0.5, self._backfill: 0.7,
            self._kill: 0.7, self._wait: 1.5,
        }  # fmt: skip

    def last_hints(self) -> None:
        if self.is_swept_last:
            for one in self.datasets.all():
                self.sender.sweep(one.id)
        if self.world.old_receipts_hold:  # a worker may have died over a message that another was done with
            self._hour()

    def _place(self) -> str:
        """Where something happens: often to what somebody is just looking at, who may then be slow to go on."""
        if self.objects.read and self.draw.random() < 0.4:
            return self._slowed(self.objects.read)
        return f"{self.draw.choice(('a', 'a', 'a', 'b'))}/{self.draw.choice(self.keys)}"

    def _slowed(self, read: Read) -> str:
        if self.world.weather.doze and self.draw.random() < 0.7:
            self.world.doze(read.reader)
        return read.what

    def _put(self) -> None:
        key, draw = self._place(), self.draw
        data = b"\n".join(draw.choices(self.lines, k=draw.randint(0, 6)))
        others = [content for (_, other), (_, content) in self.objects.content.items() if other != key]
        if draw.random() < 0.05:
            data = UNREADABLE
        elif others and draw.random() < 0.1:
            data = draw.choice(others)
        self.objects.put(BUCKET, key, data)
        self.world.tell("put {!r}: {}", key, self.objects.content[BUCKET, key])
        self._notify(key)

    def _remove(self) -> None:
        if self.objects.content:
            key = self._place()
            if (BUCKET, key) not in self.objects.content:
                _, key = self.draw.choice(list(self.objects.content))
            self.objects.remove(BUCKET, key)
            self.world.tell("remove {!r}", key)
            self._notify(key)

    def _notify(self, key: str) -> None:
        if self.draw.random() < self.world.weather.lose_message:
            self.world.tell("nobody hears of it")
            self.is_swept_last = True
            return
        self.sender.look_at(BUCKET, [key])

    def _hint_for_nothing(self) -> None:
        self.sender.look_at(BUCKET, [self._place()])

    def _hour(self) -> None:
        self.world.tell("hourly")
        self.refresh(self.parser).hourly()

    def _day(self) -> None:
        self.world.tell("daily")
        self.refresh(self.parser).sweep()

    def _redrive(self) -> None:
        for queue in self.history.queues.values():
            queue.redrive()

    def _deploy(self) -> None:
        if self.parser == counter.FIRST_PARSER:
            self.parser += 1
            deltas.PARSER_VERSION = self.parser
            self.world.tell("deploy")
            self.is_swept_last = True
            for worker in self.world.workers:
                worker.retired = self.draw.random() < 0.7

    def _map(self) -> None:
        mapping, read = self.draw.choice(MAPPINGS), self.datasets.read
        name = self._slowed(read) if read else "a"
        self.world.tell("map {} {}", name, mapping)
        self.datasets.save(self.datasets.get(name).model_copy(update={"mapping": mapping, "discovered": False}))
        self.sender.sweep(name)

    def _switch(self) -> None:
        before, to = self.models.get("m1"), self.draw.choice(("a", "b"))
        self.world.tell("m1 learns from {}", to)
        for one in self.datasets.all():
            users = (one.used_by - {"m1"}) | ({"m1"} if one.id == to else set())
            self.datasets.save(one.model_copy(update={"used_by": frozenset(users)}))
        self.models.save(before.model_copy(update={"dataset_ids": (to,), "version": before.version + 1}))
        self.sender.fit("m1")

    def _backfill(self) -> None:
        name = self.draw.choice(("a", "b"))
        self.world.tell("backfill {}", name)
        listed = self.objects.listing(BUCKET, f"{name}/", None, 1000)
        for start in range(0, len(listed), 2):
            objects = [(one.key, one.version) for one in listed[start : start + 2]]
            self.history.queues["backfills"].send((name, objects))

    def _kill(self) -> None:
        if self.world.workers:
            worker = self.draw.choice(self.world.workers)
            worker.doomed = True

    def _wait(self) -> None:
        seconds = self.draw.choice((1, 100, 4000, 90_000))
        self.world.tell("{} s pass", seconds)
        self.world.time += seconds

    def problems(self) -> list[str]:
        in_bytes = self.history.seed % 10 == 0
        truth = Truth(self.objects, self.ledger, self.files, self.disk, self.parser, in_bytes)
        found = [wrong for one in self.datasets.all() for wrong in truth.miscounted(one)]
        return found + [wrong for one in self.models.all() for wrong in truth.untaught(one)]
