from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from offer_ranking.events.token import verify
from tests.functions.test_datasets import problem
from tests.functions.test_loop import events
from tests.support.system import System, display, handler

OFFERS = [{"id": offer} for offer in "abcdef"]


@pytest.fixture
def trained(system: System) -> tuple[System, dict[str, Any]]:
    """A live model that learned a is best; e and f were never shown."""
    dataset, model = system.live_model()
    rates = {"a": 30, "b": 20, "c": 10, "d": 5}
    system.land(dataset, "day.json.gz", [line for offer, n in rates.items() for line in events(offer, 200, n)])
    return system, model


def rankings(system: System, model: dict[str, Any], body: dict[str, Any] | None = None, **more: Any) -> Any:
    return system.call("POST", f"/models/{model['id']}/rankings", {"offers": OFFERS} if body is None else body, **more)


def test_the_same_seed_gives_the_same_answer_in_whatever_order_the_offers_come(trained: Any) -> None:
    system, model = trained
    shuffled = random.Random(1).sample(OFFERS, len(OFFERS))
    first = rankings(system, model, {"offers": OFFERS, "seed": 7}).json
    second = rankings(system, model, {"offers": shuffled, "seed": 7}).json
    assert first["seed"] == 7
    assert first["offers"] == second["offers"]
    assert first["rankingId"] != second["rankingId"]


def test_propensities_sum_to_one_over_all_candidates_and_are_the_same_when_the_list_is_cut(trained: Any) -> None:
    system, model = trained
    whole = rankings(system, model, {"offers": OFFERS, "seed": 7}).json["offers"]
    cut = rankings(system, model, {"offers": OFFERS, "seed": 7, "count": 2}).json["offers"]
    assert sum(offer["propensity"] for offer in whole) == pytest.approx(1, abs=1e-9)
    assert cut == whole[:2]
    assert [offer["rank"] for offer in whole] == [1, 2, 3, 4, 5, 6]


def test_places_are_told_where_they_are_asked_for_of_all_candidates_also_when_the_list_is_cut(trained: Any) -> None:
    system, model = trained
    assert all("places" not in offer for offer in rankings(system, model).json["offers"])
    whole = rankings(system, model, {"offers": OFFERS, "seed": 7, "places": 10}).json["offers"]
    assert [len(offer["places"]) for offer in whole] == [6] * 6
    for place in range(6):
        # each of six is known to 1e-6
        assert sum(offer["places"][place] for offer in whole) == pytest.approx(1, abs=6e-6)
    for offer in whole:
        assert offer["places"][0] == pytest.approx(offer["propensity"], abs=2e-6)
    cut = rankings(system, model, {"offers": OFFERS, "seed": 7, "places": 2, "count": 3}).json["offers"]
    assert [offer["places"] for offer in cut] == [pytest.approx(offer["places"][:2]) for offer in whole[:3]]


def test_a_batch_names_the_request_whose_places_are_too_many(trained: Any) -> None:
    system, model = trained
    requests = [{"offers": OFFERS}, {"offers": [{"id": str(n)} for n in range(101)], "places": 2}]
    reply = system.call("POST", f"/models/{model['id']}/rankings/batch", {"requests": requests})
    assert problem(reply) == (422, "invalid", ["/requests/1/places"])


def test_a_seed_is_made_when_none_is_given(trained: Any) -> None:
    system, model = trained
    seeds = {rankings(system, model).json["seed"] for _ in range(20)}
    assert len(seeds) == 20
    assert all(0 <= seed < 2**53 for seed in seeds)


def test_without_offers_all_that_the_model_knows_are_ranked(trained: Any) -> None:
    system, model = trained
    assert sorted(offer["id"] for offer in rankings(system, model, {}).json["offers"]) == ["a", "b", "c", "d"]


def test_without_offers_an_untrained_model_says_that_it_knows_none(system: System) -> None:
    _, model = system.live_model()
    assert problem(rankings(system, model, {})) == (422, "invalid", ["/offers"])


