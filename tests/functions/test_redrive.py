"""What was set aside is given again days later, or twice, and nothing is counted twice by it."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from infra import redrive
from tests.support.aws import ENVIRONMENT
from tests.support.system import System, display

QUEUES = {"objects": ENVIRONMENT["OBJECTS_QUEUE"], "fits": ENVIRONMENT["FITS_QUEUE"]}


@pytest.fixture
def dead_letters(system: System) -> str:  # noqa: ARG001 - moto must be at work
    return boto3.client("sqs").create_queue(QueueName="objects-dlq")["QueueUrl"]


def event(dataset: dict[str, Any], key: str, kind: str = "Created") -> str:
    detail = {"bucket": {"name": dataset["bucket"]}, "object": {"key": dataset["prefix"] + key}}
    return json.dumps({"source": "aws.s3", "detail-type": f"Object {kind}", "detail": detail})


def report(system: System, model: dict[str, Any]) -> dict[str, Any]:
    return system.call("GET", f"/models/{model['id']}/report", query={"days": "all"}).json


def waiting(queue: str) -> int:
    attributes = boto3.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def test_a_redriven_message_counts_what_was_not_counted_and_nothing_twice(system: System, dead_letters: str) -> None:
    dataset, model = system.live_model()
    system.land(dataset, "counted.json", [display("a"), display("a", kind="interact")])
    system.put(dataset, "set-aside.json", [display("a"), display("b")])
    before = report(system, model)["totals"]
    sqs = boto3.client("sqs")
    for key in ("counted.json", "set-aside.json", "set-aside.json", "counted.json", "gone.json"):
        sqs.send_message(QueueUrl=dead_letters, MessageBody=event(dataset, key))
    assert redrive.move(sqs, dead_letters, **QUEUES) == 5
    assert waiting(dead_letters) == 0
    system.settle()
    after = report(system, model)["totals"]
    assert (before["impressions"], before["conversions"]) == (1, 1)
    assert (after["impressions"], after["conversions"]) == (3, 1)


def test_an_old_message_does_not_bring_back_what_was_overwritten_or_deleted(system: System, dead_letters: str) -> None:
    dataset, model = system.live_model()
    old = event(dataset, "a.json")
    system.land(dataset, "a.json", [display("a")] * 3)
    system.land(dataset, "a.json", [display("b")])
    sqs = boto3.client("sqs")
    sqs.send_message(QueueUrl=dead_letters, MessageBody=old)
    redrive.move(sqs, dead_letters, **QUEUES)
    system.settle()
    assert [one["id"] for one in report(system, model)["offers"]] == ["b"]

    boto3.client("s3").delete_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + "a.json")
    sqs.send_message(QueueUrl=dead_letters, MessageBody=old)
    redrive.move(sqs, dead_letters, **QUEUES)
    system.settle()
    assert report(system, model)["totals"]["impressions"] == 0


def test_more_messages_than_one_call_takes_are_moved_each_to_its_own_queue_and_none_is_lost(dead_letters: str) -> None:
    sqs = boto3.client("sqs")
    objects, fits = (sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("to-objects", "to-fits"))
    for n in range(25):
        body = {"fit": {"modelId": str(n)}} if n % 5 == 0 else {"merge": {"datasetId": str(n)}}
        sqs.send_message(QueueUrl=dead_letters, MessageBody=json.dumps(body))
    sqs.send_message(QueueUrl=dead_letters, MessageBody="no json")
    assert redrive.move(sqs, dead_letters, objects=objects, fits=fits) == 26
    assert (waiting(dead_letters), waiting(objects), waiting(fits)) == (0, 21, 5)


def test_what_cannot_be_sent_stays_where_it_is() -> None:
    class Refusing:
        def receive_message(self, **_: Any) -> Any:
            return {"Messages": [{"Body": "1", "ReceiptHandle": "h"}]}

        def send_message_batch(self, **_: Any) -> Any:
            return {"Failed": [{"Id": "0"}]}

    with pytest.raises(ConnectionError, match="objects takes no messages"):
        redrive.move(Refusing(), "source", objects="objects", fits="fits")
