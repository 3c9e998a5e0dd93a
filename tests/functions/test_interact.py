from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import pytest

from offer_ranking.edge.identity import cookie_value
from offer_ranking.events.item_token import item_token
from offer_ranking.events.token import KeysUnavailableError, verify
from offer_ranking.events.visitor import visitor_of
from tests.support.decisions import offer_body
from tests.support.door import (
    ACTIVITY,
    CONSENT,
    ECID,
    IDENTITY,
    ORIGIN,
    PLACEMENT,
    SURFACE,
    Door,
    a_door,
    body,
    handles,
    query,
    scope,
    stored,
    with_state,
)  # fmt: skip
from tests.support.system import System, display, handler

OFFERS = {"summer", "autumn", "winter"}


@pytest.fixture
def door(system: System) -> Door:
    return a_door(system)


def token_of(proposition: dict[str, Any]) -> Any:
    text = proposition["scopeDetails"]["characteristics"]["eventToken"]
    return verify(text, handler("collect_events").token_keys.keys())


def test_the_web_sdks_own_query_is_answered_as_adobe_answers_it(door: Door) -> None:
    reply = door.interact(body("web-sdk-fetch"))
    assert reply.status == 200
    assert reply.json["requestId"] == "r1"
    assert [one["type"] for one in reply.json["handle"]] == [
        "identity:result", "personalization:decisions", "state:store",
    ]  # fmt: skip
    (answered,) = handles(reply, "personalization:decisions")
    assert answered["eventIndex"] == 0
    (proposition,) = answered["payload"]
    assert proposition["scope"] == body("web-sdk-fetch")["events"][0]["query"]["personalization"]["decisionScopes"][0]
    assert proposition["activity"] == {"id": ACTIVITY, "etag": "1"}
    assert proposition["placement"] == {"id": PLACEMENT, "etag": "1"}
    assert proposition["scopeDetails"]["decisionProvider"] == "EXD"
    (item,) = proposition["items"]
    name = item["id"]
    assert name in OFFERS
    assert 0 <= item.pop("score") <= 1
    assert item == {
        "id": name,
        "etag": "1",
        "schema": "https://ns.adobe.com/experience/offer-management/content-component-html",
        "data": {"id": name, "format": "text/html", "language": ["en-us"], "characteristics": {},
                 "content": f"<b>{name}</b>"},
    }  # fmt: skip


def test_a_fetch_alone_is_not_an_event(door: Door) -> None:
    door.interact(body("web-sdk-fetch"))
    assert door.collector.events == []


def test_an_event_that_carries_a_query_is_collected_in_the_same_request(door: Door) -> None:
    assert len(door.propositions(query(scope()))) == 1
    ((event),) = door.collector.events
    assert event["eventType"] == "web.webpagedetails.pageViews"
    assert door.collector.sources == ["192.0.2.7"]


def test_a_fetch_that_brings_displays_along_is_collected(door: Door) -> None:
    sent = body("web-sdk-display")
    sent["events"][0]["xdm"]["eventType"] = "decisioning.propositionFetch"
    door.interact(sent)
    assert len(door.collector.events) == 1


def test_as_many_are_shown_as_the_scope_says_and_else_as_the_decision_says(door: Door) -> None:
    assert len(door.propositions(query(scope()))[0]["items"]) == 1
    shown = door.propositions(query(scope(itemCount=3)))[0]["items"]
    assert {item["id"] for item in shown} == OFFERS
    assert [item["score"] for item in shown] == sorted((item["score"] for item in shown), reverse=True)
    assert len(door.propositions(query("home"))[0]["items"]) == 1


def test_the_token_says_what_was_shown_of_what_by_which_model_to_whom_and_where(door: Door) -> None:
    sent = with_state(query(scope(itemCount=2)), **{IDENTITY: cookie_value(ECID)})
    (proposition,) = door.propositions(sent)
    token = token_of(proposition)
    assert token.given() == tuple(item["id"] for item in proposition["items"])
    assert {offer for offer, _ in token.offers} == OFFERS
    assert (token.model, token.datastream, token.visitor) == (
        door.model["id"], door.datastream["id"], visitor_of(ECID),
    )  # fmt: skip
    assert token.proposition == proposition["id"]


