from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

from tests.functions.test_datasets import problem
from tests.support.system import System, handler

AUTO = {"type": "auto-optimization"}


def draft(system: System, **fields: Any) -> dict[str, Any]:
    return system.create_model([system.create_dataset()["id"]], **fields)


def test_a_new_model_is_a_draft_with_the_documented_defaults(system: System) -> None:
    dataset = system.create_dataset()
    reply = system.call("POST", "/models", {"name": "Hero", "datasetIds": [dataset["id"]], **AUTO})
    model = reply.json
    assert reply.status == 201
    assert reply.headers["Location"] == f"/models/{model['id']}"
    assert reply.etag == '"1"'
    assert (model["status"], model["version"], model["training"]["status"]) == ("draft", 1, "pending")
    assert model["settings"] == {"windowDays": 30, "halfLifeDays": None, "randomShare": 0.05, "exploration": 1.0}
    assert system.call("GET", f"/models/{model['id']}").json == model


def test_a_dataset_that_does_not_qualify_is_refused_by_its_name_and_with_the_reason(system: System) -> None:
    plain = system.create_dataset(name="Weather", schema={"title": "Weather", "allOf": []})
    for dataset_id, told in (
        (plain["id"], "'Weather' is not eligible. " + plain["reason"]),
        ("gone", "no dataset 'gone'"),
    ):
        reply = system.call("POST", "/models", {"name": "m", "datasetIds": [dataset_id], **AUTO})
        assert reply.status == 422
        (error,) = reply.json["errors"]
        assert error["pointer"] == "/datasetIds/0"
        assert told in error["detail"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"name": ""}, "/name"),
        ({"name": None}, "/name"),
        ({"type": "magic"}, "/type"),
        ({"datasetIds": []}, "/datasetIds"),
        ({"datasetIds": "all"}, "/datasetIds"),
        ({"datasetIds": ["missing"]}, "/datasetIds/0"),
        ({"audiences": ["gold"]}, ""),
        ({"type": "personalized", "audiences": [str(n) for n in range(51)]}, "/audiences"),
        ({"type": "personalized", "audiences": ["a", "a"]}, "/audiences"),
        ({"settings": {"randomShare": 0.9}}, "/settings/randomShare"),
        ({"settings": {"randomShare": "0.1"}}, "/settings/randomShare"),
        ({"settings": {"windowDays": 0}}, "/settings/windowDays"),
        ({"settings": {"wndowDays": 3}}, "/settings/wndowDays"),
        ({"id": "mine"}, "/id"),
    ],
)
def test_a_model_that_cannot_be_is_refused_with_the_field_that_is_wrong(
    system: System, fields: dict[str, Any], pointer: str
) -> None:
    dataset = system.create_dataset()
    reply = system.call("POST", "/models", {"name": "m", "datasetIds": [dataset["id"]], **AUTO, **fields})
    assert problem(reply) == (422, "invalid", [pointer])


@pytest.mark.parametrize("body", ["", "{", "nonsense", '{"name": NaN}', "[" * 5000, '"\ud800"', "\ufeff{}"])
def test_what_is_no_json_is_unreadable(system: System, body: str) -> None:
    assert system.call("POST", "/models", body).status in {400, 422}


def test_fifty_audiences_are_taken(system: System) -> None:
    model = draft(system, type="personalized", audiences=[str(n) for n in range(50)], contextKeys=["xdm.device.type"])
    assert len(model["audiences"]) == 50


STEPS = {
    "draft": {"activate": "live", "archive": "archived", "deactivate": None},
    "live": {"activate": None, "archive": None, "deactivate": "draft"},
    "archived": {"activate": None, "archive": None, "deactivate": None},
}
REACHED_BY: dict[str, list[str]] = {"draft": [], "live": ["activate"], "archived": ["archive"]}


