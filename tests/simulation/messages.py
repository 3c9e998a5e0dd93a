"""A queue that delivers at least once, in any order, and sets aside what was given out in vain too often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Any

from tests.simulation.world import VISIBILITY_SECONDS, World

MAX_RECEIVES = 5


@dataclass(slots=True)
class Message:
    """A message as it lies in a queue."""

    id: str
    hint: Any
    visible_at: float
    received: int = 0


@dataclass
class Queue:
    """See SQS: standard queues, visibility timeouts, dead-letter queues and their redrive."""

    world: World
    name: str
    waiting: dict[str, Message] = field(default_factory=dict)
    dead: list[Message] = field(default_factory=list)
    sent: int = 0
    soonest: float = inf  # when the first of those that wait can be seen

    def send(self, hint: Any, delay: float = 0.0) -> None:
        draw, weather = self.world.draw, self.world.weather
        if weather.delay_message and draw.random() < weather.delay_message:
            delay += draw.choice((0.1, 1.0, 30.0, 1000.0)) * draw.random()
        for _ in range(2 if weather.double_message and draw.random() < weather.double_message else 1):
            self.sent += 1
            one = f"{self.name}-{self.sent}"
            self.waiting[one] = Message(one, hint, self.world.time + delay)
        self._changed()

    def receive(self, limit: int) -> list[tuple[str, Any]]:
        """Receipts and hints, which nobody else gets for a while."""
        now = self.world.time
        there = [one for one in self.waiting.values() if one.visible_at <= now]
        self.world.draw.shuffle(there)
        given = []
        for one in there[:limit]:
            if one.received >= MAX_RECEIVES:
                self.dead.append(self.waiting.pop(one.id))
                continue
            one.received += 1
            one.visible_at = now + VISIBILITY_SECONDS
            given.append((f"{one.id}.{one.received}", one.hint))
        self._changed()
        return given

    def delete(self, receipts: Iterable[str]) -> None:
        """Somebody is done with them. Whether that counts when others have received them since, SQS leaves open."""
        for receipt in receipts:
            one, _, received = receipt.partition(".")
            if one in self.waiting and (self.world.old_receipts_hold or self.waiting[one].received == int(received)):
                del self.waiting[one]
        self._changed()

    def redrive(self) -> None:
        """The dead come back, days later or at once."""
        for one in self.dead:
            self.waiting[one.id] = Message(one.id, one.hint, self.world.time)
        self.dead.clear()
        self._changed()

    def _changed(self) -> None:
        self.soonest = min((one.visible_at for one in self.waiting.values()), default=inf)
