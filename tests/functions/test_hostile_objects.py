"""Hostile input in what comes from queues and S3, and in events that are collected, with all that stands behind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.functions.test_hostile import HOSTILE_BODIES
from tests.support.door import Door, a_door, handles, query
from tests.support.system import System, display, handler, refresh

EARLIER = "2026-11-24T22:05:12Z"


# ---- Messages of queues, and what S3 tells ---------------------------------------------------------------------------


def s3_event(bucket: Any, key: Any) -> str:
    return json.dumps({"source": "aws.s3", "detail-type": "Object Created",
                       "detail": {"bucket": {"name": bucket}, "object": {"key": key, "size": 1}}})  # fmt: skip


UNREADABLE = {
    **{name: body for name, body in HOSTILE_BODIES.items() if len(body) < 100_000},
    "a hint of nobody": '{"hint": "sweep"}', "keys of another type": s3_event(["datasets"], {"key": 1}),
    "another source": json.dumps({"source": "aws.ec2", "detail": {"bucket": {"name": "datasets"}}}),
    "an event in an event": json.dumps({"Records": [{"body": s3_event("datasets", "a")}]}),
}  # fmt: skip


def test_messages_that_say_nothing_fail_alone_and_the_others_of_their_batch_are_counted(system: System) -> None:
    dataset, model = system.live_model()
    good = s3_event(dataset["bucket"], system.put(dataset, "a.json", [display("summer", at=None)]))
    names = list(UNREADABLE)
    for start in range(0, len(names), 9):
        some = [UNREADABLE[name] for name in names[start : start + 9]]
        place = start % (len(some) + 1)
        failed = refresh([*some[:place], good, *some[place:]])
        assert failed == [str(n) for n in range(len(some) + 1) if n != place]
    system.settle()
    assert system.call("GET", f"/models/{model['id']}/report").json["accounting"]["counted"] == 1


FOREIGN = (
    ("state", "models/x/latest"), ("events-of-others", "shop/a.json"), ("somebody-elses", "a.json"),
    ("..", ".."), ("arn:aws:s3:::datasets", "a.json"), ("datasets", ""), ("datasets", "/"),
    ("datasets", "../state/x"), ("DATASETS", "a"),
)  # fmt: skip


def test_an_event_of_a_place_that_is_no_dataset_reads_nothing(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule lets only buckets of datasets through; whoever sends past it makes nobody read elsewhere."""
    system.live_model()
    read: list[Any] = []
    objects = handler("refresh_rankings").objects
    for name in ("head", "download", "listing"):
        monkeypatch.setattr(type(objects), name, lambda *call, **_: read.append(call))
    assert refresh(s3_event(bucket, key) for bucket, key in FOREIGN) == []
    assert read == []


KEYS = {
    "plus": "a+b.json", "a blank": "a b.json", "percent": "a%20b.json", "percent of percent": "%2525.json",
    "a way up": "../../state/x.json", "dots": "a/./../b.json", "slashes": "//a//b.json", "a line break": "a\nb.json",
    "a return": "a\r\nb.json", "a tab": "a\tb.json", "quotes": "a'b\"c.json", "letters of others": "é\u0301中😀.json",
    "right to left": "\u202egnp.json", "zero width": "a\u200bb.json", "a pointer": "aggregate", "a row": "o#x.json",
    "an expression": "#k = :k.json", "a backslash": "a\\..\\x.json", "a colon": "a:b?c=d&e#f.json",
    "a brace": "{x}${y}.json",
}  # fmt: skip


def test_objects_with_keys_of_any_letters_are_each_counted_once(system: System) -> None:
    dataset, model = system.live_model()
    longest = "k" * (1024 - len(dataset["prefix"].encode()) - 5) + ".json"
    keys = [*KEYS.values(), longest]
    sent = [system.put(dataset, key, [display("summer")], zipped=False) for key in keys]
    assert max(len(key.encode()) for key in sent) == 1024
    for _ in range(2):
        assert refresh([s3_event(dataset["bucket"], key) for key in sent]) == []
    counted = system.call("GET", f"/models/{model['id']}/report").json["accounting"]
    assert (counted["received"], counted["counted"]) == (len(keys), len(keys))
    listed = system.call("GET", f"/datasets/{dataset['id']}/accounting", query={"limit": "1000"}).json["objects"]
    assert {one["key"] for one in listed} in ({*keys}, {*sent})


def test_what_a_key_would_be_if_it_were_decoded_is_not_looked_at(system: System) -> None:
    dataset, model = system.live_model()
    system.put(dataset, "a b.json", [display("summer")])
    for spelled in ("a+b.json", "a%20b.json", "a%2Bb.json"):
        assert refresh([s3_event(dataset["bucket"], dataset["prefix"] + spelled)]) == []
    assert system.call("GET", f"/models/{model['id']}/report").json["accounting"]["counted"] == 0


# ---- The edge with its real collector --------------------------------------------------------------------------------


@pytest.fixture
def collecting(system: System) -> Door:
    return a_collecting_door(system)


def a_collecting_door(system: System) -> Door:
    """The door of a datastream that enforces tokens, with all that collects behind it."""
    real = handler("collect_events").collector
    door = a_door(system)
    handler("collect_events").collector = real
    return door


def shown(door: Door) -> dict[str, Any]:
    payload = handles(door.interact(query("home")), "personalization:decisions")[0]["payload"]
    found: dict[str, Any] = payload[0]
    return found


def told(proposition: dict[str, Any], kind: str, **action: Any) -> dict[str, Any]:
    inside = {"propositionEventType": {kind: 1}, "propositions": [proposition]} | action
    event = {"eventType": f"decisioning.proposition{kind.capitalize()}", "_id": kind, "timestamp": EARLIER}
    return {"events": [{"xdm": event | {"_experience": {"decisioning": inside}}}]}


HEAVY: dict[str, Any] = {
    "30,000 tokens of items": lambda p: told(
        p, "interact", propositionAction={"tokens": [f"{n:x}" for n in range(30_000)]}
    ),
    "30,000 times the same token": lambda p: told(p, "interact", propositionAction={"tokens": ["abcd"] * 30_000}),
    "8,000 items": lambda p: told(p | {"items": [{"id": f"{n}"} for n in range(8_000)]}, "display"),
    "100 times the proposition": lambda p: told(p, "display", propositions=[p | {"items": []}] * 100),
    "12,000 strategies": lambda p: told(
        p | {"scopeDetails": p["scopeDetails"] | {"strategies": [{"step": "x"}] * 12_000}}, "display"
    ),
    "a token of 200,000 characters": lambda p: told(
        p | {"scopeDetails": {"characteristics": {"eventToken": "WzMs" + "A" * 200_000 + "." + "s" * 22}}}, "display"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HEAVY)
def test_the_heaviest_events_are_taken_or_refused(collecting: Door, name: str) -> None:
    """What they cost stands in tests/benchmarks/hostile_cost.py."""
    body = json.dumps(HEAVY[name](shown(collecting)), separators=(",", ":"))
    assert len(body) <= 262_144
    assert collecting.call("/v1/collect", body).status in {204, 400}
