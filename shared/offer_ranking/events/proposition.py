"""The answer to one request, in the form that callers copy unchanged into their display and interact events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NotRequired, TypedDict

from offer_ranking.events.instant import to_rfc3339
from offer_ranking.events.token import Token, TokenKeys, sign


class Strategy(TypedDict):
    """How the offers were ranked, in the words of XDM's `scopeDetails.strategies`."""

    step: str
    strategyID: str
    algorithmID: str
    trafficType: str


class Characteristics(TypedDict):
    """What counting needs in clear, and the same signed. `etags` says which version of each offer was ranked."""

    snapshotVersion: str
    cell: str
    issuedAt: str
    etags: NotRequired[dict[str, str]]
    eventToken: NotRequired[str]


class ScopeDetails(TypedDict):
    """XDM's `scopeDetails`."""

    decisionProvider: str
    correlationID: str
    strategies: list[Strategy]
    characteristics: Characteristics


class Proposition(TypedDict):
    """XDM's proposition, to which a caller adds the `items` it shows."""

    id: str
    scope: str
    scopeDetails: ScopeDetails


def step_of(token: Token) -> str:
    """How the offers of a token were ranked: `aiModel`, `priority` without a model, or `fallback`.

    A model that has learned nothing yet gives random traffic, so what is neither of a snapshot nor random is of a model
    that could not be read.
    """
    if not token.model:
        return "priority"
    return "fallback" if token.snapshot_version == 0 and token.traffic_type == "noncontextual" else "aiModel"


def proposition_of(  # noqa: PLR0913 - what stands in it, by name
    token: Token, *, scope: str, step: str, algorithm: str, etags: Mapping[str, str], keys: TokenKeys | None
) -> Proposition:
    """The proposition of what a token says was served; unsigned while there are no keys.

    `step` is `aiModel`, `priority`, or `fallback`, whose events teach nothing.
    """
    characteristics = Characteristics(
        snapshotVersion=str(token.snapshot_version),
        cell=token.cell,
        issuedAt=to_rfc3339(token.issued_ms * 1000),
    )
    if etags:
        characteristics["etags"] = dict(etags)
    if keys is not None:
        characteristics["eventToken"] = sign(token, keys.current)
    strategy = Strategy(step=step, strategyID=token.model, algorithmID=algorithm, trafficType=token.traffic_type)
    details = ScopeDetails(
        decisionProvider="EXD",
        correlationID=token.proposition,
        strategies=[strategy],
        characteristics=characteristics,
    )
    return Proposition(id=token.proposition, scope=scope, scopeDetails=details)
