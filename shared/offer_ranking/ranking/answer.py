"""A ranking as its caller is told it: offers in their places, and the receipt that repeats them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, NotRequired, TypedDict

import numpy as np
from numpy.typing import NDArray

from offer_ranking.catalog.value import rfc3339
from offer_ranking.events.mail_link import LinkMaker
from offer_ranking.events.proposition import Proposition
from offer_ranking.events.token import sign
from offer_ranking.learning.snapshot import ALGORITHM, Snapshot
from offer_ranking.ranking.candidates import Candidates
from offer_ranking.ranking.proposal import Proposal
from offer_ranking.ranking.ranking import Ranking as Ranked

Array = NDArray[np.float64]


class RankedOffer(TypedDict):
    """An offer in its place. `score` decided the place; `propensity` is the probability that it comes first.

    `places`, where they were asked for: the probability that it comes first, second, and so on. In a mail `openURL` is
    of an image that tells that it was opened, and `clickURL` leads by way of us to the offer's link, where it has one;
    both are absent while there is no key to sign them.
    """

    id: str
    rank: int
    score: float
    propensity: float
    places: NotRequired[list[float]]
    openURL: NotRequired[str]
    clickURL: NotRequired[str]


class UsedSnapshot(TypedDict):
    """What was learned when."""

    version: int
    asOf: str
    ageSeconds: float


class Receipt(TypedDict):
    """What repeats the numbers, beside seed, snapshot and candidates: by which algorithm, with whose random streams."""

    algorithm: str
    numpy: str


class Ranking(TypedDict):
    """A ranking with its receipt, and the proposition to copy into display and interact events."""

    rankingId: str
    modelId: str
    modelVersion: int | None
    snapshot: UsedSnapshot | None
    source: Literal["fresh", "stale", "untrained", "fallback"]
    trafficType: Literal["random", "noncontextual", "contextual"]
    seed: int
    receipt: Receipt
    offers: list[RankedOffer]
    proposition: Proposition


class Replay(TypedDict):
    """A ranking repeated, and in a sentence why its first offer is first."""

    modelId: str
    snapshotVersion: int
    trafficType: Literal["random", "noncontextual", "contextual"]
    seed: int
    receipt: Receipt
    offers: list[RankedOffer]
    reason: str


class Rankings(TypedDict):
    """Rankings in the order in which they were asked for."""

    rankings: list[Ranking]


RECEIPT = Receipt(algorithm=ALGORITHM, numpy=np.__version__)


def ranked_offers(ranked: Ranked, candidates: Candidates, places: Array | None) -> list[RankedOffer]:
    """The offers of a ranking, the first one first; `places` of all candidates, shape (places, K)."""
    offers = [
        RankedOffer(id=candidates.ids[row], rank=place, score=score, propensity=propensity)
        for place, (row, score, propensity) in enumerate(
            zip(ranked.order.tolist(), ranked.scores.tolist(), ranked.propensities.tolist(), strict=True), 1
        )
    ]
    if places is not None:
        for offer, chances in zip(offers, places[:, ranked.order].T.tolist(), strict=True):
            offer["places"] = chances
    return offers


def used_snapshot(snapshot: Snapshot | None, now_ms: int) -> UsedSnapshot | None:
    """Of which time a snapshot is, and how old it is now, in milliseconds since 1970 UTC."""
    if snapshot is None:
        return None
    return UsedSnapshot(
        version=snapshot.version,
        asOf=rfc3339(datetime.fromtimestamp(snapshot.as_of, UTC)),
        ageSeconds=round(max(now_ms / 1000 - snapshot.as_of, 0.0), 3),
    )


def add_links(offers: list[RankedOffer], proposal: Proposal, links: Mapping[str, str], maker: LinkMaker) -> None:
    """Give each offer of a mail its own links; `links` is where clicks lead, by offer."""
    for place, offer in enumerate(offers):
        token = sign(proposal.alone(place), maker.key)
        offer["openURL"] = maker.open_url(token)
        if (link := links.get(offer["id"])) is not None:
            offer["clickURL"] = maker.click_url(token, link)
