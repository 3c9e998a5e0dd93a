"""Ranked offers for API callers: one ranking, a batch, or one repeated; and decisions, as Adobe's hub answers them.

A ranking reads one item and one snapshot, at most every two seconds; the links of a mail need the signing keys as well.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from offer_ranking.catalog.decision import Decision, Scope
from offer_ranking.catalog.errors import NotFoundError, UnsuitableError
from offer_ranking.edge.hub_answer import HubDecisions, HubDecisionsBatch, decide_all
from offer_ranking.edge.hub_request import CONTENT_TYPES, DecisionBatchRequest, DecisionRequest
from offer_ranking.events.mail_link import LinkMaker
from offer_ranking.events.token import TokenKeys
from offer_ranking.events.visitor import visitor_by
from offer_ranking.http import problem as problems
from offer_ranking.http.api import MAX_BODY_BYTES, Answer, Api, Call
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
    add_links,
    ranked_offers,
    used_snapshot,
)
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.policy import policy_of
from offer_ranking.ranking.proposal import Proposal, Step
from offer_ranking.ranking.quota import Quota
from offer_ranking.ranking.ranking import fallback, rank
from offer_ranking.ranking.reason import reason
from offer_ranking.ranking.request import (
    MOST_OFFERS_OF_A_MAIL,
    MOST_OFFERS_OF_PLACES,
    SEEDS,
    BatchRequest,
    Channel,
    RankingRequest,
    ReplayRequest,
)
from offer_ranking.ranking.served import Served, Source
from offer_ranking.storage import clients
from offer_ranking.storage.datastreams import Datastreams
from offer_ranking.storage.decisions import Decisions
from offer_ranking.storage.models import Models
from offer_ranking.storage.quotas import DynamoQuotas
from offer_ranking.storage.remembered import STORE_FAILED, Remembered
from offer_ranking.storage.serving import Serving
from offer_ranking.storage.snapshots import S3Snapshots
from offer_ranking.storage.token_keys import KeyRing

snapshots = S3Snapshots(clients.s3(hasty=True), os.environ["STATE_BUCKET"])
models = Models(clients.dynamodb(hasty=True), os.environ["CATALOG_TABLE"])
serving = Serving(models, snapshots)
datastreams = Remembered(Datastreams(clients.dynamodb(hasty=True), os.environ["CATALOG_TABLE"]).some, most=256)
decisions = Remembered(Decisions(clients.dynamodb(hasty=True), os.environ["CATALOG_TABLE"]).of_scopes, most=256)
token_keys = KeyRing(clients.dynamodb(hasty=True), os.environ["TOKEN_KEYS_TABLE"])
quota = Quota(
    int(os.environ["RANKINGS_PER_SECOND_PER_CLIENT"]),
    DynamoQuotas(clients.dynamodb(hasty=True), os.environ["CAPS_TABLE"]),
)
api = Api(Logger(service="rank_offers"), iam=Permission.RANK, measures=serving.measures)

EDGE_URL = os.environ["EDGE_URL"]
REFUSALS = (problems.NOT_FOUND, problems.NOT_LIVE, problems.THROTTLED, problems.UNAVAILABLE)


@api.operation("POST", "/models/{model_id}/rankings", needs=Permission.RANK, gives=Ranking, problems=REFUSALS)
def rank_offers(call: Call, model_id: str, body: RankingRequest) -> Answer:
    """Rank offers by what a live model has learned."""
    quota.admit(call.principal.client, 1)
    return _alone(_ranking(model_id, serving.serve(model_id), body, _keys(), pointer=""))


@api.operation("POST", "/models/{model_id}/rankings/batch", needs=Permission.RANK, gives=Rankings, problems=REFUSALS)
def rank_batch(call: Call, model_id: str, body: BatchRequest) -> Answer:
    """Rank offers for many requests at once."""
    quota.admit(call.principal.client, len(body.requests))
    served, keys = serving.serve(model_id), _keys()
    rankings = (
        _ranking(model_id, served, request, keys, pointer=f"/requests/{place}")
        for place, request in enumerate(body.requests)
    )
    return _together("rankings", rankings)


@api.operation("POST", "/models/{model_id}/rankings/replay", needs=Permission.RANK, or_needs=Permission.READ,
               gives=Replay, problems=(problems.NOT_FOUND, problems.THROTTLED, problems.UNAVAILABLE))  # fmt: skip
def replay_ranking(call: Call, model_id: str, body: ReplayRequest) -> Answer:
    """Repeat a ranking from its seed, snapshot and candidates: the same order and the same numbers.

    Open to readers, since it explains, and serves nothing.
    """
    quota.admit(call.principal.client, 1)
    snapshot = _snapshot(model_id, body.snapshot_version)
    candidates = _candidates(snapshot, body, "")
    cell = snapshot.cell(body.audiences, body.context) if snapshot else Cell()
    ranked = rank(candidates, snapshot, seed=body.seed, cell=cell, count=body.count)
    return _alone(
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
               problems=(problems.THROTTLED, problems.UNAVAILABLE))  # fmt: skip
def decide_offers(call: Call, body: DecisionRequest) -> Answer:
    """Offers for one profile, by up to 30 decisions, as Adobe's Decisioning API answers them."""
    quota.admit(call.principal.client, len(body.proposition_requests))
    found, keys = _decisions([body]), _keys()
    return _alone(decide_all(body, found, serving.serve_live, keys, now_ms=_now_ms()))


