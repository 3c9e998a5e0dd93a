"""What a caller asks of a ranking."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from offer_ranking.catalog.value import ContextValue, Key, Value
from offer_ranking.ranking.candidates import Offer

MOST_OFFERS = 10_000
MOST_OFFERS_OF_A_MAIL = 30
MOST_REQUESTS = 100
MOST_OFFERS_OF_A_BATCH = 20_000
MOST_PLACES, MOST_OFFERS_OF_PLACES, MOST_REQUESTS_OF_PLACES = 10, 100, 5
SEEDS = 2**53  # those that JavaScript can tell apart


def _distinct(offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
    if len({offer.id for offer in offers}) != len(offers):
        msg = "offers must have distinct ids"
        raise ValueError(msg)
    return offers


def _few(requests: tuple[RankingRequest, ...]) -> tuple[RankingRequest, ...]:
    if sum(len(request.offers or ()) for request in requests) > MOST_OFFERS_OF_A_BATCH:
        msg = f"the requests must not hold more than {MOST_OFFERS_OF_A_BATCH} offers together"
        raise ValueError(msg)
    if sum(request.places is not None for request in requests) > MOST_REQUESTS_OF_PLACES:
        msg = f"at most {MOST_REQUESTS_OF_PLACES} of the requests may ask for places"
        raise ValueError(msg)
    return requests


class Channel(StrEnum):
    """Where offers are shown, if that asks for more than their order."""

    EMAIL = "email"


class RankingRequest(Value):
    """One ranking asked for. Without `offers`, all that the model knows are ranked."""

    offers: (
        Annotated[
            tuple[Offer, ...], Field(min_length=1, max_length=MOST_OFFERS, fail_fast=True), AfterValidator(_distinct)
        ]
        | None
    ) = None
    audiences: Annotated[tuple[Key, ...], Field(max_length=1000, fail_fast=True)] = ()
    context: Annotated[dict[Key, ContextValue], Field(max_length=100, fail_fast=True)] = Field(default_factory=dict)
    profile_id: Key | None = None
    channel: Annotated[
        Channel | None,
        Field(
            strict=False, description=f"email: each of at most {MOST_OFFERS_OF_A_MAIL} offers comes with signed links"
        ),
    ] = None
    datastream_id: Annotated[
        Key | None, Field(description="where events of a mail go: with the channel email, and only then")
    ] = None
    count: Annotated[int, Field(ge=1, le=MOST_OFFERS)] | None = None
    seed: Annotated[int, Field(ge=0, lt=SEEDS)] | None = None
    places: (
        Annotated[
            int,
            Field(
                ge=1,
                le=MOST_PLACES,
                description=f"for at most {MOST_OFFERS_OF_PLACES} offers: how probably each comes first, second, ...",
            ),
        ]
        | None
    ) = None


class ReplayRequest(RankingRequest):
    """A ranking to be repeated: as it was asked for, with the seed and the snapshot of its answer.

    `snapshotVersion` 0: it was `untrained`. A `fallback` cannot be repeated: it is the order of the priorities.
    """

    seed: Annotated[int, Field(ge=0, lt=SEEDS)]
    snapshot_version: Annotated[int, Field(ge=0, lt=2**31)]


class BatchRequest(Value):
    """Several rankings of one model."""

    requests: Annotated[
        tuple[RankingRequest, ...], Field(min_length=1, max_length=MOST_REQUESTS, fail_fast=True), AfterValidator(_few)
    ]
