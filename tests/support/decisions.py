"""Decisions and datastreams for tests, everything about them that does not matter made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from offer_ranking.catalog.datastream import Datastream, NewDatastream, define_datastream
from offer_ranking.catalog.decision import Creative, Decision, DecisionOffer, NewDecision, define_decision

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
FALLBACK = {"id": "fallback", "etag": "1", "format": "text/html", "content": "<b>welcome</b>"}


def offer_body(id_: str = "summer", **fields: Any) -> dict[str, Any]:
    """An offer as people send it."""
    return {"id": id_, "etag": "1", "priority": 1, "format": "text/html", "content": f"<b>{id_}</b>"} | fields


def decision_body(**fields: Any) -> dict[str, Any]:
    """A decision as people send it."""
    return {"name": "Hero", "offers": [offer_body("summer"), offer_body("winter")], "fallback": FALLBACK} | fields


def an_offer(id_: str = "summer", **fields: Any) -> DecisionOffer:
    return DecisionOffer(**{"id": id_, "etag": "1", "format": "text/html", "content": "c"} | fields)


def a_decision(id_: str = "s", *offers: DecisionOffer, **fields: Any) -> Decision:
    fallback = Creative(id="fallback", etag="1", format="text/plain", content="welcome")
    new = NewDecision(**{"name": id_, "offers": offers or (an_offer(),), "fallback": fallback} | fields)
    return define_decision(new, id=id_, now=NOW)


def a_datastream(id_: str = "w", **fields: Any) -> Datastream:
    new = NewDatastream(**{"name": id_, "org_id": "ORG@AdobeOrg", "dataset_id": "d"} | fields)
    return define_datastream(new, id=id_, now=NOW)