def test_a_proposition_names_model_snapshot_and_traffic_in_clear_and_signed(trained: Any) -> None:
    system, model = trained
    answer = rankings(system, model, {"offers": [{"id": "a", "etag": "3"}, {"id": "b"}], "count": 1}).json
    proposition = answer["proposition"]
    details = proposition["scopeDetails"]
    assert proposition["id"] == answer["rankingId"] == details["correlationID"]
    assert details["strategies"] == [
        {
            "step": "aiModel", "strategyID": model["id"], "algorithmID": "thompson-sampling",
            "trafficType": answer["trafficType"],
        }
    ]  # fmt: skip
    assert details["characteristics"]["snapshotVersion"] == "1"
    signed = verify(details["characteristics"]["eventToken"], handler("rank_offers").token_keys.keys())
    assert signed.model == model["id"]
    assert signed.offers[0][0] == answer["offers"][0]["id"]
    assert set(details["characteristics"].get("etags", {})) <= {"a"}


def test_a_batch_answers_each_request_as_alone(trained: Any) -> None:
    system, model = trained
    requests = [{"offers": OFFERS, "seed": seed, "count": 2} for seed in range(5)]
    together = system.call("POST", f"/models/{model['id']}/rankings/batch", {"requests": requests}).json["rankings"]
    alone = [rankings(system, model, request).json for request in requests]
    assert [one["offers"] for one in together] == [one["offers"] for one in alone]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"offers": []}, "/offers"),
        ({"offers": [{"id": "a"}, {"id": "a"}]}, "/offers"),
        ({"offers": [{"id": ""}]}, "/offers/0/id"),
        ({"offers": [{"id": 5}]}, "/offers/0/id"),
        ({"offers": [{"id": "a", "priority": "high"}]}, "/offers/0/priority"),
        ({"offers": [{"id": "a", "extra": 1}]}, "/offers/0/extra"),
        ({"offers": [{"id": str(n)} for n in range(10_001)]}, "/offers"),
        ({"offers": OFFERS, "seed": -1}, "/seed"),
        ({"offers": OFFERS, "seed": 2**53}, "/seed"),
        ({"offers": OFFERS, "seed": 1.5}, "/seed"),
        ({"offers": OFFERS, "count": 0}, "/count"),
        ({"offers": OFFERS, "context": {"a": {}}}, "/context/a"),
        ({"offers": OFFERS, "context": {"a": None}}, "/context/a"),
        ({"offers": OFFERS, "context": {"a": "x" * 257}}, "/context/a"),
        ({"offers": OFFERS, "audiences": ["a"] * 1001}, "/audiences"),
        ({"offers": OFFERS, "places": 0}, "/places"),
        ({"offers": OFFERS, "places": 11}, "/places"),
        ({"offers": [{"id": str(n)} for n in range(101)], "places": 1}, "/places"),
        ([{"offers": OFFERS}], ""),
    ],
)
def test_a_request_that_cannot_be_is_refused_with_the_field_that_is_wrong(
    trained: Any, body: Any, pointer: str
) -> None:
    system, model = trained
    status, kind, pointers = problem(rankings(system, model, body))
    assert (status, kind, pointers[0]) == (422, "invalid", pointer)


def test_a_list_of_refused_offers_is_not_called_too_short_as_well(trained: Any) -> None:
    reply = rankings(*trained, {"offers": [{"id": 5}]})
    assert problem(reply) == (422, "invalid", ["/offers/0/id"])


def test_a_batch_has_bounds(trained: Any) -> None:
    system, model = trained
    path = f"/models/{model['id']}/rankings/batch"
    assert system.call("POST", path, {"requests": [{"offers": OFFERS}] * 101}).status == 422
    many = [{"id": str(n)} for n in range(10_000)]
    assert (
        system.call("POST", path, {"requests": [{"offers": many}, {"offers": many}, {"offers": OFFERS}]}).status == 422
    )


def test_ten_thousand_offers_are_ranked(trained: Any) -> None:
    system, model = trained
    answer = rankings(system, model, {"offers": [{"id": f"o{n}"} for n in range(10_000)]}).json
    assert len({offer["id"] for offer in answer["offers"]}) == 10_000


@pytest.mark.parametrize("steps", [["deactivate"], ["deactivate", "archive"]])
def test_a_model_that_is_not_live_ranks_nothing(trained: Any, steps: list[str]) -> None:
    system, model = trained
    for step in steps:
        system.call("POST", f"/models/{model['id']}/{step}")
    handler("rank_offers").serving._kept.clear()
    assert problem(rankings(system, model))[:2] == (409, "not-live")


