from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from offer_ranking.collecting.collector import Collector, Taken
from offer_ranking.edge.identity import cookie_value
from offer_ranking.events.token import TokenKeys
from tests.support.collecting import FakeCaps, FakeDelivery
from tests.support.door import ECID, IDENTITY, ORIGIN, SURFACE, Door, a_door, body, handles, query, scope, with_state
from tests.support.system import System, handler

CORS = {
    "Access-Control-Allow-Origin": ORIGIN,
    "Access-Control-Allow-Credentials": "true",
    "Access-Control-Expose-Headers": "Retry-After",
    "Vary": "Origin",
}


@pytest.fixture
def door(system: System) -> Door:
    return a_door(system)


@pytest.fixture
def delivery(door: Door) -> FakeDelivery:  # noqa: ARG001 - it is replaced behind that door
    """The real collector behind the door, and what it stores."""
    found = FakeDelivery()
    handler("collect_events").collector = Collector(handler("collect_events").token_keys.keys, FakeCaps(), found)
    return found


def event(door: Door) -> dict[str, Any]:
    ((found),) = door.collector.events
    return found


# ---- what is handed on


def test_a_beacon_is_taken_and_answered_with_nothing(door: Door) -> None:
    reply = door.call("/v1/collect", body("web-sdk-interact"))
    assert (reply.status, reply.text) == (204, "")
    sent = body("web-sdk-interact")["events"][0]["xdm"]
    ecid = "42296946951741311402000769467296846868"
    assert event(door) == sent | {"_id": "r1-0", "identityMap": {"ECID": [{"id": ecid}]}}


def test_servers_are_told_that_it_was_taken(door: Door) -> None:
    named = {"datastreamId": door.datastream["id"], "requestId": "r9"}
    reply = door.call("/v2/collect", body("server-v2-collect"), origin=None, query=named)
    assert (reply.status, reply.json) == (202, {"requestId": "r9", "handle": []})
    assert event(door)["_id"] == "r9-0"


def test_an_id_and_a_time_of_its_own_are_kept_and_no_time_is_made_up(door: Door) -> None:
    door.call("/v1/collect", {"events": [{"xdm": {"eventType": "x", "_id": "own", "timestamp": "2026-01-01T00:00:00Z"}},
                                         {"xdm": {"eventType": "x", "_id": 7}}]})  # fmt: skip
    own, bare = door.collector.events
    assert (own["_id"], own["timestamp"]) == ("own", "2026-01-01T00:00:00Z")
    assert bare["_id"] == "r1-1"
    assert "timestamp" not in bare, "sent again it would be another event; the stamp says when it was received"


def test_a_repeated_request_has_the_same_ids(door: Door) -> None:
    for _ in range(2):
        door.call("/v1/collect", body("web-sdk-interact"))
    first, second = door.collector.events
    assert first == second


def test_a_dry_run_is_told_and_nothing_else_of_the_data(door: Door) -> None:
    xdm = {"eventType": "x", "data": {"__adobe": {"ajo": {"dryRun": True}}}}
    data = {"__adobe": {"ajo": {"dryRun": True, "more": 1}}, "secret": 1}
    door.call("/v1/collect", {"events": [{"xdm": xdm, "data": data}, {"xdm": xdm, "data": {"secret": 1}}]})
    dry, wet = door.collector.events
    assert dry["data"] == {"__adobe": {"ajo": {"dryRun": True}}}
    assert "data" not in wet


def test_what_the_request_says_of_all_events_is_said_of_each(door: Door) -> None:
    sent = {"xdm": {"environment": {"type": "app"}, "eventType": "of all"}, "events": [{"xdm": {"eventType": "own"}}]}
    door.call("/v1/collect", sent)
    assert (event(door)["environment"], event(door)["eventType"]) == ({"type": "app"}, "own")


def test_a_display_that_rides_on_a_page_view_with_a_query_is_taken_and_the_query_answered(door: Door) -> None:
    sent = body("web-sdk-surface-display")
    sent["events"][0]["query"] = {"personalization": {"surfaces": [SURFACE]}}
    reply = door.interact(sent)
    assert len(handles(reply, "personalization:decisions")[0]["payload"]) == 1
    assert event(door)["_experience"]["decisioning"]["propositionEventType"] == {"display": 1}


