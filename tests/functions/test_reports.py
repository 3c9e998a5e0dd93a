"""Reports and readiness through the handlers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest

from tests.functions.test_datasets import problem
from tests.support.system import System, display, handler

NOW = datetime.now(UTC)
YESTERDAY = NOW - timedelta(days=1)


def ranked(
    model: dict[str, Any],
    traffic: str,
    impressions: int,
    conversions: int,
    *,
    cell: str = "",
    offer: str = "apple",
    at: datetime = YESTERDAY,
) -> list[dict[str, Any]]:
    """Events as callers send them with a ranking's proposition in them."""
    details = {
        "strategies": [{"step": "aiModel", "strategyID": model["id"], "trafficType": traffic}],
        "characteristics": {"cell": cell},
    }
    kinds = ["display"] * impressions + ["interact"] * conversions
    return [display(offer, kind=kind, at=at, scopeDetails=details) for kind in kinds]


def report(system: System, model: dict[str, Any], **query: str) -> dict[str, Any]:
    reply = system.call("GET", f"/models/{model['id']}/report", query=query)
    assert reply.status == 200, reply.text
    return reply.json


def readiness(system: System, model: dict[str, Any], **query: str) -> dict[str, Any]:
    reply = system.call("GET", f"/models/{model['id']}/readiness", query=query)
    assert reply.status == 200, reply.text
    return reply.json


def test_a_model_that_is_five_times_better_than_chance_is_seen_to_be(system: System) -> None:
    dataset, model = system.live_model()
    lines = ranked(model, "random", 1000, 40) + ranked(model, "noncontextual", 2000, 400, offer="banana")
    system.land(dataset, "day.json.gz", lines)
    found = report(system, model)
    assert found["lift"]["value"] == pytest.approx(4)
    assert found["lift"]["interval"][0] > 0
    assert found["lift"]["enoughData"]
    assert [offer["probabilityBest"] for offer in found["offers"]] == pytest.approx([0, 1], abs=1e-6)
    over_time = found["trafficOverTime"]
    assert over_time["unit"] == "hour"
    assert over_time["offers"] == ["banana", "apple"]
    assert over_time["points"][0]["model"]["impressions"] == 2000


