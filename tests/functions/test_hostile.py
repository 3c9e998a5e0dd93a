"""Whatever is sent, an answer in the 500s never comes: made from the OpenAPI document, and from what people try."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from infra.openapi import operations
from offer_ranking.http.api import Operation
from offer_ranking.http.openapi import document
from tests.support.aws import in_process
from tests.support.decisions import decision_body, offer_body
from tests.support.system import EVENT_SCHEMA, Reply, System, caller_of, rest_event, send

AN_OPERATION = [f"{operation.method} {operation.path}" for operation in operations()]
EXAMPLES = 25


@cache
def schema() -> Any:
    return schemathesis.openapi.from_dict(document(operations()))


def world() -> tuple[System, dict[str, str]]:
    system = System()
    dataset, model = system.live_model()
    backfill = system.call("POST", f"/datasets/{dataset['id']}/backfills").json["id"]
    ids = {"dataset_id": dataset["id"], "model_id": model["id"], "backfill_id": backfill}
    return system, ids | {
        "decision_id": system.create_decision()["id"],
        "datastream_id": system.create_datastream(dataset["id"])["id"],
    }


def sent(system: System, method: str, path: str, case: Any, ids: dict[str, str], *, real: bool) -> int:
    """The status of a generated case, on things that exist or on made-up ids."""
    for name, value in {**(case.path_parameters or {}), **(ids if real else {})}.items():
        path = path.replace("{" + name + "}", str(value).replace("/", "%2F") or "%20")
    headers = {"Authorization": f"Bearer {system.tokens[caller_of(path)]}", "If-Match": "*"}
    headers |= {name: str(value) for name, value in (case.headers or {}).items()}
    body = case.body if isinstance(case.body, dict | list | str | int | float | bool | None) else None
    query = {name: str(value) for name, value in (case.query or {}).items()}
    return send(rest_event(method, path, json.dumps(body), query=query, headers=headers)).status


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["well made", "malformed"])
@pytest.mark.parametrize("operation", AN_OPERATION)
def test_requests_made_from_the_openapi_document_never_break_it(operation: str, mode: GenerationMode) -> None:
    method, path = operation.split(" ")
    cases = schema()[path][method].as_strategy(generation_mode=mode)
    with in_process():
        system, ids = world()

        @settings(max_examples=EXAMPLES, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
        @given(case=cases, real=st.booleans())
        def never_breaks(case: Any, real: bool) -> None:
            assert sent(system, method, path, case, ids, real=real) < 500

        try:
            never_breaks()
        except Exception as error:
            if type(error).__name__ == "Unsatisfiable" and mode is GenerationMode.NEGATIVE:
                return  # an operation without body, query or header has no malformed request
            raise


MADE = {
    "create_dataset": {"name": "made", "schema": EVENT_SCHEMA},
    "create_model": {"name": "made", "type": "auto-optimization", "datasetIds": ["{dataset_id}"]},
    "duplicate": {"name": "made"},
    "create_decision": decision_body(name="made"),
    "create_datastream": {"name": "made", "orgId": "ORG@AdobeOrg", "datasetId": "{dataset_id}"},
}


@pytest.mark.parametrize("maker", MADE)
def test_every_link_of_the_openapi_document_leads_from_a_thing_to_what_can_be_done_with_it(maker: str) -> None:
    described = document(operations())
    by_id = {operation.id: operation for operation in operations()}
    made = by_id[maker]
    links = described["paths"][made.path][made.method.lower()]["responses"]["201"]["links"]
    assert any(by_id[name].method == "DELETE" for name in links)
    with in_process():
        system, ids = world()
        for name, link in links.items():
            body = json.loads(json.dumps(MADE[maker]).replace("{dataset_id}", ids["dataset_id"]))
            reply = system.call(made.method, made.path.format_map(ids), body | {"name": f"made for {name}"})
            assert reply.status == 201, reply.text
            followed = follow(system, by_id[name], link["parameters"], reply)
            assert followed.status not in {401, 403, 404, 412, 428}, (name, followed.text)
            assert followed.status < 500


def follow(system: System, operation: Any, parameters: dict[str, str], reply: Reply) -> Reply:
    """A link, taken from this answer."""
    path, headers = operation.path, {}
    for parameter, expression in parameters.items():
        place, _, field = parameter.partition(".")
        value = reply.json["id"] if expression == "$response.body#/id" else reply.headers["ETag"]
        if place == "path":
            path = path.replace("{" + field + "}", value)
        else:
            headers[field.replace("-", "_")] = value
    return system.call(operation.method, path, {} if operation.body else None, **headers)


def deep(depth: int) -> str:
    return "[" * depth + "]" * depth


HOSTILE_BODIES = {
    "not an object": "[]",
    "null": "null",
    "a number": "5",
    "a string": '"x"',
    "nothing": "",
    "NaN": '{"name": NaN}',
    "infinite": '{"name": Infinity}',
    "1e400": '{"settings": {"randomShare": 1e400}}',
    "minus zero": '{"seed": -0}',
    "priority 1e400": '{"offers": [{"id": "a", "etag": "1", "format": "text/html", "content": "", "priority": 1e400}]}',
    "first year": '{"offers": [{"id": "a", "startsAt": "0001-01-01T00:00:00+23:59"}]}',
    "deep content": json.dumps(
        decision_body(offers=[offer_body(format="application/json", content="[" * 100_000 + "]" * 100_000)])
    ),
    "half a pair in content": '{"offers": [{"id": "a", "etag": "1", "format": "text/html", "content": "\\ud800"}]}',
    "1,000,000 offers": '{"offers": [' + "{}," * 1_000_000 + "{}]}",
    "5,000 digits": '{"seed": ' + "9" * 5000 + "}",
    "deep": '{"name": ' + deep(5000) + "}",
    "deep schema": '{"name": "x", "schema": ' + '{"allOf": [' * 150 + "{}" + "]}" * 150 + "}",
    "duplicate keys": '{"name": "a", "name": "b"}',
    "byte order mark": '\ufeff{"name": "a"}',
    "lone surrogate": '{"name": "\\ud800"}',
    "raw surrogate": '{"name": "\ud800"}',
    "NUL": '{"name": "a\\u0000b"}',
    "CRLF": '{"name": "a\\r\\nb"}',
    "right to left": '{"name": "\u202egnp.exe"}',
    "zero width": '{"name": "\u200b"}',
    "1 MB name": json.dumps({"name": "x" * 1_000_000}),
    "100,000 keys": json.dumps({f"k{n}": n for n in range(100_000)}),
    "expression": '{"name": "#pk = :pk) OR (attribute_exists(pk)"}',
    "truncated": '{"name": "a',
    "trailing": '{"name": "a"} {}',
    "XML": "<model/>",
}


@pytest.fixture
def standing() -> Iterator[Any]:
    with in_process():
        yield world()


@pytest.mark.parametrize("name", list(HOSTILE_BODIES))
def test_a_hostile_body_is_refused_on_every_door(standing: Any, name: str) -> None:
    system, ids = standing
    for operation in operations():
        if operation.body is None:
            continue
        path = operation.path.format_map(ids)
        headers = {"Authorization": f"Bearer {system.tokens[caller_of(path)]}", "If-Match": "*"}
        reply = send(rest_event(operation.method, path, HOSTILE_BODIES[name], headers=headers))
        assert reply.status < 500, operation.id
        if reply.status >= 400:
            assert reply.headers["Content-Type"] == "application/problem+json"
            assert reply.json["detail"]


def collections_of(schema: Any) -> Iterator[dict[str, Any]]:
    """Every list and mapping that pydantic reads from a body, but what a function of ours has read before."""
    if isinstance(schema, dict):
        if schema.get("type") == "function-before":
            return
        if schema.get("type") in ("list", "tuple", "set", "frozenset", "dict"):
            yield schema
        schema = [one for name, one in schema.items() if name != "serialization"]
    if isinstance(schema, list | tuple):
        for one in schema:
            yield from collections_of(one)


@pytest.mark.parametrize("operation", [one for one in operations() if one.body], ids=lambda one: one.id)
def test_no_list_of_a_body_is_read_on_after_what_is_wrong(operation: Operation) -> None:
    """Pydantic keeps each fault, a kilobyte of it: 6 MB of them took 2.6 GB, more than a function has."""
    operation.body.model_rebuild(force=True)
    for one in collections_of(operation.body.__pydantic_core_schema__):
        takes_anything = one["type"] == "dict" and one.get("values_schema", {"type": "any"}) == {"type": "any"}
        assert one.get("fail_fast") or takes_anything, one


def test_faults_without_number_are_told_in_a_sentence(standing: Any) -> None:
    system, ids = standing
    body = json.dumps({f"k{n}": n for n in range(1001)})
    reply = system.call("POST", f"/models/{ids['model_id']}/rankings", body)
    detail = "holds 1,001 faults; most are fields that nobody asked for"
    assert (reply.status, reply.json["errors"]) == (422, [{"pointer": "", "detail": detail}])


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"headers": None}, 401),
        ({"queryStringParameters": None}, 201),
        ({"isBase64Encoded": True}, 400),
        ({"body": "bm90IGpzb24=", "isBase64Encoded": True}, 400),
        ({"body": "//79", "isBase64Encoded": True}, 400),
    ],
)
def test_events_of_unusual_shape_are_answered(standing: Any, change: dict[str, Any], status: int) -> None:
    system, _ = standing
    event = rest_event(
        "POST",
        "/datasets",
        {"name": f"shape {status} {len(str(change))}", "schema": EVENT_SCHEMA},
        headers={"Authorization": f"Bearer {system.tokens['admin']}"},
    )
    assert send(event | change, "manage_models").status == status


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", "nonsense"]
)
def test_another_content_type_is_refused(standing: Any, content_type: str) -> None:
    system, _ = standing
    assert system.call("POST", "/models", {}, Content_Type=content_type).status == 415


@pytest.mark.parametrize("bad", ["#", "..", "%2e%2e", "a" * 100_000, "\u202e", "model#x", "{id}"])
def test_ids_that_nobody_made_are_not_found(standing: Any, bad: str) -> None:
    system, _ = standing
    assert system.call("GET", f"/models/{bad}").status in {404, 422}
    assert system.call("GET", f"/datasets/{bad}").status in {404, 422}
    assert system.call("GET", f"/decisions/{bad}").status in {404, 422}
    assert system.call("GET", f"/datastreams/{bad}/history").status in {404, 422}
    assert system.call("GET", f"/backfills/{bad}").status in {404, 422}


@pytest.mark.parametrize("match", ["", "1", '"one"', 'W/"1"', '"1", "x"', "*" * 100, '"' + "9" * 5000 + '"'])
def test_an_if_match_of_any_shape_is_answered(standing: Any, match: str) -> None:
    system, _ = standing
    dataset = system.create_dataset(f"matched {match[:50]!r}")
    reply = system.call("PATCH", f"/datasets/{dataset['id']}", {}, If_Match=match)
    assert reply.status == (200 if match == '"1", "x"' else 428 if not match else 412)
