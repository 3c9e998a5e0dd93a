from __future__ import annotations

from typing import Any

import boto3
import pytest

from offer_ranking.catalog.decision import MOST_BYTES
from offer_ranking.catalog.door_request import DoorRequest
from offer_ranking.storage.door_log import DoorLog
from tests.functions.test_datasets import problem
from tests.support.aws import ENVIRONMENT
from tests.support.decisions import FALLBACK, decision_body, offer_body
from tests.support.system import System, display, handler

PAIR = {"activityId": "xcore:offer-activity:11a2b3c4d5e6f708", "placementId": "xcore:offer-placement:1a2b3c"}


def test_a_decision_is_shown_as_it_was_given_with_its_defaults(system: System) -> None:
    _, model = system.live_model()
    winter = {"id": "winter", "etag": "2", "format": "image/png", "deliveryURL": "https://cdn.example/w.png"}
    summer = offer_body(language=["en-us"], characteristics={"cta": "Buy"}, startsAt="2026-06-01T00:00:00+02:00")
    body = decision_body(offers=[summer, winter], modelId=model["id"], surface="web://shop.example/#hero", **PAIR)
    reply = system.call("POST", "/decisions", body)
    decision = reply.json
    assert (reply.status, reply.etag) == (201, '"1"')
    assert reply.headers["Location"] == f"/decisions/{decision['id']}"
    assert {name: decision[name] for name in PAIR} == PAIR
    assert decision["offers"][0] == {
        **summer, "deliveryURL": None, "priority": 1.0, "startsAt": "2026-05-31T22:00:00.000Z", "endsAt": None,
        "status": "approved", "audiencesAny": [],
    }  # fmt: skip
    assert decision["offers"][1] == {
        **winter, "content": None, "priority": 0.0, "language": [], "characteristics": {}, "startsAt": None,
        "endsAt": None, "status": "approved", "audiencesAny": [],
    }  # fmt: skip
    assert (decision["modelId"], decision["usedBy"], decision["version"]) == (model["id"], [], 1)
    assert system.call("GET", f"/decisions/{decision['id']}").json == decision
    assert system.call("GET", f"/models/{model['id']}").json["usedBy"] == [decision["id"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"modelId": "missing"}, "/modelId"),
        ({"activityId": "a"}, "/placementId"),
        ({"placementId": "p"}, "/activityId"),
        ({"surface": "#hero"}, "/surface"),
        ({"offers": "all"}, "/offers"),
        ({"offers": [offer_body("a"), offer_body("a")]}, "/offers"),
        ({"offers": [offer_body(content=None)]}, "/offers/0/content"),
        ({"offers": [offer_body(deliveryURL="https://x.example/")]}, "/offers/0/content"),
        ({"offers": [offer_body(), offer_body("b", endsAt="soon")]}, "/offers/1/endsAt"),
        ({"offers": [offer_body(startsAt=1.0e400)]}, "/offers/0/startsAt"),
        ({"offers": [offer_body(content="x" * MOST_BYTES)]}, "/offers"),
        ({"fallback": {}}, None),
        ({"fallback": FALLBACK | {"id": "summer"}}, "/fallback/id"),
        ({"fallback": FALLBACK | {"content": "x" * MOST_BYTES}}, "/fallback"),
        ({"usedBy": []}, "/usedBy"),
    ],
)
def test_a_decision_that_cannot_be_is_refused_with_the_field_that_is_wrong(
    system: System, fields: dict[str, Any], pointer: str | None
) -> None:
    status, kind, pointers = problem(system.call("POST", "/decisions", decision_body(**fields)))
    assert (status, kind) == (422, "invalid")
    assert pointers == [pointer] if pointer else pointers[0].startswith("/fallback/")


