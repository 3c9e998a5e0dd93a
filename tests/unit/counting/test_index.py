from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.counting.counts import CorruptCountsError
from offer_ranking.counting.index import DayIndex, Holder, Index
from offer_ranking.counting.stored import from_bytes, json_column, to_bytes

HOLDERS = [Holder("p", "d/p/1"), Holder("q", "d/q/1"), Holder("r", "d/r/1")]
ENTRIES = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2**64 - 1), st.integers(0, 2)), max_size=12)


def index_of(entries: list[tuple[int, int, int]]) -> Index:
    hour, key, holder = list(zip(*entries, strict=True)) or [(), (), ()]
    return Index.of(np.array(hour, np.int64), np.array(key, np.uint64), np.array(holder, np.int32), HOLDERS)


@given(ENTRIES)
def test_any_order_and_repetition_of_entries_is_the_same_index(entries: list[tuple[int, int, int]]) -> None:
    assert index_of([*entries[::-1], *entries]) == index_of(entries)


@given(ENTRIES, ENTRIES)
def test_joined_indexes_hold_what_each_of_them_holds(
    some: list[tuple[int, int, int]], more: list[tuple[int, int, int]]
) -> None:
    assert Index.joined([index_of(some), index_of(more)]) == index_of(some + more)


@given(ENTRIES)
def test_hours_are_a_partition(entries: list[tuple[int, int, int]]) -> None:
    index = index_of(entries)
    parts = dict(index.by_hour())
    assert Index.joined(parts.values()) == index
    assert all(set(part.hour.tolist()) == {hour} for hour, part in parts.items())


@given(ENTRIES)
def test_bytes_give_the_same_index_back(entries: list[tuple[int, int, int]]) -> None:
    day = DayIndex(index_of(entries), {5: "a file"})
    again = DayIndex.from_bytes(day.to_bytes())
    assert (again.few, again.many) == (day.few, day.many)


def test_an_index_of_nothing_is_nothing() -> None:
    assert not DayIndex()
    assert DayIndex(many={3: "a file"})
    assert DayIndex(index_of([(1, 2, 0)]))


def _changed(change: Callable[[dict[str, Any]], None]) -> bytes:
    columns = from_bytes(DayIndex(index_of([(1, 2, 0), (1, 3, 1)])).to_bytes())
    change(columns)
    return to_bytes(columns)


@pytest.mark.parametrize(
    "change",
    [
        lambda columns: columns.pop("key"),
        lambda columns: columns.pop("holders"),
        lambda columns: columns.update(key=columns["key"][::-1]),
        lambda columns: columns.update(holder=np.array([0, 7])),
        lambda columns: columns.update(holder=np.array([0])),
        lambda columns: columns.update(holders=json_column([["q", "1"], ["p", "1"]])),
        lambda columns: columns.update(holders=json_column([["p"]])),
        lambda columns: columns.update(holders=json_column(3)),
        lambda columns: columns.update(many=json_column([])),
        lambda columns: columns.update(key=np.array([2, 2]), holder=np.array([0, 0])),
    ],
)
def test_an_index_in_another_form_is_corrupt(change: Callable[[dict[str, Any]], None]) -> None:
    with pytest.raises(CorruptCountsError):
        DayIndex.from_bytes(_changed(change))
