"""The whole loop through the handlers: create, activate, rank, events, counts, ranking, report."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.support.system import System, display

OFFERS = [{"id": offer} for offer in ("apple", "banana", "cherry")]


def ranking(system: System, model: dict[str, Any], **body: Any) -> dict[str, Any]:
    reply = system.call("POST", f"/models/{model['id']}/rankings", {"offers": OFFERS, **body})
    assert reply.status == 200, reply.text
    return reply.json


def events(offer: str, impressions: int, conversions: int) -> list[dict[str, Any]]:
    return [display(offer) for _ in range(impressions)] + [display(offer, kind="interact") for _ in range(conversions)]


def test_before_any_event_the_order_is_uniform_and_says_untrained(system: System) -> None:
    _, model = system.live_model()
    answer = ranking(system, model)
    assert answer["source"] == "untrained"
    assert answer["snapshot"] is None
    assert answer["trafficType"] == "random"
    assert [offer["propensity"] for offer in answer["offers"]] == pytest.approx([1 / 3] * 3)


def test_events_change_the_ranking(system: System) -> None:
    dataset, model = system.live_model()
    system.land(dataset, "day.json.gz", events("apple", 500, 2) + events("banana", 500, 200) + events("cherry", 500, 3))
    answer = ranking(system, model)
    assert answer["source"] == "fresh"
    assert answer["snapshot"]["version"] == 1
    by_id = {offer["id"]: offer["propensity"] for offer in answer["offers"]}
    assert by_id["banana"] == pytest.approx(0.95 + 0.05 / 3, abs=1e-6)
    report = system.call("GET", f"/models/{model['id']}/report").json
    assert report["totals"] == {"impressions": 1500, "conversions": 205, "conversionRate": 205 / 1500}
    assert report["accounting"]["received"] == report["accounting"]["counted"] == 1705
    banana = next(offer for offer in report["offers"] if offer["id"] == "banana")
    assert banana["interval"][0] < 0.4 < banana["interval"][1]


def test_a_copied_proposition_attributes_its_events_to_the_model(system: System) -> None:
    dataset, model = system.live_model()
    answer = ranking(system, model, count=1)
    shown = answer["offers"][0]["id"]
    proposition = {**answer["proposition"], "items": [{"id": shown}]}
    lines = [display(shown, **proposition), display(shown, kind="interact", **proposition)]
    system.land(dataset, "one.json", lines, zipped=False)
    report = system.call("GET", f"/models/{model['id']}/report").json
    assert report["traffic"]["random"] == {"impressions": 1, "conversions": 1, "conversionRate": 1.0}
    assert report["traffic"]["model"]["impressions"] == 0


def test_what_lies_in_a_dataset_when_it_is_created_counts(system: System) -> None:
    place = {"bucket": "events-of-others", "prefix": "shop/web/"}
    for n in range(3):
        system.put(place, f"{n}.json.gz", events("apple", 10, 1))
    dataset = system.create_dataset(**place)
    model = system.create_model([dataset["id"]])
    system.settle()
    assert system.call("GET", f"/models/{model['id']}/report").json["totals"]["impressions"] == 30
    assert system.call("GET", f"/datasets/{dataset['id']}").json["discovered"]


def test_overwritten_and_deleted_objects_change_the_counts(system: System) -> None:
    dataset, model = system.live_model()
    path = f"/models/{model['id']}/report"
    system.land(dataset, "a.json.gz", events("apple", 10, 1))
    system.land(dataset, "b.json.gz", events("apple", 5, 0))
    system.land(dataset, "a.json.gz", events("banana", 7, 7))
    assert system.call("GET", path).json["totals"]["impressions"] == 12
    boto3.client("s3").delete_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + "a.json.gz")
    assert system.notify(dataset["bucket"], dataset["prefix"] + "a.json.gz") == []
    system.settle()
    report = system.call("GET", path).json
    assert report["totals"] == {"impressions": 5, "conversions": 0, "conversionRate": 0.0}
    assert [offer["id"] for offer in report["offers"]] == ["apple"]
    assert report["accounting"]["received"] == 5


def test_the_same_notification_twice_changes_nothing_and_fits_nothing(system: System) -> None:
    dataset, model = system.live_model()
    system.land(dataset, "a.json.gz", events("apple", 10, 1))
    before = system.call("GET", f"/models/{model['id']}").json
    key = dataset["prefix"] + "a.json.gz"
    assert system.notify(dataset["bucket"], key, key) == []
    system.settle()
    assert system.call("GET", f"/models/{model['id']}").json["snapshot"] == before["snapshot"]


def test_a_model_without_events_says_why_it_learned_nothing(system: System) -> None:
    _, model = system.live_model()
    system.settle()
    training = system.call("GET", f"/models/{model['id']}").json["training"]
    assert training["status"] == "failed"
    assert training["error"]["reason"] == "no-events-in-dataset"


def test_an_unreadable_object_is_set_aside_alone(system: System) -> None:
    dataset, model = system.live_model()
    boto3.client("s3").put_object(
        Bucket=dataset["bucket"], Key=dataset["prefix"] + "bad.gz", Body=b"\x1f\x8b" + b"x" * 50
    )
    good = system.put(dataset, "good.json.gz", events("apple", 3, 0))
    assert system.notify(dataset["bucket"], dataset["prefix"] + "bad.gz", good) == []
    system.settle()
    assert system.call("GET", f"/models/{model['id']}/report").json["totals"]["impressions"] == 3
