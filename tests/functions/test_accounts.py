"""Every line of a dataset can be accounted for, and every refused one looked at."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from tests.support.system import System, display


def account(system: System, dataset: dict[str, Any], **query: str) -> Any:
    reply = system.call("GET", f"/datasets/{dataset['id']}/accounting", query=query)
    assert reply.status == 200, reply.text
    return reply.json


def refused(system: System, dataset: dict[str, Any], **query: str) -> Any:
    reply = system.call("GET", f"/datasets/{dataset['id']}/refused", query=query)
    assert reply.status == 200, reply.text
    return reply.json


def nameless(offer: str) -> dict[str, Any]:
    event = display(offer)
    del event["_id"]
    return event


def adds_up(lines: dict[str, Any]) -> bool:
    parts = sum(lines[part] for part in ("counted", "duplicate", "other", "late")) + sum(lines["refused"].values())
    return lines["received"] == parts


def test_a_dataset_without_objects_accounts_for_nothing(system: System) -> None:
    dataset = system.create_dataset()
    assert account(system, dataset)["pending"], "nobody has looked yet"
    system.settle()
    assert account(system, dataset) == {
        "accounting": {"received": 0, "counted": 0, "duplicate": 0, "other": 0, "late": 0, "refused": {}},
        "pending": False, "objects": [], "next": None,
    }  # fmt: skip


def test_every_line_of_every_object_is_accounted_for(system: System) -> None:
    dataset, _ = system.live_model()
    copied = display("a")
    system.land(dataset, "1.json", [copied, display("b", kind="interact"), {"eventType": "page"}, "no json"])
    system.land(dataset, "2.json.gz", [copied, nameless("a"), nameless("b")])
    found = account(system, dataset)
    assert not found["pending"]
    assert found["accounting"] == {
        "received": 7, "counted": 2, "duplicate": 1, "other": 1, "late": 0, "refused": {"malformed": 1, "no-id": 2},
    }  # fmt: skip
    first, second = found["objects"]
    assert (first["key"], first["state"], first["received"]) == (dataset["prefix"] + "1.json", "live", 4)
    assert (second["counted"], second["duplicate"]) == (1, 0), "an object is accounted for as if it were the only one"
    assert all(adds_up(lines) for lines in (found["accounting"], first, second))


def test_an_object_that_cannot_be_read_says_why_and_one_that_is_gone_counts_no_more(system: System) -> None:
    dataset, _ = system.live_model()
    place = {"Bucket": dataset["bucket"], "Key": dataset["prefix"] + "bad.gz"}
    boto3.client("s3").put_object(**place, Body=b"\x1f\x8b\x08 no gzip")
    system.notify(dataset["bucket"], place["Key"])
    system.land(dataset, "good.json", [display("a")])
    (bad,) = account(system, dataset, state="bad")["objects"]
    assert (bad["key"], bad["received"]) == (place["Key"], 0)
    assert bad["reason"]
    boto3.client("s3").delete_object(**place)
    system.notify(dataset["bucket"], place["Key"])
    assert account(system, dataset, state="bad")["objects"] == []
    assert [one["state"] for one in account(system, dataset)["objects"]] == ["deleted", "live"]


def test_objects_and_refused_lines_come_in_pages(system: System) -> None:
    dataset, _ = system.live_model()
    for n in range(3):
        system.land(dataset, f"{n}.json", [display("a"), "no json", nameless("b")])
    keys, start = [], {}
    while True:
        page = account(system, dataset, limit="2", **start)
        keys += [one["key"].rpartition("/")[2] for one in page["objects"]]
        if page["next"] is None:
            break
        start = {"start": page["next"]}
    assert keys == ["0.json", "1.json", "2.json"]
    lines, start = [], {}
    while True:
        page = refused(system, dataset, limit="1", **start)
        lines += [(one["object"].rpartition("/")[2], one["line"], one["reason"]) for one in page["lines"]]
        if page["next"] is None:
            break
        start = {"start": page["next"]}
    assert lines == [(f"{n}.json", line, reason) for n in range(3) for line, reason in ((2, "malformed"), (3, "no-id"))]


def test_a_refused_line_is_shown_by_its_reason_and_names_no_person(system: System) -> None:
    dataset, _ = system.live_model()
    person = nameless("apple") | {
        "identityMap": {"Email": [{"id": "lovelace@example.com"}]},
        "eMail": "lovelace@example.com",
    }
    system.land(dataset, "1.json", [person, "lovelace@example.com"])
    found = refused(system, dataset, reason="no-id")
    (line,) = found["lines"]
    assert (line["object"], line["line"], found["next"]) == (dataset["prefix"] + "1.json", 1, None)
    assert "apple" in line["text"]
    assert "lovelace" not in str(refused(system, dataset))
    assert len(refused(system, dataset)["lines"]) == 2
    assert refused(system, dataset, reason="capped") == {"lines": [], "next": None}


@pytest.mark.parametrize("what", ["accounting", "refused"])
@pytest.mark.parametrize("start", ["", "x", "W10", "WyJvYmplY3RzIG9mIHgiLCJhIl0", "bnVsbA", "\u202e"])
def test_a_place_that_no_page_answered_is_refused(system: System, what: str, start: str) -> None:
    dataset = system.create_dataset()
    reply = system.call("GET", f"/datasets/{dataset['id']}/{what}", query={"start": start})
    assert reply.status == (200 if start == "" else 422)
    other = system.call("GET", f"/datasets/{dataset['id']}/{what}", query={"nonsense": "1"})
    assert (other.status, other.json["errors"][0]["pointer"]) == (422, "/query/nonsense")