def test_what_became_of_events_is_told_to_the_alarms(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.call("/v1/collect", body("web-sdk-interact"))
    assert "UntrustedEvents" not in capsys.readouterr().out, "what did not happen is not told"
    door.collector.taken = Taken(3, untrusted=2, capped=1)
    door.call("/v1/collect", body("web-sdk-interact"))
    told = next(line for line in capsys.readouterr().out.splitlines() if "_aws" in line)
    assert json.loads(told)["UntrustedEvents"] == [2.0]
    assert json.loads(told)["CappedEvents"] == [1.0]


def test_the_log_says_once_what_was_done_and_nothing_of_who_it_was(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.clear()
    door.interact(with_state(query("home"), **{IDENTITY: cookie_value(ECID)}))
    door.call("/v1/nothing/" + ECID, {})
    assert [(record.message, record.route, record.status) for record in caplog.records] == [  # type: ignore[attr-defined]
        ("request", "v1/interact", 200), ("request", "none", 404),
    ]  # fmt: skip
    for record in caplog.records:
        for word in (ECID, cookie_value(ECID), "192.0.2.7", door.datastream["id"]):
            assert word not in str(record.__dict__)


# ---- through the real collector: what was answered counts when it comes back


def shown(proposition: dict[str, Any], *items: str) -> dict[str, Any]:
    return {key: proposition[key] for key in ("id", "scope", "scopeDetails")} | {
        "items": [{"id": one} for one in items]
    }


def told(name: str, *propositions: dict[str, Any]) -> dict[str, Any]:
    sent = body(name)
    sent["events"][0]["xdm"]["_experience"]["decisioning"]["propositions"] = list(propositions)
    return sent


def test_a_display_and_a_click_of_what_was_answered_are_proven(door: Door, delivery: FakeDelivery) -> None:
    (proposition,) = door.propositions(body("web-sdk-fetch"))
    offer = proposition["items"][0]["id"]
    assert door.interact(told("web-sdk-display", shown(proposition, offer))).status == 200
    assert door.call("/v1/collect", told("web-sdk-interact", shown(proposition, offer))).status == 204
    for line in delivery.lines:
        assert line["offerRanking"]["trust"] == "signed"
        assert line["offerRanking"]["offers"] == [offer]
        assert line["offerRanking"]["dataset"] == door.datastream["datasetId"]
    assert len(delivery.lines) == 2


def test_a_proposition_of_another_datastream_is_not(door: Door, delivery: FakeDelivery) -> None:
    (proposition,) = door.propositions(body("web-sdk-fetch"))
    other = door.system.create_datastream(door.datastream["datasetId"], "other", origins=[ORIGIN])
    sent = told("web-sdk-interact", shown(proposition, proposition["items"][0]["id"]))
    assert door.call("/v1/collect", sent, query={"configId": other["id"]}).status == 204
    ((line),) = delivery.lines
    assert line["offerRanking"]["trust"] == "untrusted"


def test_a_click_on_a_surface_is_resolved_by_its_token(door: Door, delivery: FakeDelivery) -> None:
    door.system.call("PATCH", f"/decisions/{door.decision['id']}", {"itemCount": 3}, If_Match="*")
    handler("collect_events").offerings._kept.clear()
    (proposition,) = door.propositions(query(surfaces=[SURFACE]))
    (automatic,) = [{key: proposition[key] for key in ("id", "scope", "scopeDetails")}]
    door.interact(told("web-sdk-surface-display", automatic))
    sent = told("web-sdk-surface-click", automatic)
    sent["events"][0]["xdm"]["_experience"]["decisioning"]["propositionAction"] = {
        "tokens": [proposition["items"][1]["token"]]
    }
    door.call("/v1/collect", sent)
    displayed, clicked = (line for line in delivery.lines if "_experience" in line)
    assert displayed["offerRanking"]["offers"] == [item["id"] for item in proposition["items"]]
    assert clicked["offerRanking"]["offers"] == [proposition["items"][1]["id"]]


# ---- the door itself


@pytest.mark.parametrize(
    ("path", "status"),
    [("/v1/interact", 200), ("/v1/collect", 422), ("/v1/identity/acquire", 200), ("/v1/privacy/set-consent", 422),
     ("/v2/interact", 200), ("/v2/collect", 422), ("/nothing", 404), ("/", 404), ("/v1", 404),
     ("/or2/v1/interact", 200)],
)  # fmt: skip
def test_every_answer_can_be_read_by_the_page_and_by_no_cache(door: Door, path: str, status: int) -> None:
    reply = door.call(path, {})
    assert reply.status == status
    assert CORS.items() <= reply.headers.items()
    assert reply.headers["Cache-Control"] == "no-store"


def test_a_preflight_is_answered_though_none_was_ever_sent(door: Door) -> None:
    reply = door.call("/v1/interact", "", method="OPTIONS", query={})
    assert reply.status == 204
    assert CORS.items() <= reply.headers.items()
    assert reply.headers["Access-Control-Allow-Methods"] == "OPTIONS, POST"
    assert reply.headers["Access-Control-Allow-Headers"] == "Content-Type"


def test_another_method_is_refused(door: Door) -> None:
    assert door.call("/v1/interact", "", method="GET").status == 405


def test_a_page_of_another_origin_is_refused_in_words_that_it_can_read(door: Door) -> None:
    reply = door.interact(query("home"), origin="https://evil.test")
    assert reply.status == 403
    assert reply.json["type"].endswith("EXEG-0301-403")
    assert reply.headers["Access-Control-Allow-Origin"] == "https://evil.test"
    assert door.collector.events == []


def test_apps_and_servers_have_no_origin(door: Door) -> None:
    reply = door.interact(query("home"), origin=None)
    assert reply.status == 200
    assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize("named", [{"configId": "nobody"}, {"datastreamId": "nobody"}, {"configId": "\ud800"},
                                   {"configId": ""}, {"configId": "x" * 100_000}, {}])  # fmt: skip
def test_an_unknown_datastream_is_refused_by_name(door: Door, named: dict[str, str]) -> None:
    reply = door.interact(query("home"), query=named)
    assert reply.status == 400
    assert reply.json["type"] == "https://ns.adobe.com/aep/errors/EXEG-0003-400"
    (name,) = named or {"configId"}
    assert reply.json["report"]["fields"][0]["pointer"] == name
    assert named.get(name, "")[:20].encode(errors="ignore").decode() in reply.json["detail"]
    assert len(reply.text) < 1000


def test_a_body_may_come_in_base64(door: Door) -> None:
    encoded = base64.b64encode(json.dumps(query(scope())).encode()).decode()
    assert door.interact(encoded, isBase64Encoded=True).status == 200


def test_keys_that_cannot_be_read_are_no_reason_to_lose_events(door: Door, delivery: FakeDelivery) -> None:
    assert isinstance(handler("collect_events").token_keys.keys(), TokenKeys)
    delivery.away = True
    assert door.call("/v1/collect", body("web-sdk-interact")).status == 503


def test_who_sets_a_datastream_up_sees_its_last_requests_and_why_they_were_refused(door: Door) -> None:
    handler("collect_events").door_log._seen.clear()
    door.collector.taken = Taken(lines=2, untrusted=1, capped=1)
    door.interact(query(scope(), scope(activityId="unknown")))
    door.call("/or2/v1/collect", body("web-sdk-interact"))
    door.call("/v1/collect", {"events": []})
    door.call("/v1/collect", body("web-sdk-interact"), origin="https://elsewhere.test")
    door.collector.away = True
    handler("collect_events").door_log._seen[door.datastream["id"]].written_at = 0.0
    door.call("/v1/collect", body("web-sdk-interact"))
    path = f"/datastreams/{door.datastream['id']}/requests"
    away, foreign, empty, taken, asked = door.system.call("GET", path).json["results"]
    assert (asked["status"], asked["events"], asked["stored"], asked["propositions"]) == (207, 1, 1, 1)
    assert asked["problem"] == "1 scopes: Not found"
    assert (taken["route"], taken["status"], taken["untrusted"], taken["capped"]) == ("v1/collect", 204, 1, 1)
    assert (empty["status"], empty["problem"]) == (422, "/events: must be a list that is not empty")
    assert (foreign["status"], foreign["events"]) == (403, 0)
    assert "origin" in foreign["problem"]
    assert (away["status"], away["stored"]) == (503, 0)


def test_what_is_remembered_of_a_request_repeats_nothing_that_a_client_wrote(door: Door) -> None:
    name = "jane.doe@example.com"
    asked = {"events": [{"xdm": {}, "query": {"personalization": {"decisionScopes": [scope(activityId=name)]}}}]}
    door.call(f"/{name}/v1/interact", asked)
    door.call(f"/{name}/v1/collect", f'{{"{name}": 1, "{name}": 2}}')
    door.call("/v1/collect", {"events": [{"xdm": {name: {"n": "\ud800"}}}]})
    door.call("/v1/privacy/set-consent", {"consent": [{"standard": name}]})
    kept = handler("collect_events").door_log._seen[door.datastream["id"]].requests
    assert len(kept) == 4
    assert name not in repr(kept)


def test_a_fault_of_ours_is_noted_and_told(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[dict[str, int]] = []
    monkeypatch.setattr(handler("collect_events"), "_tell", told.append)
    monkeypatch.setattr(handler("collect_events").personalization, "serve", lambda _: 1 / 0)
    assert door.interact(query(scope())).status == 500
    (kept,) = handler("collect_events").door_log._seen[door.datastream["id"]].requests
    assert (kept["status"], kept["problem"]) == (500, "Something went wrong on our side")
    assert told == [{"FailedRequests": 1}]
