"""A ranking is repeated from its receipt: the same order, the same numbers, and why the first offer is first."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError

from tests.functions.test_datasets import problem
from tests.functions.test_loop import events
from tests.functions.test_personalized import AUDIENCES
from tests.support.system import System, handler

OFFERS = [{"id": offer} for offer in "abcdef"]
RATES = {"a": 30, "b": 20, "c": 10, "d": 5}
WHO = {"audiences": ["gold", "stranger"], "context": {"device": "tv", "age": 40}}
KINDS = ("auto-optimization", "personalized")
NUMBERS = ("modelId", "trafficType", "seed", "receipt", "offers")


@pytest.fixture(params=KINDS)
def trained(request: pytest.FixtureRequest, system: System) -> tuple[System, dict[str, Any], dict[str, Any]]:
    """A live model of each type that learned once."""
    looks = {"audiences": AUDIENCES, "contextKeys": ["device"]} if request.param == "personalized" else {}
    dataset, model = system.live_model(type=request.param, settings={"randomShare": 0.3}, **looks)
    system.land(dataset, "day.json.gz", [line for offer, n in RATES.items() for line in events(offer, 200, n)])
    return system, dataset, model


def ranked(system: System, model: dict[str, Any], **body: Any) -> dict[str, Any]:
    reply = system.call("POST", f"/models/{model['id']}/rankings", {"offers": OFFERS, **WHO, **body})
    assert reply.status == 200, reply.text
    return reply.json


def replay(system: System, model: dict[str, Any], **body: Any) -> Any:
    return system.call("POST", f"/models/{model['id']}/rankings/replay", {"offers": OFFERS, **WHO, **body})


def repeated(system: System, model: dict[str, Any], answer: dict[str, Any], **body: Any) -> dict[str, Any]:
    version = answer["snapshot"]["version"] if answer["snapshot"] else 0
    reply = replay(system, model, seed=answer["seed"], snapshotVersion=version, **body)
    assert reply.status == 200, reply.text
    assert reply.json["snapshotVersion"] == version
    return reply.json


def numbers(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: answer[name] for name in NUMBERS}


def test_a_ranking_equals_its_replay_in_every_part_of_the_traffic(trained: Any) -> None:
    system, _, model = trained
    seen = set()
    for seed in range(40):
        answer = ranked(system, model, seed=seed)
        assert numbers(answer) == numbers(repeated(system, model, answer))
        seen.add(answer["trafficType"])
    assert seen >= {"random", "noncontextual"}
    assert ("contextual" in seen) == (model["type"] == "personalized")


def test_a_ranking_equals_its_replay_after_newer_snapshots_too(trained: Any) -> None:
    system, dataset, model = trained
    answers = [ranked(system, model) for _ in range(10)]
    before = ranked(system, model, seed=1)
    for n, best in enumerate("de"):
        system.land(dataset, f"{n}.json.gz", events(best, 300, 200))
    after = ranked(system, model, seed=1)
    assert after["snapshot"]["version"] == before["snapshot"]["version"] + 2
    assert {one["id"]: one["propensity"] for one in after["offers"]} != (
        {one["id"]: one["propensity"] for one in before["offers"]}
    )
    for answer in (*answers, before, after):
        assert numbers(answer) == numbers(repeated(system, model, answer))


def test_count_places_etags_and_batches_are_repeated_as_they_were(trained: Any) -> None:
    system, _, model = trained
    some = [{"id": "a", "etag": "2"}, {"id": "z"}, {"id": "c", "priority": 5}]
    for body in ({"count": 2}, {"places": 3}, {"offers": some}, {"offers": some, "places": 10, "count": 1}):
        answer = ranked(system, model, **body)
        assert numbers(answer) == numbers(repeated(system, model, answer, **body))
    path = f"/models/{model['id']}/rankings/batch"
    for answer in system.call("POST", path, {"requests": [{"offers": OFFERS, **WHO}] * 5}).json["rankings"]:
        assert numbers(answer) == numbers(repeated(system, model, answer))


def test_without_offers_those_that_the_snapshot_knows_are_ranked_again(trained: Any) -> None:
    system, dataset, model = trained
    reply = system.call("POST", f"/models/{model['id']}/rankings", {"seed": 5})
    system.land(dataset, "more.json.gz", events("zebra", 10, 1))
    again = system.call("POST", f"/models/{model['id']}/rankings/replay", {"seed": 5, "snapshotVersion": 1})
    assert numbers(reply.json) == numbers(again.json)
    assert len(again.json["offers"]) == len(RATES)


@pytest.mark.parametrize("kind", KINDS)
def test_an_untrained_ranking_is_repeated_by_version_zero(system: System, kind: str) -> None:
    _, model = system.live_model(type=kind)
    for seed in range(5):
        answer = ranked(system, model, seed=seed, places=2)
        assert answer["source"] == "untrained"
        again = repeated(system, model, answer, places=2)
        assert numbers(answer) == numbers(again)
        assert again["trafficType"] == "random"
        assert "Nothing had been learned yet" in again["reason"]


def test_version_zero_knows_no_offers(system: System) -> None:
    _, model = system.live_model()
    reply = system.call("POST", f"/models/{model['id']}/rankings/replay", {"seed": 1, "snapshotVersion": 0})
    assert problem(reply) == (422, "invalid", ["/offers"])


def test_the_reason_is_a_sentence_about_the_first_offer(trained: Any) -> None:
    system, _, model = trained
    for seed in range(20):
        answer = ranked(system, model, seed=seed)
        again = repeated(system, model, answer)
        assert f"“{answer['offers'][0]['id']}”" in again["reason"]
        assert again["reason"].endswith(".")


def test_a_receipt_names_the_algorithm_and_the_numpy_that_drew(trained: Any) -> None:
    import numpy as np  # noqa: PLC0415 - only here

    system, _, model = trained
    receipt = ranked(system, model)["receipt"]
    assert receipt == {"algorithm": "thompson-sampling", "numpy": np.__version__}


def test_another_seed_version_or_candidate_gives_other_numbers(trained: Any) -> None:
    system, dataset, model = trained
    system.land(dataset, "more.json.gz", events("d", 300, 200))
    answer = ranked(system, model, seed=3)
    plain = repeated(system, model, answer)
    assert replay(system, model, seed=4, snapshotVersion=2).json["offers"] != plain["offers"]
    assert replay(system, model, seed=3, snapshotVersion=1).json["offers"] != plain["offers"]
    assert replay(system, model, seed=3, snapshotVersion=2, offers=OFFERS[1:]).json["offers"] != plain["offers"]


@pytest.mark.parametrize("version", [2, 7, 2**31 - 1])
def test_a_version_that_never_was_is_not_found(trained: Any, version: int) -> None:
    system, _, model = trained
    assert problem(replay(system, model, seed=1, snapshotVersion=version))[:2] == (404, "not-found")


def test_a_model_that_is_no_longer_live_can_still_explain_what_it_did(trained: Any) -> None:
    system, _, model = trained
    answer = ranked(system, model)
    system.call("POST", f"/models/{model['id']}/deactivate")
    assert numbers(answer) == numbers(repeated(system, model, answer))


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"seed": None}, "/seed"),
        ({"seed": -1}, "/seed"),
        ({"seed": 2**53}, "/seed"),
        ({"seed": "1"}, "/seed"),
        ({"seed": 1.5}, "/seed"),
        ({"snapshotVersion": None}, "/snapshotVersion"),
        ({"snapshotVersion": -1}, "/snapshotVersion"),
        ({"snapshotVersion": 2**31}, "/snapshotVersion"),
        ({"snapshotVersion": "1"}, "/snapshotVersion"),
        ({"snapshotVersion": 1.5}, "/snapshotVersion"),
        ({"snapshotVersion": True}, "/snapshotVersion"),
        ({"offers": []}, "/offers"),
        ({"offers": [{"id": "a"}, {"id": "a"}]}, "/offers"),
        ({"offers": [{"id": "a", "priority": float("1e400")}]}, "/offers/0/priority"),
        ({"places": 0}, "/places"),
        ({"places": 11}, "/places"),
        ({"places": 2, "offers": [{"id": str(n)} for n in range(101)]}, "/places"),
        ({"audiences": "gold"}, "/audiences"),
        ({"context": {"device": {}}}, "/context/device"),
        ({"extra": 1}, "/extra"),
    ],
)
def test_a_replay_that_cannot_be_is_refused_with_the_field_that_is_wrong(
    trained: Any, body: dict[str, Any], pointer: str
) -> None:
    system, _, model = trained
    status, _, pointers = problem(replay(system, model, **{"seed": 1, "snapshotVersion": 1, **body}))
    assert status in {400, 422}
    assert status == 400 or pointers[0] == pointer


@pytest.mark.parametrize("body", ["", "{", "[]", "null", '{"seed": NaN, "snapshotVersion": 1}', "[" * 5000])
def test_what_is_no_replay_at_all_is_refused(trained: Any, body: str) -> None:
    system, _, model = trained
    assert system.call("POST", f"/models/{model['id']}/rankings/replay", body).status in {400, 422}


@pytest.mark.parametrize("model_id", ["missing", "..", "../other", "%2e%2e%2f", "a" * 5000, "\u202e", "1/../../x"])
def test_a_model_that_nobody_made_has_no_versions(system: System, model_id: str) -> None:
    body = {"offers": OFFERS, "seed": 1, "snapshotVersion": 1}
    assert system.call("POST", f"/models/{model_id}/rankings/replay", body).status in {404, 422}


def test_a_damaged_snapshot_or_a_store_that_is_away_is_unavailable(
    trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, _, model = trained
    key = system.call("GET", f"/models/{model['id']}").json["snapshot"]["key"]
    boto3.client("s3").put_object(Bucket="state", Key=key, Body=b"damaged")
    assert problem(replay(system, model, seed=1, snapshotVersion=1))[:2] == (503, "unavailable")

    def away(**_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://store.test")

    monkeypatch.setattr(handler("rank_offers").snapshots._client, "get_object", away)
    assert problem(replay(system, model, seed=1, snapshotVersion=1))[:2] == (503, "unavailable")