@pytest.mark.parametrize(
    "spelled",
    [
        "home",
        scope(),
        base64.b64encode(json.dumps({"xdm:activityId": ACTIVITY, "xdm:placementId": PLACEMENT}).encode()).decode(),
        base64.b64encode(json.dumps({"xdm:name": "home"}).encode()).decode(),
        scope().rstrip("="),
    ],
)
def test_every_spelling_of_a_scope_is_answered_under_that_spelling(door: Door, spelled: str) -> None:
    (proposition,) = door.propositions(query(spelled))
    assert proposition["scope"] == spelled


def test_what_nobody_knows_is_answered_with_nothing(door: Door) -> None:
    reply = door.interact(query("__view__", "mbox", surfaces=["web://www.shop.test/", "mobileapp://other"]))
    assert reply.status == 200
    assert handles(reply, "personalization:decisions")[0]["payload"] == []
    assert "errors" not in reply.json


def test_an_encoded_scope_that_nobody_knows_is_an_error_beside_what_is_answered(door: Door) -> None:
    unknown = scope(placementId="other")
    reply = door.interact(query(unknown, "home"))
    assert reply.status == 207
    assert [one["scope"] for one in handles(reply, "personalization:decisions")[0]["payload"]] == ["home"]
    (error,) = reply.json["errors"]
    assert (error["type"], error["status"]) == ("https://ns.adobe.com/aep/errors/ODE-0001-404", 404)
    assert error["report"] == {"eventIndex": 0}
    assert unknown in error["detail"]


@pytest.mark.parametrize("count", [0, 31, -1, 1.5, "2", True])
def test_an_item_count_that_cannot_be_is_an_error_beside(door: Door, count: Any) -> None:
    reply = door.interact(query(scope(itemCount=count)))
    assert reply.status == 207
    assert "itemCount" in reply.json["errors"][0]["detail"]


def test_each_event_is_answered_with_its_index(door: Door) -> None:
    sent = {"events": [query("home")["events"][0], {"xdm": {"eventType": "x"}}, query(scope())["events"][0]]}
    answered = handles(door.interact(sent), "personalization:decisions")
    assert [(one["eventIndex"], len(one["payload"])) for one in answered] == [(0, 1), (2, 1)]
    assert [event["_id"] for event in door.collector.events] == ["r1-0", "r1-1", "r1-2"]


def test_a_query_at_the_top_is_the_first_events(door: Door) -> None:
    sent = {"events": [{"xdm": {"eventType": "x"}}], "query": {"personalization": {"decisionScopes": ["home"]}}}
    (answered,) = handles(door.interact(sent), "personalization:decisions")
    assert (answered["eventIndex"], len(answered["payload"])) == (0, 1)
    del sent["events"]
    (answered,) = handles(door.interact(sent), "personalization:decisions")
    assert len(answered["payload"]) == 1


def test_v2_is_answered_like_v1(door: Door) -> None:
    named = {"datastreamId": door.datastream["id"]}
    reply = door.call("/v2/interact", body("server-v2-interact"), origin=None, query=named)
    (proposition,) = handles(reply, "personalization:decisions")[0]["payload"]
    assert proposition["items"]
    assert reply.json["requestId"]
    ((event),) = door.collector.events
    assert event["_id"] == f"{reply.json['requestId']}-0"


def test_with_a_location_hint_before_it_is_the_same(door: Door) -> None:
    assert door.call("/or2/v1/interact", query("home")).status == 200
    assert door.call("/a/b/v1/interact", query("home")).status == 404


@pytest.mark.parametrize("path", ["v1/interact", "or2/v1/interact"])
@pytest.mark.parametrize("base", ["", "/ee", "/shop/ee"])
def test_below_the_base_path_of_a_domain_it_is_the_same(door: Door, base: str, path: str) -> None:
    """API Gateway leaves in the path below what a domain maps the API, and gives apart what {path+} stands for."""
    reply = door.call(f"{base}/{path}", query("home"), pathParameters={"path": path})
    assert reply.status == 200, "with Adobe's hint at a place, which a page may have from Adobe's own edge, too"


def test_a_request_that_says_and_asks_nothing_is_answered_with_nothing(door: Door) -> None:
    sent = with_state({"events": [{}]}, **{IDENTITY: cookie_value(ECID)})
    reply = door.interact(sent)
    assert (reply.status, reply.text) == (204, "")
    assert door.collector.events == []


# ---- who asks


