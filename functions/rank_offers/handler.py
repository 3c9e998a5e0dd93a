"""Ranked offers for API callers: one ranking, a batch, or one repeated; and decisions, as Adobe's hub answers them.

Of a ranking one item and one snapshot are read, no more.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Sequence

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from offer_ranking.catalog.decision import Decision, Scope
from offer_ranking.catalog.errors import NotFoundError, UnsuitableError
from offer_ranking.edge.hub_answer import HubDecisions, HubDecisionsBatch, decide_all
from offer_ranking.edge.hub_request import CONTENT_TYPES, DecisionBatchRequest, DecisionRequest
from offer_ranking.events.token import TokenKeys
from offer_ranking.http import problem as problems
from offer_ranking.http.api import MAX_BODY_BYTES, Answer, Api
from offer_ranking.http.principal import Permission
from offer_ranking.http.problem import RequestError
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.snapshot import CorruptSnapshotError, Snapshot
from offer_ranking.ranking.answer import (
    RECEIPT,
    Array,
    Ranking,
    Rankings,
    Replay,
    ranked_offers,
    used_snapshot,
)
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.policy import policy_of
from offer_ranking.ranking.proposal import Proposal, Step
from offer_ranking.ranking.ranking import fallback, rank
from offer_ranking.ranking.reason import reason
from offer_ranking.ranking.request import MOST_OFFERS_OF_PLACES, SEEDS, BatchRequest, RankingRequest, ReplayRequest
from offer_ranking.ranking.served import Served, Source
from offer_ranking.storage import clients
from offer_ranking.storage.decisions import Decisions
from offer_ranking.storage.models import Models
from offer_ranking.storage.remembered import STORE_FAILED, Remembered
from offer_ranking.storage.serving import Serving
from offer_ranking.storage.snapshots import S3Snapshots
from offer_ranking.storage.token_keys import KeyRing

snapshots = S3Snapshots(clients.s3(hasty=True), os.environ["STATE_BUCKET"])
models = Models(clients.dynamodb(hasty=True), os.environ["CATALOG_TABLE"])
serving = Serving(models, snapshots)
decisions = Remembered(Decisions(clients.dynamodb(hasty=True), os.environ["CATALOG_TABLE"]).of_scopes, most=256)
token_keys = KeyRing(clients.dynamodb(hasty=True), os.environ["TOKEN_KEYS_TABLE"])
api = Api(Logger(service="rank_offers"), iam=Permission.RANK)

REFUSALS = (problems.NOT_FOUND, problems.NOT_LIVE, problems.UNAVAILABLE)


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
            receipt=RECEIPT,
            offers=ranked_offers(ranked, candidates, _places(body, snapshot, candidates, cell, "")),
            reason=reason(ranked, candidates, snapshot),
        )
    )


@api.operation("POST", "/data/core/ods/decisions", needs=Permission.RANK, gives=HubDecisions, takes=CONTENT_TYPES,
               problems=(problems.UNAVAILABLE,))  # fmt: skip
def decide_offers(body: DecisionRequest) -> Answer:
    """Offers for one profile, by up to 30 decisions, as Adobe's Decisioning API answers them."""
    (answer,) = _decided([body], pointers=[""])
    return Answer(200, answer)


@api.operation("POST", "/data/core/ods/decisions/batch", needs=Permission.RANK, gives=HubDecisionsBatch,
               takes=CONTENT_TYPES, problems=(problems.UNAVAILABLE,))  # fmt: skip
def decide_batch(body: DecisionBatchRequest) -> Answer:
    """Offers for several profiles at once."""
    answers = _decided(body.requests, pointers=[f"/requests/{place}" for place in range(len(body.requests))])
    return Answer(200, f'{{"responses":[{",".join(answers)}]}}')


def _decided(requests: Sequence[DecisionRequest], *, pointers: Sequence[str]) -> list[str]:
    """The answers as JSON. Offers carry their content: more than Lambda gives at once is refused, not cut."""
    found, keys = _decisions(requests), _keys()
    answers: list[str] = []
    left = MAX_BODY_BYTES
    for request, pointer in zip(requests, pointers, strict=True):
        decided = decide_all(request, found, serving.serve_live, keys, now_ms=_now_ms(), pointer=pointer)
        answers.append(json.dumps(decided, separators=(",", ":")))
        left -= len(json.dumps(answers[-1]))  # as a text within what Lambda gives
        if left < 0:
            detail = f"The answer would exceed {MAX_BODY_BYTES} bytes: ask for fewer, or for less of each."
            raise RequestError(problems.TOO_LARGE, detail)
    return answers


def _decisions(requests: Sequence[DecisionRequest]) -> dict[Scope, Decision]:
    try:
        return decisions.some(one.scope for request in requests for one in request.proposition_requests)
    except STORE_FAILED as error:
        raise RequestError(problems.UNAVAILABLE, "The decisions cannot be read.") from error


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
    now_ms = _now_ms()
    proposal = Proposal.of(
        ranked, candidates, count=request.count, step=step, now_ms=now_ms, model=model_id, cell=cell.text
    )
    return Ranking(
        rankingId=proposal.id,
        modelId=model_id,
        modelVersion=served.model.version if served.model else None,
        snapshot=used_snapshot(served.snapshot, now_ms),
        source=served.source.value,
        trafficType=ranked.traffic_type,
        seed=seed,
        receipt=RECEIPT,
        offers=ranked_offers(proposal.ranked, candidates, places),
        proposition=proposal.proposition(model_id, keys),
    )


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


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _keys() -> TokenKeys | None:
    """The signing keys; a ranking is better unsigned than not at all."""
    try:
        return token_keys.keys()
    except Exception as error:  # noqa: BLE001 - whatever keeps the keys away
        api.logger.warning("unsigned", reason=repr(error))
        return None


lambda_handler = api
