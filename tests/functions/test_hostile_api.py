"""Hostile input at the doors of the API, beside test_hostile.py: bodies, ids, filters, pages, places, authorizer."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from offer_ranking.catalog.listing import write_place
from offer_ranking.storage import clients
from tests.functions.test_authorization import BODIES, HUB_BODY
from tests.functions.test_edge_hostile import swapped
from tests.support.aws import in_process
from tests.support.decisions import decision_body
from tests.support.system import EVENT_SCHEMA, System, caller_of, handler, rest_event, send

EARLIER = "2026-11-24T22:05:12Z"


@pytest.fixture(scope="module")
def standing() -> Iterator[tuple[System, dict[str, Any], dict[str, Any]]]:
    """One for all that changes nothing: a system, a dataset, and a live model that learns from it."""
    with in_process():
        system = System()
        dataset, model = system.live_model()
        system.create_decision("hero", activityId="hero", placementId="top", modelId=model["id"])
        yield system, dataset, model


def refused_or_taken(reply: Any) -> bool:
    return reply.status < 400 or (400 <= reply.status < 500 and reply.json["detail"] != "")


# ---- Bodies of the API -----------------------------------------------------------------------------------------------

RANKING = {
    "offers": [{"id": "a", "priority": 1.5, "link": "https://a.example"}, {"id": "b"}], "seed": 5, "count": 2,
    "places": 2, "audiences": ["gold"], "context": {"device": "phone"}, "profileId": "p",
}  # fmt: skip
WHOLE: dict[str, Any] = {
    "/models/{model}/rankings": RANKING,
    "/models/{model}/rankings/batch": {"requests": [RANKING]},
    "/models/{model}/rankings/replay": BODIES["replay_ranking"][0],
    "/data/core/ods/decisions": HUB_BODY,
    "/data/core/ods/decisions/batch": BODIES["decide_batch"][0],
    "/decisions": decision_body(),
    "/datasets": {"name": "a", "schema": EVENT_SCHEMA, "mapping": {"offer": "a.b"}},
    "/models": BODIES["create_model"][0],
    "/datastreams": BODIES["create_datastream"][0],
    "/models/{model}/evaluate": BODIES["evaluate"][0],
}


@pytest.mark.parametrize("path", WHOLE)
def test_whatever_is_swapped_at_whatever_level_of_an_api_body_is_answered(standing: Any, path: str) -> None:
    system, _, model = standing
    chance = random.Random(path)
    variants = list(swapped(WHOLE[path]))
    for body in chance.sample(variants, min(30, len(variants))):
        assert refused_or_taken(system.call("POST", path.format(model=model["id"]), copy.deepcopy(body))), body


ENCODED = {
    "UTF-16": json.dumps(RANKING).encode("utf-16"),
    "UTF-16 without a mark": json.dumps(RANKING).encode("utf-16-le"),
    "Latin-1": '{"profileId": "é"}'.encode("latin-1"),
    "overlong UTF-8": b'{"profileId": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"profileId": "\xed\xa0\x80"}',
    "UTF-8 that is cut": b'{"profileId": "\xe2\x82',
    "gzip": gzip.compress(json.dumps(RANKING).encode()),
    "gzip, cut": gzip.compress(json.dumps(RANKING).encode())[:-9],
    "gzip twice": gzip.compress(gzip.compress(b"{}")),
    "1,000 to 1": gzip.compress(b"0" * 5_000_000),
}


@pytest.mark.parametrize("name", ENCODED)
@pytest.mark.parametrize("path", ["/models/{model}/rankings", "/data/core/ods/decisions", "/models"])
def test_bytes_that_are_no_utf8_are_refused(standing: Any, path: str, name: str) -> None:
    system, _, model = standing
    path = path.format(model=model["id"])
    headers = {"Authorization": f"Bearer {system.tokens[caller_of(path)]}", "Content-Encoding": "gzip"}
    event = rest_event("POST", path, headers=headers)
    event |= {"body": base64.b64encode(ENCODED[name]).decode(), "isBase64Encoded": True}
    assert send(event).status in {400, 422}


TIMES = (
    "1970-01-01T00:00:00Z", "9999999-01-01T00:00:00Z", "2026-11-24T22:05:12", "2026-11-24T22:05:60Z", 1764021912613, -1,
    "1764021912613", "0000-00-00T00:00:00Z", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z",
    "\u0662026-11-24T22:05:12Z", True, 1e400, "", "now",
)  # fmt: skip


@pytest.mark.parametrize("field", ["startsAt", "endsAt"])
def test_times_of_offers_of_any_shape_are_taken_or_refused(standing: Any, field: str) -> None:
    system, _, _ = standing
    for n, moment in enumerate(TIMES):
        body = decision_body(name=f"{field} {n}")
        body["offers"][0][field] = moment
        assert system.call("POST", "/decisions", json.dumps(body)).status in {201, 400, 422}, moment


@pytest.mark.parametrize(
    "lacking", [{"headers": None}, {"headers": {}}, {"queryStringParameters": None, "headers": None}]
)
def test_what_an_event_lacks_is_no_fault_of_ours_at_any_operation(standing: Any, lacking: dict[str, Any]) -> None:
    _, dataset, model = standing
    for method, path in (
        ("POST", f"/models/{model['id']}/rankings"), ("POST", "/data/core/ods/decisions"), ("GET", "/models"),
        ("GET", f"/datasets/{dataset['id']}/summary"), ("POST", f"/models/{model['id']}/activate"),
        ("GET", "/decisions"), ("GET", "/datastreams"),
    ):  # fmt: skip
        assert send(rest_event(method, path) | lacking).status == 401


# ---- Ids, filters and pages ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bad", ["#", "..", "%2e%2e", "%2F", "m" * 1_000_000, "\u202e", "a#b", "\x00", "\ud800", "{model_id}"]
)
def test_ids_that_nobody_made_rank_and_report_nothing(standing: Any, bad: str) -> None:
    system, _, _ = standing
    for method, path, body in (
        ("POST", f"/models/{bad}/rankings", {"offers": [{"id": "a"}]}), ("GET", f"/models/{bad}/report", None),
        ("POST", f"/models/{bad}/activate", None), ("GET", f"/datasets/{bad}/accounting", None),
        ("POST", f"/datasets/{bad}/backfills", None), ("GET", f"/datastreams/{bad}", None),
    ):  # fmt: skip
        assert system.call(method, path, body).status in {404, 422}, path[:50]


def refuses_long_keys(params: dict[str, Any], **_: Any) -> None:
    """As DynamoDB does also of what is read, and moto only of what is written."""
    keys = [params.get("Key", {}), *(key for one in params.get("RequestItems", {}).values() for key in one["Keys"])]
    asked = params.get("ExpressionAttributeValues", {}).get(":pk", {}).get("S", "")
    if any(len(key["sk"]["S"]) > 1024 for key in keys if "sk" in key) or len(asked) > 2048:
        message = "One or more parameter values were invalid: Size of hashkey or range keys has exceeded the limit"
        raise ClientError({"Error": {"Code": "ValidationException", "Message": message}}, "GetItem")


@pytest.mark.parametrize("length", [1025, 2049])
def test_ids_that_no_key_can_hold_name_nothing(standing: Any, length: int) -> None:
    system, bad = standing[0], "m" * length
    stores = [clients.dynamodb(), clients.dynamodb(hasty=True)]
    for store in stores:
        store.meta.events.register("provide-client-params.dynamodb.*", refuses_long_keys)
    try:
        for method, path, body in (
            ("POST", f"/models/{bad}/rankings", {"offers": [{"id": "a"}]}), ("GET", f"/models/{bad}/report", None),
            ("POST", f"/models/{bad}/activate", None), ("GET", f"/models/{bad}/history", None),
            ("GET", f"/datasets/{bad}/accounting", None), ("GET", f"/decisions/{bad}/history", None),
            ("POST", f"/models/{bad}/rankings/replay", {"seed": 1, "snapshotVersion": 0, "offers": [{"id": "a"}]}),
            ("POST", f"/models/{bad}/rankings/replay", {"seed": 1, "snapshotVersion": 1, "offers": [{"id": "a"}]}),
        ):  # fmt: skip
            assert system.call(method, path, body).status == 404, path[:20] + path[-20:]
    finally:
        for store in stores:
            store.meta.events.unregister("provide-client-params.dynamodb.*", refuses_long_keys)


INJECTED = ("' OR '1'='1", "#pk = :pk) OR (attribute_exists(pk)", ":name", "${jndi:ldap://x}", "*", "%25")


@pytest.mark.parametrize("noun", ["models", "datasets", "decisions", "datastreams"])
def test_an_expression_in_a_filter_or_an_order_selects_nothing(standing: Any, noun: str) -> None:
    system, _, _ = standing
    for injected in INJECTED:
        reply = system.call("GET", f"/{noun}", query={"name": injected})
        assert reply.status == 422 or reply.json["count"] == 0
        for field in ("orderBy", "limit", "status", injected):
            assert system.call("GET", f"/{noun}", query={field: injected}).status == 422


LISTS = (
    "/models", "/datasets", "/decisions", "/datastreams", "/decisions/{decision}/history",
    "/datasets/{dataset}/accounting", "/datasets/{dataset}/refused",
)  # fmt: skip
FORGED = {
    "nothing": "", "no base64": "!!!", "no JSON": "eHg", "null": "bnVsbA", "a list of nothing": "W10",
    "numbers": base64.urlsafe_b64encode(b'["-updated_at", 1, 2]').decode(),
    "an order that is none": write_place("__class__", "x", "y"),
    "too many parts": write_place("-updated_at", "a", "b", "c", "d", "e"),
    "another list's": write_place("objects of somebody-elses", "a"),
    "half of a pair": write_place("-updated_at", "\ud800", "\udfff"),
    "an expression": write_place("-updated_at", "#pk = :pk) OR (attribute_exists(pk)", "x"),
    "5,000 digits": base64.urlsafe_b64encode(b'["-updated_at",' + b"9" * 3000 + b"]").decode(),
    "deep": base64.urlsafe_b64encode(b"[" * 3000).decode(), "right to left": "\u202e", "1 MB": "A" * 1_000_000,
}  # fmt: skip


@pytest.mark.parametrize("path", LISTS)
def test_a_forged_page_token_is_refused_or_leads_to_an_empty_rest(standing: Any, path: str) -> None:
    system, dataset, _ = standing
    decision = system.call("GET", "/decisions").json["results"][0]["id"]
    path = path.format(dataset=dataset["id"], decision=decision)
    for name, start in FORGED.items():
        status = system.call("GET", path, query={"start": start}).status
        assert status in ({200, 422} if name in {"nothing", "an expression"} else {422}), name


@pytest.mark.parametrize("noun", ["accounting", "refused"])
def test_a_forged_place_in_a_dataset_is_refused_where_no_store_could_look_for_it(standing: Any, noun: str) -> None:
    """DynamoDB takes keys of 1,024 bytes at most, and no half of a surrogate pair."""
    system, dataset, _ = standing
    order = {"accounting": f"objects of {dataset['id']}", "refused": f"refused lines of {dataset['id']}"}[noun]
    rest = ("", "1") if noun == "refused" else ()
    for key, status in (("k" * 1022, 200), ("k" * 1023, 422), ("é" * 600, 422), ("\ud800", 422), ("\x00", 200)):
        start = write_place(order, key, *rest)
        assert system.call("GET", f"/datasets/{dataset['id']}/{noun}", query={"start": start}).status == status


def test_a_page_token_that_is_cut_or_of_another_list_is_refused(standing: Any) -> None:
    system, _, _ = standing
    for n in range(2):
        system.create_dataset(f"paged {n}")
    place = system.call("GET", "/datasets", query={"limit": "1"}).json["next"]
    for cut in (place[:-5], place[5:], place[1:], place + place):
        assert system.call("GET", "/datasets", query={"start": cut}).status == 422
    assert system.call("GET", "/datasets", query={"start": place, "orderBy": "name"}).status == 422


# ---- Where datasets lie ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bucket",
    ["somebody-elses", "arn:aws:s3:::events-of-others", "arn:aws:s3:us-east-1:999999999999:accesspoint/events",
     "s3://events-of-others", "https://events-of-others.s3.amazonaws.com", "file:///etc", "Events-Of-Others",
     "events-of-others.", "events-of-others/shop", "events-of-others\n", "events-of-others\x00", "events-0f-others",
     "\u0435vents-of-others", "999999999999:events-of-others", "state", "*", "", "..", None, 5, ["events-of-others"]],
)  # fmt: skip
def test_a_dataset_lies_in_a_bucket_of_the_list_to_the_letter(standing: Any, bucket: Any) -> None:
    system, _, _ = standing
    body = {"name": f"in {bucket!r}"[:200], "schema": EVENT_SCHEMA, "bucket": bucket, "prefix": "x/"}
    reply = system.call("POST", "/datasets", body)
    assert reply.status == 422
    assert reply.json["errors"][0]["pointer"] in {"/bucket", "", "/name"}


# ---- The authorizer --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "token",
    [None, "", "Bearer", "Bearer " + "x" * 1_000_000, "Bearer \x00.\x00.\x00", "Bearer \ud800", "Bearer ..",
     "Bearer a.b.c\r\nX: y",
     "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer " + "e30." * 5000, "Bearer \u202e", "bearer null", "Basic eDp5"],
)  # fmt: skip
@pytest.mark.usefixtures("standing")
def test_the_authorizer_says_one_word_to_whatever_proves_nothing(token: str | None) -> None:
    event = {"type": "TOKEN", "authorizationToken": token, "methodArn": "arn:aws:execute-api:r:1:abc/v1/GET/models"}
    with pytest.raises(Exception, match=r"^Unauthorized$"):
        handler("authorize_request").lambda_handler(event, None)
