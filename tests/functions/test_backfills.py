"""A backfill counts whatever is not counted, once, whatever else happens meanwhile; and says how far it is."""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
import pytest

from tests.support.aws import ENVIRONMENT
from tests.support.system import Context, System, display, handler


def totals(system: System, model: dict[str, Any]) -> tuple[int, int]:
    found = system.call("GET", f"/models/{model['id']}/report", query={"days": "all"}).json["totals"]
    return found["impressions"], found["conversions"]


def shown(system: System, backfill_id: str) -> Any:
    reply = system.call("GET", f"/backfills/{backfill_id}")
    assert reply.status == 200, reply.text
    return reply.json


@pytest.fixture
def unknown(system: System) -> tuple[dict[str, Any], dict[str, Any]]:
    """A live model over a dataset with three objects that nobody has told of: 4 displays, 1 interact."""
    dataset, model = system.live_model()
    system.settle()
    system.put(dataset, "1.json.gz", [display("a"), display("b")])
    system.put(dataset, "2.json", [display("a"), display("b", kind="interact")], zipped=False)
    system.put(dataset, "deep/er/3.json.gz", [display("c")])
    return dataset, model


def test_a_backfill_counts_what_lies_there_and_is_learned_from(
    system: System, unknown: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    dataset, model = unknown
    assert totals(system, model) == (0, 0)
    backfill = shown(system, system.backfill(dataset, at_once=2))
    assert totals(system, model) == (4, 1)
    assert (backfill["datasetId"], backfill["progress"]["counted"]) == (dataset["id"], 3)
    sizes = boto3.client("s3").list_objects_v2(Bucket=dataset["bucket"], Prefix=dataset["prefix"])["Contents"]
    assert backfill["progress"]["bytes"] == sum(one["Size"] for one in sizes)
    assert backfill["progress"]["seconds"] > 0
    assert {part["of"].partition(":")[0] for part in backfill["cost"]["parts"]} >= {"Lambda", "Step Functions", "S3"}
    assert backfill["cost"]["usd"] == pytest.approx(sum(part["usd"] for part in backfill["cost"]["parts"]))
    ranking = system.call("POST", f"/models/{model['id']}/rankings", {"offers": [{"id": "a"}, {"id": "b"}]}).json
    assert ranking["source"] == "fresh"


def test_a_second_backfill_counts_nothing_and_changes_nothing(
    system: System, unknown: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    dataset, model = unknown
    system.backfill(dataset)
    before = system.call("GET", f"/datasets/{dataset['id']}/accounting").json
    again = shown(system, system.backfill(dataset))
    assert (again["progress"]["counted"], again["progress"]["bytes"]) == (0, 0)
    assert system.call("GET", f"/datasets/{dataset['id']}/accounting").json == before
    assert totals(system, model) == (4, 1)


def test_events_that_arrive_meanwhile_twice_and_late_are_counted_once_beside_it(
    system: System, unknown: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    dataset, model = unknown
    listed = boto3.client("s3").list_objects_v2(Bucket=dataset["bucket"], Prefix=dataset["prefix"])["Contents"]
    old = [
        {"datasetId": dataset["id"], "backfillId": str(uuid.uuid4()), "key": one["Key"], "version": one["ETag"],
         "bytes": one["Size"]}
        for one in listed
    ]  # fmt: skip
    # After the listing: one object is told of, one is overwritten, one is deleted, one is new.
    system.notify(dataset["bucket"], listed[0]["Key"])
    system.land(dataset, "2.json", [display("d")] * 7, zipped=False)
    boto3.client("s3").delete_object(Bucket=dataset["bucket"], Key=listed[2]["Key"])
    system.put(dataset, "4.json.gz", [display("e")])
    assert handler("refresh_rankings").lambda_handler({"backfill": {"Items": old}}, Context()) == {"Items": []}
    system.notify(dataset["bucket"], dataset["prefix"] + "4.json.gz", listed[0]["Key"], listed[2]["Key"])
    system.settle()
    assert totals(system, model) == (2 + 1 + 0 + 1, 0), "seven copies of one event are one"


def test_what_a_call_has_no_time_for_is_left_to_the_next_one(
    system: System, unknown: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    dataset, model = unknown
    late = Context(milliseconds=[1] * 100)
    backfill = shown(system, system.backfill(dataset, context=late))
    assert len(late.milliseconds) == 100 - 2, "one object a call; the last has none behind it"
    assert backfill["progress"]["counted"] == 3
    assert totals(system, model) == (4, 1)
    calls = {part["unit"]: part["quantity"] for part in backfill["cost"]["parts"]}["call"]
    assert calls == 3


def test_an_object_alone_is_a_batch_too(system: System, unknown: tuple[dict[str, Any], dict[str, Any]]) -> None:
    dataset, model = unknown
    key = dataset["prefix"] + "1.json.gz"
    version = boto3.client("s3").head_object(Bucket=dataset["bucket"], Key=key)["ETag"]
    alone = {"datasetId": dataset["id"], "backfillId": str(uuid.uuid4()), "key": key, "version": version, "bytes": 1}
    assert handler("refresh_rankings").lambda_handler({"backfill": alone}, Context()) == {"Items": []}
    system.settle()
    assert totals(system, model) == (2, 0)


def test_what_is_no_object_of_the_dataset_or_cannot_be_read_does_not_stop_it(
    system: System, unknown: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    dataset, model = unknown
    s3 = boto3.client("s3")
    for key, body in (("_SUCCESS", b""), ("manifest-1.json", b"{}"), ("bad.json.gz", b"\x1f\x8b\x08 none")):
        s3.put_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + key, Body=body)
    backfill = shown(system, system.backfill(dataset))
    assert (backfill["progress"]["counted"], backfill["progress"]["unreadable"]) == (4, 1)
    assert totals(system, model) == (4, 1)


def test_a_dataset_that_is_deleted_meanwhile_ends_it(system: System) -> None:
    dataset = system.create_dataset()
    key = system.put(dataset, "1.json", [display("a")])
    assert system.call("DELETE", f"/datasets/{dataset['id']}", If_Match="*").status == 204
    gone = {"datasetId": dataset["id"], "backfillId": "b", "key": key, "version": "v", "bytes": 1}
    assert handler("refresh_rankings").lambda_handler({"backfill": {"Items": [gone]}}, Context()) == {"Items": []}
    assert system.call("POST", f"/datasets/{dataset['id']}/backfills").status == 404


def test_a_start_answers_where_to_look_and_step_functions_is_told_where_the_objects_lie(system: System) -> None:
    dataset = system.create_dataset(bucket="events-of-others", prefix="shop/web/")
    reply = system.call("POST", f"/datasets/{dataset['id']}/backfills")
    assert (reply.status, reply.json["status"], reply.json["datasetId"]) == (202, "running", dataset["id"])
    assert reply.headers["Location"] == f"/backfills/{reply.json['id']}"
    (execution,) = boto3.client("stepfunctions").list_executions(stateMachineArn=ENVIRONMENT["BACKFILLS"])["executions"]
    started = boto3.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])
    assert json.loads(started["input"]) == {
        "datasetId": dataset["id"], "backfillId": reply.json["id"], "bucket": "events-of-others", "prefix": "shop/web/",
    }  # fmt: skip
    assert shown(system, reply.json["id"])["status"] == "running"


def test_the_same_idempotency_key_starts_it_once_and_another_datasets_is_another(system: System) -> None:
    one, other = system.create_dataset("one"), system.create_dataset("other")
    paths = [f"/datasets/{dataset['id']}/backfills" for dataset in (one, one, other)]
    replies = [system.call("POST", path, Idempotency_Key="k") for path in paths]
    assert [reply.status for reply in replies] == [202, 202, 202]
    assert replies[0].json == replies[1].json
    assert replies[2].json["id"] != replies[0].json["id"]
    assert system.call("POST", paths[0]).json["id"] != replies[0].json["id"]
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=ENVIRONMENT["BACKFILLS"])["executions"]
    assert len(found) == 3
    assert system.call("POST", paths[0], Idempotency_Key="").status == 422


def test_a_backfill_that_was_ended_has_failed(system: System) -> None:
    dataset = system.create_dataset()
    backfill_id = system.call("POST", f"/datasets/{dataset['id']}/backfills").json["id"]
    execution = ENVIRONMENT["BACKFILLS"].replace(":stateMachine:", ":execution:") + f":{backfill_id}"
    boto3.client("stepfunctions").stop_execution(executionArn=execution, error="Stopped", cause="by a person")
    found = shown(system, backfill_id)
    assert found["status"] == "failed"
    assert found["endedAt"] >= found["startedAt"]


@pytest.mark.parametrize("bad", ["missing", str(uuid.UUID(int=7, version=4)), "x" * 10_000, "a b", "{}"])
def test_a_backfill_that_nobody_started_is_not_found(system: System, bad: str) -> None:
    assert system.call("GET", f"/backfills/{bad}").status == 404
