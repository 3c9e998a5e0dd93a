"""Reports: what AI models earn, or others would have; what became of the lines of datasets; how far backfills are."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated, Literal

import numpy as np
from aws_lambda_powertools import Logger
from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from offer_ranking.catalog.errors import UnsuitableError
from offer_ranking.catalog.listing import read_place, write_place
from offer_ranking.catalog.value import rfc3339
from offer_ranking.counting.counts import HOURS_PER_DAY
from offer_ranking.counting.dataset_counts import DatasetCounts
from offer_ranking.http import problem as problems
from offer_ranking.http.api import Answer, Api
from offer_ranking.http.lists import PageQuery
from offer_ranking.http.principal import Permission
from offer_ranking.measuring.accounts import (
    DatasetAccount,
    ObjectState,
    Place,
    RefusedLines,
    object_accounts,
    refused_lines,
)
from offer_ranking.measuring.backfill import Backfill, backfill
from offer_ranking.measuring.dataset_summary import DatasetSummary, dataset_summary, objects_in
from offer_ranking.measuring.model_evaluation import EvaluationRequest, ModelEvaluation, evaluated
from offer_ranking.measuring.own_log import own_log
from offer_ranking.measuring.readiness import RECENT_DAYS, Readiness, readiness
from offer_ranking.measuring.report import AccountingReport, Report, report
from offer_ranking.storage import clients
from offer_ranking.storage.backfills import Backfills, BackfillWork
from offer_ranking.storage.count_files import S3CountFiles
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.ledger import DynamoLedger
from offer_ranking.storage.models import Models
from offer_ranking.storage.objects import S3Objects
from offer_ranking.storage.snapshots import S3Snapshots
from offer_ranking.storage.target_policies import TargetPolicies

models = Models(clients.dynamodb(), os.environ["CATALOG_TABLE"])
datasets = Datasets(clients.dynamodb(), os.environ["CATALOG_TABLE"])
ledger = DynamoLedger(clients.dynamodb(), os.environ["LEDGER_TABLE"])
files = S3CountFiles(clients.s3(), os.environ["STATE_BUCKET"])
objects = S3Objects(clients.s3())
policies = TargetPolicies(models, S3Snapshots(clients.s3(), os.environ["STATE_BUCKET"]), ledger, files)
backfills = Backfills(clients.stepfunctions(), os.environ["BACKFILLS"])
backfill_work = BackfillWork(clients.dynamodb(), os.environ["LEDGER_TABLE"])
api = Api(Logger(service="report_performance"))


_MOST_DAYS = 3650
_LONGEST_KEY = 1022  # bytes: S3 has 1,024, and the shortest prefix of a dataset two of them
_DaysOrAll = Annotated[int, Field(ge=1, le=_MOST_DAYS)] | Literal["all"]


def _days(given: object) -> int | Literal["all"]:
    """Read in one piece: pydantic names the parts of a union in its errors, and nobody has sent those."""
    if given == "all":
        return "all"
    if (
        isinstance(given, str)
        and given.isascii()
        and given.isdecimal()
        and len(given) <= 4
        and 1 <= int(given) <= _MOST_DAYS
    ):
        return int(given)
    msg = f"must be a number of days from 1 to {_MOST_DAYS}, or all"
    raise ValueError(msg)


class ReportQuery(BaseModel):
    """How far back the report looks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int | Literal["all"], PlainValidator(_days, json_schema_input_type=_DaysOrAll)] = 30


class ReadinessQuery(BaseModel):
    """Which offers the model is meant for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    offers: Annotated[str, Field(max_length=8192, description="ids of offers, separated by commas")] = ""

    @property
    def ids(self) -> list[str]:
        """As they were sent, blanks around them dropped."""
        return [one.strip() for one in self.offers.split(",") if one.strip()]


class SummaryQuery(BaseModel):
    """How far back the summary looks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[int, Field(ge=1, le=90)] = RECENT_DAYS


class AccountQuery(PageQuery):
    """Which objects, and from which on."""

    state: Annotated[ObjectState | None, Field(description="only objects that were found so")] = None


class RefusedQuery(PageQuery):
    """Which lines, and from which on."""

    reason: Annotated[str | None, Field(max_length=64, description="only lines refused for it")] = None


