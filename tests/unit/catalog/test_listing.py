from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.catalog.errors import UnsuitableError
from offer_ranking.catalog.listing import page


@dataclass(frozen=True)
class Thing:
    id: str
    name: str


things = st.lists(
    st.builds(Thing, st.uuids().map(str), st.text(max_size=3)), unique_by=lambda thing: thing.id, max_size=12
)
orders = st.sampled_from(["name", "-name"])


def walk(found: list[Thing], order: str, limit: int) -> list[Thing]:
    seen: list[Thing] = []
    start = None
    while True:
        shown = page(found, order_by=order, limit=limit, start=start)
        seen += shown.results
        start = shown.next
        if start is None:
            return seen


@given(things, orders, st.integers(1, 5))
def test_pages_together_are_the_list_in_order_each_once(found: list[Thing], order: str, limit: int) -> None:
    assert walk(found, order, limit) == list(page(found, order_by=order, limit=1000, start=None).results)
    assert sorted(thing.id for thing in walk(found, order, limit)) == sorted(thing.id for thing in found)


@given(things, orders, st.data())
def test_what_goes_between_two_pages_hides_nothing_else(found: list[Thing], order: str, data: st.DataObject) -> None:
    first = page(found, order_by=order, limit=2, start=None)
    if first.next is None:
        return
    gone = data.draw(st.sampled_from(found))
    left = [thing for thing in found if thing is not gone]
    rest = page(left, order_by=order, limit=1000, start=first.next).results
    assert {thing.id for thing in (*first.results, *rest)} | {gone.id} == {thing.id for thing in found}


@given(st.text(max_size=80))
def test_a_forged_place_is_refused(start: str) -> None:
    with pytest.raises(UnsuitableError) as refused:
        page([Thing("1", "a")], order_by="name", limit=1, start=start)
    assert refused.value.pointer == "/query/start"


def test_a_place_of_another_order_is_refused() -> None:
    found = [Thing(str(n), str(n)) for n in range(3)]
    start = page(found, order_by="name", limit=1, start=None).next
    with pytest.raises(UnsuitableError):
        page(found, order_by="-name", limit=1, start=start)
