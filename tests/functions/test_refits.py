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
from tests.support.system import System, handler, refresh


@pytest.fixture
def clock(system: System, monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """What time it is for the refresh, and how long it waits between fits."""
    assert system.tokens  # it is there, and would not wait
    time = [datetime.now(UTC)]
    monkeypatch.setattr(training, "LEAST_BETWEEN_FITS", timedelta(seconds=2))
    worker = handler("refresh_rankings")
    monkeypatch.setattr(worker, "refresh", replace(worker.refresh, now=lambda: time[0]))
    return time


def waiting() -> int:
    """How many messages the queue of fits holds, delayed or not."""
    queue = ENVIRONMENT["FITS_QUEUE"]
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