@pytest.mark.parametrize("step", ["activate", "deactivate", "archive"])
@pytest.mark.parametrize("status", list(STEPS))
def test_the_lifecycle_is_the_documented_one(system: System, status: str, step: str) -> None:
    path = f"/models/{draft(system)['id']}"
    for action in REACHED_BY[status]:
        assert system.call("POST", f"{path}/{action}").status == 200
    reply = system.call("POST", f"{path}/{step}")
    after = STEPS[status][step]
    if after is None:
        assert problem(reply)[:2] == (409, "illegal-transition")
        assert status in reply.json["detail"]
        assert system.call("GET", path).json["status"] == status
    else:
        assert (reply.status, reply.json["status"]) == (200, after)


def test_a_live_model_is_not_deleted_an_archived_one_not_edited_both_can_be_duplicated(system: System) -> None:
    live, archived = draft(system)["id"], system.create_model([system.create_dataset("d2")["id"]], "second")["id"]
    system.call("POST", f"/models/{live}/activate")
    system.call("POST", f"/models/{archived}/archive")
    assert problem(system.call("DELETE", f"/models/{live}", If_Match="*"))[:2] == (409, "illegal-transition")
    assert problem(system.call("PATCH", f"/models/{archived}", {"name": "x"}, If_Match="*"))[:2] == (
        409,
        "illegal-transition",
    )
    for model_id in (live, archived):
        copy = system.call("POST", f"/models/{model_id}/duplicate", {"name": f"copy of {model_id}"})
        assert (copy.status, copy.json["status"], copy.json["version"]) == (201, "draft", 1)
    assert system.call("DELETE", f"/models/{archived}", If_Match="*").status == 204


def test_a_live_model_stays_editable(system: System) -> None:
    _, model = system.live_model()
    other = system.create_dataset("other")
    edit = {"datasetIds": [other["id"]], "settings": {"windowDays": None}}
    reply = system.call("PATCH", f"/models/{model['id']}", edit, If_Match='"2"')
    assert (reply.status, reply.json["status"], reply.json["datasetIds"]) == (200, "live", [other["id"]])
    assert reply.json["settings"] == {"windowDays": None, "halfLifeDays": None, "randomShare": 0.05, "exploration": 1.0}
    assert system.call("GET", f"/datasets/{other['id']}").json["usedBy"] == [model["id"]]


def test_an_edit_that_changes_nothing_makes_no_version(system: System) -> None:
    model = draft(system)
    reply = system.call("PATCH", f"/models/{model['id']}", {"name": model["name"]}, If_Match='"1"')
    assert (reply.status, reply.json["version"]) == (200, 1)


@pytest.mark.parametrize("fields", [{}, {"audiences": ["gold"]}, {"contextKeys": ["device"]}])
def test_a_personalized_model_is_activated_whatever_it_looks_at(system: System, fields: dict[str, Any]) -> None:
    model = draft(system, type="personalized", **fields)
    reply = system.call("POST", f"/models/{model['id']}/activate")
    assert (reply.status, reply.json["status"]) == (200, "live")


def test_every_change_leaves_who_when_before_and_after(system: System) -> None:
    model = draft(system)
    path = f"/models/{model['id']}"
    system.call("PATCH", path, {"name": "new"}, If_Match="*")
    system.call("POST", f"{path}/activate")
    system.call("POST", f"{path}/deactivate")
    system.call("DELETE", path, If_Match="*")
    changes = system.call("GET", f"{path}/history").json["results"]
    assert [change["action"] for change in changes] == ["create", "edit", "activate", "deactivate", "delete"]
    assert [change["version"] for change in changes] == [1, 2, 3, 4, 5]
    assert {change["who"] for change in changes} == {"admin"}
    assert changes[0]["before"] is None
    assert (changes[1]["before"]["name"], changes[1]["after"]["name"]) == ("model", "new")
    assert changes[-1]["after"] is None


LAMBDA_GIVES = 6_291_556  # bytes: docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html


