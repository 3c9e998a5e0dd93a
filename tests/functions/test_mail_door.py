"""Links of mails at the door: what a mail program and a browser get, and what becomes of it."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from offer_ranking.collecting.mail import PIXEL
from offer_ranking.events.token import KeysUnavailableError
from tests.functions.test_mail import OFFERS, PERSON
from tests.functions.test_rankings import rankings
from tests.support.collecting import FakeDelivery
from tests.support.system import System, handler, rest_event

EDGE = "https://edge.test/ee"


@pytest.fixture
def delivery(system: System, monkeypatch: pytest.MonkeyPatch) -> FakeDelivery:  # noqa: ARG001 - imports the handlers
    door = handler("collect_events")
    door.offerings._kept.clear()
    door.token_keys._keys, door.token_keys._read_at = None, float("-inf")
    found = FakeDelivery()
    monkeypatch.setattr(door.collector, "_delivery", found)
    return found


@pytest.fixture
def mailed(system: System) -> dict[str, Any]:
    """One offer of a mail: its links, and the datastream that it is told to."""
    dataset, model = system.live_model()
    datastream = system.create_datastream(dataset["id"])
    body = {"offers": OFFERS[:1], "channel": "email", "datastreamId": datastream["id"]}
    offer: dict[str, Any] = rankings(system, model, body).json["offers"][0]
    return offer | {"datastream": datastream["id"]}


def take(url: str, method: str = "GET", **headers: str) -> dict[str, Any]:
    event = rest_event(method, url.removeprefix(EDGE), headers=PERSON | headers)
    event["requestContext"]["identity"] = {"sourceIp": "198.51.100.7"}
    answer: dict[str, Any] = handler("collect_events").lambda_handler(event, None)
    return answer


def pixel(answer: dict[str, Any]) -> bool:
    return (answer["statusCode"], answer["isBase64Encoded"]) == (200, True) and (
        base64.b64decode(answer["body"], validate=True) == PIXEL
    )


def kinds(delivery: FakeDelivery) -> list[str]:
    return [line["eventType"].removeprefix("decisioning.proposition") for line in delivery.lines]


def test_an_image_is_loaded_and_told(delivery: FakeDelivery, mailed: dict[str, Any]) -> None:
    answer = take(mailed["openURL"])
    assert pixel(answer)
    assert answer["headers"]["Content-Type"] == "image/gif"
    assert answer["headers"]["Cache-Control"] == "no-store"
    assert kinds(delivery) == ["Display"]
    assert delivery.lines[0]["offerRanking"]["datastream"] == mailed["datastream"]
    assert delivery.lines[0]["offerRanking"]["trust"] == "signed"


def test_a_click_is_led_to_the_offers_link_and_told(delivery: FakeDelivery, mailed: dict[str, Any]) -> None:
    answer = take(mailed["clickURL"])
    assert (answer["statusCode"], answer["body"]) == (302, "")
    assert answer["headers"]["Location"] == "https://shop.example/a"
    assert kinds(delivery) == ["Display", "Interact"]


def test_a_hint_at_a_place_may_stand_before_a_link(delivery: FakeDelivery, mailed: dict[str, Any]) -> None:
    assert pixel(take(mailed["openURL"].replace("/v1/", "/or2/v1/")))
    assert kinds(delivery) == ["Display"]


def test_head_is_answered_alike_and_not_told(delivery: FakeDelivery, mailed: dict[str, Any]) -> None:
    assert pixel(take(mailed["openURL"], "HEAD"))
    assert take(mailed["clickURL"], "HEAD")["headers"]["Location"] == "https://shop.example/a"
    assert delivery.lines == []


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_links_are_not_written_to(delivery: FakeDelivery, mailed: dict[str, Any], method: str) -> None:
    assert take(mailed["clickURL"], method)["statusCode"] == 405
    assert delivery.lines == []


@pytest.mark.parametrize("bad", ["x", "..", "%2e%2e", "a.b.c.d", "https:%2F%2Fevil.example", "x" * 8000])
def test_a_bad_link_leads_nowhere(delivery: FakeDelivery, mailed: dict[str, Any], bad: str) -> None:
    assert mailed
    assert pixel(take(f"{EDGE}/v1/open/{bad}"))
    answer = take(f"{EDGE}/v1/click/{bad}")
    assert answer["statusCode"] == 404
    assert "Location" not in answer["headers"]
    assert delivery.lines == []


@pytest.mark.parametrize("path", ["/v1/open", "/v1/click", "/v1/open/", "/v1/click/a/b", "/v2/click/a"])
def test_other_paths_are_no_links(delivery: FakeDelivery, path: str) -> None:
    assert take(EDGE + path)["statusCode"] == 404
    assert delivery.lines == []


def test_a_datastream_that_is_gone_is_told_nothing_and_clicks_lead_on(
    delivery: FakeDelivery, system: System, mailed: dict[str, Any]
) -> None:
    assert system.call("DELETE", f"/datastreams/{mailed['datastream']}", If_Match="*").status == 204
    assert pixel(take(mailed["openURL"]))
    assert take(mailed["clickURL"])["statusCode"] == 302
    assert delivery.lines == []


def test_what_cannot_be_stored_breaks_no_mail_and_is_reported(
    delivery: FakeDelivery, mailed: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    delivery.away = True
    assert pixel(take(mailed["openURL"]))
    assert take(mailed["clickURL"])["headers"]["Location"] == "https://shop.example/a"
    assert capsys.readouterr().out.count('"UndeliveredEvents":[1.0]') == 2


def test_while_the_store_is_away_a_mail_is_shown_and_clicks_lead_on(
    delivery: FakeDelivery, mailed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://store.test")

    monkeypatch.setattr(handler("collect_events").offerings, "_read", away)
    assert pixel(take(mailed["openURL"]))
    assert take(mailed["clickURL"])["headers"]["Location"] == "https://shop.example/a"
    assert delivery.lines == []


def test_while_the_keys_cannot_be_read_a_click_is_to_be_tried_again(
    delivery: FakeDelivery, mailed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise KeysUnavailableError

    monkeypatch.setattr(handler("collect_events").token_keys, "keys", away)
    assert pixel(take(mailed["openURL"]))
    answer = take(mailed["clickURL"])
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "1")
    assert delivery.lines == []


def test_no_log_tells_a_link(delivery: FakeDelivery, mailed: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    take(mailed["clickURL"])
    told = [vars(record) for record in caplog.records if record.name == "collect_events"]
    assert [one["route"] for one in told] == ["v1/click"]
    assert mailed["clickURL"].rpartition("/")[2] not in str(told)
    assert kinds(delivery) == ["Display", "Interact"]
