"""From objects to snapshots: the refresh as Lambda calls it.

Fed by two queues (objects to look at, models to fit), by schedules, and by backfills.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.counting.accounting import AccountingMismatchError
from offer_ranking.counting.engine import count_object
from offer_ranking.counting.hint import Hint
from offer_ranking.counting.protocol import Counting
from offer_ranking.learning.refresh import Refresh
from offer_ranking.learning.training import Trainer
from offer_ranking.measuring.backfill import Work
from offer_ranking.storage import clients
from offer_ranking.storage.backfills import BackfillWork, Batch, read_batch
from offer_ranking.storage.count_files import S3CountFiles
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.hints import Hints, UnreadableHintError, read_hint
from offer_ranking.storage.ledger import DynamoLedger
from offer_ranking.storage.models import Models
from offer_ranking.storage.objects import S3Objects
from offer_ranking.storage.snapshots import S3Snapshots

# Of the 120 seconds of a call: the last object of a batch that is begun before must be read, and all of them merged.
MILLISECONDS_TO_END = 60_000

logger = Logger(service="refresh_rankings")
metrics = Metrics(service="refresh_rankings")

datasets = Datasets(clients.dynamodb(), os.environ["CATALOG_TABLE"])
models = Models(clients.dynamodb(), os.environ["CATALOG_TABLE"])
ledger = DynamoLedger(clients.dynamodb(), os.environ["LEDGER_TABLE"])
objects = S3Objects(clients.s3())
files = S3CountFiles(clients.s3(), os.environ["STATE_BUCKET"])
hints = Hints(clients.sqs(), objects_queue=os.environ["OBJECTS_QUEUE"], fits_queue=os.environ["FITS_QUEUE"])
counting = Counting(ledger, objects, files, count_object)
backfills = BackfillWork(clients.dynamodb(), os.environ["LEDGER_TABLE"])


def _tell(what: str, of: dict[str, str]) -> None:
    logger.info(what, **of)  # type: ignore[arg-type] # Powertools takes any keys
    if what == "set aside":
        metrics.add_metric("BadObjects", MetricUnit.Count, 1)
    if what == "repaired":
        metrics.add_metric("RepairedCounts", MetricUnit.Count, int(of["values"]))
    if of.get("error") == AccountingMismatchError.__name__:
        metrics.add_metric("AccountingMismatches", MetricUnit.Count, 1)


trainer = Trainer(models, ledger, files, S3Snapshots(clients.s3(), os.environ["STATE_BUCKET"]), _tell)
refresh = Refresh(counting, trainer, datasets, models, hints, partial(datetime.now, UTC), _tell)


@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own
    """An SQS batch, answered with the messages that failed; a backfill's, with what is left; or a schedule's event."""
    metrics.add_metric("Messages", MetricUnit.Count, len(event.get("Records", ())))
    match event:
        case {"Records": records}:
            return _batch(records, context)
        case {"backfill": dict(given)}:
            return _backfill(read_batch(given), context)
        case {"hint": "hourly"}:
            refresh.hourly()
        case {"hint": "sweep"}:
            refresh.sweep()
        case _:
            raise UnreadableHintError("neither messages of a queue, nor a backfill's objects, nor what a schedule says")
    return {}


def _batch(records: list[dict[str, Any]], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own
    messages: list[tuple[str, Hint]] = []
    failed = []
    for record in records:
        try:
            messages.append((record["messageId"], read_hint(record["body"])))
        except UnreadableHintError as error:
            logger.error("unreadable hint", reason=str(error))  # noqa: TRY400 - told in one line
            failed.append(record["messageId"])
    failed += refresh.handle(messages, str(getattr(context, "aws_request_id", "")), partial(_has_time, context))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _has_time(context: Any) -> bool:  # noqa: ANN401 - Lambda's own
    return int(context.get_remaining_time_in_millis()) > MILLISECONDS_TO_END


def _backfill(batch: Batch, context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own
    started = time.monotonic()
    try:
        counted = refresh.count_all(
            batch.dataset_id,
            [(one.key, one.version) for one in batch.objects],
            partial(_has_time, context),
        )
    except NotFoundError:
        return batch.left(())  # deleted meanwhile
    milliseconds = round(1000 * (time.monotonic() - started))
    work = Work(
        batches=1,
        counted=len(counted.keys),
        bad=counted.bad,
        bytes=batch.bytes_of(counted.keys),
        milliseconds=milliseconds,
        megabyte_milliseconds=milliseconds * int(context.memory_limit_in_mb),
    )
    backfills.add(batch.dataset_id, batch.backfill_id, work)
    return batch.left(counted.left)
