"""Off-policy evaluation through the handlers: of a model's own events, and of logs that somebody else made."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from tests.support.system import System, display

OFFERS = ("apple", "banana", "cherry")
RATES = {"apple": 0.2, "banana": 0.6, "cherry": 0.4}
ESTIMATES = ("inversePropensity", "selfNormalised", "doublyRobust")


def evaluate(system: System, model: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    reply = system.call("POST", f"/models/{model['id']}/evaluate", body)
    assert reply.status == 200, reply.text
    found: dict[str, Any] = json.loads(reply.text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    return found


def rankings(system: System, model: dict[str, Any], count: int, first_seed: int = 0) -> list[dict[str, Any]]:
    """Ranked by the real handler, from seeds, so that a run is like every other."""
    requests = [{"offers": [{"id": o} for o in OFFERS], "seed": first_seed + n} for n in range(count)]
    made: list[dict[str, Any]] = []
    for start in range(0, count, 100):
        reply = system.call(
            "POST", f"/models/{model['id']}/rankings/batch", {"requests": requests[start : start + 100]}
        )
        assert reply.status == 200, reply.text
        made += reply.json["rankings"]
    return made


def shop(made: list[dict[str, Any]], rng: np.random.Generator) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The first offer of each ranking is shown, and clicked at its rate: the events, and what is known of each."""
    events, known = [], []
    for one in made:
        first = one["offers"][0]
        proposition = {**one["proposition"], "items": [{"id": first["id"]}]}
        clicked = bool(rng.random() < RATES[first["id"]])
        events.append(display(first["id"], **proposition))
        if clicked:
            events.append(display(first["id"], kind="interact", **proposition))
        known.append({"first": first["id"], "propensity": first["propensity"], "clicked": clicked})
    return events, known


def learned(system: System) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, Any]]]:
    """A dataset, its model, and what is known of 600 rankings: some random, most by what was learned."""
    dataset, model = system.live_model(settings={"randomShare": 0.3})
    known = []
    for batch, count in enumerate((200, 400)):
        events, told = shop(rankings(system, model, count, 1000 * batch), np.random.default_rng(batch))
        system.land(dataset, f"{batch}.json.gz", events)
        known += told
    return dataset, model, known


def test_the_models_own_events_value_every_kind_of_target(system: System) -> None:
    dataset, model, known = learned(system)
    other = system.create_model([dataset["id"]], "other", settings={"randomShare": 0.5})
    assert system.call("POST", f"/models/{other['id']}/activate").status == 200
    system.settle()
    truth = {"uniform": 0.4, "banana": 0.6}
    uniform = evaluate(system, model, {"target": {"policy": "uniform"}})
    weights = [1 / 3 / one["propensity"] for one in known]
    expected = sum(w * one["clicked"] for w, one in zip(weights, known, strict=True)) / len(known)
    assert uniform["inversePropensity"]["value"] == pytest.approx(expected, rel=1e-6)
    earned = sum(one["clicked"] for one in known) / len(known)
    assert uniform["logging"]["value"] == pytest.approx(earned, rel=1e-12)
    assert uniform["records"] == len(known)
    assert uniform["enoughData"]
    assert uniform["log"] | {"firstAt": "", "lastAt": ""} == {
        "source": "own", "objects": 2, "unreadable": 0, "incomplete": 0, "isWhole": True, "firstAt": "", "lastAt": "",
    }  # fmt: skip
    assert uniform["log"]["firstAt"] <= uniform["log"]["lastAt"]
    priority = evaluate(system, model, {"target": {"policy": "priority", "order": ["unknown", "banana", "apple"]}})
    shown = [one["clicked"] / one["propensity"] for one in known if one["first"] == "banana"]
    assert priority["inversePropensity"]["value"] == pytest.approx(sum(shown) / len(known), rel=1e-6)
    for found, value in ((uniform, truth["uniform"]), (priority, truth["banana"])):
        for name in ESTIMATES:
            low, high = found[name]["interval"]
            assert low - (high - low) / 2 < value < high + (high - low) / 2, "within four standard errors"
            assert found[name]["ratio"] == pytest.approx(found[name]["value"] / earned)
    for target in (
        {"policy": "current"},
        {"policy": "model", "modelId": other["id"]},
        {
            "policy": "settings",
            "settings": {"randomShare": 0.5, "exploration": 0.5, "windowDays": 7, "halfLifeDays": 1},
        },
    ):
        found = evaluate(system, model, {"target": target})
        assert found["meanWeight"]["value"] == pytest.approx(1, abs=0.2)
        assert found["selfNormalised"]["value"] > uniform["selfNormalised"]["value"], "it has learned something"


