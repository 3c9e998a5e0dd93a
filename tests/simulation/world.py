"""A world of one seed: workers that are switched at every call, faults, and clocks.

Workers are coroutines. Whatever one of them asks of a store or a queue goes through `World.call`, where it is put
aside and another may go on; there, too, it dies, is throttled, or never hears that its write was done. All of it
follows from the seed, so a seed is a history.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from typing import Any, Protocol, TypeVar

from greenlet import getcurrent, greenlet

from offer_ranking.catalog.errors import ContentionError

_T = TypeVar("_T")
START = 1_790_000_000.0  # seconds since 1970
VISIBILITY_SECONDS = 60.0


class Died(BaseException):
    """The worker is no more. What it still tries to call has no effect."""


class ThrottledError(Exception):
    """Refused, and nothing done."""


class TimedOutError(Exception):
    """No answer: done or not."""


FAULTS = (ThrottledError, TimedOutError, ContentionError)


@dataclass(frozen=True)
class Weather:
    """How likely each fault is, per call or message."""

    die: float = 0.0
    throttle: float = 0.0
    conflict: float = 0.0  # with another transaction
    lose_reply: float = 0.0
    repeat: float = 0.0  # the client library tries again by itself, after a reply that was lost
    lose_message: float = 0.0  # of S3's; a queue loses none
    double_message: float = 0.0
    delay_message: float = 0.0
    doze: float = 0.0  # a worker is not heard of for many steps of the others
    bent: float = 0.0  # a kind of call is slow, or deadly, whoever makes it
    outlast: float = 0.0  # a call takes longer than messages stay hidden
    jump: float = 0.0  # of a worker's clock, not of the time
    lag: float = 0.0  # of the index of dirty rows, in seconds

    @classmethod
    def drawn(cls, draw: random.Random) -> Weather:
        """Each fault is off in most seeds, since some keep others from their effect: what a sweep makes good, say."""
        rates = {
            "die": (0.003, 0.01, 0.03), "throttle": (0.003, 0.01, 0.04), "conflict": (0.05, 0.2),
            "lose_reply": (0.01, 0.04), "repeat": (0.01, 0.1), "lose_message": (0.1, 0.5),
            "double_message": (0.1, 0.5), "delay_message": (0.2, 0.8), "doze": (0.005, 0.03), "bent": (0.04, 0.1),
            "outlast": (0.001, 0.005), "jump": (0.002, 0.01), "lag": (1.0, 30.0),
        }  # fmt: skip
        likely = {"lose_message": 0.2, "double_message": 0.2, "doze": 0.6}
        blowing = {name: some for name, some in rates.items() if draw.random() < likely.get(name, 0.4)}
        return cls(**{name: draw.choice(some) for name, some in blowing.items()})

    def __str__(self) -> str:
        blowing = {one.name: getattr(self, one.name) for one in fields(self)}
        return ", ".join(f"{name} {rate:g}" for name, rate in blowing.items() if rate) or "calm"


class Soonest(Protocol):
    """A queue, as far as a worker waits for it."""

    name: str
    soonest: float


class Worker(greenlet):
    """A process that takes messages from one queue until it dies. `parser` is the version it was started with."""

    def __init__(self, name: str, queue: Soonest, parser: int, life: Callable[[], None], hub: greenlet) -> None:
        super().__init__(self._live, hub)
        self.name = name
        self.queue = queue
        self.parser = parser
        self.life = life
        self.doomed = False
        self.retired = False  # goes once its batch is done
        self.idle = False
        self.dozes_until = 0
        self.skew = 0.0

    def _live(self) -> None:
        with suppress(Died):
            self.life()

    def can_go_on(self, step: int, now: float) -> bool:
        if self.dozes_until > step:
            return False
        return not self.idle or self.queue.soonest <= now or self.doomed or self.retired


class World:
    """Time, chance and the workers. `told` takes what happens, one line each, when somebody wants to know."""

    def __init__(self, seed: int, told: Callable[[str], None] | None = None) -> None:
        self.draw = random.Random(seed)
        self.weather = Weather.drawn(self.draw)
        self.told = told
        self.old_receipts_hold = self.draw.random() < 0.5
        self.time = START + self.draw.random() * 1e6
        self.step = 0
        self.hub = getcurrent()
        self.workers: list[Worker] = []
        self._bends: dict[str, tuple[float, float]] = {}

    def tell(self, what: str, *more: Any) -> None:
        if self.told is not None:
            name = getattr(getcurrent(), "name", "world")
            self.told(f"{self.step:6d} {self.time - START:12.3f}  {name:12s} {what.format(*more)}")

    def wall_clock(self) -> float:
        """What a worker takes for the time: seconds since 1970, which may be less than a moment ago."""
        return self.time + getattr(getcurrent(), "skew", 0.0)

    def current(self) -> Worker:
        """The worker who asks."""
        worker = getcurrent()
        assert isinstance(worker, Worker)
        return worker

    def go(self, worker: Worker) -> None:
        """Let a worker go on to its next call."""
        self.step += 1
        self.time += self.draw.random() * 0.1
        worker.switch()
        if worker.dead:
            self.workers.remove(worker)

    def call(self, kind: str, what: str, action: Callable[[], _T], *, writes: bool, conflicts: bool) -> _T:
        """One call of a worker to something outside of it; `kind` says to what, and `what` all of it."""
        worker = getcurrent()
        if not isinstance(worker, Worker):
            return action()
        if worker.doomed:
            raise Died
        slow, deadly = self._bent(kind)
        if self.draw.random() < max(self.weather.doze, slow):
            self.doze(worker)
        self.hub.switch()
        if worker.doomed:
            self.tell("is killed before {}", what)
            raise Died
        self._clocks_go(worker)
        self._refuse(what, conflicts=conflicts)
        if self.draw.random() < max(self.weather.die, deadly):
            self._die(worker, what, action)
        answer = action()
        self.tell("{} -> {}", what, answer)
        if writes and self.draw.random() < self.weather.repeat:
            answer = action()
            self.tell("{} once more -> {}", what, answer)
        if writes and self.draw.random() < self.weather.lose_reply:
            self.tell("{}: no reply", what)
            raise TimedOutError(what)
        return answer

    def doze(self, worker: Worker) -> None:
        """Let a worker be slow while others take some steps, or very many."""
        worker.dozes_until = self.step + self.draw.randrange(self.draw.choice((50, 500, 5000)))

    def rest(self) -> None:
        """A worker waits until its queue has something."""
        worker = self.current()
        worker.idle = True
        self.hub.switch()
        worker.idle = False
        if worker.doomed:
            raise Died

    def _clocks_go(self, worker: Worker) -> None:
        if self.draw.random() < self.weather.outlast:
            self.time += VISIBILITY_SECONDS * 2
        if self.draw.random() < self.weather.jump:
            worker.skew = self.draw.choice((0.0, -0.5, -90.0, -4000.0, 0.5, 90.0, -90_000.0))
            self.tell("clock is off by {} s", worker.skew)

    def _refuse(self, what: str, *, conflicts: bool) -> None:
        if self.draw.random() < self.weather.throttle:
            self.tell("{}: throttled", what)
            raise ThrottledError(what)
        if conflicts and self.draw.random() < self.weather.conflict:
            self.tell("{}: conflict", what)
            raise ContentionError

    def _bent(self, kind: str) -> tuple[float, float]:
        """How likely a call of this kind dozes or dies: in most seeds and for most kinds as any other."""
        if not self.weather.bent:
            return 0.0, 0.0
        if kind not in self._bends:
            slow, deadly = (self.draw.random() < self.weather.bent for _ in range(2))
            self._bends[kind] = (0.5 * slow, 0.2 * deadly)
        return self._bends[kind]

    def _die(self, worker: Worker, what: str, action: Callable[[], Any]) -> None:
        worker.doomed = True
        if self.draw.random() < 0.5:
            self.tell("dies before {}", what)
        else:
            answer = action()
            self.tell("dies after {} -> {}", what, answer)
        raise Died


class Port:
    """What a worker holds of a store or a queue: the same methods, each of them a call of the world."""

    def __init__(self, world: World, target: Any, name: str, *, writing: str = "", conflicting: str = "") -> None:
        self._world = world
        self._target = target
        self._name = name
        self._writing = frozenset(writing.split())
        self._conflicting = frozenset(conflicting.split())

    def __getattr__(self, method: str) -> Callable[..., Any]:
        act, world = getattr(self._target, method), self._world
        title, writes, conflicts = f"{self._name}.{method}", method in self._writing, method in self._conflicting

        def called(*arguments: Any, **named: Any) -> Any:
            what = title if world.told is None else f"{title}{_spelled(arguments, named)}"
            return world.call(title, what, partial(act, *arguments, **named), writes=writes, conflicts=conflicts)

        self.__dict__[method] = called
        return called


def _spelled(arguments: tuple[Any, ...], named: dict[str, Any]) -> str:
    some = [*map(repr, arguments), *(f"{name}={value!r}" for name, value in named.items())]
    text = f"({', '.join(some)})".replace("\n", " ")
    return text if len(text) < 300 else text[:300] + "…)"
