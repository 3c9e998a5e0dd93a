"""Protocols that lose events or count them twice, each of which the simulator must find; and one that does not.

The first five stand in the place of the refresh, over the same queues and faults, and get the easiest of tasks: objects
come, and never change. The last three are the real refresh with one thing wrong in its ledger.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from offer_ranking.catalog.errors import ContentionError
from offer_ranking.counting.ledger import Reading
from tests.simulation import counter, real
from tests.simulation.history import BUCKET, Batch, History, differences
from tests.simulation.lines import plain_line
from tests.simulation.world import FAULTS, Port
from tests.support.fakes import FakeLedger, FakeObjects

_TOKEN_SECONDS = 600.0  # for which DynamoDB remembers a ClientRequestToken
_CHUNK = 2  # keys that one transaction takes here; a hundred in DynamoDB

Entries = list[tuple[Any, int]]


class Table:
    """Counters and marks, with what DynamoDB offers to write them."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.counts: Counter[Any] = Counter()
        self.marks: set[str] = set()
        self._tokens: dict[str, float] = {}
        self._now = now

    def is_marked(self, mark: str) -> bool:
        return mark in self.marks

    def mark(self, mark: str) -> bool:
        """False when it was there already."""
        is_new = mark not in self.marks
        self.marks.add(mark)
        return is_new

    def add(self, entries: Iterable[tuple[Any, int]], *, mark: str | None = None, token: str | None = None) -> bool:
        """One transaction: adds to all counters and sets the mark, unless that is there; False then."""
        if token is not None and self._now() - self._tokens.get(token, float("-inf")) < _TOKEN_SECONDS:
            return True
        if mark is not None and not self.mark(mark):
            return False
        if token is not None:
            self._tokens[token] = self._now()
        for key, n in entries:
            self.counts[key] += n
        return True


Follow = Callable[[Any, str, Entries], None]
"""How a protocol brings what an object counts as into the table, which is a port."""


def add_per_notification(table: Any, _name: str, entries: Entries) -> None:
    table.add(entries)


def check_count_mark(table: Any, name: str, entries: Entries) -> None:
    if not table.is_marked(name):
        table.add(entries)
        table.mark(name)


def mark_count(table: Any, name: str, entries: Entries) -> None:
    if table.mark(name):
        table.add(entries)


def client_token_only(table: Any, name: str, entries: Entries) -> None:
    table.add(entries, token=name)


def one_mark_for_several_chunks(table: Any, name: str, entries: Entries) -> None:
    if not table.add(entries[:_CHUNK], mark=name):
        return
    for start in range(_CHUNK, len(entries), _CHUNK):
        table.add(entries[start : start + _CHUNK])


def a_mark_a_chunk(table: Any, name: str, entries: Entries) -> None:
    """Right, for objects that never change: what tells the simulator's findings from its own mistakes."""
    for start in range(0, len(entries), _CHUNK):
        table.add(entries[start : start + _CHUNK], mark=f"{name} {start}")


