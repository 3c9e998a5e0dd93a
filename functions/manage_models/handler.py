"""Datasets and AI models: create, check, list, read, edit, duplicate, delete; backfills of datasets: start.

Also the OpenAPI document, and health.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypedDict

from aws_lambda_powertools import Logger

from offer_ranking import __version__
from offer_ranking.catalog.dataset import Dataset, DatasetEdit, NewDataset, check_unused, define_dataset, edit_dataset
from offer_ranking.catalog.lifecycle import Status
from offer_ranking.catalog.listing import page, size_of
from offer_ranking.catalog.model import (
    Duplicate,
    Model,
    ModelEdit,
    NewModel,
    check_datasets,
    check_deletable,
    define_model,
    duplicate_model,
    edit_model,
)
from offer_ranking.catalog.once import Once
from offer_ranking.http import problem as problems
from offer_ranking.http.api import Answer, Api, Call
from offer_ranking.http.definitions import HistoryPage, change_of, creating, history_page, shown
from offer_ranking.http.lists import DatasetPage, DatasetQuery, ModelPage, ModelQuery, PageQuery, field_of, page_answer
from offer_ranking.http.once import once
from offer_ranking.http.principal import Permission
from offer_ranking.measuring.backfill import Started
from offer_ranking.measuring.sample import Sample, sample
from offer_ranking.storage import clients
from offer_ranking.storage.backfills import Backfills
from offer_ranking.storage.creates import Creates
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.hints import Hints
from offer_ranking.storage.models import Models
from offer_ranking.storage.objects import S3Objects

TABLE = os.environ["CATALOG_TABLE"]
MANAGED_BUCKET = os.environ["DATASETS_BUCKET"]
_BACKFILLS = uuid.UUID("6f1d9c4e-3b7a-5e0d-9c58-2a4b7d1e8f30")  # any; ids of backfills are made in it
BUCKETS = frozenset([MANAGED_BUCKET, *filter(None, os.environ.get("DATASET_BUCKETS", "").split(","))])

datasets = Datasets(clients.dynamodb(), TABLE)
models = Models(clients.dynamodb(), TABLE)
creates = Creates(clients.dynamodb(), TABLE)
objects = S3Objects(clients.s3())
backfills = Backfills(clients.stepfunctions(), os.environ["BACKFILLS"])
hints = Hints(clients.sqs(), objects_queue=os.environ["OBJECTS_QUEUE"], fits_queue=os.environ["FITS_QUEUE"])
api = Api(Logger(service="manage_models"))


class Health(TypedDict):
    """That this is up, and which release."""

    status: Literal["ok"]
    version: str


@api.operation("POST", "/datasets", needs=Permission.MANAGE, gives=Dataset, status=201,
               problems=(problems.NAME_TAKEN, problems.OVERLAP, problems.KEY_REUSED))  # fmt: skip
def create_dataset(call: Call, body: NewDataset) -> Answer:
    """Create a dataset. What lies there already is counted from the start."""
    now = datetime.now(UTC)
    dataset = define_dataset(body, id=_new_id(), now=now, managed_bucket=MANAGED_BUCKET, buckets=BUCKETS)
    answer = once(call, creates, now, creating(call, datasets, dataset, now))
    # Also when the answer is a remembered one: the first call may have ended before it came here.
    hints.sweep(json.loads(answer.body)["id"])
    return answer


@api.operation("GET", "/datasets", needs=Permission.READ, gives=DatasetPage)
def list_datasets(query: DatasetQuery) -> Answer:
    """List datasets."""
    found = [
        dataset
        for dataset in datasets.all()
        if (query.eligible is None or dataset.eligible == query.eligible) and query.names(dataset.name)
    ]
    order_by = field_of(query.order_by)
    return page_answer(page(found, order_by=order_by, limit=query.limit, start=query.start, size=size_of))


@api.operation("GET", "/datasets/{dataset_id}", needs=Permission.READ, gives=Dataset, problems=(problems.NOT_FOUND,))
def read_dataset(dataset_id: str) -> Answer:
    """Read a dataset."""
    return shown(datasets.get(dataset_id))


@api.operation("PATCH", "/datasets/{dataset_id}", needs=Permission.MANAGE, gives=Dataset,
               problems=(problems.NOT_FOUND, problems.NAME_TAKEN, problems.IN_USE, problems.STALE,
                         problems.MATCH_NEEDED))  # fmt: skip
def change_dataset(call: Call, dataset_id: str, body: DatasetEdit) -> Answer:
    """Edit a dataset; its location never changes."""
    before = datasets.get(dataset_id)
    call.must_match("dataset", before.version)
    now = datetime.now(UTC)
    after = edit_dataset(before, body, now=now)
    if after is not before:
        datasets.save(before, after, change_of(call, "edit", now, before, after))
    if body.mapping is not None:
        hints.sweep(dataset_id)  # also when nothing changed: the call that did may have ended before it came here
    return shown(after)


@api.operation("DELETE", "/datasets/{dataset_id}", needs=Permission.MANAGE, status=204,
               problems=(problems.NOT_FOUND, problems.IN_USE, problems.STALE, problems.MATCH_NEEDED))  # fmt: skip
def delete_dataset(call: Call, dataset_id: str) -> Answer:
    """Delete a dataset that nothing uses. Its objects stay where they are."""
    dataset = datasets.get(dataset_id)
    call.must_match("dataset", dataset.version)
    check_unused(dataset)
    datasets.delete(dataset, change_of(call, "delete", datetime.now(UTC), dataset, None))
    return Answer.none()


@api.operation("POST", "/datasets/{dataset_id}/check", needs=Permission.MANAGE, gives=Sample,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def check_dataset(dataset_id: str) -> Answer:
    """Read a sample of the dataset, and say what its events are and which are refused, and why."""
    return Answer.of(sample(datasets.get(dataset_id), objects))


@api.operation("POST", "/datasets/{dataset_id}/backfills", needs=Permission.MANAGE, gives=Started, status=202,
               problems=(problems.NOT_FOUND, problems.INVALID))  # fmt: skip
def start_backfill(call: Call, dataset_id: str) -> Answer:
    """Count whatever lies in the dataset and is not counted yet, many objects at a time."""
    dataset = datasets.get(dataset_id)
    key = call.idempotency_key()
    # The same key gives the same id, and Step Functions starts an execution of a name once.
    backfill_id = str(uuid.uuid5(_BACKFILLS, f"{key} {dataset_id}")) if key else _new_id()
    backfills.start(backfill_id, dataset)
    started = Started(id=backfill_id, datasetId=dataset_id, status="running")
    return Answer.of(started, 202, Location=f"/backfills/{backfill_id}")


@api.operation("POST", "/models", needs=Permission.MANAGE, gives=Model, status=201,
               problems=(problems.NAME_TAKEN, problems.KEY_REUSED))  # fmt: skip
def create_model(call: Call, body: NewModel) -> Answer:
    """Create an AI model, as a draft."""
    now = datetime.now(UTC)
    model = define_model(body, id=_new_id(), now=now)
    return once(call, creates, now, _creating(call, "create", model, now))


@api.operation("GET", "/models", needs=Permission.READ, gives=ModelPage)
def list_models(query: ModelQuery) -> Answer:
    """List AI models."""
    found = [
        model
        for model in models.all()
        if query.status in {None, model.status} and query.type in {None, model.type} and query.names(model.name)
    ]
    order_by = field_of(query.order_by)
    return page_answer(page(found, order_by=order_by, limit=query.limit, start=query.start, size=size_of))


@api.operation("GET", "/models/{model_id}", needs=Permission.READ, gives=Model, problems=(problems.NOT_FOUND,))
def read_model(model_id: str) -> Answer:
    """Read an AI model."""
    return shown(models.get(model_id))


@api.operation("PATCH", "/models/{model_id}", needs=Permission.MANAGE, gives=Model,
               problems=(problems.NOT_FOUND, problems.NAME_TAKEN, problems.ILLEGAL_TRANSITION, problems.STALE,
                         problems.MATCH_NEEDED))  # fmt: skip
def change_model(call: Call, model_id: str, body: ModelEdit) -> Answer:
    """Edit an AI model, also a live one; its type never changes."""
    before = models.get(model_id)
    call.must_match("model", before.version)
    now = datetime.now(UTC)
    after = edit_model(before, body, now=now)
    if after is not before:
        if after.dataset_ids != before.dataset_ids:
            check_datasets(after.dataset_ids, datasets.some(after.dataset_ids))
        models.save(before, after, change_of(call, "edit", now, before, after))
        if after.status is Status.LIVE:
            hints.fit(model_id)
    return shown(after)


@api.operation("DELETE", "/models/{model_id}", needs=Permission.MANAGE, status=204,
               problems=(problems.NOT_FOUND, problems.IN_USE, problems.ILLEGAL_TRANSITION, problems.STALE,
                         problems.MATCH_NEEDED))  # fmt: skip
def delete_model(call: Call, model_id: str) -> Answer:
    """Delete a draft or an archived AI model. Its history stays."""
    model = models.get(model_id)
    call.must_match("model", model.version)
    check_deletable(model)
    models.delete(model, change_of(call, "delete", datetime.now(UTC), model, None))
    return Answer.none()


@api.operation("GET", "/models/{model_id}/history", needs=Permission.READ, gives=HistoryPage,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def read_history(model_id: str, query: PageQuery) -> Answer:
    """Who changed the AI model, when, from what, to what."""
    return history_page(models, model_id, query)


@api.operation("POST", "/models/{model_id}/duplicate", needs=Permission.MANAGE, gives=Model, status=201,
               problems=(problems.NOT_FOUND, problems.NAME_TAKEN, problems.KEY_REUSED))  # fmt: skip
def duplicate(call: Call, model_id: str, body: Duplicate) -> Answer:
    """Make a draft of the same definition under another name."""
    now = datetime.now(UTC)

    def create(remembering: Callable[[Answer], Once | None]) -> Answer:
        copy = duplicate_model(models.get(model_id), body.name, id=_new_id(), now=now)
        return _creating(call, "duplicate", copy, now)(remembering)

    return once(call, creates, now, create)


@api.operation("GET", "/openapi.json", needs=None, gives=dict[str, Any])
def read_openapi() -> Answer:
    """This document, OpenAPI 3.1."""
    return Answer(200, Path(__file__).with_name("openapi.json").read_text(encoding="utf-8"))


@api.operation("GET", "/health", needs=None, gives=Health)
def read_health() -> Answer:
    """Whether this is up."""
    return Answer.of({"status": "ok", "version": __version__})


def _creating(
    call: Call, action: str, model: Model, now: datetime
) -> Callable[[Callable[[Answer], Once | None]], Answer]:
    def check() -> None:
        check_datasets(model.dataset_ids, datasets.some(model.dataset_ids))

    return creating(call, models, model, now, action=action, check=check)


def _new_id() -> str:
    return str(uuid.uuid4())


lambda_handler = api
