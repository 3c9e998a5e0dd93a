"""Ranked offers for API callers, one or a batch. At most one item and one snapshot are read, nothing is written."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Literal, TypedDict

from aws_lambda_powertools import Logger

from offer_ranking.catalog.errors import UnsuitableError
from offer_ranking.catalog.value import rfc3339
from offer_ranking.events.proposition import Proposition, proposition_of
from offer_ranking.events.token import MOST_OFFERS, Token, TokenKeys
from offer_ranking.events.uuid7 import uuid7
from offer_ranking.http import problem as problems
from offer_ranking.http.api import Answer, Api
from offer_ranking.http.principal import Permission
from offer_ranking.http.problem import RequestError
from offer_ranking.learning.snapshot import ALGORITHM
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.ranking import fallback, rank
from offer_ranking.ranking.request import SEEDS, BatchRequest, RankingRequest
from offer_ranking.storage import clients
from offer_ranking.storage.models import Models
from offer_ranking.storage.serving import Served, Serving, Source
from offer_ranking.storage.snapshots import S3Snapshots
from offer_ranking.storage.token_keys import KeyRing

serving = Serving(
    Models(clients.dynamodb(hasty=True), os.environ["CATALOG_TABLE"]),
    S3Snapshots(clients.s3(hasty=True), os.environ["STATE_BUCKET"]),
)
token_keys = KeyRing(clients.dynamodb(hasty=True), os.environ["TOKEN_KEYS_TABLE"])
api = Api(Logger(service="rank_offers"), iam=Permission.RANK)

REFUSALS = (problems.NOT_FOUND, problems.NOT_LIVE, problems.UNAVAILABLE)


class RankedOffer(TypedDict):
    """An offer in its place. `score` decided the place; `propensity` is the probability that it comes first."""

    id: str
    rank: int
    score: float
    propensity: float


class UsedSnapshot(TypedDict):
    """What was learned when."""

    version: int
    asOf: str
    ageSeconds: float


class Ranking(TypedDict):
    """A ranking with its receipt, and the proposition to copy into display and interact events."""

    rankingId: str
    modelId: str
    modelVersion: int | None
    snapshot: UsedSnapshot | None
    source: Literal["fresh", "stale", "untrained", "fallback"]
    trafficType: Literal["random", "noncontextual", "contextual"]
    seed: int
    offers: list[RankedOffer]
    proposition: Proposition


class Rankings(TypedDict):
    """Rankings in the order in which they were asked for."""

    rankings: list[Ranking]


@api.operation("POST", "/models/{model_id}/rankings", needs=Permission.RANK, gives=Ranking, problems=REFUSALS)
def rank_offers(model_id: str, body: RankingRequest) -> Answer:
    """Rank offers by what a live model has learned."""
    return Answer.of(_ranking(model_id, serving.serve(model_id), body, _keys(), pointer=""))


@api.operation("POST", "/models/{model_id}/rankings/batch", needs=Permission.RANK, gives=Rankings, problems=REFUSALS)
def rank_batch(model_id: str, body: BatchRequest) -> Answer:
    """Rank offers for many requests at once."""
    served, keys = serving.serve(model_id), _keys()
    rankings = [
        _ranking(model_id, served, request, keys, pointer=f"/requests/{place}")
        for place, request in enumerate(body.requests)
    ]
    return Answer.of({"rankings": rankings})


def _ranking(
    model_id: str, served: Served, request: RankingRequest, keys: TokenKeys | None, *, pointer: str
) -> Ranking:
    candidates = _candidates(served, request, pointer)
    seed = secrets.randbelow(SEEDS) if request.seed is None else request.seed
    if served.source is Source.FALLBACK or served.model is None:
        ranked = fallback(candidates, seed=seed, count=request.count)
    else:
        share = served.model.settings.random_share
        ranked = rank(candidates, served.snapshot, seed=seed, random_share=share, count=request.count)
    now_ms = time.time_ns() // 1_000_000
    ranking_id = uuid7(now_ms)
    offers = [
        RankedOffer(id=candidates.ids[row], rank=place, score=score, propensity=propensity)
        for place, (row, score, propensity) in enumerate(
            zip(ranked.order.tolist(), ranked.scores.tolist(), ranked.propensities.tolist(), strict=True), 1
        )
    ]
    token = Token(
        proposition=ranking_id,
        issued_ms=now_ms,
        model=model_id,
        snapshot_version=ranked.snapshot_version or 0,
        traffic_type=ranked.traffic_type,
        cell="",
        offers=tuple((offer["id"], offer["propensity"]) for offer in offers[:MOST_OFFERS]),
    )
    return Ranking(
        rankingId=ranking_id,
        modelId=model_id,
        modelVersion=served.model.version if served.model else None,
        snapshot=_used(served, now_ms),
        source=served.source.value,
        trafficType=ranked.traffic_type,
        seed=seed,
        offers=offers,
        proposition=proposition_of(
            token,
            scope=model_id,
            step="fallback" if served.source is Source.FALLBACK else "aiModel",
            algorithm=ALGORITHM,
            etags=dict(_etags(candidates, ranked.order.tolist())),
            keys=keys,
        ),
    )


def _candidates(served: Served, request: RankingRequest, pointer: str) -> Candidates:
    """What may be ranked: the request's offers, or all that the snapshot knows."""
    if request.offers is not None:
        return Candidates.of(request.offers)
    if served.snapshot is not None and served.snapshot.offers:
        return Candidates.of(Offer(offer) for offer in served.snapshot.offers)
    if served.source is Source.FALLBACK:
        raise RequestError(problems.UNAVAILABLE, "The store is away and no offers were given.")
    raise UnsuitableError(f"{pointer}/offers", "The model knows no offers yet: name those to rank.")


def _etags(candidates: Candidates, order: list[int]) -> Iterator[tuple[str, str]]:
    for row in order:
        etag = candidates.etags[row]
        if etag is not None:
            yield candidates.ids[row], etag


def _used(served: Served, now_ms: int) -> UsedSnapshot | None:
    if served.snapshot is None:
        return None
    as_of = served.snapshot.as_of
    return UsedSnapshot(
        version=served.snapshot.version,
        asOf=rfc3339(datetime.fromtimestamp(as_of, UTC)),
        ageSeconds=round(max(now_ms / 1000 - as_of, 0.0), 3),
    )


def _keys() -> TokenKeys | None:
    """The signing keys; a ranking is better unsigned than not at all."""
    try:
        return token_keys.keys()
    except Exception as error:  # noqa: BLE001 - whatever keeps the keys away
        api.logger.warning("unsigned", reason=repr(error))
        return None


lambda_handler = api
