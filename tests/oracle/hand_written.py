"""Events written by hand, one for each rule of reading; every way of counting must agree on them."""

from __future__ import annotations

from typing import Any

from tests.oracle.event_lines import our_token, sub_propositions

# ruff: noqa: E501 - one event, one line

NS = "https://ns.adobe.com/experience/decisioning/"
TIME = "2026-11-24T22:05:12.613Z"
TOKEN = "t" + "." + "s" * 22  # in the shape of ours
UUID7 = "019ab8e2-7c45-7abc-9abc-0123456789ab"  # 2025-11-25T02:28:01.477Z


def proposition(*offers: Any, step: str | None = None, **changes: Any) -> dict[str, Any]:
    items = [{"id": offer} if isinstance(offer, str) else offer for offer in offers]
    strategies = [{"step": step, "strategyID": "m1", "algorithmID": "ts", "trafficType": "random"}] if step else []
    found = {"id": "p1", "scope": "s", "scopeDetails": {"strategies": strategies}, "items": items} | changes
    return {key: value for key, value in found.items() if value is not None}


def event(*propositions: Any, mark: str = "display", action: Any = None, **changes: Any) -> dict[str, Any]:
    decisioning = {"propositionEventType": {mark: 1}, "propositions": list(propositions)}
    if action is not None:
        decisioning["propositionAction"] = action
    whole = {"_id": "e1", "timestamp": TIME, "_experience": {"decisioning": decisioning}} | changes
    return {key: value for key, value in whole.items() if value is not None}


def details(*strategies: Any, **characteristics: Any) -> dict[str, Any]:
    return {"strategies": list(strategies), "characteristics": characteristics}


def strategy(step: str, model: str | None = None, traffic: str = "contextual") -> dict[str, Any]:
    return {"step": step, "trafficType": traffic} | ({"strategyID": model} if model else {})


def item(offer: str, **ranking: str) -> dict[str, Any]:
    return {"id": offer, "itemSelection": {"rankingDetail": ranking}}


NAMESPACED = {
    "@id": "e1",
    "xdm:timestamp": TIME,
    "xdm:eventType": "decisioning.propositionInteract",
    NS + "propositions": [
        {
            "xdm:id": UUID7,
            "xdm:items": [{"xdm:id": "o1", "repo:etag": "4"}],
            "xdm:scopeDetails": {
                "xdm:strategies": [{"xdm:step": "aiModel", "xdm:strategyID": "m1", "xdm:trafficType": "random"}],
                "xdm:characteristics": {"cell": "c", "xdm:eventToken": "t"},
            },
        }
    ],
}
EMAIL = {
    "_id": "e1",
    "timestamp": TIME,
    "eventType": "message.tracking",
    "_experience": {
        "customerJourneyManagement": {
            "messageInteraction": {"interactionType": "click", "offers": [{"offerID": "o1", "propositionID": UUID7}]}
        }
    },
}
DRY = {"__adobe": {"ajo": {"dryRun": True}}}


def email(interaction: str, offers: list[Any]) -> dict[str, Any]:
    message = {"messageInteraction": {"interactionType": interaction, "offers": offers}}
    return EMAIL | {"_experience": {"customerJourneyManagement": message}}


def stamped(**stamp: Any) -> dict[str, Any]:
    return {"offerRanking": stamp}


SERVED = sub_propositions({"id": "o1", "token": "i1"}, {"id": "o2", "token": "i2"})
FLAT = {"_id": "e1", "timestamp": TIME, "eventType": "display", "offerId": "o1", "offerEtag": "2"}

