"""The steps of an AI model's life: activate, deactivate, archive."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from aws_lambda_powertools import Logger

from offer_ranking.catalog.lifecycle import Action
from offer_ranking.catalog.model import Model, check_datasets, move_model
from offer_ranking.http import problem as problems
from offer_ranking.http.api import Answer, Api, Call
from offer_ranking.http.definitions import change_of, shown
from offer_ranking.http.principal import Permission
from offer_ranking.storage import clients
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.hints import Hints
from offer_ranking.storage.models import Models
from offer_ranking.storage.token_keys import KeyRing

TABLE = os.environ["CATALOG_TABLE"]

datasets = Datasets(clients.dynamodb(), TABLE)
models = Models(clients.dynamodb(), TABLE)
token_keys = KeyRing(clients.dynamodb(), os.environ["TOKEN_KEYS_TABLE"])
hints = Hints(clients.sqs(), fits_queue=os.environ["FITS_QUEUE"])
api = Api(Logger(service="activate_model"))

REFUSALS = (problems.NOT_FOUND, problems.ILLEGAL_TRANSITION, problems.STALE)


@api.operation("POST", "/models/{model_id}/activate", needs=Permission.MANAGE, gives=Model, problems=REFUSALS)
def activate(call: Call, model_id: str) -> Answer:
    """Let a draft rank offers, from now on, and learn."""
    model = models.get(model_id)
    live = move_model(model, Action.ACTIVATE, now=datetime.now(UTC))
    check_datasets(live.dataset_ids, datasets.some(live.dataset_ids))
    token_keys.ensure()  # rankings sign with it, and they only read
    answer = _save(call, Action.ACTIVATE, model, live)
    hints.fit(model_id)
    return answer


@api.operation("POST", "/models/{model_id}/deactivate", needs=Permission.MANAGE, gives=Model, problems=REFUSALS)
def deactivate(call: Call, model_id: str) -> Answer:
    """Make a live model a draft again: it ranks no more, within two seconds."""
    return _move(call, Action.DEACTIVATE, model_id)


@api.operation("POST", "/models/{model_id}/archive", needs=Permission.MANAGE, gives=Model, problems=REFUSALS)
def archive(call: Call, model_id: str) -> Answer:
    """Put a draft away for good: it can be duplicated or deleted, nothing else."""
    return _move(call, Action.ARCHIVE, model_id)


def _move(call: Call, action: Action, model_id: str) -> Answer:
    model = models.get(model_id)
    return _save(call, action, model, move_model(model, action, now=datetime.now(UTC)))


def _save(call: Call, action: Action, before: Model, after: Model) -> Answer:
    models.save(before, after, change_of(call, action.value, after.updated_at, before, after))
    return shown(after)


lambda_handler = api
