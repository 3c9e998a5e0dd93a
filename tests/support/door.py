"""The door as browsers and apps use it, over AWS in the process; what it hands on is kept instead of collected."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from offer_ranking.catalog.datastream import Datastream
from offer_ranking.collecting.collector import Taken
from offer_ranking.collecting.delivery import UnavailableError
from tests.support.decisions import offer_body
from tests.support.system import Reply, System, handler

ORIGIN = "https://www.shop.test"
ECID = "01568806327147089148132339481432735151"
ORG = "ABCDEF0123456789@AdobeOrg"
IDENTITY, CONSENT = "kndctr_ABCDEF0123456789_AdobeOrg_identity", "kndctr_ABCDEF0123456789_AdobeOrg_consent"
ACTIVITY, PLACEMENT = "xcore:offer-activity:11cfb1fa93381aca", "xcore:offer-placement:1175009612b0100c"
SURFACE = "web://www.shop.test/#hero"
_BODIES = Path(__file__).parents[1] / "functions" / "bodies"


def body(name: str) -> Any:
    """What a client sends; see tests/functions/bodies/README.md."""
    return json.loads((_BODIES / f"{name}.json").read_text())


def scope(**fields: Any) -> str:
    """An encoded decision scope, of the decision of `a_door` unless something else is said."""
    named = {"activityId": ACTIVITY, "placementId": PLACEMENT} | fields
    return base64.b64encode(json.dumps(named).encode()).decode()


def query(*scopes: str, surfaces: Sequence[str] = (), **event: Any) -> dict[str, Any]:
    """A request of one event, as small as may be."""
    personalization = {"decisionScopes": list(scopes), "surfaces": list(surfaces)}
    return {"events": [{"xdm": {"eventType": "web.webpagedetails.pageViews"},
                        "query": {"personalization": personalization}} | event]}  # fmt: skip


@dataclass
class FakeCollector:
    """See collecting.collector.Collector. `away` while nothing can be stored; `taken` is what it tells of events."""

    events: list[dict[str, Any]] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    taken: Taken = field(default_factory=Taken)
    away: bool = False

    def take(self, events: Sequence[dict[str, Any]], *, datastream: Datastream, source: str, now_ms: int) -> Taken:
        assert datastream.id
        assert now_ms
        if self.away:
            raise UnavailableError("away")
        self.events += events
        self.sources.append(source)
        return self.taken

    def measures(self) -> dict[str, float]:
        return {}


@dataclass
class Door:
    """A datastream of a shop and how it is called."""

    system: System
    datastream: dict[str, Any]
    collector: FakeCollector
    model: dict[str, Any]
    decision: dict[str, Any]

    def call(
        self,
        path: str,
        sent: Any = None,
        /,
        *,
        method: str = "POST",
        origin: str | None = ORIGIN,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **event: Any,
    ) -> Reply:
        """One request; `sent` is sent as JSON unless it is text, `event` replaces fields of API Gateway's."""
        text = sent if isinstance(sent, str) else json.dumps(sent)
        named = {"Content-Type": "text/plain; charset=UTF-8"} | ({"Origin": origin} if origin else {})
        asked = {"configId": self.datastream["id"], "requestId": "r1"} if query is None else dict(query)
        whole = {
            "resource": "/{path+}",
            "path": path,
            "httpMethod": method,
            "headers": named | dict(headers or {}),
            "multiValueHeaders": None,
            "queryStringParameters": asked,
            "requestContext": {"requestId": "g1", "identity": {"sourceIp": "192.0.2.7"}},
            "body": text,
            "isBase64Encoded": False,
        }
        answer = handler("collect_events").lambda_handler(whole | event, None)
        return Reply(answer["statusCode"], answer["headers"], answer["body"])

    def interact(self, sent: Any, **more: Any) -> Reply:
        return self.call("/v1/interact", sent, **more)

    def propositions(self, sent: Any, **more: Any) -> list[dict[str, Any]]:
        """What is answered to the first query."""
        return handles(self.interact(sent, **more), "personalization:decisions")[0]["payload"]


def handles(reply: Reply, type_: str) -> list[dict[str, Any]]:
    assert reply.status in {200, 207}, reply.text
    return [one for one in reply.json["handle"] if one["type"] == type_]


def stored(reply: Reply) -> dict[str, str]:
    """What a client keeps, by key."""
    return {entry["key"]: entry["value"] for one in handles(reply, "state:store") for entry in one["payload"]}


def with_state(sent: dict[str, Any], **entries: str) -> dict[str, Any]:
    """The same request from a client that remembers."""
    state = {"entries": [{"key": key, "value": value} for key, value in entries.items()]}
    return {**sent, "meta": {"state": state}}


def a_door(
    system: System, *, style: str = "EXD", offers: Sequence[Mapping[str, Any]] | None = None, **more: Any
) -> Door:
    """A live model, a decision of three offers that it ranks, and a datastream for it; what was read before is gone."""
    door = handler("collect_events")
    for cache in (door.offerings, door.serving):
        cache._kept.clear()
    door.door_log._seen.clear()
    door.token_keys._keys, door.token_keys._read_at = None, float("-inf")
    door.collector = collector = FakeCollector()
    dataset, model = system.live_model(**more)
    offers = offers or [offer_body(name, language=["en-us"]) for name in ("summer", "autumn", "winter")]
    decision = system.create_decision(
        "home", activityId=ACTIVITY, placementId=PLACEMENT, surface=SURFACE, modelId=model["id"], offers=list(offers)
    )
    datastream = system.create_datastream(
        dataset["id"], decisionIds=[decision["id"]], orgId=ORG, origins=[ORIGIN], answerStyle=style
    )
    return Door(system, datastream, collector, model, decision)