def test_a_new_visitor_gets_an_identity_of_its_own_and_a_returning_one_keeps_it(door: Door) -> None:
    sent = body("web-sdk-fetch")
    first = door.interact(sent)
    (new,) = handles(first, "identity:result")[0]["payload"]
    assert new["namespace"] == {"code": "ECID"}
    assert len(new["id"]) == 38
    assert stored(first) == {IDENTITY: cookie_value(new["id"])}
    again = door.interact(with_state(sent, **stored(first)))
    assert handles(again, "identity:result")[0]["payload"][0]["id"] == new["id"]
    assert handles(again, "state:store") == []
    assert handles(door.interact(sent), "identity:result")[0]["payload"][0]["id"] != new["id"]


def test_adobes_own_cookie_is_read(door: Door) -> None:
    value = "CiY0MjI5Njk0Njk1MTc0MTMxMTQwMjAwMDc2OTQ2NzI5Njg0Njg2OFISCILg3fygNBABGAEqBUxPQ0FM8AGC4N38oDQ"
    reply = door.interact(with_state(body("web-sdk-fetch"), **{IDENTITY: value}))
    assert handles(reply, "identity:result")[0]["payload"][0]["id"] == "42296946951741311402000769467296846868"


def test_a_first_party_host_gets_the_cookie_itself(door: Door) -> None:
    cookie = {"Cookie": f"theme=dark; {IDENTITY}={cookie_value(ECID)}; x"}
    reply = door.interact(body("web-sdk-fetch"), headers=cookie)
    assert handles(reply, "identity:result")[0]["payload"][0]["id"] == ECID
    assert handles(reply, "state:store") == []


@pytest.mark.parametrize("where", ["top", "event"])
def test_an_identity_map_says_who_it_is(door: Door, where: str) -> None:
    xdm = {"identityMap": {"ECID": [{"id": ECID}]}}
    sent = {"xdm": xdm, "events": [{"xdm": {"eventType": "x"}}]} if where == "top" else {"events": [{"xdm": xdm}]}
    reply = door.interact(sent | {"query": {"identity": {"fetch": ["ECID"]}}})
    assert handles(reply, "identity:result")[0]["payload"][0]["id"] == ECID
    ((event),) = door.collector.events
    assert event["identityMap"]["ECID"][0]["id"] == ECID


def test_the_identity_stands_in_the_event_beside_others(door: Door) -> None:
    sent = {"events": [{"xdm": {"eventType": "x", "identityMap": {"email": [{"id": "hash"}], "ECID": "no list"}}}]}
    door.interact(with_state(sent, **{IDENTITY: cookie_value(ECID)}))
    ((event),) = door.collector.events
    assert event["identityMap"] == {"email": [{"id": "hash"}], "ECID": [{"id": ECID}]}


def test_nobody_is_told_an_identity_who_did_not_ask(door: Door) -> None:
    reply = door.interact(query("home"))
    assert handles(reply, "identity:result") == []
    assert IDENTITY in stored(reply), "but it is one who comes again"


def test_identity_can_be_acquired_alone(door: Door) -> None:
    first = door.call("/v1/identity/acquire", body("web-sdk-acquire"))
    (new,) = handles(first, "identity:result")[0]["payload"]
    again = door.call("/v1/identity/acquire", with_state(body("web-sdk-acquire"), **stored(first)))
    assert handles(again, "identity:result")[0]["payload"] == [new]
    assert handles(again, "state:store") == []


# ---- consent


def test_consent_is_remembered_by_the_client_beside_its_identity(door: Door) -> None:
    reply = door.call("/v1/privacy/set-consent", body("web-sdk-consent"))
    assert stored(reply)[CONSENT] == "general=in"
    assert IDENTITY in stored(reply)
    (entry,) = handles(reply, "state:store")[1]["payload"]
    assert entry["maxAge"] == 15_552_000


def test_consent_out_is_remembered_with_an_identity_since_the_web_sdk_forgets_it_without(door: Door) -> None:
    sent = {"consent": [{"standard": "Adobe", "version": "1.0", "value": {"general": "out"}}]}
    assert set(stored(door.call("/v1/privacy/set-consent", sent))) == {IDENTITY, CONSENT}


def out() -> dict[str, Any]:
    return {CONSENT: "general=out"}


