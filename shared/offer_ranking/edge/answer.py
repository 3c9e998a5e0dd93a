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
from offer_ranking.edge.creative import WrittenDecisions
from offer_ranking.edge.problem import Problem
from offer_ranking.events.item_token import item_token
from offer_ranking.events.proposition import Proposition
from offer_ranking.events.token import TokenKeys
from offer_ranking.ranking.decided import Decided


class Propositions:
    """Writes what was decided. What of it is the same in every answer is kept."""

    def __init__(self) -> None:
        self._written = WrittenDecisions()

    def text(self, decided: Decided, scope: str, style: AnswerStyle, keys: TokenKeys | None, now_ms: int) -> str:
        """One proposition as JSON, for the scope as it was asked for."""
        proposition = decided.proposition(scope, keys, now_ms=now_ms)
        kept, scores = self._written.of(decided.decision, style), _scores(decided)
        shown = [(kept.items[creative.id], creative) for creative in decided.creatives]
        if style is AnswerStyle.EXD:
            details = _json(proposition["scopeDetails"])
            written = [f"{item.start}{score}{item.rest}" for (item, _), score in zip(shown, scores, strict=True)]
        else:
            tokens = [item_token(proposition["id"], creative.id) for _, creative in shown]
            details = _json(_of_surface(decided, proposition, tokens))
            written = [
                item.of_surface(score, token, alone=len(shown) == 1)
                for (item, _), token, score in zip(shown, tokens, scores, strict=True)
            ]
        return (
            f'{{"id":"{proposition["id"]}","scope":{_json(scope)},{kept.decision_of}'
            f'"scopeDetails":{details},"items":[{",".join(written)}]}}'
        )


def _scores(decided: Decided) -> Sequence[str]:
    """Each as JSON; a fallback has none."""
    if decided.proposal is None:
        return ("",)
    return _json(decided.proposal.ranked.scores.tolist())[1:-1].split(",")


def _of_surface(decided: Decided, proposition: Proposition, tokens: Sequence[str]) -> dict[str, Any]:
    """What Journey Optimizer says beside: the items once more, each with the token that an event names it by."""
    decision, details = decided.decision, proposition["scopeDetails"]
    items = [
        {"id": creative.id, "etag": creative.etag, "token": token}
        for creative, token in zip(decided.creatives, tokens, strict=True)
    ]
    inside = [{"id": proposition["id"], "scope": proposition["scope"], "items": items}]
    return {
        **details,
        "decisionProvider": AnswerStyle.AJO.value,
        "activity": {"id": decision.activity_id or decision.id},
        "characteristics": {**details["characteristics"], "subPropositions": b64encode(encode(inside)).decode()},
    }


def decisions(event_index: int, propositions: Sequence[str]) -> str:
    """The handle of what one event asked for, from propositions as JSON."""
    return f'{{"type":"personalization:decisions","eventIndex":{event_index},"payload":[{",".join(propositions)}]}}'


def ecid_result(ecid: str) -> str:
    """The handle that tells a client its ECID."""
    return f'{{"type":"identity:result","payload":[{{"id":"{ecid}","namespace":{{"code":"ECID"}}}}]}}'


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