@api.operation("POST", "/data/core/ods/decisions/batch", needs=Permission.RANK, gives=HubDecisionsBatch,
               takes=CONTENT_TYPES, problems=(problems.THROTTLED, problems.UNAVAILABLE))  # fmt: skip
def decide_batch(call: Call, body: DecisionBatchRequest) -> Answer:
    """Offers for several profiles at once."""
    quota.admit(call.principal.client, sum(len(request.proposition_requests) for request in body.requests))
    found, keys = _decisions(body.requests), _keys()
    responses = (
        decide_all(request, found, serving.serve_live, keys, now_ms=_now_ms(), pointer=f"/requests/{place}")
        for place, request in enumerate(body.requests)
    )
    return _together("responses", responses)


def _alone(answer: Mapping[str, Any]) -> Answer:
    (text,) = _texts([answer])
    return Answer(200, text)


def _together(name: str, answers: Iterable[Mapping[str, Any]]) -> Answer:
    return Answer(200, f'{{"{name}":[{",".join(_texts(answers))}]}}')


def _texts(answers: Iterable[Mapping[str, Any]]) -> list[str]:
    """Answers as JSON. More than Lambda gives at once is refused: content and links may be long."""
    texts: list[str] = []
    left = MAX_BODY_BYTES
    for answer in answers:
        texts.append(json.dumps(answer, separators=(",", ":")))
        left -= len(json.dumps(texts[-1]))  # it is a text within what Lambda gives
        if left < 0:
            detail = f"The answer would exceed {MAX_BODY_BYTES} bytes: ask for fewer at once, or for less of each."
            raise RequestError(problems.TOO_LARGE, detail)
    return texts


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
        ranked, candidates, count=request.count, step=step, now_ms=now_ms, model=model_id, cell=cell.text,
        datastream=request.datastream_id or "",
        visitor=visitor_by(request.profile_id or "", keys.current) if keys else "",
    )  # fmt: skip
    offers = ranked_offers(proposal.ranked, candidates, places)
    if _is_mail(request, len(offers), pointer) and keys is not None:
        links = {offer.id: offer.link for offer in request.offers or () if offer.link is not None}
        add_links(offers, proposal, links, LinkMaker(EDGE_URL, keys.current))
    return Ranking(
        rankingId=proposal.id,
        modelId=model_id,
        modelVersion=served.model.version if served.model else None,
        snapshot=used_snapshot(served.snapshot, now_ms),
        source=served.source.value,
        trafficType=ranked.traffic_type,
        seed=seed,
        receipt=RECEIPT,
        offers=offers,
        proposition=proposal.proposition(model_id, keys),
    )


def _is_mail(request: RankingRequest, shown: int, pointer: str) -> bool:
    """Whether offers are shown in a mail. Raises UnsuitableError for one that cannot be.

    While the store is away it is believed that there is such a datastream.
    """
    if (request.channel is Channel.EMAIL) != (request.datastream_id is not None):
        raise UnsuitableError(f"{pointer}/datastreamId", "It goes with the channel email: give both, or neither.")
    if request.datastream_id is None:
        return False
    if shown > MOST_OFFERS_OF_A_MAIL:
        raise UnsuitableError(f"{pointer}/count", f"A mail shows at most {MOST_OFFERS_OF_A_MAIL} offers.")
    try:
        is_known = request.datastream_id in datastreams.some([request.datastream_id])
    except STORE_FAILED:
        return True
    if not is_known:
        raise UnsuitableError(f"{pointer}/datastreamId", f"There is no datastream {request.datastream_id!r}.")
    return True


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
