"""What clients are answered: handles, written as compact JSON on one line, which apps read line by line.

No location hint is sent: there is one place only.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.json import encode

from offer_ranking.catalog.datastream import AnswerStyle
from offer_ranking.edge import consent, identity
from offer_ranking.edge.creative import Items
from offer_ranking.edge.problem import Problem
from offer_ranking.events.instant import to_rfc3339
from offer_ranking.events.item_token import item_token
from offer_ranking.events.proposition import Characteristics, Proposition, ScopeDetails, Strategy
from offer_ranking.events.served import FALLBACK
from offer_ranking.events.token import TokenKeys
from offer_ranking.events.uuid7 import uuid7
from offer_ranking.learning.snapshot import ALGORITHM
from offer_ranking.ranking.decided import Decided


class Propositions:
    """Writes what was decided. `items` are kept from request to request."""

    def __init__(self) -> None:
        self._items = Items()

    def text(self, decided: Decided, scope: str, style: AnswerStyle, keys: TokenKeys | None, now_ms: int) -> str:
        """One proposition as JSON, for the scope as it was asked for."""
        proposition = _proposition(decided, scope, keys, now_ms)
        details: dict[str, Any] = {**proposition["scopeDetails"]}
        shown = [creative.id for creative in decided.creatives]
        tokens = [""] * len(shown)
        if style is AnswerStyle.AJO:
            tokens = [item_token(proposition["id"], one) for one in shown]
            details |= _of_surface(decided, proposition, tokens)
        items, alone = self._items.of(decided.decision, style), len(shown) == 1
        written = ",".join(
            items[one].text(score, token, alone=alone)
            for one, token, score in zip(shown, tokens, _scores(decided), strict=True)
        )
        of_classic = "" if style is AnswerStyle.AJO else _activity_and_placement(decided)
        return (
            f'{{"id":"{proposition["id"]}","scope":{_json(scope)},{of_classic}'
            f'"scopeDetails":{_json(details)},"items":[{written}]}}'
        )


def _scores(decided: Decided) -> Sequence[float | None]:
    return (None,) if decided.proposal is None else decided.proposal.ranked.scores.tolist()


def _proposition(decided: Decided, scope: str, keys: TokenKeys | None, now_ms: int) -> Proposition:
    """As ranked; that of a fallback says so, and is signed by nobody, since it teaches nothing."""
    if decided.proposal is not None:
        return decided.proposal.proposition(scope, keys)
    id_ = uuid7(now_ms)
    strategy = Strategy(
        step=FALLBACK, strategyID=decided.decision.model_id or "", algorithmID=ALGORITHM, trafficType="noncontextual"
    )
    characteristics = Characteristics(snapshotVersion="0", cell="", issuedAt=to_rfc3339(now_ms * 1000))
    details = ScopeDetails(
        decisionProvider="EXD", correlationID=id_, strategies=[strategy], characteristics=characteristics
    )
    return Proposition(id=id_, scope=scope, scopeDetails=details)


def _activity_and_placement(decided: Decided) -> str:
    """Apps send them back as they came."""
    decision = decided.decision
    if decision.scope is None:
        return ""
    activity, placement = (_json({"id": id_, "etag": str(decision.version)}) for id_ in decision.scope)
    return f'"activity":{activity},"placement":{placement},'


def _of_surface(decided: Decided, proposition: Proposition, tokens: Sequence[str]) -> dict[str, Any]:
    """What Journey Optimizer says beside: the items once more, each with the token that an event names it by."""
    decision, details = decided.decision, proposition["scopeDetails"]
    items = [
        {"id": creative.id, "etag": creative.etag, "token": token}
        for creative, token in zip(decided.creatives, tokens, strict=True)
    ]
    inside = [{"id": proposition["id"], "scope": proposition["scope"], "items": items}]
    return {
        "decisionProvider": AnswerStyle.AJO.value,
        "activity": {"id": decision.activity_id or decision.id},
        "characteristics": {**details["characteristics"], "subPropositions": b64encode(encode(inside)).decode()},
    }


def decisions(event_index: int, propositions: Sequence[str]) -> str:
    """The handle of what one event asked for, from propositions as JSON."""
    return f'{{"type":"personalization:decisions","eventIndex":{event_index},"payload":[{",".join(propositions)}]}}'


def ecid_result(ecid: str) -> str:
    """The handle that tells a client its ECID."""
    return _handle("identity:result", [{"id": ecid, "namespace": {"code": "ECID"}}])


def store(*entries: Mapping[str, Any]) -> str:
    """The handle of what a client keeps and sends back; the Web SDK makes cookies of it."""
    return _handle("state:store", entries)


def identity_entry(org_id: str, ecid: str) -> Mapping[str, Any]:
    """The entry of the identity cookie."""
    return {
        "key": identity.cookie_name(org_id),
        "value": identity.cookie_value(ecid),
        "maxAge": identity.KEPT_SECONDS,
        "attrs": {"SameSite": "None"},
    }


def consent_entry(org_id: str, given: consent.Consent) -> Mapping[str, Any]:
    """The entry of the consent cookie."""
    return {"key": consent.cookie_name(org_id), "value": given.cookie_value, "maxAge": consent.KEPT_SECONDS}


def preferences(given: Mapping[str, Any]) -> str:
    """The handle that confirms consent preferences, which apps wait for."""
    return _handle("consent:preferences", [given])


def document(request_id: str, handles: Sequence[str], errors: Sequence[Problem] = ()) -> str:
    """The whole answer, from handles as JSON."""
    failed = f',"errors":{_json(errors)}' if errors else ""
    return f'{{"requestId":{_json(request_id)},"handle":[{",".join(handles)}]{failed}}}'


def _handle(type_: str, payload: Sequence[Any]) -> str:
    return f'{{"type":"{type_}","payload":{_json(payload)}}}'


def _json(value: Any) -> str:  # noqa: ANN401 - JSON holds any of its types
    return encode(value).decode()