def test_the_value_of_the_policy_that_served_is_estimated_within_two_standard_errors_of_the_truth(
    system: System,
) -> None:
    """One snapshot serves 1,000 rankings; its exact propensities say what it truly earns."""
    dataset, model = system.live_model(settings={"randomShare": 0.3})
    taught = [display(offer) for offer in OFFERS for _ in range(50)]
    taught += [display(offer, kind="interact") for offer in OFFERS for _ in range(int(50 * RATES[offer]))]
    system.land(dataset, "taught.json", taught)
    made = rankings(system, model, 1000)
    shares = {one["id"]: one["propensity"] for one in made[0]["offers"]}
    truth = sum(shares[offer] * RATES[offer] for offer in OFFERS)
    assert system.call("POST", f"/models/{model['id']}/deactivate").status == 200  # it learns no more, and is current
    events, _ = shop(made, np.random.default_rng(7))
    system.land(dataset, "shown.json", events)
    found = evaluate(system, model, {"target": {"policy": "current"}})
    assert found["records"] == 1000
    for name in ESTIMATES:
        deviation = (found[name]["interval"][1] - found[name]["value"]) / 1.96
        assert 0.01 < deviation < 0.02
        assert abs(found[name]["value"] - truth) <= 2 * deviation
    assert found["meanWeight"]["value"] == pytest.approx(1, abs=1e-6)


def test_the_smallest_change_of_settings_is_judged_from_a_new_fit(system: System) -> None:
    _, model, _ = learned(system)
    same = evaluate(system, model, {"target": {"policy": "settings", "settings": {}}})
    current = evaluate(system, model, {"target": {"policy": "current"}})
    assert same["selfNormalised"]["value"] == pytest.approx(current["selfNormalised"]["value"], rel=1e-9)
    wide = evaluate(system, model, {"target": {"policy": "settings", "settings": {"randomShare": 0.5}}})
    assert wide["largestWeight"] != current["largestWeight"]


@pytest.mark.parametrize(("candidates", "expected"), [(30, (1, 0)), (31, (0, 1))])
def test_a_ranking_cut_by_count_is_judged_as_long_as_its_token_has_room_for_all_candidates(
    system: System, candidates: int, expected: tuple[int, int]
) -> None:
    dataset, model = system.live_model()
    offers = [{"id": f"offer-{number}"} for number in range(candidates)]
    reply = system.call("POST", f"/models/{model['id']}/rankings", {"offers": offers, "count": 1}).json
    assert len(reply["offers"]) == 1
    shown = reply["offers"][0]["id"]
    system.land(dataset, "a.json", [display(shown, **{**reply["proposition"], "items": [{"id": shown}]})])
    found = evaluate(system, model, {"target": {"policy": "uniform"}})
    assert (found["records"], found["log"]["incomplete"]) == expected


@pytest.mark.parametrize("target", [{"policy": "current"}, {"policy": "settings", "settings": {"exploration": 0.5}}])
def test_a_model_that_has_learned_nothing_ranks_uniformly_and_an_empty_log_says_nothing(
    system: System, target: dict[str, Any]
) -> None:
    dataset = system.create_dataset()
    model = system.create_model([dataset["id"]])
    for log in ({}, {"log": []}):
        found = evaluate(system, model, {"target": target, **log})
        assert not found["enoughData"]
        assert found["records"] == 0
        assert found["logging"] == {"value": None, "interval": None}
        for name in ESTIMATES:
            assert set(found[name].values()) == {None}
    log = [{"offers": ["a", "b"], "chosen": "b", "propensity": 0.25, "converted": True}] * 4
    assert evaluate(system, model, {"target": target, "log": log})["inversePropensity"]["value"] == 2.0


