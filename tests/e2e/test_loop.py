"""The whole loop as any client goes it: definitions and rankings over HTTP, events as objects in S3."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest

from infra.local.system import System
from tests.e2e.conftest import Caller
from tests.e2e.world import SCHEMA, event, lines, name, within

REFRESH_SECONDS = 5  # as promised: an object changes the ranking within this
OFFERS = [{"id": "worse"}, {"id": "better"}]


def dataset_of(admin: Caller, **more: str) -> dict[str, Any]:
    answer = admin.post("/datasets", {"name": name("events"), "schema": SCHEMA, **more})
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.json()
    return created


def live_model(admin: Caller, dataset: dict[str, Any]) -> str:
    body = {"name": name("model"), "type": "auto-optimization", "datasetIds": [dataset["id"]]}
    answer = admin.post("/models", body)
    assert answer.status_code == 201, answer.text
    model_id: str = answer.json()["id"]
    assert admin.post(f"/models/{model_id}/activate").json()["status"] == "live"
    return model_id


def put(system: System, dataset: dict[str, Any], key: str, body: bytes) -> None:
    system.aws("s3").put_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + key, Body=body)


def rank(ranker: Caller, model_id: str) -> dict[str, Any]:
    answer = ranker.post(f"/models/{model_id}/rankings", {"offers": OFFERS})
    assert answer.status_code == 200, answer.text
    ranking: dict[str, Any] = answer.json()
    return ranking


def propensity(ranking: dict[str, Any], offer: str) -> float:
    (found,) = [one["propensity"] for one in ranking["offers"] if one["id"] == offer]
    return float(found)


def counted(admin: Caller, model_id: str, impressions: int, conversions: int) -> dict[str, Any]:
    """The report, once its totals are these."""

    def ask() -> dict[str, Any] | None:
        report: dict[str, Any] = admin.get(f"/models/{model_id}/report?days=all").json()
        totals = report["totals"]
        return report if (totals["impressions"], totals["conversions"]) == (impressions, conversions) else None

    return within(15, ask)


@pytest.fixture
def dataset(admin: Caller) -> dict[str, Any]:
    return dataset_of(admin)


@pytest.fixture
def model_id(admin: Caller, dataset: dict[str, Any]) -> str:
    return live_model(admin, dataset)


def test_before_the_first_event_offers_are_ranked_at_random(ranker: Caller, model_id: str) -> None:
    ranking = rank(ranker, model_id)

    assert (ranking["source"], ranking["trafficType"], ranking["snapshot"]) == ("untrained", "random", None)
    assert [one["propensity"] for one in ranking["offers"]] == [0.5, 0.5]


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_an_object_changes_the_ranking_within_five_seconds(
    system: System, ranker: Caller, dataset: dict[str, Any], model_id: str, packed: bool
) -> None:
    body = lines(worse=(500, 1), better=(500, 100))
    began = time.monotonic()
    put(system, dataset, "day.json.gz" if packed else "day.json", gzip.compress(body) if packed else body)

    def learned() -> dict[str, Any] | None:
        ranking = rank(ranker, model_id)
        return ranking if ranking["source"] == "fresh" else None

    ranking = within(REFRESH_SECONDS, learned)
    assert time.monotonic() - began < REFRESH_SECONDS
    assert propensity(ranking, "better") > 0.95
    assert sum(one["propensity"] for one in ranking["offers"]) == pytest.approx(1)


def test_counts_follow_what_lies_in_the_dataset(
    system: System, admin: Caller, dataset: dict[str, Any], model_id: str
) -> None:
    put(system, dataset, "one", lines(a=(40, 4), b=(60, 3)))
    put(system, dataset, "two", lines(a=(5, 1)))
    report = counted(admin, model_id, 105, 8)
    by_offer = {one["id"]: (one["impressions"], one["conversions"]) for one in report["offers"]}
    assert by_offer == {"a": (45, 5), "b": (60, 3)}
    assert report["accounting"] == {
        "received": 113, "counted": 113, "duplicate": 0, "other": 0, "late": 0, "refused": {},
    }  # fmt: skip

    put(system, dataset, "one", lines(b=(10, 2)))
    report = counted(admin, model_id, 15, 3)
    assert {one["id"]: one["impressions"] for one in report["offers"]} == {"a": 5, "b": 10}

    system.aws("s3").delete_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + "two")
    counted(admin, model_id, 10, 2)


def test_every_line_is_accounted_for(system: System, admin: Caller, dataset: dict[str, Any], model_id: str) -> None:
    put(system, dataset, "mixed", lines(a=(2, 1)) + b'not JSON\n{"eventType": "web.webpagedetails.pageViews"}\n')

    accounting = counted(admin, model_id, 2, 1)["accounting"]
    assert (accounting["received"], accounting["counted"]) == (5, 3)
    assert accounting["other"] + sum(accounting["refused"].values()) == 2


def test_what_lay_there_before_the_dataset_counts(system: System, admin: Caller) -> None:
    prefix = name("earlier").replace(" ", "-") + "/"
    bucket = system.datasets_bucket
    system.aws("s3").put_object(Bucket=bucket, Key=prefix + "early", Body=lines(a=(7, 2)))

    dataset = dataset_of(admin, bucket=bucket, prefix=prefix)
    found = admin.post(f"/datasets/{dataset['id']}/check").json()
    assert (found["displays"], found["interacts"]) == (7, 2)
    counted(admin, live_model(admin, dataset), 7, 2)


def test_a_proposition_comes_back_in_the_traffic_of_its_model(
    system: System, admin: Caller, ranker: Caller, dataset: dict[str, Any], model_id: str
) -> None:
    rankings = [rank(ranker, model_id) for _ in range(5)]
    shown = [event("display", one["offers"][0]["id"], **one["proposition"]) for one in rankings]
    put(system, dataset, "shown", "\n".join(map(json.dumps, shown)).encode())

    traffic = counted(admin, model_id, 5, 0)["traffic"]
    assert (traffic["random"]["impressions"], traffic["model"]["impressions"]) == (5, 0)


def test_a_deactivated_model_ranks_no_more_after_two_seconds(admin: Caller, ranker: Caller, model_id: str) -> None:
    assert rank(ranker, model_id)["source"] == "untrained"
    assert admin.post(f"/models/{model_id}/deactivate").json()["status"] == "draft"

    def refused() -> int | None:
        status = ranker.post(f"/models/{model_id}/rankings", {"offers": OFFERS}).status_code
        return status if status != 200 else None

    assert within(2, refused) == 409
