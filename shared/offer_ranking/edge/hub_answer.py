"""What a server is answered by the Decisioning API (its page: see `hub_request`).

Beside what Adobe's API answers, each proposition has what a server copies into its display and interact events, with
the items shown: `id`, `scope`, and `scopeDetails` with the signed token. Adobe's clients pass over unknown fields.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import NotRequired, TypedDict

from offer_ranking.catalog.decision import Creative, Decision, Scope
from offer_ranking.catalog.errors import UnsuitableError
from offer_ranking.edge.creative import component
from offer_ranking.edge.hub_request import AllowDuplicates, DecisionRequest, PropositionRequest, ResponseFormat
from offer_ranking.events.proposition import Proposition, ScopeDetails
from offer_ranking.events.token import TokenKeys
from offer_ranking.events.uuid7 import uuid7
from offer_ranking.ranking.decided import Decided, decide
from offer_ranking.ranking.proposal import Step
from offer_ranking.ranking.served import Served

Named = TypedDict("Named", {"xdm:id": str, "repo:etag": int, "xdm:name": NotRequired[str]})
Option = TypedDict(
    "Option",
    {
        "xdm:id": str,
        "repo:etag": str,
        "@type": NotRequired[str],
        "dc:format": NotRequired[str],
        "dc:language": NotRequired[list[str]],
        "xdm:content": NotRequired[str],
        "xdm:deliveryURL": NotRequired[str],
        "xdm:characteristics": NotRequired[dict[str, str]],
        "xdm:score": NotRequired[float],
    },
)
HubProposition = TypedDict(
    "HubProposition",
    {
        "xdm:activity": Named,
        "xdm:placement": Named,
        "xdm:options": NotRequired[list[Option]],
        "xdm:fallback": NotRequired[Option],
        "id": str,
        "scope": str,
        "scopeDetails": ScopeDetails,
    },
)
HubDecisions = TypedDict(
    "HubDecisions",
    {
        "xdm:propositionId": str,
        "xdm:decisionRequestId": NotRequired[str],
        "xdm:propositions": list[HubProposition],
        "ode:createDate": int,
    },
)


class HubDecisionsBatch(TypedDict):
    """Answers in the order of the requests."""

    responses: list[HubDecisions]


def decide_all(  # noqa: PLR0913 - what is decided by
    request: DecisionRequest,
    decisions: Mapping[Scope, Decision],
    serve: Callable[[str | None], Served | None],
    keys: TokenKeys | None,
    *,
    now_ms: int,
    pointer: str = "",
) -> HubDecisions:
    """Decide for one profile, one request after the other: where offers must not stand twice, the first has them.

    Args:
        request: what is asked.
        decisions: by what they are asked for by.
        serve: the live model of an id.
        keys: that sign; in a dry run they do not.
        now_ms: the time, milliseconds since 1970 UTC.
        pointer: where the request stands in what was sent.

    Raises UnsuitableError for a pair that no decision has.

    """
    shown = _Shown(request.allow_duplicate_propositions)
    propositions = []
    for place, one in enumerate(request.proposition_requests):
        decision = decisions.get(one.scope)
        if decision is None:
            detail = f"No decision has activity {one.activity_id!r} and placement {one.placement_id!r}."
            raise UnsuitableError(f"{pointer}/xdm:propositionRequests/{place}", detail)
        decided = decide(
            decision, serve(decision.model_id), request.profiles[0].asker,
            now_ms=now_ms, count=one.item_count or decision.item_count, without=shown.barred(one.scope),
        )  # fmt: skip
        shown.add(one.scope, decided)
        spelled = _spelled(one.scope)
        if request.dry_run:
            proposition = decided.unproven(spelled, now_ms=now_ms)
        else:
            proposition = decided.proposition(spelled, keys, now_ms=now_ms)
        propositions.append(_told(decided, one, proposition, request.response_format))
    return _answered(request, propositions, now_ms)


def _answered(request: DecisionRequest, propositions: list[HubProposition], now_ms: int) -> HubDecisions:
    answer: HubDecisions = {
        "xdm:propositionId": uuid7(now_ms),
        "xdm:propositions": propositions,
        "ode:createDate": now_ms,
    }
    if (request_id := request.profiles[0].decision_request_id) is not None:
        answer["xdm:decisionRequestId"] = request_id
    return answer


class _Shown:
    """The offers that an answer already has, and where."""

    def __init__(self, allowed: AllowDuplicates) -> None:
        self._allowed = allowed
        self._places: dict[str, set[Scope]] = {}

    def add(self, scope: Scope, decided: Decided) -> None:
        for offer in decided.offers:
            self._places.setdefault(offer.id, set()).add(scope)

    def barred(self, scope: Scope) -> set[str]:
        """The offers that must not be shown here as well."""
        return {offer for offer, places in self._places.items() if any(self._bars(place, scope) for place in places)}

    def _bars(self, place: Scope, scope: Scope) -> bool:
        allowed = self._allowed
        if place == scope:  # asked for twice: across neither, and yet twice in an answer that is to repeat nothing
            return not (allowed.across_activities or allowed.across_placements)
        return (not allowed.across_activities and place.activity_id != scope.activity_id) or (
            not allowed.across_placements and place.placement_id != scope.placement_id
        )


def _spelled(scope: Scope) -> str:
    """The pair as a decision scope of Adobe's clients."""
    pair = {"xdm:activityId": scope.activity_id, "xdm:placementId": scope.placement_id}
    return base64.b64encode(json.dumps(pair, separators=(",", ":")).encode()).decode()


def _told(
    decided: Decided, request: PropositionRequest, proposition: Proposition, wanted: ResponseFormat
) -> HubProposition:
    decision, metadata = decided.decision, wanted.include_metadata
    activity: Named = {"xdm:id": request.activity_id, "repo:etag": decision.version}
    if "name" in metadata.activity:
        activity["xdm:name"] = decision.name
    told: HubProposition = {
        "xdm:activity": activity,
        "xdm:placement": {"xdm:id": request.placement_id, "repo:etag": decision.version},
        "id": proposition["id"],
        "scope": proposition["scope"],
        "scopeDetails": proposition["scopeDetails"],
    }
    if not decided.offers:
        told["xdm:fallback"] = _option(decision.fallback, wanted)
        return told
    told["xdm:options"] = [_option(offer, wanted) for offer in decided.offers]
    if decided.proposal is not None and decided.proposal.step is Step.AI_MODEL:
        for option, score in zip(told["xdm:options"], decided.proposal.ranked.scores.tolist(), strict=True):
            option["xdm:score"] = score
    return told


def _option(creative: Creative, wanted: ResponseFormat) -> Option:
    option: Option = {"xdm:id": creative.id, "repo:etag": creative.etag}
    if wanted.include_content:
        option["@type"] = component(creative)
        option["dc:format"] = creative.format
        option["dc:language"] = list(creative.language)
        if creative.content is not None:
            option["xdm:content"] = creative.content
        elif creative.delivery_url is not None:
            option["xdm:deliveryURL"] = creative.delivery_url
    if "characteristics" in wanted.include_metadata.option:
        option["xdm:characteristics"] = dict(creative.characteristics)
    return option