def record(**changes: Any) -> dict[str, Any]:
    return {"offers": ["a", "b"], "chosen": "a", "propensity": 0.5, "converted": False} | changes


UNIFORM = {"policy": "uniform"}


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ("{", 400, ""),
        ("", 400, ""),
        ("[" * 5000, 400, ""),
        ('{"target": {"policy": "uniform"}, "log": [{"propensity": NaN}]}', 422, "/log/0/offers"),
        ([], 422, ""),
        ({}, 422, "/target"),
        ({"target": None}, 422, "/target"),
        ({"target": {}}, 422, "/target/policy"),
        ({"target": {"policy": "best"}}, 422, "/target/policy"),
        ({"target": {"policy": "uniform", "order": ["a"]}}, 422, "/target/order"),
        ({"target": {"policy": "current", "modelId": "m"}}, 422, "/target/modelId"),
        ({"target": {"policy": "settings"}}, 422, "/target/settings"),
        ({"target": {"policy": "model"}}, 422, "/target/modelId"),
        ({"target": {"policy": "priority"}}, 422, "/target/order"),
        ({"target": {"policy": "priority", "order": []}}, 422, "/target/order"),
        ({"target": {"policy": "priority", "order": ["a", "a"]}}, 422, "/target/order"),
        ({"target": {"policy": "model", "modelId": "missing"}}, 422, "/target/modelId"),
        ({"target": {"policy": "settings", "settings": {"randomShare": 0}}}, 422,
         "/target/settings/randomShare"),
        ({"target": UNIFORM, "clip": 10}, 422, "/clip"),
        ({"target": UNIFORM, "log": {}}, 422, "/log"),
        ({"target": UNIFORM, "log": [record()] * 10_001}, 422, "/log"),
        ({"target": UNIFORM, "log": [record(), record(chosen="c")]}, 422, "/log/1/chosen"),
        ({"target": UNIFORM, "log": [record(propensity=0)]}, 422, "/log/0/propensity"),
        ({"target": UNIFORM, "log": [record(propensity=1e308)]}, 422, "/log/0/propensity"),
        ({"target": UNIFORM, "log": [record(converted="yes")]}, 422, "/log/0/converted"),
        ({"target": UNIFORM, "log": [record(offers=["a", "\ud800"])]}, 400, ""),
        ({"target": UNIFORM, "log": [record(context={"k": [1]})]}, 422, "/log/0/context/k"),
        ({"target": UNIFORM, "log": [record(context={"k": float("inf")})]}, 422, "/log/0/context/k"),
    ],
)  # fmt: skip
def test_a_request_that_is_wrong_is_refused_and_names_the_field(
    system: System, body: Any, status: int, pointer: str
) -> None:
    model = system.create_model([system.create_dataset()["id"]])
    reply = system.call("POST", f"/models/{model['id']}/evaluate", body)
    assert reply.status == status, reply.text
    assert pointer in {error["pointer"] for error in reply.json["errors"]}


@pytest.mark.parametrize("target", [UNIFORM, {"policy": "current"}])
def test_the_hardest_log_that_is_readable_is_answered_in_numbers(system: System, target: dict[str, Any]) -> None:
    """Weights up to a thousand million, contexts of every type, ten thousand offers."""
    dataset, model = system.live_model()
    system.land(dataset, "a.json", [display("a") for _ in range(5)] + [display("a", kind="interact")])
    many = [f"offer-{n}" for n in range(10_000)]
    log = [
        record(propensity=1e-9, converted=True),
        record(context={"x": 1e300, "y": True, "z": "ü"}, audiences=["ä"]),
        record(offers=many, chosen=many[-1], propensity=1e-4),
        record(offers=["a"], propensity=1),
    ]
    found = evaluate(system, model, {"target": target, "log": log})
    assert found["records"] == 4
    assert math.isfinite(found["inversePropensity"]["value"])
    assert not found["enoughData"]


def test_there_is_no_evaluation_of_what_is_not_there(system: System) -> None:
    assert system.call("POST", "/models/missing/evaluate", {"target": UNIFORM}).status == 404