@pytest.mark.parametrize("listed", ["models", "datasets"])
def test_a_list_of_large_definitions_ends_before_an_answer_is_too_large_to_give(
    system: System, monkeypatch: pytest.MonkeyPatch, listed: str
) -> None:
    """By quotes: two bytes of JSON each, and four of JSON within JSON, as Lambda gives it."""
    store = getattr(handler("manage_models"), listed)
    getattr(system, f"create_{listed[:-1]}")(*([[system.create_dataset()["id"]]] if listed == "models" else []))
    (one,) = store.all()
    large = {"description": 2000 * '"'}
    large |= {"audiences": tuple(f"{n:02}" + 254 * '"' for n in range(50))} if listed == "models" else {}
    found = [one.model_copy(update=large | {"id": f"{n:04}"}) for n in range(1000)]
    monkeypatch.setattr(store, "all", lambda: found)
    reply = system.call("GET", f"/{listed}", query={"limit": "1000"})
    assert len(json.dumps(reply.text)) < LAMBDA_GIVES
    assert reply.json["total"] == 1000
    assert 0 < reply.json["count"] < 1000
    assert reply.json["next"]


def test_a_long_history_comes_in_pages(system: System) -> None:
    path = f"/models/{draft(system)['id']}"
    for n in range(4):
        system.call("PATCH", path, {"name": f"name {n}"}, If_Match="*")
    first = system.call("GET", f"{path}/history", query={"limit": "3"}).json
    rest = system.call("GET", f"{path}/history", query={"start": first["next"]}).json
    assert [[one["version"] for one in page["results"]] for page in (first, rest)] == [[1, 2, 3], [4, 5]]
    assert rest["next"] is None
    assert system.call("GET", "/models/missing/history").status == 404


def test_a_name_is_free_again_after_a_rename_and_after_a_deletion(system: System) -> None:
    dataset = system.create_dataset()
    first = system.create_model([dataset["id"]], "one")
    system.call("PATCH", f"/models/{first['id']}", {"name": "two"}, If_Match="*")
    second = system.create_model([dataset["id"]], "One")
    taken = system.call("PATCH", f"/models/{first['id']}", {"name": "ONE"}, If_Match="*")
    assert problem(taken) == (409, "name-taken", ["/name"])
    assert system.call("PATCH", f"/models/{first['id']}", {"name": "TWO"}, If_Match="*").status == 200
    system.call("DELETE", f"/models/{second['id']}", If_Match="*")
    assert system.call("PATCH", f"/models/{first['id']}", {"name": "one"}, If_Match="*").status == 200


def test_lists_filter_order_and_page(system: System) -> None:
    dataset = system.create_dataset()
    for name in ("banana", "Apple", "cherry", "apple pie", "Date"):
        system.create_model([dataset["id"]], name)
    live = system.create_model([dataset["id"]], "elder")
    system.call("POST", f"/models/{live['id']}/activate")

    def names(**query: str) -> list[str]:
        found: list[str] = []
        while True:
            answer = system.call("GET", "/models", query=query).json
            found += [model["name"] for model in answer["results"]]
            if answer["next"] is None:
                return found
            query["start"] = answer["next"]

    everything = ["Apple", "apple pie", "banana", "cherry", "Date", "elder"]
    assert names(orderBy="name") == everything
    assert names(orderBy="name", limit="1") == everything
    assert names(orderBy="-name", limit="2") == everything[::-1]
    assert names()[0] == "elder"
    assert names(status="live") == ["elder"]
    assert names(name="APPLE", orderBy="name") == ["Apple", "apple pie"]
    assert names(type="personalized") == []


@pytest.mark.parametrize(
    "query",
    [{"limit": "0"}, {"limit": "x"}, {"orderBy": "size"}, {"status": "dead"}, {"start": "forged"}, {"strat": "x"}],
)
def test_a_list_refuses_a_query_it_does_not_understand(system: System, query: dict[str, str]) -> None:
    (name,) = query
    assert problem(system.call("GET", "/models", query=query)) == (422, "invalid", [f"/query/{name}"])


def test_a_place_of_another_order_is_refused(system: System) -> None:
    dataset = system.create_dataset()
    for n in range(3):
        system.create_model([dataset["id"]], str(n))
    place = system.call("GET", "/models", query={"orderBy": "name", "limit": "1"}).json["next"]
    reply = system.call("GET", "/models", query={"orderBy": "-name", "start": place})
    assert problem(reply) == (422, "invalid", ["/query/start"])