def test_names_and_pairs_are_taken_once_also_by_edits(system: System) -> None:
    first, second = system.create_decision("Hero", **PAIR), system.create_decision("other")
    path = f"/decisions/{second['id']}"
    taken = (409, "scope-taken", ["/activityId"])
    assert problem(system.call("POST", "/decisions", decision_body(name="HERO"))) == (409, "name-taken", ["/name"])
    assert problem(system.call("POST", "/decisions", decision_body(name="new", **PAIR))) == taken
    assert problem(system.call("PATCH", path, {"name": "hero"}, If_Match="*")) == (409, "name-taken", ["/name"])
    assert problem(system.call("PATCH", path, PAIR, If_Match="*")) == taken
    cleared = {"activityId": None, "placementId": None}
    assert system.call("PATCH", f"/decisions/{first['id']}", cleared, If_Match='"1"').status == 200
    assert system.call("PATCH", path, PAIR, If_Match='"1"').status == 200
    assert system.call("DELETE", path, If_Match='"2"').status == 204
    assert system.call("POST", "/decisions", decision_body(name="other", **PAIR)).status == 201


def test_an_edit_needs_the_present_version_and_replaces_offers_as_a_whole(system: System) -> None:
    path = f"/decisions/{system.create_decision(description='d')['id']}"
    assert problem(system.call("PATCH", path, {"name": "a"}))[:2] == (428, "match-needed")
    edited = system.call("PATCH", path, {"offers": [offer_body("autumn")], "description": None}, If_Match='"1"')
    assert (edited.status, edited.etag, edited.json["description"]) == (200, '"2"', None)
    assert [offer["id"] for offer in edited.json["offers"]] == ["autumn"]
    assert system.call("PATCH", path, {"offers": edited.json["offers"]}, If_Match='"2"').json["version"] == 2
    assert problem(system.call("PATCH", path, {"name": "b"}, If_Match='"1"'))[:2] == (412, "stale")
    too_large = {"offers": [offer_body(content="x" * MOST_BYTES)]}
    assert problem(system.call("PATCH", path, too_large, If_Match='"2"')) == (422, "invalid", ["/offers"])


@pytest.mark.parametrize(
    ("fields", "refused"), [({"name": "the one"}, "name-taken"), (PAIR, "scope-taken")], ids=["name", "pair"]
)
def test_of_32_creates_of_one_name_or_pair_one_wins(system: System, fields: dict[str, Any], refused: str) -> None:
    def attempt(n: int) -> str:
        reply = system.call("POST", "/decisions", decision_body(**{"name": f"decision {n}"} | fields))
        return "created" if reply.status == 201 else problem(reply)[1]

    attempts = [attempt(n) for n in range(32)]  # one after the other: they race where transactions are isolated
    assert sorted(attempts) == sorted(["created"] + [refused] * 31)
    assert system.call("GET", "/decisions").json["total"] == 1


def test_what_is_in_use_stays_and_says_who_uses_it(system: System) -> None:
    dataset = system.create_dataset()
    model = system.create_model([dataset["id"]])
    decision = system.create_decision(modelId=model["id"])
    events = system.create_dataset("of the site")
    datastream = system.create_datastream(events["id"], decisionIds=[decision["id"]])
    uses = [
        (f"/models/{model['id']}", decision["id"]),
        (f"/decisions/{decision['id']}", datastream["id"]),
        (f"/datasets/{events['id']}", datastream["id"]),
    ]
    for path, user in uses:
        refused = system.call("DELETE", path, If_Match="*")
        assert problem(refused)[:2] == (409, "in-use")
        assert refused.json["usedBy"] == [user]
    plain = system.call("PATCH", uses[2][0], {"schema": {"allOf": []}}, If_Match="*")
    assert problem(plain)[:2] == (409, "in-use")
    for path in (f"/datastreams/{datastream['id']}", uses[1][0], uses[0][0], uses[2][0]):
        assert system.call("DELETE", path, If_Match="*").status == 204
        assert system.call("GET", path).status == 404


