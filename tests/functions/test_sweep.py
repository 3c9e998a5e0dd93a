"""What no notification tells, a sweep finds; what nobody needs any longer, it clears away."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from offer_ranking.counting import delta, protocol
from offer_ranking.storage.ledger import DynamoLedger
from tests.functions.test_loop import events
from tests.support.system import System, display, handler


def swept(system: System) -> None:
    assert handler("refresh_rankings").lambda_handler({"hint": "sweep"}, None) == {}
    system.settle()


def impressions(system: System, model: dict[str, Any]) -> int:
    return system.call("GET", f"/models/{model['id']}/report").json["totals"]["impressions"]


def test_lost_notifications_of_new_overwritten_and_deleted_objects_are_made_good(system: System) -> None:
    dataset, model = system.live_model()
    system.settle()
    system.land(dataset, "kept.json.gz", events("apple", 1, 0))
    system.land(dataset, "overwritten.json.gz", events("apple", 2, 0))
    system.land(dataset, "deleted.json.gz", events("apple", 4, 0))
    system.put(dataset, "overwritten.json.gz", events("apple", 8, 0))
    system.put(dataset, "new.json.gz", events("apple", 16, 0))
    boto3.client("s3").delete_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + "deleted.json.gz")
    assert impressions(system, model) == 1 + 2 + 4
    swept(system)
    assert impressions(system, model) == 1 + 8 + 16


def test_a_sweep_goes_on_from_page_to_page(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "SWEPT_AT_ONCE", 2)
    dataset, model = system.live_model()
    system.settle()
    for n in range(5):
        system.put(dataset, f"{n}.json.gz", events("apple", 1, 0))
    swept(system)
    assert impressions(system, model) == 5


def test_a_sweep_reads_no_more_rows_at_once_however_many_objects_are_gone(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three million objects that a lifecycle had deleted, each with its row, one page took all memory and time."""
    dataset, model = system.live_model()
    system.settle()
    for n in range(7):
        system.land(dataset, f"{n}.json.gz", events("apple", 2**n, 0))
    client = boto3.client("s3")
    for n in (0, 1, 2, 4, 6):
        client.delete_object(Bucket=dataset["bucket"], Key=f"{dataset['prefix']}{n}.json.gz")
    for name in ("1a", "5a", "7"):
        system.put(dataset, f"{name}.json.gz", events("pear", 100, 0))
    monkeypatch.setattr(protocol, "ROWS_SWEPT_AT_ONCE", 2)
    read: list[int] = []
    between = DynamoLedger.between

    def counted(*given: Any) -> Any:
        rows = between(*given)
        read.append(len(rows))
        return rows

    monkeypatch.setattr(DynamoLedger, "between", counted)
    swept(system)
    assert max(read) == 2
    assert impressions(system, model) == 2**3 + 2**5 + 300


def test_where_nothing_differs_a_sweep_asks_for_nothing(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, _ = system.live_model()
    system.settle()
    system.land(dataset, "a.json.gz", events("apple", 1, 0))
    system.land(dataset, "bad.json.gz", [])
    asked: list[str] = []
    monkeypatch.setattr(type(handler("refresh_rankings").hints), "look_at", lambda _, __, keys: asked.extend(keys))
    swept(system)
    assert asked == []


def test_an_archived_object_is_set_aside_until_it_is_restored_and_what_was_counted_of_one_stays(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """S3 refuses to give it: its message failed five times, and once more after every sweep."""
    dataset, model = system.live_model()
    system.settle()
    client = boto3.client("s3")
    place = {"Bucket": dataset["bucket"]}
    before = {**place, "Key": system.put(dataset, "before.json.gz", events("apple", 1, 0))}
    system.notify(dataset["bucket"], before["Key"])
    never = {**place, "Key": system.put(dataset, "never.json.gz", events("apple", 2, 0))}
    for one in (before, never):
        client.copy_object(**one, CopySource=one, StorageClass="GLACIER")
    assert system.notify(dataset["bucket"], never["Key"]) == []
    assert _states(system, dataset) == {"before": ("live", None), "never": ("bad", "archived")}
    monkeypatch.setattr(delta, "PARSER_VERSION", delta.PARSER_VERSION + 1)
    swept(system)
    assert impressions(system, model) == 1
    for one in (before, never):
        client.restore_object(**one, RestoreRequest={"Days": 1})
    swept(system)
    assert impressions(system, model) == 1 + 2
    assert _states(system, dataset) == {"before": ("live", None), "never": ("live", None)}


def test_an_archived_object_is_no_fault_of_a_check_nor_of_an_evaluation(system: System) -> None:
    dataset, model = system.live_model()
    key = system.put(dataset, "a.json.gz", events("apple", 1, 0))
    place = {"Bucket": dataset["bucket"], "Key": key}
    boto3.client("s3").copy_object(**place, CopySource=place, StorageClass="GLACIER")
    assert system.call("POST", f"/datasets/{dataset['id']}/check").status == 200
    reply = system.call("POST", f"/models/{model['id']}/evaluate", {"target": {"policy": "uniform"}})
    assert (reply.status, reply.json.get("log", {}).get("unreadable")) == (200, 1), reply.text


def _states(system: System, dataset: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    objects = system.call("GET", f"/datasets/{dataset['id']}/accounting").json["objects"]
    return {one["key"].rpartition("/")[2].partition(".")[0]: (one["state"], one["reason"]) for one in objects}


def test_another_parser_counts_every_object_anew_without_a_gap(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, model = system.live_model()
    system.settle()
    system.land(dataset, "a.json.gz", events("apple", 3, 0))
    (before,) = handler("refresh_rankings").ledger.rows(dataset["id"], ["a.json.gz"])
    monkeypatch.setattr(delta, "PARSER_VERSION", delta.PARSER_VERSION + 1)
    assert impressions(system, model) == 3
    swept(system)
    assert impressions(system, model) == 3
    (after,) = handler("refresh_rankings").ledger.rows(dataset["id"], ["a.json.gz"])
    assert after.applied == after.counted != before.counted


def test_files_of_former_aggregates_are_deleted_and_those_of_this_one_kept(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "KEPT_GENERATIONS", 1)
    dataset, model = system.live_model()
    system.settle()
    for n in range(4):
        system.land(dataset, f"{n}.json.gz", events("apple", 2, 1))

    def stored() -> set[str]:
        listed = boto3.client("s3").list_objects_v2(Bucket="state", Prefix=f"counts/{dataset['id']}/")
        return {item["Key"].rpartition("/")[2].partition("-")[0] for item in listed["Contents"]}

    assert stored() == {f"{n:010d}" for n in (1, 2, 3, 4)}
    swept(system)
    assert stored() == {f"{n:010d}" for n in (3, 4)}
    system.land(dataset, "more.json.gz", [display("apple")])
    assert impressions(system, model) == 9


def test_an_event_that_lies_in_two_objects_counts_once_and_goes_with_the_last_of_them(system: System) -> None:
    dataset, model = system.live_model()
    system.settle()
    lines = [display("apple"), display("banana")]
    for key in ("first.json.gz", "second.json.gz"):
        system.land(dataset, key, lines)
    report = system.call("GET", f"/models/{model['id']}/report").json
    assert report["totals"]["impressions"] == 2
    assert report["accounting"] == {
        "received": 4, "counted": 2, "duplicate": 2, "other": 0, "late": 0, "refused": {}
    }  # fmt: skip
    for left, key in ((2, "first.json.gz"), (0, "second.json.gz")):
        boto3.client("s3").delete_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + key)
        system.notify(dataset["bucket"], dataset["prefix"] + key)
        assert impressions(system, model) == left
