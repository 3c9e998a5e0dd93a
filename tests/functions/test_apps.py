"""Bodies of the Mobile SDK work as they are, and answers are what its sources ask for. See bodies/README.md."""

from __future__ import annotations

import json
from typing import Any

import pytest

from offer_ranking.collecting.collector import Collector
from tests.support.collecting import FakeCaps, FakeDelivery
from tests.support.decisions import offer_body
from tests.support.door import ECID, Door, a_door, body, handles, scope
from tests.support.system import System, handler

APP_SURFACE = "mobileapp://shop.example/hero"


@pytest.fixture
def door(system: System) -> Door:
    offers = [
        offer_body("summer", language=["en-us"], characteristics={"rank": "1"}),
        offer_body("json", format="application/json", content='{"a": 1}', characteristics={"rank": "2"}),
        {"id": "image", "etag": "2", "format": "image/png", "deliveryURL": "https://cdn.test/a.png"},
    ]
    return a_door(system, offers=offers)


@pytest.fixture
def delivery(door: Door) -> FakeDelivery:  # noqa: ARG001 - it is replaced behind that door
    found = FakeDelivery()
    handler("collect_events").collector = Collector(handler("collect_events").token_keys.keys, FakeCaps(), found)
    return found


def call(door: Door, sent: Any, path: str = "/v1/interact") -> Any:
    return door.call(path, sent, origin=None, headers={"Content-Type": "application/json"})


def updated(door: Door, name: str, count: int = 3) -> dict[str, Any]:
    """What an app gets that updates its propositions, as the SDK takes its answer apart."""
    sent = body(name)
    personalization = sent["events"][0]["query"]["personalization"]
    if "decisionScopes" in personalization:
        personalization["decisionScopes"] = [scope(itemCount=count)]
    reply = call(door, sent)
    assert reply.status == 200
    assert reply.text.split("\n") == [reply.text], "one answer a line"
    (handle,) = (one for one in json.loads(reply.text)["handle"] if one["type"] == "personalization:decisions")
    assert handle["eventIndex"] == 0, "which finds the event that asked"
    (proposition,) = handle["payload"]
    return proposition


@pytest.mark.parametrize("name", ["optimize-ios-update", "optimize-android-update"])
def test_offers_are_taken_by_the_optimize_extension(door: Door, name: str) -> None:
    proposition = updated(door, name)
    assert {item["id"] for item in proposition["items"]} == {"summer", "json", "image"}
    for item in proposition["items"]:
        data = item["data"]
        assert data["id"] == item["id"], "else it is dropped"
        assert isinstance(item["schema"], str)
        assert isinstance(data["format"], str)
        assert all(isinstance(value, str) for value in data["characteristics"].values())
        assert isinstance(data.get("content", data.get("deliveryURL")), str)
    assert isinstance(proposition["scopeDetails"], dict)
    assert {"id", "etag"} == set(proposition["activity"]) == set(proposition["placement"])


@pytest.mark.parametrize("name", ["optimize-ios-update", "optimize-android-update", "messaging-android-update"])
def test_updating_is_not_an_event_and_the_app_keeps_its_identity(door: Door, name: str) -> None:
    reply = call(door, body(name))
    assert door.collector.events == []
    assert handles(reply, "state:store") == []


def echoed(proposition: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: proposition[name] for name in ("id", "scope", "scopeDetails", *names)} | {"items": [{"id": "summer"}]}


@pytest.mark.parametrize(
    ("name", "names", "kind"),
    [("optimize-ios-displayed", ("activity", "placement"), "display"), ("optimize-android-tapped", (), "interact")],
)
def test_what_an_app_displays_and_what_is_tapped_teaches(
    door: Door, delivery: FakeDelivery, name: str, names: tuple[str, ...], kind: str
) -> None:
    proposition = updated(door, "optimize-ios-update")
    sent = body(name)
    sent["events"][0]["xdm"]["_experience"]["decisioning"]["propositions"] = [echoed(proposition, *names)]
    assert call(door, sent).status == 204, "nothing was asked for"
    ((line),) = delivery.lines
    assert line["offerRanking"]["trust"] == "signed"
    assert line["offerRanking"]["offers"] == ["summer"]
    assert line["_experience"]["decisioning"]["propositionEventType"] == {kind: 1}
    assert line["_id"] == sent["events"][0]["xdm"]["_id"]
    assert line["identityMap"]["ECID"][0]["id"] == ECID


def test_a_surface_of_an_app_is_answered_and_its_interact_teaches(door: Door, delivery: FakeDelivery) -> None:
    path = f"/decisions/{door.decision['id']}"
    change = {"surface": APP_SURFACE, "offers": [offer_body("summer")]}
    assert door.system.call("PATCH", path, change, If_Match="*").status == 200
    handler("collect_events").offerings._kept.clear()
    proposition = updated(door, "messaging-android-update")
    assert proposition["scopeDetails"]["decisionProvider"] == "AJO"
    sent = body("messaging-ios-interact")
    items = [{"id": "summer", "characteristics": {"tokens": proposition["items"][0]["token"]}}]
    sent["events"][0]["xdm"]["_experience"]["decisioning"]["propositions"] = [echoed(proposition) | {"items": items}]
    call(door, sent)
    ((line),) = delivery.lines
    assert (line["offerRanking"]["trust"], line["offerRanking"]["offers"]) == ("signed", ["summer"])


def test_an_error_says_of_which_event_it_is(door: Door) -> None:
    sent = body("optimize-ios-update")
    sent["events"].append(json.loads(json.dumps(sent["events"][0])))
    sent["events"][1]["query"]["personalization"]["decisionScopes"] = [scope(activityId="other")]
    reply = call(door, sent)
    assert reply.status == 207
    (error,) = reply.json["errors"]
    assert error["report"]["eventIndex"] == 1
    assert {"type", "status", "title", "detail"} <= set(error)
