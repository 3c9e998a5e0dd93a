"""From objects to snapshots: counts what lies in S3, merges it into the datasets' counts, fits the models.

Fed by two queues (objects to look at, models to fit) and by a schedule. Every message is a hint that may come twice or
late; a message that fails is given back alone, and the others of its batch are done with.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.catalog.lifecycle import Status
from offer_ranking.counting.engine import count_lines
from offer_ranking.counting.ledger import State
from offer_ranking.counting.protocol import Counting, Place
from offer_ranking.learning.training import Trainer
from offer_ranking.storage import clients
from offer_ranking.storage.count_files import S3CountFiles
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.hints import Discover, Fit, Hints, LookAt, UnreadableHintError, read_hint
from offer_ranking.storage.ledger import DynamoLedger
from offer_ranking.storage.models import Models
from offer_ranking.storage.objects import S3Objects
from offer_ranking.storage.snapshots import S3Snapshots

FOUND_AT_ONCE = 1000  # keys of a discovery, per message

logger = Logger(service="refresh_rankings")
metrics = Metrics(service="refresh_rankings")

datasets = Datasets(clients.dynamodb(), os.environ["CATALOG_TABLE"])
models = Models(clients.dynamodb(), os.environ["CATALOG_TABLE"])
ledger = DynamoLedger(clients.dynamodb(), os.environ["LEDGER_TABLE"])
objects = S3Objects(clients.s3())
files = S3CountFiles(clients.s3(), os.environ["STATE_BUCKET"])
hints = Hints(clients.sqs(), objects_queue=os.environ["OBJECTS_QUEUE"], fits_queue=os.environ["FITS_QUEUE"])
counting = Counting(ledger, objects, files, count_lines)
trainer = Trainer(models, ledger, files, S3Snapshots(clients.s3(), os.environ["STATE_BUCKET"]))


@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own
    """An SQS batch, answered with the messages that failed; or the schedule's event."""
    request_id = str(getattr(context, "aws_request_id", ""))
    metrics.add_metric("Messages", MetricUnit.Count, len(event.get("Records", ())))
    if "Records" not in event:
        _hourly()
        return {}
    failed = _Batch(request_id).handle(event["Records"])
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


class _Batch:
    """The messages of one batch: objects are counted one by one and merged once a dataset, a model is fitted once."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id
        self._failed: list[str] = []
        self._looked_at: defaultdict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._to_fit: defaultdict[str, list[str]] = defaultdict(list)
        self._window_moved: set[str] = set()

    def handle(self, records: list[dict[str, Any]]) -> list[str]:
        """Ids of the messages to be given again."""
        for record in records:
            message_id = record["messageId"]
            self._try([message_id], partial(self._take, message_id, record["body"]))
        for dataset_id, by_key in self._looked_at.items():
            message_ids = [one for some in by_key.values() for one in some]
            self._try(message_ids, partial(_merge, dataset_id, list(by_key)))
        for model_id, message_ids in self._to_fit.items():
            self._try(message_ids, partial(self._fit, model_id))
        return self._failed

    def _try(self, message_ids: list[str], step: Callable[[], None]) -> None:
        try:
            step()
        except Exception:
            logger.exception("message failed", message_ids=message_ids)
            self._failed += message_ids

    def _take(self, message_id: str, body: str) -> None:
        try:
            hint = read_hint(body)
        except UnreadableHintError as error:
            logger.error("unreadable hint", reason=str(error))  # noqa: TRY400 - told in one line
            raise
        match hint:
            case LookAt(bucket, key):
                self._look_at(message_id, bucket, key)
            case Discover(dataset_id, after):
                _discover(dataset_id, after)
            case Fit(model_id, window_moved):
                self._to_fit[model_id].append(message_id)
                self._window_moved |= {model_id} if window_moved else set()

    def _look_at(self, message_id: str, bucket: str, key: str) -> None:
        dataset = datasets.holding(bucket, key)
        if dataset is None:
            return
        place = Place(dataset.id, bucket, dataset.prefix, key.removeprefix(dataset.prefix))
        reading = counting.count(place)
        self._looked_at[dataset.id][place.key].append(message_id)
        logger.info("counted", dataset_id=dataset.id, state=reading.state, reason=reading.reason)
        if reading.state is State.BAD:
            metrics.add_metric("BadObjects", MetricUnit.Count, 1)

    def _fit(self, model_id: str) -> None:
        try:
            outcome = trainer.train(
                model_id,
                now=datetime.now(UTC),
                request_id=self._request_id,
                window_moved=model_id in self._window_moved,
            )
        except NotFoundError:
            return  # deleted meanwhile
        logger.info("fitted", model_id=model_id, outcome=outcome)


def _merge(dataset_id: str, keys: list[str]) -> None:
    """Bring the dataset's counts up to date, and have the models that learn from it fitted."""
    counting.merge(dataset_id, keys)
    # Also when this merge changed nothing: whoever merged these objects may have ended before it came here.
    for dataset in datasets.some((dataset_id,)).values():
        for model_id in sorted(dataset.used_by):
            hints.fit(model_id)


def _discover(dataset_id: str, after: str | None) -> None:
    """Hint at the next objects that lie in a dataset; the message that goes on is sent before this one is done with."""
    try:
        dataset = datasets.get(dataset_id)
    except NotFoundError:
        return  # deleted meanwhile
    keys = objects.keys(dataset.bucket, dataset.prefix, after, FOUND_AT_ONCE)
    hints.look_at(dataset.bucket, (key for key in keys if dataset.holds(dataset.bucket, key)))
    if len(keys) == FOUND_AT_ONCE:
        hints.discover(dataset_id, keys[-1])
    else:
        datasets.discovered(dataset_id)


def _hourly() -> None:
    """Windows move although no event comes; and a discovery whose hint was lost starts again."""
    for dataset in datasets.all():
        if not dataset.discovered:
            hints.discover(dataset.id)
    for model in models.all():
        if model.status is Status.LIVE:
            hints.fit(model.id, window_moved=True)