def test_an_idempotency_key_answers_again_and_refuses_another_body(system: System) -> None:
    dataset = system.create_dataset()
    body = {"name": "once", "datasetIds": [dataset["id"]], **AUTO}
    first = system.call("POST", "/models", body, Idempotency_Key="k1")
    again = system.call("POST", "/models", body, Idempotency_Key="k1")
    assert (again.status, again.json, again.etag) == (201, first.json, first.etag)
    assert again.headers["Location"] == first.headers["Location"]
    other = system.call("POST", "/models", body | {"name": "twice"}, Idempotency_Key="k1")
    assert problem(other)[:2] == (422, "idempotency-key-reused")
    assert system.call("POST", "/models", body, Idempotency_Key="k2").status == 409
    assert problem(system.call("POST", "/models", body, Idempotency_Key=""))[0] == 422


def test_a_key_replays_the_answer_also_when_the_create_would_be_refused_by_now(system: System) -> None:
    dataset = system.create_dataset()
    body = {"name": "once", "datasetIds": [dataset["id"]], **AUTO}
    first = system.call("POST", "/models", body, Idempotency_Key="k")
    system.call("DELETE", f"/models/{first.json['id']}", If_Match="*")
    system.call("DELETE", f"/datasets/{dataset['id']}", If_Match="*")
    assert system.call("POST", "/models", body, Idempotency_Key="k").json == first.json


def test_a_duplicate_is_made_once_a_key_also_when_its_source_is_gone_and_of_no_other_source(system: System) -> None:
    dataset = system.create_dataset()
    source, other = (system.create_model([dataset["id"]], name)["id"] for name in ("source", "other"))
    first = system.call("POST", f"/models/{source}/duplicate", {"name": "copy"}, Idempotency_Key="k")
    of_other = system.call("POST", f"/models/{other}/duplicate", {"name": "copy"}, Idempotency_Key="k")
    assert problem(of_other)[:2] == (422, "idempotency-key-reused")
    system.call("DELETE", f"/models/{source}", If_Match="*")
    again = system.call("POST", f"/models/{source}/duplicate", {"name": "copy"}, Idempotency_Key="k")
    assert (again.status, again.json) == (201, first.json)


def test_a_lost_race_for_a_key_answers_as_the_winner(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.support.system import handler  # noqa: PLC0415 - the handler reads its environment where it is imported

    dataset = system.create_dataset()
    body = {"name": "once", "datasetIds": [dataset["id"]], **AUTO}
    first = system.call("POST", "/models", body, Idempotency_Key="k")
    creates = handler("manage_models").creates
    real, calls = creates.remembered, []

    def late(key: str, now: Any) -> Any:  # the first look comes before the winner's commit
        calls.append(key)
        return None if len(calls) == 1 else real(key, now)

    monkeypatch.setattr(creates, "remembered", late)
    again = system.call("POST", "/models", body, Idempotency_Key="k")
    assert (again.status, again.json, len(calls)) == (201, first.json, 2)


def test_the_openapi_document_is_the_one_of_the_handlers(system: System) -> None:
    from infra.openapi import rendered  # noqa: PLC0415 - imports the handlers

    served = system.call("GET", "/openapi.json", who="nobody")
    assert served.text == rendered(), "run `make openapi`"
    assert json.loads(served.text)["openapi"] == "3.1.0"


def test_while_the_store_is_away_every_change_and_look_is_to_be_tried_again(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = system.create_model([system.create_dataset()["id"]])

    def fails(_: object, operation: str, __: object) -> None:
        raise ClientError({"Error": {"Code": "ThrottlingException", "Message": "away"}}, operation)

    monkeypatch.setattr(BaseClient, "_make_api_call", fails)
    for method, path, body in (
        ("GET", f"/models/{model['id']}", None),
        ("GET", f"/models/{model['id']}/report", None),
        ("POST", "/models", {"name": "new", "type": "auto-optimization", "datasetIds": [model["datasetIds"][0]]}),
        ("POST", f"/models/{model['id']}/activate", None),
        ("GET", "/decisions", None),
    ):
        reply = system.call(method, path, body)
        assert (reply.status, reply.headers["Retry-After"]) == (503, "1"), path
