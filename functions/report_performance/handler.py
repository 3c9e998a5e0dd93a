"""Reports of what AI models earn."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Annotated, Literal

import numpy as np
from aws_lambda_powertools import Logger
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from offer_ranking.catalog.value import rfc3339
from offer_ranking.counting.counts import HOURS_PER_DAY
from offer_ranking.counting.dataset_counts import DatasetCounts
from offer_ranking.http import problem as problems
from offer_ranking.http.api import Answer, Api
from offer_ranking.http.principal import Permission
from offer_ranking.measuring.report import Report, report
from offer_ranking.storage import clients
from offer_ranking.storage.count_files import S3CountFiles
from offer_ranking.storage.ledger import DynamoLedger
from offer_ranking.storage.models import Models

models = Models(clients.dynamodb(), os.environ["CATALOG_TABLE"])
ledger = DynamoLedger(clients.dynamodb(), os.environ["LEDGER_TABLE"])
files = S3CountFiles(clients.s3(), os.environ["STATE_BUCKET"])
api = Api(Logger(service="report_performance"))


def _days(given: object) -> object:
    return int(given) if isinstance(given, str) and given.isdecimal() and len(given) <= 4 else given


class ReportQuery(BaseModel):
    """How far back the report looks."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: Annotated[Annotated[int, Field(ge=1, le=3650)] | Literal["all"], BeforeValidator(_days)] = 30


@api.operation("GET", "/models/{model_id}/report", needs=Permission.READ, gives=Report, problems=(problems.NOT_FOUND,))
def read_report(model_id: str, query: ReportQuery) -> Answer:
    """Rates, intervals and traffic of an AI model over the last days, and what became of every event."""
    model = models.get(model_id)
    now = datetime.now(UTC)
    known = DatasetCounts.of(model.dataset_ids, ledger, files)
    if query.days == "all":
        counts = known.since(None)
    else:
        first_hour = int(now.timestamp() // 3600) - query.days * HOURS_PER_DAY
        counts = known.since(first_hour // HOURS_PER_DAY)
        counts = counts.where(np.greater(counts.hour, first_hour))
    version = model.snapshot.version if model.snapshot else None
    return Answer.of(report(counts, known.accounting, model_id=model_id, as_of=rfc3339(now), snapshot_version=version))


lambda_handler = api
