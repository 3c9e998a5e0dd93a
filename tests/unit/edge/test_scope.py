from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.catalog.decision import Scope
from offer_ranking.catalog.offering import Offering
from offer_ranking.edge.scope import read_scope
from tests.support.decisions import a_datastream, a_decision


def encoded(value: Any, *, url_safe: bool = False) -> str:
    data = json.dumps(value, ensure_ascii=False).encode()
    return (base64.urlsafe_b64encode if url_safe else base64.b64encode)(data).decode()


@pytest.mark.parametrize("prefix", ["", "xdm:"])
@pytest.mark.parametrize("url_safe", [True, False])
def test_activity_placement_and_count_are_read_in_every_spelling(prefix: str, url_safe: bool) -> None:
    ids = {"activityId": "\u00fb\u00ff?>", "placementId": "p", "itemCount": 3}
    asked = read_scope(encoded({prefix + key: value for key, value in ids.items()}, url_safe=url_safe))
    assert (asked.pair, asked.count, asked.fault) == (Scope("\u00fb\u00ff?>", "p"), 3, "")


def test_a_name_is_a_name_plain_or_encoded() -> None:
    assert read_scope("home").name == "home"
    named = encoded({"xdm:name": "home"})
    assert (read_scope(named).name, read_scope(named).spelled) == ("home", named)


@pytest.mark.parametrize("count", [None, 1, 30])
def test_a_count_from_1_to_30_or_none_is_right(count: int | None) -> None:
    asked = read_scope(encoded({"activityId": "a", "placementId": "p", "itemCount": count}))
    assert (asked.count, asked.fault) == (count, "")


@pytest.mark.parametrize(
    ("fields", "word"),
    [({"itemCount": 0}, "itemCount"), ({"itemCount": 31}, "itemCount"), ({"itemCount": True}, "itemCount"),
     ({"itemCount": "1"}, "itemCount"), ({"activityId": ""}, "activityId"), ({"placementId": 7}, "placementId")],
)  # fmt: skip
def test_what_is_wrong_is_said_and_nothing_asked_for(fields: dict[str, Any], word: str) -> None:
    asked = read_scope(encoded({"activityId": "a", "placementId": "p"} | fields))
    assert word in asked.fault
    assert asked.pair is None
    assert asked.decision(Offering.of(a_datastream(), [a_decision("d", activity_id="a", placement_id="p")])) is None


@given(st.text(max_size=60))
def test_any_text_asks_for_something_or_says_what_is_wrong(text: str) -> None:
    asked = read_scope(text)
    assert asked.name == text or asked.pair or asked.fault


def test_a_decision_is_found_by_what_it_is_asked_for_by() -> None:
    decision = a_decision("home", activity_id="a", placement_id="p")
    offering = Offering.of(a_datastream(), [decision])
    for spelled in ("home", encoded({"activityId": "a", "placementId": "p"})):
        assert read_scope(spelled).decision(offering) is decision
    for spelled in ("other", encoded({"activityId": "a", "placementId": "q"})):
        assert read_scope(spelled).decision(offering) is None
