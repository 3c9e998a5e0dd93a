from __future__ import annotations

import json
from typing import Any

import pytest

from offer_ranking.catalog.dataset import MOST_FIELD_GROUP_BYTES, Dataset
from tests.support.system import EVENT_SCHEMA, System, display

FIELD_GROUP = "https://ns.adobe.com/experience/decisioning/proposition-interaction"


def problem(reply: Any) -> tuple[int, str, list[str]]:
    return reply.status, reply.json["type"].rpartition(":")[2], [one["pointer"] for one in reply.json.get("errors", [])]


def schema_of(*groups: str) -> dict[str, Any]:
    return {"allOf": [{"$ref": uri} for uri in groups]}


def test_a_schema_of_more_field_groups_than_can_be_kept_is_refused_and_the_largest_is_kept(system: System) -> None:
    many = schema_of(*(f"https://ns.adobe.com/tenant/mixins/{n}" for n in range(20_000)))
    refused = system.call("POST", "/datasets", {"name": "events", "schema": many})
    assert problem(refused) == (422, "invalid", ["/schema"])
    # Each quote is two bytes of JSON, and four of an answer that is remembered as JSON.
    first, second = (schema_of(letter + '"' * (MOST_FIELD_GROUP_BYTES // 2 - 3)) for letter in "ab")
    made = system.call("POST", "/datasets", {"name": "events", "schema": first}, Idempotency_Key="k")
    assert made.status == 201
    assert system.call("PATCH", f"/datasets/{made.json['id']}", {"schema": second}, If_Match='"1"').status == 200
    over = schema_of('"' * (MOST_FIELD_GROUP_BYTES // 2))
    assert problem(system.call("PATCH", f"/datasets/{made.json['id']}", {"schema": over}, If_Match='"2"'))[0] == 422


def test_a_dataset_without_a_place_gets_a_managed_one(system: System) -> None:
    dataset = system.create_dataset()
    assert dataset["bucket"] == "datasets"
    assert dataset["prefix"] == f"datasets/{dataset['id']}/"
    assert dataset["eligible"]
    assert "reason" in dataset


def test_field_groups_are_read_from_a_schema_document(system: System) -> None:
    schema = {
        "$id": "https://ns.adobe.com/tenant/schemas/1",
        "allOf": [
            {"$ref": "https://ns.adobe.com/xdm/context/experienceevent"},
            {"$ref": FIELD_GROUP + "#"},
            {"$ref": "https://ns.adobe.com/tenant/mixins/2"},
        ],
        "meta:extends": ["https://ns.adobe.com/xdm/data/time-series", "https://ns.adobe.com/tenant/mixins/3"],
    }
    dataset = system.create_dataset(schema=schema)
    assert dataset["eligible"]
    assert dataset["fieldGroups"] == [
        FIELD_GROUP, "https://ns.adobe.com/tenant/mixins/2", "https://ns.adobe.com/tenant/mixins/3",
    ]  # fmt: skip


def test_a_dataset_without_the_field_group_says_why_it_does_not_qualify_and_no_model_takes_it(system: System) -> None:
    dataset = system.create_dataset(schema={"allOf": []})
    assert not dataset["eligible"]
    assert "Proposition Interactions" in dataset["reason"]
    body = {"name": "m", "type": "auto-optimization", "datasetIds": [dataset["id"]]}
    assert problem(system.call("POST", "/models", body)) == (422, "invalid", ["/datasetIds/0"])
    assert system.call("GET", "/datasets", query={"eligible": "true"}).json["results"] == []
    assert system.call("GET", "/datasets", query={"eligible": "false"}).json["count"] == 1


@pytest.mark.parametrize("taken", ["shop/", "shop/web/", "shop/web/2026/"])
def test_prefixes_must_not_overlap(system: System, taken: str) -> None:
    system.create_dataset(bucket="events-of-others", prefix="shop/web/")
    body = {"name": "other", "schema": EVENT_SCHEMA, "bucket": "events-of-others", "prefix": taken}
    assert problem(system.call("POST", "/datasets", body)) == (409, "overlap", ["/prefix"])
    beside = {**body, "prefix": "shop/web-2/"}
    assert system.call("POST", "/datasets", beside).status == 201


def test_a_deleted_dataset_gives_back_its_prefix_and_name(system: System) -> None:
    place = {"bucket": "events-of-others", "prefix": "shop/"}
    dataset = system.create_dataset(**place)
    assert system.call("DELETE", f"/datasets/{dataset['id']}", If_Match='"1"').status == 204
    assert system.create_dataset(**place)["id"] != dataset["id"]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"bucket": "somebody-elses", "prefix": "a/"}, "/bucket"),
        ({"bucket": "events-of-others"}, ""),
        ({"bucket": "events-of-others", "prefix": "no-slash"}, "/prefix"),
        ({"bucket": "events-of-others", "prefix": "../x/"}, "/prefix"),
        ({"bucket": "events-of-others", "prefix": "/x/"}, "/prefix"),
        ({"bucket": "events-of-others", "prefix": "x//y/"}, "/prefix"),
        ({"bucket": "s3://events-of-others", "prefix": "x/"}, "/bucket"),
        ({"schema": "no-such-schema"}, "/schema"),
        ({"schema": None}, "/schema"),
        ({"schema": 5}, "/schema"),
        ({"name": " "}, "/name"),
        ({"name": "a\x00b"}, "/name"),
        ({"name": "x" * 256}, "/name"),
        ({"mapping": {"offers": "a"}}, "/mapping"),
        ({"mapping": {"offer": "a..b"}}, "/mapping"),
        ({"mapping": {"offer": ""}}, "/mapping"),
        ({"mapping": {"offer": ["a"]}}, "/mapping"),
        ({"mapping": {"offer": "x" * 513}}, "/mapping"),
        ({"mapping": [["offer", ["a"]]]}, "/mapping"),
        ({"mapping": None}, "/mapping"),
        ({"columns": {}}, "/columns"),
    ],
)  # fmt: skip
def test_a_dataset_that_cannot_be_is_refused_with_the_field_that_is_wrong(
    system: System, fields: dict[str, Any], pointer: str
) -> None:
    reply = system.call("POST", "/datasets", {"name": "events", "schema": EVENT_SCHEMA, **fields})
    assert problem(reply) == (422, "invalid", [pointer])


def test_a_dataset_in_use_keeps_its_field_group_and_cannot_be_deleted(system: System) -> None:
    dataset = system.create_dataset()
    model = system.create_model([dataset["id"]])
    path = f"/datasets/{dataset['id']}"
    deleted = system.call("DELETE", path, If_Match='"1"')
    assert problem(deleted)[:2] == (409, "in-use")
    assert deleted.json["usedBy"] == [model["id"]]
    assert problem(system.call("PATCH", path, {"schema": {"allOf": []}}, If_Match='"1"'))[:2] == (409, "in-use")
    assert system.call("DELETE", f"/models/{model['id']}", If_Match='"1"').status == 204
    assert system.call("DELETE", path, If_Match='"1"').status == 204
    assert system.call("GET", path).status == 404


def test_an_edit_needs_the_present_version(system: System) -> None:
    dataset = system.create_dataset()
    path = f"/datasets/{dataset['id']}"
    assert problem(system.call("PATCH", path, {"name": "a"}))[:2] == (428, "match-needed")
    edited = system.call("PATCH", path, {"name": "a", "description": "d"}, If_Match='"1"')
    assert (edited.status, edited.etag, edited.json["version"]) == (200, '"2"', 2)
    assert problem(system.call("PATCH", path, {"name": "b"}, If_Match='"1"'))[:2] == (412, "stale")
    assert system.call("PATCH", path, {"description": None}, If_Match='"2"').json["description"] is None


def test_a_check_says_what_a_sample_of_the_events_is(system: System) -> None:
    dataset = system.create_dataset()
    nameless = display("a")
    del nameless["_id"]
    system.put(
        dataset, "a.json.gz", [display("a"), display("a", kind="interact"), {"eventType": "page"}, "no json", nameless]
    )
    system.put(dataset, "b.json", [display("b")], zipped=False)
    found = system.call("POST", f"/datasets/{dataset['id']}/check").json
    assert found == {
        "objects": 2, "lines": 6, "displays": 2, "interacts": 1, "other": 1, "late": 0,
        "refused": {"malformed": 1, "no-id": 1}, "unreadable": 0,
    }  # fmt: skip


def test_the_same_name_in_another_case_width_or_form_is_taken(system: System) -> None:
    system.create_dataset("\uff33tra\u00dfe  events")
    for twin in ("STRASSE events", "strasse\u200b events", " Stra\u00dfe events "):
        reply = system.call("POST", "/datasets", {"name": twin, "schema": EVENT_SCHEMA})
        assert problem(reply) == (409, "name-taken", ["/name"]), twin


def test_a_mapping_is_shown_as_it_was_given_and_stays_through_other_edits(system: System) -> None:
    assert system.create_dataset("plain")["mapping"] == {}
    mapping = {"offer": "columns.offer_id", "id": "row"}
    dataset = system.create_dataset("mapped", mapping=mapping)
    path = f"/datasets/{dataset['id']}"
    assert dataset["mapping"] == mapping
    assert system.call("PATCH", path, {"description": "d"}, If_Match="*").json["mapping"] == mapping
    assert system.call("GET", path).json["mapping"] == mapping
    assert system.call("PATCH", path, {"mapping": {}}, If_Match="*").json["mapping"] == {}
    history = system.call("GET", path).json
    assert (history["version"], history["mapping"]) == (3, {})


def flat(kind: str, offer: str, **columns: Any) -> dict[str, Any]:
    event = display(offer, kind=kind)
    return {"_id": event["_id"], "timestamp": event["timestamp"], "eventType": kind, **columns}


def test_a_changed_mapping_counts_what_lies_there_anew_and_until_then_counts_stand(system: System) -> None:
    dataset, model = system.live_model()
    system.settle()
    lines = [flat("display", offer, shown={"new": offer}, offerId="old") for offer in ("a", "b", "b")]
    system.land(dataset, "rows.json", lines)

    def impressions() -> dict[str, int]:
        report = system.call("GET", f"/models/{model['id']}/report", query={"days": "all"}).json
        return {one["id"]: one["impressions"] for one in report["offers"]}

    assert impressions() == {"old": 3}
    path = f"/datasets/{dataset['id']}"
    changed = system.call("PATCH", path, {"mapping": {"offer": "shown.new"}}, If_Match="*").json
    assert not changed["discovered"], "until all that lies there is on its way"
    assert impressions() == {"old": 3}
    system.settle()
    assert impressions() == {"a": 1, "b": 2}
    assert system.call("GET", path).json["discovered"]


def test_a_mapping_given_again_has_the_dataset_swept_again(system: System) -> None:
    dataset, model = system.live_model()
    system.settle()
    system.put(dataset, "a.json", [display("a")])  # and nobody tells
    path = f"/datasets/{dataset['id']}"
    assert system.call("PATCH", path, {"mapping": {}}, If_Match="*").json["version"] == 1
    system.settle()
    assert system.call("GET", f"/models/{model['id']}/report").json["totals"]["impressions"] == 1


@pytest.mark.parametrize(
    ("key", "counts"),
    [
        ("manifest.json", False),
        ("2026/manifest-1787241602.json", False),
        ("_SUCCESS", False),
        ("day=1/_committed_17", False),
        (".part-0001.json", False),
        ("folder/", False),
        ("_ACP_DATE=2026-01-01/part-0001.json", True),
        ("manifest.json/part-0001.json", True),
        ("manifested.parquet", True),
        ("export.json.gz", True),
    ],
)
def test_what_tools_put_beside_the_data_is_no_object_of_the_dataset(system: System, key: str, counts: bool) -> None:
    dataset = Dataset.model_validate_json(json.dumps(system.create_dataset()), extra="ignore")
    assert dataset.holds(dataset.bucket, dataset.prefix + key) is counts
    assert not dataset.holds("events-of-others", dataset.prefix + key)
    assert not dataset.holds(dataset.bucket, "elsewhere/" + key)
