"""One seed's history: objects come, change and go while workers count them, and in the end all must be right."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import partial
from math import inf
from typing import Any, Protocol

from offer_ranking.catalog.errors import ContentionError
from offer_ranking.counting import delta as deltas
from offer_ranking.counting.protocol import MergeRaceError, ObjectChangesError
from offer_ranking.learning import refresh as refreshes
from offer_ranking.learning.training import FitRaceError
from tests.simulation.messages import Queue
from tests.simulation.world import FAULTS, Port, Weather, Worker, World
from tests.support.fakes import TidiedError

BUCKET = "datasets"
# What may keep a message from being done with, as long as the sky is not clear. All else is a bug of its own.
EXPECTED = (*FAULTS, ContentionError, MergeRaceError, ObjectChangesError, FitRaceError, TidiedError)
LONGEST = 20_000  # steps after which a history that does not come to rest is given up

Batch = list[tuple[str, Any]]


class System(Protocol):
    """What is tried: how it follows hints, what happens to it, and what must hold of it in the end."""

    wanted: Mapping[str, int]
    """How many workers each queue has."""
    parser: int
    """The version of the code that is deployed."""

    def acting(self, queue: str, parser: int) -> Callable[[Batch], list[str]]:
        """What a worker of this version does with a batch; it answers with the ids of messages to be given again."""

    def deeds(self) -> Mapping[Callable[[], None], float]:
        """What may happen, with weights."""

    def last_hints(self) -> None:
        """What is still sent after the last deed. After it nothing makes good for what was missed."""

    def problems(self) -> list[str]:
        """What is wrong once all has come to rest."""


class History:
    """Runs a system through what one seed holds for it."""

    def __init__(self, seed: int, told: Callable[[str], None] | None = None) -> None:
        self.seed = seed
        self.world = World(seed, told)
        self.queues = {name: Queue(self.world, name) for name in ("objects", "fits", "backfills")}
        self._started = 0
        self._hurry = self.world.draw.choice((0.01, 0.04, 0.2))

    def run(self, system: System) -> list[str]:
        """What is wrong in the end; nothing, if all is well."""
        heard = _Heard(self.world)
        log = logging.getLogger(refreshes.__name__)
        log.addHandler(heard)
        log.propagate = False
        try:
            return [*self._run(system), *sorted(heard.unexpected)]
        finally:
            log.removeHandler(heard)
            log.propagate = True
            for worker in self.world.workers:
                worker.doomed = True
                worker.switch()

    def _run(self, system: System) -> list[str]:
        world, draw = self.world, self.world.draw
        world.tell("{}", world.weather)
        left = draw.choice((3, 6, 12, 24))
        while left:
            if draw.random() < self._hurry or not self._step(system):
                draw.choices(*zip(*system.deeds().items(), strict=True))[0]()
                left -= 1
                if world.workers and world.weather.doze and draw.random() < 0.3:  # somebody hears of it late
                    world.doze(draw.choice(world.workers))
        self._end_old_workers(system)
        system.last_hints()
        for _ in range(draw.choice((0, 100, 1000))):
            self._step(system)
        world.weather = Weather(lag=world.weather.lag)
        world.tell("the sky clears")
        for _ in range(3):
            limit = world.step + LONGEST
            while self._step(system):
                if world.step > limit:
                    return ["it does not come to rest"]
            for queue in self.queues.values():
                queue.redrive()
        dead = [f"{len(queue.dead)} messages of {name} are dead" for name, queue in self.queues.items() if queue.dead]
        return [*dead, *system.problems()]

    def _step(self, system: System) -> bool:
        """Let one worker go on, or else time; False when nothing would happen any more."""
        world = self.world
        if len(world.workers) < sum(system.wanted.values()):
            self._start_workers(system)
        able = [worker for worker in world.workers if worker.can_go_on(world.step, world.time)]
        if able:
            worker = world.draw.choice(able)
            deltas.PARSER_VERSION = worker.parser
            world.go(worker)
            deltas.PARSER_VERSION = system.parser
            return True
        if dozing := [worker.dozes_until for worker in world.workers if worker.dozes_until > world.step]:
            world.step = min(dozing)
            return True
        coming = min(queue.soonest for queue in self.queues.values())
        if coming < inf:
            world.time = max(world.time, coming)
            return True
        return False

    def _start_workers(self, system: System) -> None:
        for name, wanted in system.wanted.items():
            for _ in range(wanted - sum(worker.queue.name == name for worker in self.world.workers)):
                self._started += 1
                port = Port(self.world, self.queues[name], name, writing="delete")
                act, limit = system.acting(name, system.parser), self.world.draw.choice((1, 3, 10))
                life = partial(self._live, port, act, limit)
                title = f"{name} {self._started}"
                self.world.workers.append(Worker(title, self.queues[name], system.parser, life, self.world.hub))

    def _live(self, queue: Any, act: Callable[[Batch], list[str]], limit: int) -> None:
        while not self.world.current().retired:
            try:
                batch = queue.receive(limit)
            except FAULTS:
                continue
            if not batch:
                self.world.rest()
                continue
            failed = act(batch)
            try:
                queue.delete([message_id for message_id, _ in batch if message_id not in failed])
            except FAULTS:
                continue  # they come again

    def _end_old_workers(self, system: System) -> None:
        """What an older version of the code began ends before the last hints, one way or the other."""
        old = [worker for worker in self.world.workers if worker.parser != system.parser]
        for worker in old:
            worker.retired = True
            worker.doomed |= self.world.draw.random() < 0.3
        while any(worker in self.world.workers for worker in old):
            self._step(system)


LOST, DOUBLE = "has lost", "has counted too often"


def differences(surplus: Mapping[Any, int]) -> list[str]:
    """What was counted less the truth, by key, in words."""
    lost = {key: -n for key, n in surplus.items() if n < 0}
    double = {key: n for key, n in surplus.items() if n > 0}
    return [f"{what} {some}" for what, some in ((LOST, lost), (DOUBLE, double)) if some]


class _Heard(logging.Handler):
    """Why messages failed."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.unexpected: set[str] = set()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self._world.tell("message failed: {!r}", error)
        if error is not None and not isinstance(error, EXPECTED):
            where = error.__traceback__
            while where is not None and where.tb_next is not None:
                where = where.tb_next
            place = f" in {where.tb_frame.f_code.co_filename}, line {where.tb_lineno}" if where else ""
            self.unexpected.add(f"{error!r}{place}")