@api.operation("GET", "/models/{model_id}/report", needs=Permission.READ, gives=Report, problems=(problems.NOT_FOUND,))
def read_report(model_id: str, query: ReportQuery) -> Answer:
    """Rates, intervals and traffic of an AI model over the last days, and what became of every event."""
    model = models.get(model_id)
    now = datetime.now(UTC)
    known = DatasetCounts.of(model.dataset_ids, ledger, files)
    if query.days == "all":
        counts = known.since(None)
        history = iter([counts])
    else:
        first_hour = int(now.timestamp() // 3600) - query.days * HOURS_PER_DAY
        first_day, created = first_hour // HOURS_PER_DAY, int(model.created_at.timestamp() // 86400)
        whole = known.since(first_day)
        history = chain(known.parts(created, first_day), [whole])
        counts = whole.where(np.greater(whole.hour, first_hour))
    version = model.snapshot.version if model.snapshot else None
    found = report(
        counts,
        known.accounting,
        history=history,
        model=model,
        as_of=rfc3339(now),
        snapshot_version=version,
    )
    return Answer.of(found)


@api.operation("GET", "/models/{model_id}/readiness", needs=Permission.READ, gives=Readiness,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def read_readiness(model_id: str, query: ReadinessQuery) -> Answer:
    """What an AI model would learn from, and how long until a lift of it would be seen."""
    model = models.get(model_id)
    now = datetime.now(UTC)
    hour = int(now.timestamp() // 3600)
    known = DatasetCounts.of(model.dataset_ids, ledger, files)
    window = model.settings.window_days
    counts = known.since(None if window is None else hour // HOURS_PER_DAY - max(window, RECENT_DAYS))
    found = readiness(counts, known.accounting, model=model, asked=query.ids, as_of=rfc3339(now), hour=hour)
    return Answer.of(found)


@api.operation("POST", "/models/{model_id}/evaluate", needs=Permission.READ, gives=ModelEvaluation,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def evaluate(model_id: str, body: EvaluationRequest) -> Answer:
    """What another policy would have earned, estimated from the model's own log or an imported one."""
    model = models.get(model_id)
    target = policies.policy(body.target, model, now=datetime.now(UTC))
    log = own_log(model_id, datasets.some(model.dataset_ids).values(), objects) if body.log is None else body.log
    return Answer.of(evaluated(log, target))


@api.operation("GET", "/datasets/{dataset_id}/summary", needs=Permission.READ, gives=DatasetSummary,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def read_summary(dataset_id: str, query: SummaryQuery) -> Answer:
    """What was counted in a dataset in the last days, and which audiences and context keys were seen in it."""
    dataset = datasets.get(dataset_id)
    now = datetime.now(UTC)
    first_hour = int(now.timestamp() // 3600) - query.days * HOURS_PER_DAY
    whole = DatasetCounts.of((dataset.id,), ledger, files).since(first_hour // HOURS_PER_DAY)
    counts = whole.where(np.greater(whole.hour, first_hour))
    objects = objects_in(dataset.id, ledger)
    return Answer.of(dataset_summary(counts, objects=objects, as_of=rfc3339(now), days=query.days))


@api.operation("GET", "/datasets/{dataset_id}/accounting", needs=Permission.READ, gives=DatasetAccount,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def read_accounting(dataset_id: str, query: AccountQuery) -> Answer:
    """What became of every line of a dataset, in all and object by object."""
    dataset = datasets.get(dataset_id)
    order = f"objects of {dataset_id}"
    after = _key(read_place(query.start, order, parts=1)[0]) if query.start else ""
    objects, last = object_accounts(dataset, ledger, state=query.state, after=after, limit=query.limit)
    total = DatasetCounts.of((dataset_id,), ledger, files).accounting
    account = DatasetAccount(
        accounting=AccountingReport(**total.to_json()),  # type: ignore[typeddict-item]
        pending=not dataset.discovered or bool(ledger.dirty(dataset_id, 1)),
        objects=objects,
        next=write_place(order, last) if last is not None else None,
    )
    return Answer.of(account)


@api.operation("GET", "/datasets/{dataset_id}/refused", needs=Permission.READ, gives=RefusedLines,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def read_refused(dataset_id: str, query: RefusedQuery) -> Answer:
    """Lines that were refused, and why; the first hundred of each object are kept."""
    dataset = datasets.get(dataset_id)
    order = f"refused lines of {dataset_id}"
    start = Place(key="", begun="", line=0)
    if query.start:
        key, begun, line = read_place(query.start, order, parts=3)
        start = Place(key=_key(key), begun=begun, line=int(line) if line.isdecimal() and len(line) < 20 else 0)
    lines, last = refused_lines(dataset, ledger, files, reason=query.reason, start=start, limit=query.limit)
    following = write_place(order, last["key"], last["begun"], str(last["line"])) if last else None
    return Answer.of(RefusedLines(lines=lines, next=following))


def _key(named: str) -> str:
    """A key in a place of a list. Raises UnsuitableError for one that neither an object has nor the ledger takes."""
    if len(named.encode()) > _LONGEST_KEY:
        raise UnsuitableError("/query/start", "start names a key that no object has")
    return named


@api.operation("GET", "/backfills/{backfill_id}", needs=Permission.READ, gives=Backfill, problems=(problems.NOT_FOUND,))
def read_backfill(backfill_id: str) -> Answer:
    """How far a backfill is, and what it cost."""
    run = backfills.get(backfill_id)
    return Answer.of(backfill(run, backfill_work.of(run)))


lambda_handler = api