EVENTS: dict[str, dict[str, Any]] = {
    "display": event(proposition("o1", "o2", step="aiModel")),
    "interact": event(proposition("o1", step="aiModel"), mark="interact"),
    "namespaced": NAMESPACED,
    "namespaced mark": NAMESPACED | {NS + "propositionEventType": {"xdm:display": 1}},
    "singular array": event(_experience={"decisioning": {"propositionEventType": {"display": 1}, "proposition": [proposition("o1")]}}),
    "mark decides before type": event(proposition("o1"), mark="dismiss", eventType="decisioning.propositionDisplay"),
    "two marks": event(_experience={"decisioning": {"propositionEventType": {"display": 1, "interact": 1.0}}}),
    "mark in both spellings": event(proposition("o1")) | {NS + "propositionEventType": {"display": True}},
    "mark as text": event(proposition("o1"), _experience={"decisioning": {"propositionEventType": {"display": "1"}}}),
    "dry run": event(proposition("o1"), data=DRY),
    "fallback": event(proposition("o1", step="fallback")),
    "fallback interact": event(proposition("o1", step="fallback"), mark="interact"),
    "fallback untrusted": event(proposition("o1", step="fallback"), **stamped(trust="untrusted")),
    "fallback among several": event(proposition("o1", step="fallback"), proposition("o2", step="aiModel")),
    "fallbacks only": event(proposition("o1", step="fallback"), proposition("o2", step="fallback")),
    "fallback by items": event(proposition(item("o1", step="fallback"), item("o2", step="fallback"))),
    "fallback by some items": event(proposition(item("o1", step="fallback"), item("o2", step="aiModel"))),
    "fallback in a second strategy": event(
        proposition("o1", scopeDetails=details(strategy("aiModel", "m1"), strategy("fallback")))
    ),
    "untrusted": event(proposition("o1"), **stamped(trust="untrusted", capped=True)),
    "capped": event(proposition("o1"), **stamped(trust="verified", capped=True)),
    "time missing": event(proposition("o1"), timestamp=None),
    "time null, namespaced there": event(proposition("o1"), timestamp=None, **{"xdm:timestamp": TIME}),
    "time unreadable": event(proposition("o1"), timestamp="yesterday"),
    "time as number": event(proposition("o1"), timestamp=1764021912613),
    "time with offset": event(proposition("o1"), timestamp="2026-11-25T00:05:12.613+02:00"),
    "time of receipt": event(proposition("o1"), **stamped(receivedAt="2026-11-24T23:05:12Z")),
    "receipt alone": event(proposition("o1"), timestamp=None, **stamped(receivedAt=TIME)),
    "late by nothing": event(proposition("o1"), **stamped(receivedAt="2026-11-26T22:05:12.613Z")),
    "late": event(proposition("o1"), **stamped(receivedAt="2026-11-26T22:05:12.614Z")),
    "early": event(proposition("o1"), **stamped(receivedAt="2026-11-22T22:05:12.612Z")),
    "no id": event(proposition("o1"), _id=None),
    "token for id": event(proposition("o1", scopeDetails=details(eventToken=TOKEN, issuedAt=TIME)), _id=None),
    "token of unknown time": event(proposition("o1", scopeDetails=details(eventToken=TOKEN)), _id=None),
    "token of an activity": event(proposition("o1", id=UUID7, scopeDetails=details(eventToken="bKMxJ8dC/r1+w==")), _id=None),
    "token of another proposition": event(
        proposition("o1"), proposition("o2", id=UUID7, scopeDetails=details(eventToken=TOKEN)), _id=None
    ),
    "offers without token": event(
        proposition("o1"), proposition(id=UUID7, items=[], scopeDetails=details(eventToken=TOKEN)), _id=None
    ),
    "unresolved": event(proposition(items=None)),
    "unresolved, no proposition": event(),
    "offers of the stamp": event(proposition(items=None), **stamped(offers=["o1", 5, "", "o2"], model="m9", cell="c9")),
    "stamp without proposition": event(**stamped(offers=["o1"])),
    "stamp wins": event(
        proposition("o1", step="aiModel", scopeDetails=details(strategy("aiModel", "m1"), cell="clear", issuedAt=TIME)),
        mark="interact",
        **stamped(model="m2", trafficType="noncontextual", cell="signed", issuedAt="2026-11-24T20:00:00Z"),
    ),
    "items that are not objects": event(proposition(5, None, "o3", [], {"id": 7}, {"id": ""}, {"id": "o7"})),
    "thirty-first position": event(proposition(*[f"o{n}" for n in range(1, 33)])),
    "offer twice in a line": event(proposition("o1", "o1"), proposition("o1")),
    "prefers the AI model": event(proposition("o1", scopeDetails=details(strategy("targeting", "m1"), strategy("aiModel", "m2")))),
    "AI model without id": event(proposition("o1", scopeDetails=details(strategy("aiModel"), strategy("targeting", "m2")))),
    "ranking detail of the item": event(proposition(item("o1", step="aiModel", strategyID="m5", trafficType="random"))),
    "etag of the item": event(proposition({"id": "o1", "etag": "3"}, scopeDetails=details(etags={"o1": "4"}))),
    "etag of the proposition": event(proposition("a/b", "c~d", "~1", scopeDetails=details(etags={"a/b": "4", "c~d": "5", "~1": "6"}))),
    "etag that is no text": event(proposition("o1", "0", scopeDetails=details(etags={"o1": 4}))),
    "etags in a list": event(proposition("0", scopeDetails=details(etags=["x"]))),
    "issued as time": event(proposition("o1", scopeDetails=details(issuedAt="2026-11-24T20:59:59.999Z")), mark="interact"),
    "issued as number": event(proposition("o1", scopeDetails=details(issuedAt=1764021912613)), mark="interact"),
    "issued in digits": event(proposition("o1", scopeDetails=details(issuedAt="1764021912613")), mark="interact"),
    "issued later": event(proposition("o1", scopeDetails=details(issuedAt="2027-01-01T00:00:00Z")), mark="interact"),
    "issued strangely": event(proposition("o1", id=UUID7, scopeDetails=details(issuedAt=1.5e12)), mark="interact"),
    "issued never": event(proposition("o1", id=UUID7, scopeDetails=details(issuedAt="never")), mark="interact"),
    "issued by id": event(proposition("o1", id=UUID7.upper()), mark="interact"),
    "issued is nothing to a display": event(proposition("o1", scopeDetails=details(issuedAt="2026-11-24T20:00:00Z"))),
    "email click": EMAIL,
    "email open": email("open", [{"offerID": "o1"}, {"offerID": "o2"}]),
    "email sent": email("send", [{"offerID": "o1"}]),
    "email without offer": email("click", [{"placementID": "x"}, 5]),
    "items of sub-propositions": event(proposition(scopeDetails=details(subPropositions=SERVED))),
    "items of sub-propositions by token": event(
        proposition(scopeDetails=details(subPropositions=SERVED)), mark="interact", action={"tokens": ["i2"]}
    ),
    "items of sub-propositions, which?": event(proposition(scopeDetails=details(subPropositions=SERVED)), mark="interact"),
    "an unknown item of sub-propositions": event(
        proposition(scopeDetails=details(subPropositions=SERVED)), mark="interact", action={"tokens": ["i9"]}
    ),
    "sub-propositions of a fallback": event(
        proposition(scopeDetails=details(subPropositions=sub_propositions({"id": "o1"}, step="fallback")))
    ),
    "a fallback item": event(
        proposition("o1", {"id": "o2", "itemSelection": {"selectionDetail": {"selectionType": "fallback"}}})
    ),
    "offers of our token": event(proposition(scopeDetails=details(eventToken=our_token("o1", "o2")))),
    "the offer of our token": event(proposition(scopeDetails=details(eventToken=our_token("o1"))), mark="interact"),
    "offers of our token, which?": event(
        proposition(scopeDetails=details(eventToken=our_token("o1", "o2"))), mark="interact"
    ),
    "flat": FLAT,
    "flat interact": FLAT | {"eventType": "interact", "position": 3, "propositionId": UUID7, "modelId": "m1", "cell": "c"},
    "flat with a stamp": FLAT | stamped(model="m9", trafficType="random", cell="c9", receivedAt=TIME, issuedAt=TIME),
    "flat without id": FLAT | {"_id": None, "eventToken": TOKEN, "issuedAt": TIME},
    "flat dry run": FLAT | {"data": DRY},
    "flat beside propositions": event(proposition("o1"), offerId="o2"),
    "another event": {"_id": "e1", "timestamp": TIME, "eventType": "web.webinteraction.linkClicks"},
    "nothing": {},
}  # fmt: skip