def test_a_datastream_is_shown_edited_and_refused_like_any_definition(system: System) -> None:
    dataset, plain = system.create_dataset(), system.create_dataset("plain", schema={"allOf": []})
    body = {"name": "Web", "orgId": "ORG@AdobeOrg", "datasetId": dataset["id"], "origins": ["https://Shop.example:443"]}
    reply = system.call("POST", "/datastreams", body)
    datastream = reply.json
    assert (reply.status, datastream["origins"]) == (201, ["https://shop.example"])
    assert (datastream["tokenMode"], datastream["answerStyle"], datastream["decisionIds"]) == ("enforce", "EXD", [])
    path = f"/datastreams/{datastream['id']}"
    assert problem(system.call("POST", "/datastreams", body)) == (409, "name-taken", ["/name"])
    for fields, pointer in [
        ({"datasetId": plain["id"]}, "/datasetId"),
        ({"datasetId": "missing"}, "/datasetId"),
        ({"decisionIds": ["missing"]}, "/decisionIds/0"),
        ({"origins": ["*"]}, "/origins/0"),
        ({"tokenMode": "no"}, "/tokenMode"),
    ]:
        wrong = (422, "invalid", [pointer])
        assert problem(system.call("POST", "/datastreams", body | {"name": "x"} | fields)) == wrong
        assert problem(system.call("PATCH", path, fields, If_Match="*")) == wrong
    decision = system.create_decision()
    edited = system.call("PATCH", path, {"decisionIds": [decision["id"]], "tokenMode": "off"}, If_Match='"1"')
    assert (edited.status, edited.json["version"], edited.json["tokenMode"]) == (200, 2, "off")
    assert system.call("GET", f"/decisions/{decision['id']}").json["usedBy"] == [datastream["id"]]
    changes = system.call("GET", f"{path}/history").json["results"]
    assert [(one["action"], one["version"]) for one in changes] == [("create", 1), ("edit", 2)]
    assert {one["who"] for one in changes} == {"admin"}


def test_events_of_a_dataset_with_a_datastream_still_fit_its_models_only(system: System) -> None:
    dataset, model = system.live_model()
    system.create_datastream(dataset["id"])
    system.land(dataset, "a.json", [display("a")])
    assert system.call("GET", f"/models/{model['id']}/report").json["totals"]["impressions"] == 1


def test_the_doors_of_a_datastream_have_keys_from_its_creation_on(system: System) -> None:
    system.create_datastream(system.create_dataset()["id"])
    assert handler("rank_offers").token_keys.keys() is not None


@pytest.mark.parametrize("noun", ["decisions", "datastreams"])
def test_lists_filter_order_and_page(system: System, noun: str) -> None:
    dataset = system.create_dataset()
    for name in ("banana", "Apple", "cherry", "apple pie"):
        if noun == "decisions":
            system.create_decision(name)
        else:
            system.create_datastream(dataset["id"], name)

    def names(**query: str) -> list[str]:
        found: list[str] = []
        while True:
            answer = system.call("GET", f"/{noun}", query=query).json
            found += [one["name"] for one in answer["results"]]
            if answer["next"] is None:
                return found
            query["start"] = answer["next"]

    everything = ["Apple", "apple pie", "banana", "cherry"]
    assert names(orderBy="name") == names(orderBy="name", limit="1") == everything
    assert names(orderBy="-name", limit="3") == everything[::-1]
    assert names()[0] == "apple pie"
    assert names(name="APPLE", orderBy="name") == everything[:2]
    for query in ({"limit": "0"}, {"orderBy": "size"}, {"start": "forged"}, {"nmae": "x"}):
        assert problem(system.call("GET", f"/{noun}", query=query))[:2] == (422, "invalid")


def test_decisions_are_listed_by_their_model(system: System) -> None:
    _, model = system.live_model()
    system.create_decision("with", modelId=model["id"])
    system.create_decision("without")
    found = system.call("GET", "/decisions", query={"modelId": model["id"]}).json
    assert [one["name"] for one in found["results"]] == ["with"]


