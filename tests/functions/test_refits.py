"""A flood of objects is learned by few fits, and none of it is forgotten."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from offer_ranking.learning import training
from tests.functions.test_loop import events
from tests.support.aws import ENVIRONMENT
from tests.support.system import Context, System, handler, refresh, undelay


@pytest.fixture
def clock(system: System, monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """What time it is for the refresh, and how long it waits between fits."""
    assert system.tokens  # it is there, and would not wait
    time = [datetime.now(UTC)]
    monkeypatch.setattr(training, "LEAST_BETWEEN_FITS", timedelta(seconds=2))
    worker = handler("refresh_rankings")
    monkeypatch.setattr(worker, "refresh", replace(worker.refresh, now=lambda: time[0]))
    return time


def waiting(queue: str = ENVIRONMENT["FITS_QUEUE"]) -> int:
    """How many messages a queue holds, delayed or not."""
    told = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return int(told["ApproximateNumberOfMessages"]) + int(told["ApproximateNumberOfMessagesDelayed"])


def version(system: System, model: dict[str, Any]) -> int:
    return system.call("GET", f"/models/{model['id']}").json["snapshot"]["version"]


def test_a_model_that_was_fitted_a_moment_ago_is_fitted_later(system: System, clock: list[datetime]) -> None:
    dataset, model = system.live_model()
    fit = json.dumps({"fit": {"modelId": model["id"]}})
    for n in range(3):
        assert system.notify(dataset["bucket"], system.put(dataset, f"{n}.json.gz", events("apple", 3, 1))) == []
        assert refresh([fit]) == []
        assert version(system, model) == 1
    clock[0] += timedelta(seconds=2)
    assert refresh([fit]) == []
    assert version(system, model) == 2
    report = system.call("GET", f"/models/{model['id']}/report").json
    assert report["totals"]["impressions"] == 9


def test_a_fit_that_comes_too_soon_is_asked_for_again(system: System, clock: list[datetime]) -> None:
    dataset, model = system.live_model()
    fit = json.dumps({"fit": {"modelId": model["id"]}})
    system.notify(dataset["bucket"], system.put(dataset, "a.json.gz", events("apple", 3, 1)))
    assert refresh([fit]) == []
    system.notify(dataset["bucket"], system.put(dataset, "b.json.gz", events("apple", 3, 1)))
    before = waiting()
    assert refresh([fit, fit, fit]) == []
    assert waiting() == before + 1
    clock[0] += timedelta(seconds=3)
    assert refresh([fit]) == []
    assert version(system, model) == 2
    clock[0] += timedelta(seconds=3)
    assert refresh([fit]) == []
    assert version(system, model) == 2, "there was nothing new"


def test_a_clock_that_steps_back_stops_no_model_from_learning(system: System, clock: list[datetime]) -> None:
    dataset, model = system.live_model()
    fit = json.dumps({"fit": {"modelId": model["id"]}})
    system.notify(dataset["bucket"], system.put(dataset, "a.json.gz", events("apple", 3, 1)))
    refresh([fit])
    clock[0] -= timedelta(days=1)
    system.notify(dataset["bucket"], system.put(dataset, "b.json.gz", events("apple", 3, 1)))
    refresh([fit])
    assert version(system, model) == 2


def test_objects_for_which_a_call_has_no_time_are_counted_by_another(system: System) -> None:
    """A batch that outlasted its call was not merged, came again minutes later, and was set aside after five calls."""
    dataset, model = system.live_model()
    system.settle()
    keys = [system.put(dataset, f"{n}.json.gz", events("apple", 2**n, 0)) for n in range(4)]
    hints = [json.dumps({"lookAt": {"bucket": dataset["bucket"], "key": key}}) for key in keys]
    assert refresh(hints, Context(milliseconds=[61_000, 60_000, 59_000])) == []

    def impressions() -> int:
        return system.call("GET", f"/models/{model['id']}/report").json["totals"]["impressions"]

    assert impressions() == 1 + 2
    system.settle()
    assert impressions() == 1 + 2 + 4 + 8


def test_datasets_for_which_a_call_has_no_time_are_merged_by_another(system: System) -> None:
    """Time bounded what is counted, not what is merged: each of ten objects may be of a dataset of its own."""
    datasets = [system.create_dataset(f"dataset {n}") for n in range(3)]
    models = [system.create_model([dataset["id"]], f"model of {dataset['name']}") for dataset in datasets]
    system.settle()
    keys = [system.put(dataset, "a.json.gz", events("apple", 1, 0)) for dataset in datasets]
    hints = [json.dumps({"lookAt": {"bucket": datasets[0]["bucket"], "key": key}}) for key in keys]
    # Of six things, each but the first object and the first dataset is asked about.
    assert refresh(hints, Context(milliseconds=[90_000, 80_000, 70_000, 60_000])) == []

    def impressions() -> list[int]:
        reports = [system.call("GET", f"/models/{model['id']}/report").json for model in models]
        return [report["totals"]["impressions"] for report in reports]

    assert impressions() == [1, 1, 0]
    merge = json.dumps({"merge": {"datasetId": datasets[2]["id"]}})
    assert taken(ENVIRONMENT["OBJECTS_QUEUE"]) == [json.loads(merge)]
    assert refresh([merge], Context(milliseconds=[0])) == [], "one at least is merged"
    assert impressions() == [1, 1, 1]


def test_sweeps_for_which_a_call_has_no_time_are_begun_by_another(system: System) -> None:
    """One page may hint at 11,000 objects, and a batch may be ten pages."""
    dataset, _ = system.live_model()
    system.settle()
    keys = [system.put(dataset, f"{n}.json.gz", events("apple", 1, 0)) for n in range(3)]
    pages = [{"sweep": {"datasetId": dataset["id"], "after": after}} for after in (None, keys[0], keys[1])]
    hints = [json.dumps(page) for page in pages]
    assert refresh(hints, Context(milliseconds=[61_000, 60_000])) == []
    found = [{"lookAt": {"bucket": dataset["bucket"], "key": key}} for key in keys]
    assert in_order(taken(ENVIRONMENT["OBJECTS_QUEUE"])) == in_order([*found, *found[1:], pages[2]])
    assert refresh(hints[2:], Context(milliseconds=[0])) == [], "one at least is begun"
    assert taken(ENVIRONMENT["OBJECTS_QUEUE"]) == found[2:]


def test_models_for_which_a_call_has_no_time_are_fitted_by_another(system: System) -> None:
    """A call that outlasted its time was given all its messages again, and set them aside after five such calls."""
    dataset, model = system.live_model()
    fitted = [model, *(system.create_model([dataset["id"]], name) for name in ("second", "third"))]
    for one in fitted[1:]:
        system.call("POST", f"/models/{one['id']}/activate")
    system.notify(dataset["bucket"], system.put(dataset, "a.json.gz", events("apple", 3, 1)))
    taken(ENVIRONMENT["FITS_QUEUE"])
    hints = [json.dumps({"fit": {"modelId": one["id"], "windowMoved": n == 2}}) for n, one in enumerate(fitted)]
    assert refresh(hints, Context(milliseconds=[61_000, 60_000])) == []
    assert [version(system, one) for one in fitted[:2]] == [1, 1]
    assert system.call("GET", f"/models/{fitted[2]['id']}").json["snapshot"] is None
    assert taken(ENVIRONMENT["FITS_QUEUE"]) == [json.loads(hints[2])]
    assert refresh(hints[2:], Context(milliseconds=[0])) == [], "one at least is fitted"
    assert version(system, fitted[2]) == 1


def taken(queue: str) -> list[dict[str, Any]]:
    """Take what waits in a queue."""
    sqs = boto3.client("sqs")
    bodies = []
    while waiting(queue):
        undelay(queue)
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", []):
            bodies.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return bodies


def in_order(hints: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(hints, key=json.dumps)
