"""Ranked offers for API callers: one ranking, a batch, or one repeated. One item and one snapshot are read, no more."""

from __future__ import annotations

import os
import secrets
import time
from datetime import UTC, datetime
from typing import Literal, NotRequired, TypedDict

import numpy as np
from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError
from numpy.typing import NDArray

from offer_ranking.catalog.errors import NotFoundError, UnsuitableError
from offer_ranking.catalog.value import rfc3339
from offer_ranking.events.proposition import Proposition
from offer_ranking.events.token import TokenKeys
from offer_ranking.http import problem as problems
from offer_ranking.http.api import Answer, Api
from offer_ranking.http.principal import Permission
from offer_ranking.http.problem import RequestError
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.snapshot import ALGORITHM, CorruptSnapshotError, Snapshot
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.policy import policy_of
from offer_ranking.ranking.proposal import Proposal, Step
from offer_ranking.ranking.ranking import Ranking as Ranked
from offer_ranking.ranking.ranking import fallback, rank
from offer_ranking.ranking.reason import reason
from offer_ranking.ranking.request import MOST_OFFERS_OF_PLACES, SEEDS, BatchRequest, RankingRequest, ReplayRequest
from offer_ranking.ranking.served import Served, Source
from offer_ranking.storage import clients
from offer_ranking.storage.models import Models
from offer_ranking.storage.serving import Serving
from offer_ranking.storage.snapshots import S3Snapshots
from offer_ranking.storage.token_keys import KeyRing

snapshots = S3Snapshots(clients.s3(hasty=True), os.environ["STATE_BUCKET"])
models = Models(clients.dynamodb(hasty=True), os.environ["CATALOG_TABLE"])
serving = Serving(models, snapshots)
token_keys = KeyRing(clients.dynamodb(hasty=True), os.environ["TOKEN_KEYS_TABLE"])
api = Api(Logger(service="rank_offers"), iam=Permission.RANK)

Array = NDArray[np.float64]

REFUSALS = (problems.NOT_FOUND, problems.NOT_LIVE, problems.UNAVAILABLE)


class RankedOffer(TypedDict):
    """An offer in its place. `score` decided the place; `propensity` is the probability that it comes first.

    `places`, where they were asked for: the probability that it comes first, second, and so on.
    """

    id: str
    rank: int
    score: float
    propensity: float
    places: NotRequired[list[float]]


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


@api.operation("POST", "/models/{model_id}/rankings/replay", needs=Permission.RANK, gives=Replay,
               problems=(problems.NOT_FOUND, problems.UNAVAILABLE))  # fmt: skip
def replay_ranking(model_id: str, body: ReplayRequest) -> Answer:
    """Repeat a ranking from its seed, snapshot and candidates: the same order and the same numbers."""
    snapshot = _snapshot(model_id, body.snapshot_version)
    candidates = _candidates(snapshot, body, "")
    cell = snapshot.cell(body.audiences, body.context) if snapshot else Cell()
    ranked = rank(candidates, snapshot, seed=body.seed, cell=cell, count=body.count)
    return Answer.of(
        Replay(
            modelId=model_id,
            snapshotVersion=body.snapshot_version,
            trafficType=ranked.traffic_type,
            seed=body.seed,
            receipt=_RECEIPT,
            offers=_offers(ranked, candidates, _places(body, snapshot, candidates, cell, "")),
            reason=reason(ranked, candidates, snapshot),
        )
    )


_RECEIPT = Receipt(algorithm=ALGORITHM, numpy=np.__version__)


def _snapshot(model_id: str, version: int) -> Snapshot | None:
    """None for version 0, before anything was learned: then the model alone is asked for, which must exist."""
    try:
        if version:
            return snapshots.version(model_id, version)
        models.get(model_id)
    except NotFoundError:
        raise
    except (BotoCoreError, ClientError, CorruptSnapshotError) as error:
        raise RequestError(problems.UNAVAILABLE, "The snapshot cannot be read.") from error
    return None


def _ranking(
    model_id: str, served: Served, request: RankingRequest, keys: TokenKeys | None, *, pointer: str
) -> Ranking:
    candidates = _served_candidates(served, request, pointer)
    seed = secrets.randbelow(SEEDS) if request.seed is None else request.seed
    cell, places = served.cell(request.audiences, request.context), None
    if served.source is Source.FALLBACK:
        step, ranked = Step.FALLBACK, fallback(candidates, seed=seed)
    else:
        step, ranked = Step.AI_MODEL, rank(candidates, served.snapshot, seed=seed, cell=cell)
        places = _places(request, served.snapshot, candidates, cell, pointer)
    now_ms = time.time_ns() // 1_000_000
    proposal = Proposal.of(
        ranked, candidates, count=request.count, step=step, now_ms=now_ms, model=model_id, cell=cell.text
    )
    return Ranking(
        rankingId=proposal.id,
        modelId=model_id,
        modelVersion=served.model.version if served.model else None,
        snapshot=_used(served, now_ms),
        source=served.source.value,
        trafficType=ranked.traffic_type,
        seed=seed,
        receipt=_RECEIPT,
        offers=_offers(proposal.ranked, candidates, places),
        proposition=proposal.proposition(model_id, keys),
    )


def _offers(ranked: Ranked, candidates: Candidates, places: Array | None) -> list[RankedOffer]:
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


def _places(
    request: RankingRequest, snapshot: Snapshot | None, candidates: Candidates, cell: Cell, pointer: str
) -> Array | None:
    """Probability of each of the first places, shape (places, K), where the request asks for them."""
    if request.places is None:
        return None
    if len(candidates) > MOST_OFFERS_OF_PLACES:
        raise UnsuitableError(f"{pointer}/places", f"Places are told of at most {MOST_OFFERS_OF_PLACES} offers.")
    return policy_of(snapshot, candidates, cell).positions(request.places)


def _served_candidates(served: Served, request: RankingRequest, pointer: str) -> Candidates:
    if request.offers is None and served.snapshot is None and served.source is Source.FALLBACK:
        raise RequestError(problems.UNAVAILABLE, "The store is away and no offers were given.")
    return _candidates(served.snapshot, request, pointer)


def _candidates(snapshot: Snapshot | None, request: RankingRequest, pointer: str) -> Candidates:
    """What may be ranked: the request's offers, or all that the snapshot knows."""
    if request.offers is not None:
        return Candidates.of(request.offers)
    if snapshot is not None and snapshot.offers:
        return Candidates.of(Offer(offer) for offer in snapshot.offers)
    raise UnsuitableError(f"{pointer}/offers", "The model knows no offers yet: name those to rank.")


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