def test_pages_of_large_decisions_end_before_an_answer_is_too_large_to_give(system: System) -> None:
    large = [offer_body(content="x" * (MOST_BYTES - 1000))]
    for n in range(40):
        system.create_decision(f"{n:02}", offers=large)
    first = system.call("GET", "/decisions", query={"orderBy": "name"})
    assert len(first.text) < 5_000_000
    assert (first.json["total"], 20 < first.json["count"] < 40) == (40, True)
    rest = system.call("GET", "/decisions", query={"orderBy": "name", "start": first.json["next"]}).json
    assert [one["name"] for one in first.json["results"] + rest["results"]] == [f"{n:02}" for n in range(40)]


def test_a_history_comes_in_pages_that_fit_an_answer(system: System) -> None:
    path = f"/decisions/{system.create_decision()['id']}"
    for n in range(20):
        large = {"offers": [offer_body(content=f"{n:02}" + "x" * (MOST_BYTES - 1000))]}
        assert system.call("PATCH", path, large, If_Match="*").status == 200
    system.call("DELETE", path, If_Match="*")
    versions: list[int] = []
    query: dict[str, str] = {}
    pages = 0
    while True:
        reply = system.call("GET", f"{path}/history", query=query)
        assert len(reply.text) < 5_000_000
        versions += [one["version"] for one in reply.json["results"]]
        pages += 1
        if reply.json["next"] is None:
            break
        query = {"start": reply.json["next"]}
    assert pages > 1
    assert versions == list(range(1, 23))
    few = system.call("GET", f"{path}/history", query={"limit": "2"}).json
    assert ([one["version"] for one in few["results"]], few["next"] is None) == ([1, 2], False)


@pytest.mark.parametrize("start", ["x", "WyJ2ZXJzaW9uIiwgImFiYyJd", "WyJ2ZXJzaW9uIiwgIi0xIl0", "WyJuYW1lIiwgIjEiXQ"])
def test_a_history_refuses_a_place_that_it_did_not_give(system: System, start: str) -> None:
    path = f"/decisions/{system.create_decision()['id']}/history"
    assert problem(system.call("GET", path, query={"start": start})) == (422, "invalid", ["/query/start"])
    assert system.call("GET", "/decisions/missing/history").status == 404


def test_an_idempotency_key_answers_again_and_refuses_another_body(system: System) -> None:
    body = decision_body(name="once")
    first = system.call("POST", "/decisions", body, Idempotency_Key="k")
    again = system.call("POST", "/decisions", body, Idempotency_Key="k")
    assert (again.status, again.json, again.etag) == (201, first.json, first.etag)
    other = system.call("POST", "/decisions", body | {"name": "twice"}, Idempotency_Key="k")
    assert problem(other)[:2] == (422, "idempotency-key-reused")
    datastream = {"name": "w", "orgId": "o", "datasetId": system.create_dataset()["id"]}
    made = [system.call("POST", "/datastreams", datastream, Idempotency_Key="k").json["id"] for _ in range(2)]
    assert made[0] == made[1]


def test_what_came_to_a_datastreams_door_is_told_newest_first(system: System) -> None:
    datastream = system.create_datastream(system.create_dataset()["id"])
    path = f"/datastreams/{datastream['id']}/requests"
    assert system.call("GET", path).json == {"results": []}
    came = {
        "route": "/v1/interact", "status": 200, "events": 2, "stored": 2, "untrusted": 1, "capped": 0,
        "propositions": 1, "problem": None,
    }  # fmt: skip
    first = DoorRequest(at="2026-11-24T12:00:00.000Z", **came)
    second = DoorRequest(at="2026-11-24T12:00:09.000Z", **came | {"status": 400, "problem": "no JSON"})
    now = iter((1_800_000_000, 1_800_000_009))
    door = DoorLog(boto3.client("dynamodb"), ENVIRONMENT["CAPS_TABLE"], clock=lambda: next(now))
    for request in (first, second):
        door.note(datastream["id"], request)
    assert system.call("GET", path).json == {"results": [second, first]}
    system.call("DELETE", path.removesuffix("/requests"), If_Match="*")
    assert system.call("GET", path).status == 404