@pytest.mark.parametrize("where", ["state", "cookie", "event", "top"])
def test_of_who_is_out_nothing_is_stored_and_no_identity_made(door: Door, where: str) -> None:
    xdm = {"eventType": "x"} | ({"consents": {"collect": {"val": "n"}}} if where == "event" else {})
    sent = query("home", xdm=xdm) | {"query": {"identity": {"fetch": ["ECID"]}}}
    if where == "top":
        sent["xdm"] = {"consents": {"collect": {"val": "n"}}}
    headers = {"Cookie": f"{CONSENT}=general=out"} if where == "cookie" else {}
    reply = door.interact(with_state(sent, **out()) if where == "state" else sent, headers=headers)
    assert [one["type"] for one in reply.json["handle"]] == ["personalization:decisions"]
    (proposition,) = handles(reply, "personalization:decisions")[0]["payload"]
    assert token_of(proposition).visitor == ""
    assert door.collector.events == []
    assert door.call("/v1/collect", with_state(sent, **out())).status == 204
    assert door.collector.events == []


def test_who_is_out_and_asks_nothing_is_answered_with_nothing(door: Door) -> None:
    assert door.interact(with_state({"events": [{"xdm": {"eventType": "x"}}]}, **out())).status == 204


def test_who_is_in_is_collected(door: Door) -> None:
    door.interact(with_state(query("home"), **{CONSENT: "general=in"}))
    assert len(door.collector.events) == 1


def test_consent_of_version_2_is_confirmed_as_apps_expect_it(door: Door) -> None:
    reply = door.call("/v1/privacy/set-consent", body("edge-consent-update"), origin=None)
    assert stored(reply) == {CONSENT: "general=out"}
    (confirmed,) = handles(reply, "consent:preferences")
    assert confirmed["payload"] == [body("edge-consent-update")["consent"][0]["value"]]
    assert handles(reply, "identity:result")[0]["payload"][0]["id"] == ECID


def test_preferences_that_say_nothing_of_collecting_change_nothing_of_it(door: Door) -> None:
    sent = {"consent": [{"standard": "Adobe", "version": "2.0", "value": {"personalize": {"content": {"val": "y"}}}}]}
    assert CONSENT not in stored(door.call("/v1/privacy/set-consent", sent))


# ---- audiences and context


def membership(audience: str, status: str) -> dict[str, Any]:
    return {"segmentMembership": {"ups": {audience: {"status": status}}}}


@pytest.mark.parametrize(
    ("event", "is_gold"),
    [
        ({"xdm": membership("gold", "realized")}, True),
        ({"xdm": membership("gold", "existing")}, True),
        ({"xdm": membership("gold", "exited")}, False),
        ({"data": {"__offerRanking": {"audiences": ["gold"]}}}, True),
        ({"data": {"__offerRanking": {"audiences": "gold"}}}, False),
        ({"xdm": {"segmentMembership": {"ups": ["gold"], "gold": {"status": "realized"}}}}, False),
        ({}, False),
    ],
)
def test_offers_for_an_audience_are_shown_to_who_says_to_be_in_it(
    system: System, event: dict[str, Any], is_gold: bool
) -> None:
    door = a_door(system, offers=[offer_body("golden", audiencesAny=["gold"]), offer_body("plain", status="archived")])
    (proposition,) = door.propositions(query("home", **event))
    assert [item["id"] for item in proposition["items"]] == ["golden" if is_gold else "fallback"]


def test_a_personalized_model_gets_the_audiences_and_the_context_that_it_knows(system: System) -> None:
    door = a_door(system, type="personalized", audiences=["gold"], contextKeys=["xdm.device.type", "data.page"])
    event = {
        "xdm": membership("gold", "realized") | {"device": {"type": "mobile", "model": "x"}},
        "data": {"page": 7, "__offerRanking": {"audiences": ["unknown"]}},
    }
    (proposition,) = door.propositions(query("home", **event))
    cell = json.loads(proposition["scopeDetails"]["characteristics"]["cell"])
    assert cell == {"a": ["gold"], "c": {"data.page": "7", "xdm.device.type": "mobile"}}


# ---- what is shown


def test_where_no_offer_may_be_shown_it_is_the_fallback_which_nobody_signs(system: System) -> None:
    door = a_door(system, offers=[offer_body("gone", status="archived")])
    (proposition,) = door.propositions(query("home"))
    (item,) = proposition["items"]
    assert item["id"] == "fallback"
    assert "score" not in item
    details = proposition["scopeDetails"]
    assert details["strategies"][0]["step"] == "fallback"
    assert "eventToken" not in details["characteristics"]


