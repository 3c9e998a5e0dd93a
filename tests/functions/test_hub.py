"""Adobe's Decisioning API for servers: decisions by pair, for one profile or for many."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from offer_ranking.events.proposition_event import Other, PropositionEvent, parse_event
from offer_ranking.events.token import verify
from offer_ranking.events.visitor import visitor_of
from tests.functions.test_datasets import problem
from tests.functions.test_loop import events
from tests.support.decisions import FALLBACK, offer_body
from tests.support.system import Reply, System, display, handler

PATH = "/data/core/ods/decisions"
HERO, ASIDE, FOOTER = ("hero", "top"), ("aside", "top"), ("hero", "bottom")
XDM_JSON = 'application/vnd.adobe.xdm+json; schema="https://ns.adobe.com/experience/offer-management/decision-request;version=1.0"'
EVERYTHING = {"xdm:responseFormat": {"xdm:includeContent": True}}


def pair(scope: tuple[str, str]) -> dict[str, str]:
    return {"activityId": scope[0], "placementId": scope[1]}


def asked(scope: tuple[str, str], count: int | None = None) -> dict[str, Any]:
    return {"xdm:activityId": scope[0], "xdm:placementId": scope[1]} | (
        {} if count is None else {"xdm:itemCount": count}
    )


def hub_body(*scopes: tuple[str, str], count: int | None = None, context: Any = None, **more: Any) -> dict[str, Any]:
    """A request; a keyword such as `dryRun` stands for `xdm:dryRun`."""
    profile: dict[str, Any] = {"xdm:identityMap": {"ECID": [{"xdm:id": "1" * 38}]}}
    if context is not None:
        profile["xdm:contextData"] = [{"@type": "anything", "xdm:data": one} for one in context]
    requests = [asked(scope, count) for scope in scopes or (HERO,)]
    return {"xdm:propositionRequests": requests, "xdm:profiles": [profile]} | {
        f"xdm:{key}": value for key, value in more.items()
    }


def hub(system: System, *scopes: tuple[str, str], **more: Any) -> Reply:
    return system.call("POST", PATH, hub_body(*scopes, **more))


def proposition(reply: Reply, place: int = 0) -> Any:
    assert reply.status == 200, reply.text
    return reply.json["xdm:propositions"][place]


def options(reply: Reply, place: int = 0) -> list[str]:
    return [option["xdm:id"] for option in proposition(reply, place).get("xdm:options", [])]


def learned(system: System, **decision: Any) -> dict[str, Any]:
    """A decision whose live model learned that winter is best."""
    dataset, model = system.live_model()
    lines = [line for offer, n in {"winter": 60, "summer": 5}.items() for line in events(offer, 300, n)]
    system.land(dataset, "day.json", lines)
    return system.create_decision(**pair(HERO), modelId=model["id"], **decision)


def test_a_decision_is_answered_in_the_words_of_adobes_api(system: System) -> None:
    learned(system)
    reply = hub(system, count=2, responseFormat={"xdm:includeContent": True})
    answer = reply.json
    assert set(answer) == {"xdm:propositionId", "xdm:propositions", "ode:createDate"}
    assert abs(answer["ode:createDate"] - datetime.now(UTC).timestamp() * 1000) < 60_000
    one = proposition(reply)
    assert one["xdm:activity"] == {"xdm:id": "hero", "repo:etag": 1}
    assert one["xdm:placement"] == {"xdm:id": "top", "repo:etag": 1}
    assert "xdm:fallback" not in one
    first = one["xdm:options"][0]
    assert first == {
        "xdm:id": first["xdm:id"],
        "repo:etag": "1",
        "@type": "https://ns.adobe.com/experience/offer-management/content-component-html",
        "dc:format": "text/html",
        "dc:language": [],
        "xdm:content": f"<b>{first['xdm:id']}</b>",
        "xdm:score": first["xdm:score"],
    }
    assert len(one["xdm:options"]) == 2


def test_content_and_metadata_are_told_where_they_are_asked_for(system: System) -> None:
    offers = [offer_body(characteristics={"cost": "5"})]
    system.create_decision("Hero", offers=offers, **pair(HERO))
    (bare,) = proposition(hub(system))["xdm:options"]
    assert bare == {"xdm:id": "summer", "repo:etag": "1"}
    names = {"xdm:activity": ["name"], "xdm:option": ["name", "characteristics"], "xdm:placement": ["name"]}
    one = proposition(hub(system, responseFormat={"xdm:includeMetadata": names}))
    assert one["xdm:activity"]["xdm:name"] == "Hero"
    assert one["xdm:options"] == [bare | {"xdm:characteristics": {"cost": "5"}}]


@pytest.mark.parametrize(
    ("creative", "kind"),
    [
        ({"format": "text/plain", "content": "hello"}, "text"),
        ({"format": "application/json", "content": '{"a": 1}'}, "json"),
        ({"format": "image/png", "content": None, "deliveryURL": "https://cdn.test/a.png"}, "imagelink"),
    ],
)
def test_content_comes_as_what_it_is(system: System, creative: dict[str, Any], kind: str) -> None:
    system.create_decision(offers=[offer_body(**creative)], **pair(HERO))
    (option,) = proposition(hub(system, responseFormat={"xdm:includeContent": True}))["xdm:options"]
    assert option["@type"].endswith(f"content-component-{kind}")
    assert option["dc:format"] == creative["format"]
    assert option.get("xdm:content") == creative["content"]
    assert option.get("xdm:deliveryURL") == creative.get("deliveryURL")


@pytest.mark.parametrize("content_type", [XDM_JSON, "application/json", "Application/JSON; charset=utf-8"])
def test_adobes_headers_are_taken(system: System, content_type: str) -> None:
    system.create_decision(**pair(HERO))
    headers = {
        "Content-Type": content_type,
        "x-gw-ims-org-id": "ORG@AdobeOrg",
        "x-sandbox-name": "prod",
        "x-api-key": "k",
    }
    assert system.call("POST", PATH, hub_body(), **headers).status == 200


@pytest.mark.parametrize("content_type", ["text/plain", "application/merge-patch+json", "application/vnd.adobe.xdm"])
def test_other_content_types_are_refused(system: System, content_type: str) -> None:
    assert problem(system.call("POST", PATH, hub_body(), Content_Type=content_type))[:2] == (
        415,
        "unsupported-media-type",
    )


def test_adobes_content_type_is_taken_by_the_hub_alone(system: System) -> None:
    assert system.call("POST", "/models", {}, Content_Type=XDM_JSON).status == 415


def test_fields_that_mean_nothing_here_pass(system: System) -> None:
    system.create_decision(**pair(HERO))
    more = {"mergePolicy": {"xdm:id": "m"}, "enrichedAudience": True, "validateContextData": False}
    assert hub(system, **more).status == 200


def test_the_callers_own_id_comes_back(system: System) -> None:
    system.create_decision(**pair(HERO))
    body = hub_body()
    body["xdm:profiles"][0]["xdm:decisionRequestId"] = "0AA00002-0000-1224-c0de-cjf98Csj43"
    assert system.call("POST", PATH, body).json["xdm:decisionRequestId"] == "0AA00002-0000-1224-c0de-cjf98Csj43"


def test_what_a_proposition_carries_counts_for_the_model_that_ranked_it(system: System) -> None:
    decision = learned(system)
    one = proposition(hub(system, count=1))
    (shown,) = one["xdm:options"]
    token = one["scopeDetails"]["characteristics"]["eventToken"]
    signed = verify(token, handler("rank_offers").token_keys.keys())
    assert signed.given() == (shown["xdm:id"],)
    assert (signed.model, signed.datastream, signed.visitor) == (decision["modelId"], "", visitor_of("1" * 38))
    assert json.loads(base64.b64decode(one["scope"])) == {"xdm:activityId": "hero", "xdm:placementId": "top"}
    copied = {key: one[key] for key in ("id", "scope", "scopeDetails")} | {"items": [{"id": shown["xdm:id"]}]}
    counted = parse_event(display("", **copied))
    assert isinstance(counted, PropositionEvent)
    assert (counted.offers[0].offer, counted.offers[0].model) == (shown["xdm:id"], decision["modelId"])


@pytest.mark.parametrize(
    ("identities", "meant"),
    [
        ({"Email": [{"xdm:id": "a"}, {"xdm:id": "b", "primary": True}]}, ""),
        ({"Email": [{"xdm:id": "a"}], "CRM": [{"xdm:id": "c"}]}, ""),
        ({"Email": [{"xdm:id": "a", "primary": True}], "ECID": [{"xdm:id": "e"}]}, "e"),
        ({}, ""),
    ],
)
def test_the_visitor_is_the_ecid_and_nothing_that_could_be_guessed(
    system: System, identities: dict[str, Any], meant: str
) -> None:
    learned(system)
    body = hub_body()
    body["xdm:profiles"][0]["xdm:identityMap"] = identities
    token = proposition(system.call("POST", PATH, body))["scopeDetails"]["characteristics"]["eventToken"]
    assert verify(token, handler("rank_offers").token_keys.keys()).visitor == visitor_of(meant)


def test_without_an_eligible_offer_the_fallback_stands_in_place_of_options_and_teaches_nothing(system: System) -> None:
    system.create_decision(offers=[offer_body(status="archived")], **pair(HERO))
    one = proposition(hub(system, responseFormat={"xdm:includeContent": True}))
    assert "xdm:options" not in one
    assert (one["xdm:fallback"]["xdm:id"], one["xdm:fallback"]["xdm:content"]) == ("fallback", FALLBACK["content"])
    assert_teaches_nothing(one, "fallback")


def test_a_dry_run_is_ranked_alike_but_not_signed_and_teaches_nothing(system: System) -> None:
    learned(system)
    one = proposition(hub(system, dryRun=True, count=2))
    scores = [option["xdm:score"] for option in one["xdm:options"]]
    assert (len(scores), scores) == (2, sorted(scores, reverse=True))
    assert one["scopeDetails"]["strategies"][0]["trafficType"] in {"random", "noncontextual"}
    first = [options(hub(system, dryRun=True))[0] for _ in range(200)]
    assert first.count("winter") > 150, "learned to be the best; the random share gives half of a twentieth to summer"
    assert_teaches_nothing(one, one["xdm:options"][0]["xdm:id"])


def test_while_a_models_store_is_away_offers_come_by_priority_and_teach_nothing(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned(system, offers=[offer_body("summer", priority=9), offer_body("winter", priority=1)])
    handler("rank_offers").serving._kept.clear()
    monkeypatch.setattr(handler("rank_offers").serving, "_models", Away())
    one = proposition(hub(system, count=2))
    assert [option["xdm:id"] for option in one["xdm:options"]] == ["summer", "winter"]
    assert "xdm:score" not in one["xdm:options"][0]
    assert_teaches_nothing(one, one["xdm:options"][0]["xdm:id"])


def assert_teaches_nothing(one: dict[str, Any], item: str) -> None:
    assert "eventToken" not in one["scopeDetails"]["characteristics"]
    copied = {key: one[key] for key in ("id", "scope", "scopeDetails")}
    assert parse_event(display("", **copied, items=[{"id": item}])) == Other()
    assert parse_event(display("", **copied, kind="interact", items=[{"id": item}])) == Other()


def test_a_decision_without_a_live_model_serves_by_priority(system: System) -> None:
    offers = [offer_body("low", priority=1), offer_body("high", priority=2)]
    system.create_decision(offers=offers, **pair(HERO))
    one = proposition(hub(system, count=2))
    assert [option["xdm:id"] for option in one["xdm:options"]] == ["high", "low"]
    assert one["scopeDetails"]["strategies"][0]["step"] == "priority"


@pytest.mark.parametrize(("count", "shown"), [(None, 2), (1, 1), (3, 3), (30, 3)])
def test_the_item_count_is_the_requests_or_else_the_decisions(system: System, count: int | None, shown: int) -> None:
    system.create_decision(offers=[offer_body(id_) for id_ in "abc"], itemCount=2, **pair(HERO))
    assert len(options(hub(system, count=count))) == shown


# ---- Eligibility -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("context", "is_member"),
    [
        ([{"segmentMembership": {"ups": {"vip": {"status": "realized"}}}}], True),
        ([{"xdm:segmentMembership": {"ups": {"vip": {"xdm:status": "existing"}}}}], True),
        ([{}, {"offerRanking": {"audiences": ["vip"]}}], True),
        ([{"segmentMembership": {"ups": {"vip": {"status": "exited"}}}}], False),
        ([{"segmentMembership": {"ups": ["vip"]}, "offerRanking": {"audiences": "vip"}}], False),
        ([{"segmentMembership": "vip", "offerRanking": ["vip", None]}], False),
        (None, False),
    ],
)
def test_audiences_come_from_context_data(system: System, context: Any, is_member: bool) -> None:
    system.create_decision(offers=[offer_body("vips", audiencesAny=["vip"])], **pair(HERO))
    assert options(hub(system, context=context)) == (["vips"] if is_member else [])


@pytest.mark.parametrize(
    "data",
    [
        {"device": {"type": "mobile"}},
        {"xdm:device": {"xdm:type": "mobile"}},
        {"xdm.device.type": "mobile"},
        {"xdm": {"device": {"type": "mobile"}}},
    ],
)
@pytest.mark.parametrize("key", ["xdm.device.type"])
def test_context_comes_from_context_data(system: System, data: dict[str, Any], key: str) -> None:
    _, model = system.live_model(type="personalized", contextKeys=[key])
    system.create_decision(modelId=model["id"], **pair(HERO))
    one = proposition(hub(system, context=[data]))
    assert one["scopeDetails"]["characteristics"]["cell"] == '{"c":{"xdm.device.type":"mobile"}}'


def test_a_plain_context_key_is_the_one_that_callers_of_rankings_use(system: System) -> None:
    _, model = system.live_model(type="personalized", contextKeys=["deviceType", "visits", "member", "tags"])
    system.create_decision(modelId=model["id"], **pair(HERO))
    data = {"xdm:deviceType": "iOS", "visits": 3, "member": True, "tags": ["a"], "long": "x" * 257}
    one = proposition(hub(system, context=[data]))
    cell = json.loads(one["scopeDetails"]["characteristics"]["cell"])
    assert cell == {"c": {"deviceType": "iOS", "visits": "3", "member": "true"}}


@pytest.mark.parametrize(
    ("second", "shown"),
    [(-1, []), (0, ["seasonal"]), (59, ["seasonal"]), (60, [])],
    ids=["before", "start", "last", "end"],
)
def test_an_offer_is_shown_from_the_second_of_its_start_until_before_that_of_its_end(
    system: System, monkeypatch: pytest.MonkeyPatch, second: int, shown: list[str]
) -> None:
    start = datetime(2030, 1, 1, tzinfo=UTC)
    times = {"startsAt": start.isoformat(), "endsAt": (start + timedelta(seconds=60)).isoformat()}
    system.create_decision(offers=[offer_body("seasonal", **times)], **pair(HERO))
    now = start + timedelta(seconds=second)
    monkeypatch.setattr(handler("rank_offers").time, "time_ns", lambda: int(now.timestamp()) * 1_000_000_000)
    assert options(hub(system)) == shown


# ---- Duplicates ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "shown"),
    [
        (None, ["a", "a", "a"]),
        ({"xdm:acrossActivities": True, "xdm:acrossPlacements": True}, ["a", "a", "a"]),
        # aside is another activity than hero at the top; the footer shares its activity with the first
        ({"xdm:acrossActivities": False}, ["a", "b", "a"]),
        ({"xdm:acrossPlacements": False}, ["a", "a", "b"]),
        ({"xdm:acrossActivities": False, "xdm:acrossPlacements": False}, ["a", "b", "c"]),
    ],
)
def test_an_offer_stands_twice_only_where_that_is_allowed(
    system: System, allowed: dict[str, bool] | None, shown: list[str]
) -> None:
    offers = [offer_body(id_, priority=priority) for id_, priority in (("a", 3), ("b", 2), ("c", 1))]
    for scope in (HERO, ASIDE, FOOTER):
        system.create_decision(str(scope), offers=offers, **pair(scope))
    policy = {} if allowed is None else {"allowDuplicatePropositions": allowed}
    reply = hub(system, HERO, ASIDE, FOOTER, **policy)
    assert [options(reply, place)[0] for place in range(3)] == shown


@pytest.mark.parametrize(
    ("activities", "placements", "second"), [(False, False, "b"), (False, True, "a"), (True, False, "a")]
)
def test_a_pair_that_is_asked_for_twice_repeats_an_offer_unless_nothing_is_to_stand_twice(
    system: System, activities: bool, placements: bool, second: str
) -> None:
    offers = [offer_body(id_, priority=priority) for id_, priority in (("a", 2), ("b", 1))]
    system.create_decision(offers=offers, **pair(HERO))
    policy = {"xdm:acrossActivities": activities, "xdm:acrossPlacements": placements}
    reply = hub(system, HERO, HERO, allowDuplicatePropositions=policy)
    assert [options(reply, place)[0] for place in range(2)] == ["a", second]


def test_where_every_offer_is_already_shown_the_fallback_is(system: System) -> None:
    for scope in (HERO, ASIDE):
        system.create_decision(str(scope), offers=[offer_body("only")], **pair(scope))
    reply = hub(system, HERO, ASIDE, allowDuplicatePropositions={"xdm:acrossActivities": False})
    assert options(reply, 0) == ["only"]
    assert proposition(reply, 1)["xdm:fallback"]["xdm:id"] == "fallback"


# ---- Bounds, and what cannot be --------------------------------------------------------------------------------------


def test_thirty_decisions_are_answered_in_the_order_in_which_they_are_asked_for(system: System) -> None:
    scopes = [(f"activity {n}", "top") for n in range(30)]
    for n, scope in enumerate(scopes):
        system.create_decision(f"decision {n}", offers=[offer_body(f"offer {n}")], **pair(scope))
    reply = hub(system, *reversed(scopes))
    assert [options(reply, place) for place in range(30)] == [[f"offer {n}"] for n in reversed(range(30))]
    assert problem(hub(system, *scopes, HERO)) == (422, "invalid", ["/xdm:propositionRequests"])


def test_a_pair_that_no_decision_has_is_refused_with_its_place(system: System) -> None:
    system.create_decision(**pair(HERO))
    assert problem(hub(system, HERO, ("hero", "nowhere"))) == (422, "invalid", ["/xdm:propositionRequests/1"])
    batch = {"requests": [hub_body(), hub_body(HERO, ASIDE)]}
    reply = system.call("POST", f"{PATH}/batch", batch)
    assert problem(reply) == (422, "invalid", ["/requests/1/xdm:propositionRequests/1"])


def test_a_pair_that_a_decision_has_given_up_stands_for_nothing_within_two_seconds(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(handler("rank_offers").decisions, "_clock", lambda: now[0])
    decision = system.create_decision(**pair(HERO))
    assert hub(system).status == 200
    assert system.call("DELETE", f"/decisions/{decision['id']}", If_Match="*").status == 204
    now[0] += 2
    assert hub(system).status == 422


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"xdm:propositionRequests": []}, "/xdm:propositionRequests"),
        ({"xdm:propositionRequests": [asked(HERO, 0)]}, "/xdm:propositionRequests/0/xdm:itemCount"),
        ({"xdm:propositionRequests": [asked(HERO, 31)]}, "/xdm:propositionRequests/0/xdm:itemCount"),
        ({"xdm:propositionRequests": [{"xdm:activityId": "a"}]}, "/xdm:propositionRequests/0/xdm:placementId"),
        ({"xdm:profiles": []}, "/xdm:profiles"),
        ({"xdm:profiles": [{"xdm:identityMap": {}}] * 2}, "/xdm:profiles"),
        ({"xdm:profiles": [{}]}, "/xdm:profiles/0/xdm:identityMap"),
        (
            {"xdm:profiles": [{"xdm:identityMap": {"Email": [{"xdm:id": 5}]}}]},
            "/xdm:profiles/0/xdm:identityMap/Email/0/xdm:id",
        ),
        (
            {"xdm:profiles": [{"xdm:identityMap": {}, "xdm:contextData": [{"xdm:data": []}]}]},
            "/xdm:profiles/0/xdm:contextData/0/xdm:data",
        ),
        (
            {
                "xdm:profiles": [
                    {"xdm:identityMap": {}, "xdm:contextData": [{"xdm:data": {f"k{n}": n for n in range(1001)}}]}
                ]
            },
            "/xdm:profiles/0/xdm:contextData",
        ),
        ({"xdm:dryRun": "yes"}, "/xdm:dryRun"),
        (
            {"xdm:allowDuplicatePropositions": {"xdm:acrossActivities": 1}},
            "/xdm:allowDuplicatePropositions/xdm:acrossActivities",
        ),
        ({"xdm:responseFormat": {"xdm:includeContent": None}}, "/xdm:responseFormat/xdm:includeContent"),
    ],
)
def test_a_request_that_cannot_be_is_refused_with_the_field_that_is_wrong(
    system: System, change: dict[str, Any], pointer: str
) -> None:
    status, kind, pointers = problem(system.call("POST", PATH, hub_body() | change))
    assert (status, kind, pointers[0]) == (422, "invalid", pointer)


def test_context_data_of_any_depth_and_size_of_keys_is_read_or_refused(system: System) -> None:
    system.create_decision(**pair(HERO))
    deep: Any = 1
    for _ in range(150):
        deep = {"k" * 1000: deep}
    assert hub(system, context=[{"deep": deep}]).status == 200
    for audiences, status in ((1000, 200), (1001, 422)):
        context = [{"offerRanking": {"audiences": [str(n) for n in range(audiences)]}}]
        assert hub(system, context=context).status == status


# ---- Batch -----------------------------------------------------------------------------------------------------------


def test_a_batch_answers_each_profile_by_itself(system: System) -> None:
    offers = [offer_body("vips", priority=9, audiencesAny=["vip"]), offer_body("all")]
    system.create_decision(offers=offers, **pair(HERO))
    vip = [{"offerRanking": {"audiences": ["vip"]}}]
    reply = system.call(
        "POST", f"{PATH}/batch", {"requests": [hub_body(), hub_body(context=vip)]}, Content_Type=XDM_JSON
    )
    assert reply.status == 200
    shown = [one["xdm:propositions"][0]["xdm:options"][0]["xdm:id"] for one in reply.json["responses"]]
    assert shown == ["all", "vips"]
    assert len({one["xdm:propositionId"] for one in reply.json["responses"]}) == 2


def test_a_batch_has_bounds(system: System) -> None:
    system.create_decision(**pair(HERO))
    path = f"{PATH}/batch"
    assert problem(system.call("POST", path, {"requests": []})) == (422, "invalid", ["/requests"])
    assert problem(system.call("POST", path, {"requests": [hub_body()] * 101})) == (422, "invalid", ["/requests"])
    thirty = hub_body(*[HERO] * 30)
    assert len(system.call("POST", path, {"requests": [thirty] * 33}).json["responses"]) == 33
    assert problem(system.call("POST", path, {"requests": [thirty] * 34})) == (422, "invalid", ["/requests"])


def test_an_answer_that_would_be_larger_than_lambda_gives_is_refused(system: System) -> None:
    system.create_decision(offers=[offer_body(content="x" * 120_000)], **pair(HERO))
    body = hub_body(*[HERO] * 30, responseFormat={"xdm:includeContent": True})
    assert system.call("POST", PATH, body).status == 200
    assert problem(system.call("POST", f"{PATH}/batch", {"requests": [body] * 2}))[:2] == (413, "too-large")


# ---- The store is away -----------------------------------------------------------------------------------------------


class Away:
    """A store that is not there."""

    def get(self, *_: Any) -> Any:
        raise EndpointConnectionError(endpoint_url="https://store.test")


def test_while_the_store_is_away_decisions_are_served_as_last_read_and_unknown_ones_not_at_all(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.create_decision(**pair(HERO))
    assert hub(system).status == 200
    now = [1e9]
    decisions = handler("rank_offers").decisions
    monkeypatch.setattr(decisions, "_clock", lambda: now[0])
    monkeypatch.setattr(decisions, "_read", Away().get)
    assert hub(system).status == 200
    reply = hub(system, HERO, ASIDE)
    assert problem(reply)[:2] == (503, "unavailable")
    assert reply.headers["Retry-After"] == "1"
