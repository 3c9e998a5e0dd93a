"""What a caller, or the queue, finds when it asks again after something died half-way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.functions.test_loop import events
from tests.support.system import EVENT_SCHEMA, System, handler, refresh


def dies_once(monkeypatch: pytest.MonkeyPatch, thing: Any, method: str, *, after: bool) -> None:
    """The method raises at its first call: before it did anything, or when all was done but the answer."""
    real, calls = getattr(thing, method), []

    def once(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        first = len(calls) == 1
        if first and not after:
            raise ConnectionError("died before")
        answer = real(*arguments, **named)
        if first:
            raise ConnectionError("died after")
        return answer

    monkeypatch.setattr(type(thing), method, lambda _, *arguments, **named: once(*arguments, **named))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["create", "sweep"])
def test_a_create_that_died_half_way_answers_201_when_asked_again_with_its_key(
    system: System, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    place = {"bucket": "events-of-others", "prefix": "shop/"}
    system.put(place, "a.json.gz", events("apple", 4, 0))
    manage = handler("manage_models")
    dies_once(monkeypatch, manage.datasets if step == "create" else manage.hints, step, after=after)
    body = {"name": "events", "schema": EVENT_SCHEMA, **place}
    assert system.call("POST", "/datasets", body, Idempotency_Key="k").status == 500
    again = system.call("POST", "/datasets", body, Idempotency_Key="k")
    assert again.status == 201
    assert system.call("GET", "/datasets").json["total"] == 1
    model = system.create_model([again.json["id"]])
    system.settle()
    assert system.call("GET", f"/models/{model['id']}/report").json["totals"]["impressions"] == 4


PORTS = {
    "next_generation": "ledger", "settle": "ledger", "rows": "ledger", "pointer": "ledger", "advance": "ledger",
    "dirty": "ledger", "head": "objects", "download": "objects", "accounting": "files", "put_delta": "files",
    "delta": "files", "put_day": "files", "days": "files", "put_index": "files", "index": "files",
    "put_aggregate": "files", "aggregate": "files", "fit": "hints",
}  # fmt: skip


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", list(PORTS))
def test_a_count_that_died_at_any_call_is_exact_when_the_message_comes_again(
    system: System, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    dataset, model = system.live_model()
    system.settle()
    system.land(dataset, "first.json.gz", events("apple", 3, 1))
    key = system.put(dataset, "second.json.gz", events("banana", 5, 2))
    worker = handler("refresh_rankings")
    dies_once(monkeypatch, getattr(worker, PORTS[step]), step, after=after)
    assert system.notify(dataset["bucket"], key) == ["0"]
    assert system.notify(dataset["bucket"], key) == []
    system.settle()
    report = system.call("GET", f"/models/{model['id']}/report").json
    assert report["totals"] == {"impressions": 8, "conversions": 3, "conversionRate": 3 / 8}
    assert report["snapshotVersion"] == 2


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", ["put", "publish"])
def test_a_fit_that_died_at_any_call_is_made_when_the_message_comes_again(
    system: System, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    dataset, model = system.live_model()
    system.settle()
    assert system.notify(dataset["bucket"], system.put(dataset, "a.json.gz", events("apple", 3, 1))) == []
    trainer = handler("refresh_rankings").trainer
    dies_once(monkeypatch, trainer.snapshots if step == "put" else trainer.models, step, after=after)
    message = json.dumps({"fit": {"modelId": model["id"]}})
    assert refresh([message]) == ["0"]
    assert refresh([message]) == []
    assert system.call("GET", f"/models/{model['id']}").json["snapshot"]["version"] == 1


def test_only_the_message_that_fails_comes_again(system: System) -> None:
    dataset, model = system.live_model()
    key = system.put(dataset, "a.json.gz", events("apple", 3, 1))
    event = {"source": "aws.s3", "detail": {"bucket": {"name": dataset["bucket"]}, "object": {"key": key}}}
    nowhere = {"source": "aws.s3", "detail": {"bucket": {"name": dataset["bucket"]}, "object": {"key": "else/x"}}}
    gone = {"fit": {"modelId": "deleted"}}
    missing = {"sweep": {"datasetId": "deleted"}}
    bodies = [json.dumps(nowhere), "nonsense", json.dumps(event), json.dumps(gone), json.dumps(missing)]
    assert refresh(bodies) == ["1"]
    system.settle()
    assert system.call("GET", f"/models/{model['id']}/report").json["totals"]["impressions"] == 3


def test_the_schedule_fits_live_models_and_repeats_a_lost_discovery(system: System) -> None:
    place = {"bucket": "events-of-others", "prefix": "shop/"}
    system.put(place, "a.json.gz", events("apple", 4, 1))
    dataset = system.create_dataset(**place)
    model = system.create_model([dataset["id"]])
    system.call("POST", f"/models/{model['id']}/activate")
    import boto3  # noqa: PLC0415 - only here

    for queue in ("objects", "fits"):
        boto3.client("sqs").purge_queue(QueueUrl=f"https://sqs.us-east-1.amazonaws.com/123456789012/{queue}")
    assert handler("refresh_rankings").lambda_handler({"hint": "hourly"}, None) == {}
    system.settle()
    first = system.call("GET", f"/models/{model['id']}").json["snapshot"]["version"]
    handler("refresh_rankings").lambda_handler({"hint": "hourly"}, None)
    system.settle()
    assert system.call("GET", f"/models/{model['id']}").json["snapshot"]["version"] == first + 1