def test_every_format_has_its_schema(system: System) -> None:
    offers = [
        offer_body("text", format="text/plain", content='a\n"b"'),
        offer_body("json", format="application/json", content='{"title": "x"}'),
        {"id": "image", "etag": "1", "format": "image/png", "deliveryURL": "https://cdn.test/a.png"},
        {"id": "page", "etag": "1", "format": "text/html", "deliveryURL": "https://cdn.test/a.html"},
    ]
    door = a_door(system, offers=offers)
    (proposition,) = door.propositions(query(scope(itemCount=4)))
    found = {item["id"]: (item["schema"].rpartition("-")[2], item["data"]) for item in proposition["items"]}
    assert {name: kind for name, (kind, _) in found.items()} == {
        "text": "text", "json": "json", "image": "imagelink", "page": "html",
    }  # fmt: skip
    assert found["text"][1]["content"] == 'a\n"b"'
    assert found["json"][1]["content"] == '{"title": "x"}', "a text that holds JSON"
    assert found["image"][1]["deliveryURL"] == "https://cdn.test/a.png"
    assert "content" not in found["page"][1]


def test_an_edited_decision_is_shown_as_it_is_now(door: Door) -> None:
    door.propositions(query("home"))
    change = {"offers": [offer_body("new", content="fresh")]}
    assert door.system.call("PATCH", f"/decisions/{door.decision['id']}", change, If_Match="*").status == 200
    handler("collect_events").offerings._kept.clear()
    (proposition,) = door.propositions(query(scope()))
    assert proposition["items"][0]["data"]["content"] == "fresh"
    assert proposition["activity"]["etag"] == "2"


def test_a_decision_without_ids_names_no_activity(door: Door) -> None:
    decision = door.system.create_decision("bare")
    ids = [door.decision["id"], decision["id"]]
    path = f"/datastreams/{door.datastream['id']}"
    assert door.system.call("PATCH", path, {"decisionIds": ids}, If_Match="*").status == 200
    handler("collect_events").offerings._kept.clear()
    (proposition,) = door.propositions(query("bare"))
    assert "activity" not in proposition
    assert proposition["scopeDetails"]["strategies"][0]["step"] == "priority"


# ---- surfaces


def sub_propositions(proposition: dict[str, Any]) -> Any:
    return json.loads(base64.b64decode(proposition["scopeDetails"]["characteristics"]["subPropositions"]))


def test_a_surface_is_answered_as_journey_optimizer_answers_it(door: Door) -> None:
    (proposition,) = door.propositions(query(surfaces=[SURFACE]))
    assert proposition["scope"] == SURFACE
    assert proposition["scopeDetails"]["decisionProvider"] == "AJO"
    assert "placement" not in proposition
    (item,) = proposition["items"]
    token = item_token(proposition["id"], item["id"])
    assert (item["token"], item["schema"]) == (token, "https://ns.adobe.com/personalization/html-content-item")
    assert item["data"]["content"] == f"<b>{item['id']}</b>"
    ((inside),) = sub_propositions(proposition)
    assert inside["items"] == [{"id": item["id"], "etag": "1", "token": token}]
    assert token_of(proposition).given() == (item["id"],)


def test_a_datastream_may_answer_scopes_so_too(system: System) -> None:
    door = a_door(system, style="AJO")
    (proposition,) = door.propositions(query(scope(itemCount=3)))
    assert proposition["scopeDetails"]["decisionProvider"] == "AJO"
    for item in proposition["items"]:
        token = item_token(proposition["id"], item["id"])
        assert item["data"]["content"] == f'<div data-aep-click-token="{token}"><b>{item["id"]}</b></div>', (
            "of several in one element a click is told apart by this alone"
        )
    assert [one["id"] for one in sub_propositions(proposition)[0]["items"]] == [
        item["id"] for item in proposition["items"]
    ]