def test_lift_goes_on_from_a_models_beginning_when_its_first_days_leave_the_report(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    class In40Days(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> In40Days:
            return super().now(tz) + timedelta(days=40)

    dataset, model = system.live_model()
    lines = ranked(model, "random", 300, 30, at=NOW) + ranked(model, "noncontextual", 300, 60, at=NOW)
    system.land(dataset, "day.json.gz", lines)
    before = report(system, model)
    monkeypatch.setattr(handler("report_performance"), "datetime", In40Days)
    after = report(system, model)
    assert (before["totals"]["impressions"], after["totals"]["impressions"]) == (600, 0)
    assert after["lift"] == before["lift"]
    assert after["lift"]["enoughData"]


def test_two_models_on_one_dataset_have_each_its_own_lift(system: System) -> None:
    dataset, model = system.live_model()
    other = system.create_model([dataset["id"]], "other")
    lines = ranked(model, "random", 300, 30) + ranked(model, "noncontextual", 300, 60)
    lines += ranked(other, "random", 300, 60) + ranked(other, "noncontextual", 300, 30)
    system.land(dataset, "day.json.gz", lines)
    mine, theirs = report(system, model), report(system, other)
    assert (mine["lift"]["value"], theirs["lift"]["value"]) == (pytest.approx(1), pytest.approx(-0.5))
    assert mine["totals"] == theirs["totals"]
    assert mine["offers"] == theirs["offers"]


def test_a_personalized_model_is_reported_by_audience_and_by_what_personalizing_gains(system: System) -> None:
    dataset = system.create_dataset()
    model = system.create_model([dataset["id"]], type="personalized", audiences=["loyal"])
    lines = ranked(model, "contextual", 200, 80, cell='{"a":["loyal"]}') + ranked(model, "contextual", 300, 30)
    lines += ranked(model, "noncontextual", 200, 22) + ranked(model, "random", 100, 10, cell='{"a":["loyal"]}')
    system.land(dataset, "day.json.gz", lines)
    found = report(system, model)
    loyal, others = found["audiences"]
    assert (loyal["audience"], loyal["impressions"], loyal["conversions"]) == ("loyal", 300, 90)
    assert loyal["lift"]["value"] == pytest.approx(3)
    assert (others["audience"], others["impressions"]) == (None, 500)
    assert found["personalization"]["value"] == pytest.approx(110 / 500 / (22 / 200) - 1)
    assert found["traffic"]["contextual"]["impressions"] == 500


def test_a_dataset_is_summed_up_for_who_defines_a_model_over_it(system: System) -> None:
    dataset, model = system.live_model()
    path = f"/datasets/{dataset['id']}/summary"
    assert system.call("GET", path).json["lastEventAt"] is None
    lines = ranked(model, "contextual", 20, 3, cell='{"a":["loyal"],"c":{"device":"phone"}}')
    lines += ranked(model, "random", 10, 0, offer="pear", at=NOW - timedelta(days=10))
    system.land(dataset, "day.json.gz", lines)
    found = system.call("GET", path).json
    hour = YESTERDAY.replace(minute=0, second=0, microsecond=0)
    assert found.pop("asOf") > found["lastEventAt"]
    assert found == {
        "days": 14, "displays": 30, "interacts": 3, "offers": 2, "objects": 1,
        "audiences": [{"value": "loyal", "displays": 20}],
        "contextKeys": [{"key": "device", "values": 1, "displays": 20}],
        "lastEventAt": hour.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }  # fmt: skip
    week = system.call("GET", path, query={"days": "7"}).json
    assert (week["displays"], week["offers"], week["objects"]) == (20, 1, 1)


@pytest.mark.parametrize("days", ["0", "91", "all", "1.5", ""])
def test_a_summary_looks_back_as_many_days_as_fit_into_memory(system: System, days: str) -> None:
    path = f"/datasets/{system.create_dataset()['id']}/summary"
    assert problem(system.call("GET", path, query={"days": days})) == (422, "invalid", ["/query/days"])


def test_readiness_tells_what_a_draft_would_learn_from(system: System) -> None:
    dataset = system.create_dataset()
    model = system.create_model([dataset["id"]])
    lines: list[Any] = [display("apple", at=YESTERDAY) for _ in range(200)]
    lines += [display("apple", kind="interact", at=YESTERDAY) for _ in range(20)]
    system.land(dataset, "day.json.gz", [*lines, display("cherry", kind="interact", at=YESTERDAY), "no event"])
    found = readiness(system, model, offers="apple, banana")
    assert found["ready"]
    assert found["totals"] == {"impressions": 200, "conversions": 21, "conversionRate": 21 / 200}
    assert found["offersWithoutImpressions"] == ["banana", "cherry"]
    assert {"Offer 'banana' has no events.", "Offer 'cherry' has conversions only."} <= set(found["notes"])
    assert sum(found["accounting"]["refused"].values()) == 1
    assert found["impressionsPerDay"] == 200
    days = [one["days"] for one in found["expectedDays"]]
    assert days == sorted(days, reverse=True)
    assert days[-1] > 1


def test_a_model_without_events_is_not_ready(system: System) -> None:
    found = readiness(system, system.create_model([system.create_dataset()["id"]]))
    assert (found["ready"], found["impressionsPerDay"]) == (False, None)
    assert [one["days"] for one in found["expectedDays"]] == [None, None, None]


def test_what_readiness_cannot_be_asked_is_refused_by_name(system: System) -> None:
    model = system.create_model([system.create_dataset()["id"]])
    reply = system.call("GET", f"/models/{model['id']}/readiness", query={"offer": "apple"})
    assert (reply.status, reply.json["errors"][0]["pointer"]) == (422, "/query/offer")
    assert system.call("GET", "/models/missing/readiness").status == 404
    assert system.call("GET", f"/models/{model['id']}/readiness", who="ranker").status == 403


@pytest.mark.parametrize("days", ["0", "3651", "99999", "-1", "1.5", "ever", "", "٣"])
def test_days_out_of_range_are_refused_by_their_name(system: System, days: str) -> None:
    _, model = system.live_model()
    reply = system.call("GET", f"/models/{model['id']}/report", query={"days": days})
    assert problem(reply) == (422, "invalid", ["/query/days"])
