"""A personalized model from its definition to rankings that differ by whom they are for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.functions.test_datasets import problem
from tests.support.system import System, display

OFFERS = [{"id": offer} for offer in ("apple", "banana", "cherry")]
AUDIENCES = ["gold", "new"]
LIKES = {"gold": "apple", "new": "banana"}  # what each audience likes; nobody likes cherries


def ranked(system: System, model: dict[str, Any], **body: Any) -> dict[str, Any]:
    reply = system.call("POST", f"/models/{model['id']}/rankings", {"offers": OFFERS, **body})
    assert reply.status == 200, reply.text
    return reply.json


def shown_to(
    system: System, model: dict[str, Any], offer: str, impressions: int, conversions: int, **whom: Any
) -> list[dict[str, Any]]:
    """Events as a shop sends them: what a ranking answered, copied, with the item that was shown."""
    lines = []
    for number in range(impressions):
        proposition = {**ranked(system, model, count=1, **whom)["proposition"], "items": [{"id": offer}]}
        lines.append(display(offer, **proposition))
        if number < conversions:
            lines.append(display(offer, kind="interact", **proposition))
    return lines


def propensities(answer: dict[str, Any]) -> dict[str, float]:
    return {offer["id"]: offer["propensity"] for offer in answer["offers"]}


def firsts(system: System, model: dict[str, Any], times: int = 200, **whom: Any) -> dict[str, int]:
    """How often each offer came first in traffic that is ranked by what was learned of whom."""
    requests = [{"offers": OFFERS, "count": 1, "seed": seed, **whom} for seed in range(times)]
    found: dict[str, int] = {}
    for start in range(0, times, 100):
        batch = system.call(
            "POST", f"/models/{model['id']}/rankings/batch", {"requests": requests[start : start + 100]}
        )
        for answer in batch.json["rankings"]:
            if answer["trafficType"] == "contextual":
                first = answer["offers"][0]["id"]
                found[first] = found.get(first, 0) + 1
    return found


@pytest.fixture
def taught(system: System) -> tuple[System, dict[str, Any], dict[str, Any]]:
    """A live model that each audience has taught what it likes, by events with propositions of its own."""
    dataset, model = system.live_model(type="personalized", audiences=AUDIENCES, contextKeys=["device"])
    lines = [
        line
        for audience, likes in LIKES.items()
        for offer in ("apple", "banana", "cherry")
        for line in shown_to(system, model, offer, 60, 30 if offer == likes else 3, audiences=[audience])
    ]
    system.land(dataset, "day.json.gz", lines)
    return system, dataset, model


def test_rankings_differ_by_audience_as_the_events_taught(taught: Any) -> None:
    system, _, model = taught
    for audience, likes in LIKES.items():
        answer = ranked(system, model, audiences=[audience])
        assert answer["source"] == "fresh"
        told = propensities(answer)
        assert max(told, key=told.__getitem__) == likes
        assert sum(told.values()) == pytest.approx(1, abs=1e-9)
        counts = firsts(system, model, audiences=[audience])
        assert max(counts, key=counts.__getitem__) == likes
    gold, new = (propensities(ranked(system, model, audiences=[audience])) for audience in AUDIENCES)
    assert gold["apple"] > new["apple"] + 0.2
    assert new["banana"] > gold["banana"] + 0.2


def test_a_proposition_carries_the_cell_of_what_the_model_looks_at(taught: Any) -> None:
    system, _, model = taught
    answer = ranked(system, model, audiences=["new", "stranger", "gold"], context={"device": "tv", "age": 4})
    characteristics = answer["proposition"]["scopeDetails"]["characteristics"]
    assert characteristics["cell"] == '{"a":["gold","new"],"c":{"device":"tv"}}'
    assert ranked(system, model, audiences=["stranger"])["proposition"]["scopeDetails"]["characteristics"]["cell"] == ""


def test_all_three_parts_of_the_traffic_are_served_and_said(taught: Any) -> None:
    system, _, model = taught
    kinds = {ranked(system, model, audiences=["gold"], seed=seed)["trafficType"] for seed in range(150)}
    assert kinds == {"random", "noncontextual", "contextual"}


def test_what_is_unknown_of_a_request_moves_nothing(taught: Any) -> None:
    system, _, model = taught
    plain = ranked(system, model, audiences=["gold"], seed=4)
    for body in ({"audiences": ["gold", "stranger"]}, {"audiences": ["gold"], "context": {"age": 3}}):
        assert ranked(system, model, seed=4, **body)["offers"] == plain["offers"]


def test_an_offer_and_an_audience_never_seen_are_ranked_by_what_is_known(taught: Any) -> None:
    system, _, model = taught
    offers = [*OFFERS, {"id": "date"}]
    told = propensities(ranked(system, model, offers=offers, audiences=["gold", "new"], context={"device": "watch"}))
    assert sum(told.values()) == pytest.approx(1, abs=1e-9)
    assert told["cherry"] < told["date"] < told["apple"] + told["banana"]


def test_places_are_told_of_each_offer(taught: Any) -> None:
    system, _, model = taught
    answer = ranked(system, model, audiences=["gold"], places=3)
    for offer in answer["offers"]:
        assert len(offer["places"]) == 3
        assert offer["places"][0] == pytest.approx(offer["propensity"], abs=2e-6)
        assert sum(offer["places"]) == pytest.approx(1, abs=3e-6)


def test_an_edit_of_the_audiences_is_learned_and_ranked_by(taught: Any) -> None:
    system, dataset, model = taught
    edit = system.call("PATCH", f"/models/{model['id']}", {"audiences": ["new"]}, If_Match="*")
    assert edit.status == 200
    before = ranked(system, model, audiences=["gold"])
    assert "gold" in before["proposition"]["scopeDetails"]["characteristics"]["cell"], "by the snapshot that ranked it"
    system.land(dataset, "more.json.gz", [display("apple")])
    after = ranked(system, model, audiences=["gold"])
    assert after["proposition"]["scopeDetails"]["characteristics"]["cell"] == ""
    assert system.call("GET", f"/models/{model['id']}").json["snapshot"]["audiences"] == ["new"]


def test_a_model_for_everybody_ranks_all_audiences_alike(system: System) -> None:
    dataset, model = system.live_model()
    system.land(dataset, "day.json.gz", shown_to(system, model, "apple", 20, 9, audiences=["gold"]))
    gold, new = (ranked(system, model, audiences=[audience], seed=2)["offers"] for audience in AUDIENCES)
    assert gold == new


def test_a_personalized_model_that_looks_at_nothing_still_learns(system: System) -> None:
    dataset, model = system.live_model(type="personalized")
    lines = [line for offer, n in (("apple", 40), ("banana", 2)) for line in shown_to(system, model, offer, 60, n)]
    system.land(dataset, "day.json.gz", lines)
    told = propensities(ranked(system, model, audiences=["gold"]))
    assert told["apple"] > 0.8


def test_audiences_stay_what_a_model_for_everybody_cannot_have(system: System) -> None:
    dataset, model = system.live_model()
    assert dataset
    reply = system.call("PATCH", f"/models/{model['id']}", {"contextKeys": ["device"]}, If_Match="*")
    assert problem(reply) == (422, "invalid", ["/contextKeys"])