class Away:
    """A store that is not there."""

    def get(self, *_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://store.test")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    serving = handler("rank_offers").serving
    monkeypatch.setattr(serving, "_clock", lambda: now[0])
    serving._kept.clear()
    return now


def test_when_the_store_goes_the_last_good_snapshot_ranks_and_says_stale(
    trained: Any, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    system, model = trained
    assert rankings(system, model).json["source"] == "fresh"
    monkeypatch.setattr(handler("rank_offers").serving, "_models", Away())
    clock[0] += 60
    answer = rankings(system, model).json
    assert answer["source"] == "stale"
    assert answer["snapshot"]["version"] == 1
    monkeypatch.undo()
    handler("rank_offers").serving._kept.clear()
    assert rankings(system, model).json["source"] == "fresh"


def test_when_only_the_snapshots_go_the_one_at_hand_ranks(
    trained: Any, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    system, model = trained
    rankings(system, model)
    monkeypatch.setattr(handler("rank_offers").serving, "_snapshots", Away())
    dataset = system.call("GET", "/datasets").json["results"][0]
    system.put(dataset, "more.json", events("a", 1, 0), zipped=False)
    system.notify(dataset["bucket"], dataset["prefix"] + "more.json")
    kept = dict(handler("rank_offers").serving._kept)
    system.settle()
    handler("rank_offers").serving._kept.update(kept)
    clock[0] += 60
    answer = rankings(system, model).json
    assert (answer["source"], answer["snapshot"]["version"]) == ("stale", 1)


def test_without_store_and_memory_the_callers_priorities_rank_and_teach_nothing(
    trained: Any, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    system, model = trained
    assert clock
    monkeypatch.setattr(handler("rank_offers").serving, "_models", Away())
    offers = [{"id": "b", "priority": 1}, {"id": "a", "priority": 1}, {"id": "c", "priority": 9}]
    answer = rankings(system, model, {"offers": offers}).json
    assert answer["source"] == "fallback"
    assert [(offer["id"], offer["propensity"]) for offer in answer["offers"]] == [("c", 1.0), ("a", 0.0), ("b", 0.0)]
    assert answer["proposition"]["scopeDetails"]["strategies"][0]["step"] == "fallback"
    handler("rank_offers").serving._kept.clear()
    assert problem(rankings(system, model, {}))[:2] == (503, "unavailable")


def test_a_ranking_goes_unsigned_rather_than_not_at_all(trained: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    system, model = trained
    keys = handler("rank_offers").token_keys
    monkeypatch.setattr(keys, "_keys", None)
    monkeypatch.setattr(keys, "_read_at", float("-inf"))
    monkeypatch.setattr(keys, "_client", None)
    answer = rankings(system, model)
    assert answer.status == 200
    assert "eventToken" not in answer.json["proposition"]["scopeDetails"]["characteristics"]


def test_a_damaged_snapshot_is_not_believed(trained: Any, clock: list[float]) -> None:
    import boto3  # noqa: PLC0415 - only here

    system, model = trained
    assert clock
    key = system.call("GET", f"/models/{model['id']}").json["snapshot"]["key"]
    boto3.client("s3").put_object(Bucket="state", Key=key, Body=b"damaged")
    assert rankings(system, model).json["source"] == "fallback"


def test_a_ranking_of_the_longest_ids_still_teaches_by_its_token_alone(system: System) -> None:
    dataset, model = system.live_model()
    offers = [{"id": f"{n:03d}{'ü' * 253}"} for n in range(30)]
    reply = system.call("POST", f"/models/{model['id']}/rankings", {"offers": offers, "count": 3}).json
    shown = [offer["id"] for offer in reply["offers"]]
    bare = {name: value for name, value in reply["proposition"].items() if name != "items"}
    event = display("", **bare)
    del event["_experience"]["decisioning"]["propositions"][0]["items"]
    system.land(dataset, "a.json", [event])
    report = system.call("GET", f"/models/{model['id']}/report").json
    assert {offer["id"] for offer in report["offers"]} == set(shown)
