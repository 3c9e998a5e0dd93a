"""What earlier releases left in tables and buckets is read by this one, ranked by, counted on, and edited."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import boto3
import pytest

from offer_ranking.events.token import verify
from offer_ranking.storage.token_keys import KeyRing
from tests.support.aws import ENVIRONMENT
from tests.support.release import FOLDER, counted, lacking, record, restore
from tests.support.system import System, display, handler

RELEASES = sorted(FOLDER.glob("*.json.gz"))


def read(file: Path) -> dict[str, Any]:
    return dict(json.loads(gzip.decompress(file.read_bytes())))


@pytest.fixture(params=RELEASES, ids=lambda file: file.name.removesuffix(".json.gz"))
def recorded(request: pytest.FixtureRequest, system: System) -> dict[str, Any]:  # noqa: ARG001 - empty yet
    left = read(request.param)
    restore(left)
    return left


def report_of(left: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return next((path, told) for path, told in left["told"].items() if path.endswith("/report"))


def dataset_of(left: dict[str, Any]) -> dict[str, Any]:
    return dict(next(told for told in left["told"].values() if "prefix" in told))


def test_there_is_a_recording() -> None:
    assert RELEASES


def test_definitions_and_counts_are_told_as_they_were(system: System, recorded: dict[str, Any]) -> None:
    for path, told in recorded["told"].items():
        if path.endswith("/report"):
            assert counted(system.call("GET", path, query={"days": "all"}).json) == counted(told)
        else:
            assert lacking(told, system.call("GET", path).json) == [], path


def test_its_snapshots_rank_as_they_did(system: System, recorded: dict[str, Any]) -> None:
    for model, before in recorded["rankings"].items():
        after = system.call("POST", f"/models/{model}/rankings", recorded["asked"]).json
        old, new = before["snapshot"], after["snapshot"]
        assert (after["source"], new["version"], new["asOf"]) == ("fresh", old["version"], old["asOf"])
        assert [one["id"] for one in after["offers"]] == [one["id"] for one in before["offers"]]
        old, new = ([one["propensity"] for one in ranking["offers"]] for ranking in (before, after))
        assert new == pytest.approx(old, abs=1e-6)


def test_tokens_that_it_signed_verify(recorded: dict[str, Any]) -> None:
    keys = KeyRing(boto3.client("dynamodb"), ENVIRONMENT["TOKEN_KEYS_TABLE"]).keys()
    assert keys is not None
    for model, ranking in recorded["rankings"].items():
        token = ranking["proposition"]["scopeDetails"]["characteristics"]["eventToken"]
        assert verify(token, keys).model == model


def test_counting_goes_on_where_it_was_and_counts_nothing_twice(system: System, recorded: dict[str, Any]) -> None:
    dataset, (path, before) = dataset_of(recorded), report_of(recorded)
    handler("refresh_rankings").lambda_handler({"hint": "sweep"}, None)
    system.settle()
    assert counted(system.call("GET", path, query={"days": "all"}).json) == counted(before)
    system.land(dataset, "two.json", [display("summer")] * 2)
    after = system.call("GET", path, query={"days": "all"}).json["totals"]
    assert after["impressions"] == before["totals"]["impressions"] + 1, "the second is a copy of the first"
    model = path.split("/")[2]
    ranking = system.call("POST", f"/models/{model}/rankings", recorded["asked"]).json
    assert ranking["snapshot"]["version"] > recorded["rankings"][model]["snapshot"]["version"]


def test_its_definitions_are_edited_by_the_versions_that_it_gave(system: System, recorded: dict[str, Any]) -> None:
    for path in recorded["told"]:
        if path.count("/") == 2 and not path.startswith("/backfills"):
            etag = system.call("GET", path).etag
            changed = system.call("PATCH", path, {"name": f"later {path}"}, If_Match=etag)
            assert (changed.status, changed.json["name"]) == (200, f"later {path}"), changed.text


def with_more(value: Any) -> Any:
    """JSON with a field in every object that nobody knows yet."""
    if isinstance(value, dict):
        return {key: with_more(one) for key, one in value.items()} | {"ofALaterRelease": "1"}
    return [with_more(one) for one in value] if isinstance(value, list) else value


def test_what_a_later_release_adds_to_definitions_is_passed_over(system: System, recorded: dict[str, Any]) -> None:
    """As while a canary runs, and after it was taken back."""
    dynamodb = boto3.client("dynamodb")
    for item in recorded["tables"]["Catalog"]:
        if "definition" in item:
            definition = json.loads(item["definition"]["S"])
            for field in set(definition) - {"schema", "mapping"}:
                definition[field] = with_more(definition[field])
            more = {"definition": {"S": json.dumps(definition | {"ofALaterRelease": 1})}}
            dynamodb.put_item(TableName="Catalog", Item=item | more)
    for path, told in recorded["told"].items():
        if path.count("/") == 2:
            assert lacking(told, system.call("GET", path).json) == [], path
    for model in recorded["rankings"]:
        assert system.call("POST", f"/models/{model}/rankings", recorded["asked"]).json["source"] == "fresh"


def test_a_recording_of_the_present_is_like_those_of_before() -> None:
    """So that the next release can be recorded, and these tests still say something then."""
    now, before = record(), read(RELEASES[-1])
    assert now.keys() == before.keys()
    assert {table for table, items in before["tables"].items() if items} <= {
        table for table, items in now["tables"].items() if items
    }
    assert len(now["told"]) == len(before["told"])
