"""What the collector found out about a line, in the line's `offerRanking`. Counting reads it and verifies nothing."""

from __future__ import annotations

from typing import NotRequired, TypedDict

from offer_ranking.collecting.trust import Judge, Proven, Trust
from offer_ranking.events.instant import to_rfc3339

KEY = "offerRanking"


class Stamp(TypedDict):
    """Times are RFC 3339 with milliseconds. What only a token tells is absent without one."""

    dataset: str
    datastream: str
    trust: str
    receivedAt: str
    model: NotRequired[str]
    snapshot: NotRequired[int]
    offers: NotRequired[list[str]]
    cell: NotRequired[str]
    trafficType: NotRequired[str]
    issuedAt: NotRequired[str]
    capped: NotRequired[bool]


def stamp(dataset: str, judge: Judge, trust: Trust, proven: Proven | None = None) -> Stamp:
    """The stamp of a line of one proposition that is proven, or of whatever is not."""
    found = Stamp(
        dataset=dataset,
        datastream=judge.datastream,
        trust=trust.value,
        receivedAt=to_rfc3339(judge.now_ms * 1000),
    )
    if proven is not None:
        token = proven.token
        found["model"] = token.model
        found["snapshot"] = token.snapshot_version
        found["offers"] = list(proven.offers)
        found["cell"] = token.cell
        found["trafficType"] = token.traffic_type
        found["issuedAt"] = to_rfc3339(token.issued_ms * 1000)
    return found
