"""Copies across objects: a brute-force recount decides what every change must come to."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from offer_ranking.counting import day_files
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.aggregate import Aggregate, Day
from offer_ranking.counting.copies import Change, difference
from offer_ranking.counting.counts import Counts, Key
from offer_ranking.counting.day_files import DayFiles
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.index import LARGE_HOUR, DayIndex, Holder, Index

# An entry: (identity, offer, impression hour). The identity decides the hour under which it is indexed.
Line = list[tuple[int, str, int]]


@dataclass
class Files:
    """Files of an aggregate, by name."""

    kept: dict[str, object] = field(default_factory=dict)

    def put_index(self, dataset_id: str, day: int, hour: int | None, generation: int, index: DayIndex) -> str:
        name = f"index {dataset_id} {day} {hour} {generation}"
        self.kept[name] = index.to_bytes()
        return name

    def index(self, name: str) -> DayIndex:
        return DayIndex.from_bytes(self.kept[name])

    def put_day(self, dataset_id: str, day: int, generation: int, counts: Counts) -> str:
        name = f"counts {dataset_id} {day} {generation}"
        self.kept[name] = counts.to_bytes()
        return name

    def days(self, names: list[str]) -> list[Counts]:
        return [Counts.from_bytes(self.kept[name]) for name in names]


def hour_of(identity: int) -> int:
    return (identity * 7) % 50


def delta_of(lines: list[Line]) -> Delta:
    """What an object of these lines counts as: within it the first line of an identity has it."""
    owner: dict[int, int] = {}
    entries = []
    for number, line in enumerate(lines, start=1):
        had = set()
        for identity, offer, hour in line:
            if owner.setdefault(identity, number) == number and (identity, offer) not in had:
                had.add((identity, offer))
                entries.append((identity, number, Key(hour, offer)))
    keys = sorted({key for _, _, key in entries})
    counted = len({number for _, number, _ in entries})
    return Delta.tallied(
        keys,
        hour=[hour_of(identity) for identity, _, _ in entries],
        key=np.array([identity for identity, _, _ in entries], np.uint64),
        line=[number for _, number, _ in entries],
        group=[keys.index(key) for _, _, key in entries],
        accounting=Accounting.of(counted=counted, duplicate=len(lines) - counted),
    )


def recount(objects: dict[str, list[Line]]) -> tuple[dict[Key, int], Accounting]:
    owner: dict[int, tuple[str, int]] = {}
    counts: Counter[Key] = Counter()
    ends: Counter[str] = Counter()
    for name in sorted(objects):
        for number, line in enumerate(objects[name], start=1):
            had = set()
            for identity, offer, hour in line:
                if owner.setdefault(identity, (name, number)) == (name, number) and (identity, offer) not in had:
                    had.add((identity, offer))
                    counts[Key(hour, offer)] += 1
            ends["counted" if had else "duplicate"] += 1
    return dict(counts), Accounting.of(**ends)


lines = st.lists(
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from("ab"), st.integers(20, 50)), min_size=1, max_size=3),
    max_size=4,
)
histories = st.lists(st.dictionaries(st.sampled_from("pqrs"), st.none() | lines, min_size=1, max_size=3), max_size=6)


@settings(max_examples=80, deadline=None)
@given(histories, st.sampled_from([1, 3, 8192]))
def test_any_history_of_changes_counts_as_a_recount_of_what_is_left(
    history: list[dict[str, list[Line] | None]], large: int
) -> None:
    before, day_files.LARGE_HOUR = day_files.LARGE_HOUR, large
    try:
        objects, aggregate, files = follow(history)
        again, recounted, fresh = follow([dict(objects)] if objects else [])
    finally:
        day_files.LARGE_HOUR = before
    assert again == objects
    counts, accounting = recount(objects)
    assert dict(counted(aggregate, files).items()) == counts
    assert aggregate.accounting == accounting
    assert contents(aggregate, files) == contents(recounted, fresh)


def follow(history: list[dict[str, list[Line] | None]]) -> tuple[dict[str, list[Line]], Aggregate, Files]:
    """Merge each step of a history: what is left, as objects and as counts."""
    objects: dict[str, list[Line]] = {}
    deltas: dict[str, Delta] = {}
    files, aggregate = Files(), Aggregate()
    applied: dict[str, str] = {}
    for step in history:
        generation = len(files.kept)
        changes = []
        for name, content in step.items():
            after = None if content is None else f"{name} {content}"
            if after:
                deltas[after] = Delta.from_bytes(delta_of(content).to_bytes())
            changes.append(Change(name, applied.get(name), after))
            applied[name], objects[name] = after, content
        days = DayFiles("d", aggregate, files)
        aggregate = days.with_difference(difference(changes, deltas.__getitem__, days.lookup), generation)
    return {name: content for name, content in objects.items() if content is not None}, aggregate, files


def counted(aggregate: Aggregate, files: Files) -> Counts:
    return Counts.total(files.days([day.counts for day in aggregate.days.values() if day.counts]))


def contents(aggregate: Aggregate, files: Files) -> dict[int, tuple[object, ...]]:
    """The bytes of every file of an aggregate, without the names that hold a generation."""
    found = {}
    for number, day in aggregate.days.items():
        index = files.index(day.index) if day.index else DayIndex()
        hours = {hour: files.kept[name] for hour, name in index.many.items()}
        found[number] = (files.kept.get(day.counts), DayIndex(index.few).to_bytes(), hours)
    return found


def test_a_line_counts_as_long_as_one_of_its_offers_does_also_when_that_lies_in_an_hour_nobody_touches() -> None:
    shared, own = (1, "a", 20), (2, "b", 20)
    objects, aggregate, _ = follow([{"q": [[shared, own]]}, {"p": [[shared]]}])
    assert len(objects) == 2
    assert aggregate.accounting == Accounting.of(counted=2)
    _, aggregate, _ = follow([{"q": [[shared, own]]}, {"p": [[shared, own]]}])
    assert aggregate.accounting == Accounting.of(counted=1, duplicate=1)


def test_deleting_the_object_that_counts_an_event_revives_its_copy() -> None:
    event = [(1, "a", 20)]
    _, aggregate, files = follow([{"p": [event]}, {"q": [event]}, {"p": None}])
    assert dict(counted(aggregate, files).items()) == {Key(20, "a"): 1}
    assert aggregate.accounting == Accounting.of(counted=1)


def test_a_merge_holds_no_more_than_an_hour_of_a_day_at_once() -> None:
    """A file of events of all day was merged with all that the day held: of twelve million events 2 GB, all of it."""
    held, hours = LARGE_HOUR + 1000, 24
    random = np.random.default_rng(3)
    files = Files()
    many = {}
    for hour in range(hours):
        keys = random.integers(0, 2**63, held)
        index = DayIndex(Index.of(np.full(held, hour), keys, np.zeros(held), [Holder("a", "a")]))
        many[hour] = files.put_index("d", 0, hour, 1, index)
    aggregate = Aggregate(days={0: Day(None, files.put_index("d", 0, None, 1, DayIndex(many=many)))})
    new = Delta.tallied(
        [Key(0, "o")],
        hour=np.arange(hours),
        key=random.integers(0, 2**63, hours).astype(np.uint64),
        line=np.arange(hours) + 1,
        group=np.zeros(hours),
        accounting=Accounting.of(counted=hours),
    )
    tracemalloc.start()
    days = DayFiles("d", aggregate, files)
    found = difference([Change("b", None, "b")], {"b": new}.__getitem__, days.lookup)
    _, reading = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    after = days.with_difference(found, 2)
    assert reading < 20 * held * hours / 2, "an entry takes 20 bytes"
    written = files.index(str(after.days[0].index))
    assert [len(files.index(name).few) for _, name in sorted(written.many.items())] == [held + 1] * hours