class Plain:
    """See history.System: a protocol of the first five, or the right one."""

    parser = counter.FIRST_PARSER

    def __init__(self, history: History, follow: Follow) -> None:
        self.history = history
        self.world = history.world
        self.draw = history.world.draw
        self.wanted = {"objects": self.draw.randint(1, 3)}
        self.objects = FakeObjects()
        self.table = Table(lambda: self.world.time)
        self.follow = follow
        self.lines = 0

    def acting(self, queue: str, parser: int) -> Callable[[Batch], list[str]]:  # noqa: ARG002 - there is one of each
        table: Any = Port(self.world, self.table, "table", writing="add mark", conflicting="add")
        objects: Any = Port(self.world, self.objects, "objects")

        def handle(batch: Batch) -> list[str]:
            failed = []
            for message_id, key in batch:
                try:
                    found = objects.head(BUCKET, key)
                    self.follow(table, f"{key} {found.version}", self._entries(key))
                except FAULTS:
                    failed.append(message_id)
            return failed

        return handle

    def _entries(self, key: str) -> Entries:
        _, data = self.objects.content[BUCKET, key]
        counts, _ = counter.recount({key: data}, (), self.parser)
        return list(counts.items())

    def deeds(self) -> dict[Callable[[], None], float]:
        return {self._put: 4, self._hint_again: 1, self._redrive: 1, self._kill: 1, self._wait: 1}

    def _put(self) -> None:
        numbers = range(self.lines, self.lines + self.draw.randint(1, 6))
        self.lines = numbers.stop
        key = f"object {numbers.start}"
        self.objects.put(BUCKET, key, b"\n".join(map(plain_line, numbers)))
        self.world.tell("put {!r}", key)
        self.history.queues["objects"].send(key)

    def _hint_again(self) -> None:
        if self.objects.content:
            self.history.queues["objects"].send(self.draw.choice(list(self.objects.content))[1])

    def _redrive(self) -> None:
        self.history.queues["objects"].redrive()

    def _kill(self) -> None:
        if self.world.workers:
            self.draw.choice(self.world.workers).doomed = True

    def _wait(self) -> None:
        self.world.time += self.draw.choice((1, 100, 4000))

    def last_hints(self) -> None:
        """Nothing is lost on the way to the queue here."""

    def problems(self) -> list[str]:
        surplus = Counter(self.table.counts)
        for _, name in self.objects.content:
            surplus.subtract(dict(self._entries(name)))
        return differences(surplus)


class _ConflictIsApplied:
    """Takes a TransactionConflict for the answer to a retry of what was done already."""

    def __init__(self, port: Any, _: History) -> None:
        self._port = port

    def __getattr__(self, method: str) -> Any:
        return getattr(self._port, method)

    def settle(self, *arguments: Any) -> bool:
        try:
            return bool(self._port.settle(*arguments))
        except ContentionError:
            return True

    def advance(self, *arguments: Any) -> bool:
        try:
            return bool(self._port.advance(*arguments))
        except ContentionError:
            return True


class _ClockIsOrder:
    """Numbers readings by the worker's clock, in microseconds."""

    def __init__(self, port: Any, history: History) -> None:
        self._port = port
        self._world = history.world

    def __getattr__(self, method: str) -> Any:
        return getattr(self._port, method)

    def next_generation(self, dataset_id: str, key: str) -> int:
        self._port.next_generation(dataset_id, key)
        return int(self._world.wall_clock() * 1e6)


class _LastWriterWins(FakeLedger):
    """Draws generations, and settles without looking at them."""

    def settle(self, dataset_id: str, key: str, generation: int, reading: Reading) -> bool:
        self._items[dataset_id][key].settled = generation - 1
        return super().settle(dataset_id, key, generation, reading)


def plain(follow: Follow) -> Callable[..., list[str]]:
    def run(seed: int, told: Callable[[str], None] | None = None) -> list[str]:
        history = History(seed, told)
        return history.run(Plain(history, follow))

    return run


def mutated(**plants: Any) -> Callable[..., list[str]]:
    def run(seed: int, told: Callable[[str], None] | None = None) -> list[str]:
        return real.run(seed, told, **plants)

    return run


RIGHT = plain(a_mark_a_chunk)
WRONG: dict[str, Callable[..., list[str]]] = {
    "plain ADD per notification": plain(add_per_notification),
    "check, count, mark": plain(check_count_mark),
    "mark, count": plain(mark_count),
    "client token only": plain(client_token_only),
    "one mark for several chunks": plain(one_mark_for_several_chunks),
    "conflict taken for applied": mutated(ledger_port=_ConflictIsApplied),
    "clocks as order": mutated(ledger_port=_ClockIsOrder),
    "generations without their condition": mutated(ledger=_LastWriterWins),
}
