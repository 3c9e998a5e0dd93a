from __future__ import annotations

from typing import Any

import pytest

from offer_ranking.counting.counts import CONVERSION, HOURS_PER_DAY, Counts, Key
from offer_ranking.measuring.history import History, Membership
from offer_ranking.measuring.traffic import OwnTraffic, traffic_over_time
from tests.support.models import a_model

NOON = 12  # of 1970-01-01


def over_time(rows: dict[Key, int], **fields: Any) -> dict[str, Any]:
    counts, model = Counts.of(rows.keys(), rows.values()), a_model(**fields)
    past = History.of([counts], model, Membership(model.audiences))
    return dict(traffic_over_time(counts, OwnTraffic.of(counts, "m"), model, past.lift_until))


def test_two_days_are_told_by_hours_and_more_by_days() -> None:
    last = NOON + 2 * HOURS_PER_DAY
    by_hour = over_time({Key(NOON, "a"): 1, Key(NOON + 1, "a"): 2, Key(last - 1, "a"): 3})
    assert by_hour["unit"] == "hour"
    starts = [(point["start"], point["impressions"]) for point in by_hour["points"]]
    assert starts == [
        ("1970-01-01T12:00:00.000Z", 1), ("1970-01-01T13:00:00.000Z", 2), ("1970-01-03T11:00:00.000Z", 3),
    ]  # fmt: skip
    by_day = over_time({Key(NOON, "a"): 1, Key(NOON + 1, "a"): 2, Key(last, "a"): 3})
    assert by_day["unit"] == "day"
    starts = [(point["start"], point["impressions"]) for point in by_day["points"]]
    assert starts == [("1970-01-01T00:00:00.000Z", 3), ("1970-01-03T00:00:00.000Z", 3)]


def test_a_point_has_all_events_and_the_models_own_by_arm() -> None:
    (first, second) = over_time(
        {
            Key(1, "a", model="m", traffic="random"): 10,
            Key(1, "a", model="m", traffic="noncontextual"): 30,
            Key(1, "a", model="m", traffic="contextual"): 50,
            Key(1, "a", model="m", traffic="contextual", kind=CONVERSION): 5,
            Key(1, "a", model="other", traffic="random"): 7,
            Key(2, "a", kind=CONVERSION): 3,
        },
        audiences=("loyal",),
    )["points"]
    assert (first["impressions"], first["conversions"]) == (97, 5)
    shown = {arm: first[arm]["impressions"] for arm in ("random", "noncontextual", "contextual", "model")}
    assert shown == {"random": 10, "noncontextual": 30, "contextual": 50, "model": 80}
    assert first["model"]["conversions"] == 5
    assert (second["impressions"], second["conversions"], second["model"]["impressions"]) == (0, 3, 0)
    assert (second["shares"], second["others"]) == ([0.0], 0.0)


def test_the_ten_most_shown_offers_have_shares_of_their_own_and_all_others_one_together() -> None:
    rows = {Key(1, f"offer {n:02}"): 100 - n for n in range(15)} | {Key(2, "offer 14"): 5}
    found = over_time(rows)
    assert found["offers"] == [f"offer {n:02}" for n in range(10)]
    first, second = found["points"]
    total = sum(100 - n for n in range(15))
    assert first["shares"] == pytest.approx([(100 - n) / total for n in range(10)])
    assert sum(first["shares"]) + first["others"] == pytest.approx(1)
    assert (second["shares"], second["others"]) == ([0.0] * 10, 1.0)


def test_own_events_whose_arm_is_not_known_are_the_models() -> None:
    (point,) = over_time({Key(1, "a", model="m"): 4, Key(1, "a", model="m", traffic="something else"): 5})["points"]
    assert (point["random"]["impressions"], point["model"]["impressions"]) == (0, 9)
