from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.edge.audiences import audiences_of, context_of

ANYTHING = st.recursive(
    st.none() | st.text(), lambda inside: st.lists(inside) | st.dictionaries(st.text(max_size=3), inside), max_leaves=8
)


def test_audiences_of_any_namespace_and_those_named_for_us_are_read() -> None:
    memberships = {
        "ups": {"a": {"status": "realized"}, "b": {"status": "exited"}},
        "aam": {"c": {"status": "existing"}},
    }
    claims = audiences_of({"segmentMembership": memberships}, {"__offerRanking": {"audiences": ["d", 5]}})
    assert claims == ("a", "c", "d")


@pytest.mark.parametrize(
    ("value", "known"),
    [("x", True), ("x" * 256, True), ("x" * 257, False), (1, True), (1.5, True), (True, True), (None, False),
     ([], False), ({}, False), (float("inf"), False)],
)  # fmt: skip
def test_context_is_texts_numbers_and_truths(value: Any, known: bool) -> None:
    found = context_of({"device": {"type": value}}, {}, ["xdm.device.type"])
    assert found == ({"xdm.device.type": value} if known else {})


def test_context_is_found_by_its_path_in_xdm_and_data_and_nowhere_else() -> None:
    keys = ["xdm.a.b", "data.c", "a.b", "xdm.a", "xdm", "", "xdm.a.b.c"]
    assert context_of({"a": {"b": 1}}, {"c": 2}, keys) == {"xdm.a.b": 1, "data.c": 2}


@given(st.dictionaries(st.text(max_size=5), ANYTHING))
def test_any_claims_are_read(claims: dict[str, Any]) -> None:
    assert isinstance(audiences_of({"segmentMembership": claims}, claims), tuple)
    assert isinstance(context_of(claims, claims, ["xdm.a", "data.b.c"]), dict)