def test_on_a_surface_everything_is_html_or_json(system: System) -> None:
    offers = [
        offer_body("text", format="text/plain", content="a < b"),
        offer_body("json", format="application/json", content='{\r\n "title": "x",\n "content": "y"}'),
        offer_body("list", format="application/json", content="[1, 2]"),
        {"id": "image", "etag": "1", "format": "image/png", "deliveryURL": "https://cdn.test/a.png?x=1&y=2"},
        {"id": "page", "etag": "1", "format": "text/html", "deliveryURL": "https://cdn.test/a.html"},
        offer_body("named", characteristics={"content": '"content":"'}),
    ]
    door = a_door(system, style="AJO", offers=offers)
    reply = door.interact(query(scope(itemCount=6)))
    assert "\n" not in reply.text
    (proposition,) = handles(reply, "personalization:decisions")[0]["payload"]
    found = {item["id"]: (item["schema"].split("/")[-1], item["data"]["content"]) for item in proposition["items"]}
    assert {name for name, (kind, _) in found.items() if kind == "html-content-item"} == {"text", "image", "named"}
    assert "a &lt; b" in found["text"][1]
    assert '<img src="https://cdn.test/a.png?x=1&amp;y=2" alt="">' in found["image"][1]
    assert "<b>named</b>" in found["named"][1]
    assert found["json"] == ("json-content-item", {"title": "x", "content": "y"})
    assert found["list"] == ("json-content-item", "[1, 2]")
    assert found["page"] == ("json-content-item", {"deliveryURL": "https://cdn.test/a.html"})


def test_a_fallback_on_a_surface_has_a_token_for_its_item_and_none_of_its_own(system: System) -> None:
    door = a_door(system, offers=[offer_body("gone", status="archived")])
    (proposition,) = door.propositions(query(surfaces=[SURFACE]))
    assert proposition["items"][0]["id"] == "fallback"
    assert "eventToken" not in proposition["scopeDetails"]["characteristics"]


# ---- the store is away


def fail(*_: Any, **__: Any) -> Any:
    raise boto3.client("dynamodb").exceptions.InternalServerError({"Error": {"Code": "500"}}, "GetItem")


def test_while_the_store_is_away_what_was_read_last_is_answered(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    assert door.propositions(query("home"))[0]["items"]
    module = handler("collect_events")
    for store in (module.offerings._datastreams, module.serving._models):
        monkeypatch.setattr(store, "get", fail)
    for cache in (module.offerings, module.serving):
        monkeypatch.setattr(cache, "_clock", lambda: 1e12)
    assert door.propositions(query("home"))[0]["items"]


def test_while_the_store_is_away_and_nothing_was_read_the_client_is_asked_to_come_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler("collect_events").offerings._datastreams, "get", fail)
    reply = door.interact(query("home"))
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN


def no_keys() -> None:
    raise KeysUnavailableError("away")


def test_without_keys_an_answer_is_unsigned_rather_than_none(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler("collect_events").token_keys, "keys", no_keys)
    (proposition,) = door.propositions(query("home"))
    assert proposition["items"]
    assert "eventToken" not in proposition["scopeDetails"]["characteristics"]


def test_events_that_could_not_be_taken_are_asked_for_again_as_if_nothing_was_answered(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.collector.away = True
    reply = door.interact(query("home"))
    assert (reply.status, reply.headers["Retry-After"]) == (503, "1")
    assert reply.json["type"].endswith("EXEG-0201-503")
    assert '"UndeliveredEvents":[1.0]' in capsys.readouterr().out


def test_what_nobody_thought_of_is_an_answer_that_a_page_can_read_and_says_nothing_of_the_inside(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler("collect_events").personalization, "serve", lambda _: 1 / 0)
    reply = door.interact(query("home"))
    assert reply.status == 500
    assert "zero" not in reply.text
    assert reply.headers["Access-Control-Allow-Origin"] == ORIGIN


# ---- a model that learns


def test_a_door_ranks_by_what_was_learned(system: System) -> None:
    door = a_door(system)
    dataset = system.call("GET", f"/datasets/{door.datastream['datasetId']}").json
    lines = [display(name) for name in sorted(OFFERS) for _ in range(300)]
    lines += [display("winter", kind="interact") for _ in range(200)]
    system.land(dataset, "day.json.gz", lines)
    handler("collect_events").serving._kept.clear()
    first = [door.propositions(query("home"))[0]["items"][0]["id"] for _ in range(40)]
    assert first.count("winter") > 30


def test_while_its_model_is_not_live_a_decision_serves_by_priority(system: System) -> None:
    offers = [offer_body("low", priority=1), offer_body("high", priority=9)]
    door = a_door(system, offers=offers)
    assert system.call("POST", f"/models/{door.model['id']}/deactivate").status == 200
    handler("collect_events").serving._kept.clear()
    (proposition,) = door.propositions(query(scope(itemCount=2)))
    assert [item["id"] for item in proposition["items"]] == ["high", "low"]
    assert proposition["scopeDetails"]["strategies"][0]["step"] == "priority"
