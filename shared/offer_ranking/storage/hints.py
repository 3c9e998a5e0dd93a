"""Hints in SQS, and the events of S3 that are such."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from offer_ranking.counting.hint import Fit, Hint, LookAt, Merge, Sweep

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_SENT_AT_ONCE = 10  # what one call takes
FIT_DELAY = timedelta(seconds=1)  # what lands meanwhile is learned by the same fit


class UnreadableHintError(ValueError):
    """A message that is no hint of ours and no event of S3."""


class Hints:
    """Sends hints. An empty URL means that this function has no business with that queue."""

    def __init__(self, client: SQSClient, *, objects_queue: str = "", fits_queue: str = "") -> None:
        self._client = client
        self._objects = objects_queue
        self._fits = fits_queue

    def look_at(self, bucket: str, keys: Iterable[str]) -> None:
        """Have these objects counted."""
        waiting = list(keys)
        for start in range(0, len(waiting), _SENT_AT_ONCE):
            some = waiting[start : start + _SENT_AT_ONCE]
            entries = [
                {"Id": str(n), "MessageBody": json.dumps({"lookAt": {"bucket": bucket, "key": key}})}
                for n, key in enumerate(some)
            ]
            answer = self._client.send_message_batch(QueueUrl=self._objects, Entries=entries)  # type: ignore[arg-type]
            if answer.get("Failed"):
                raise ConnectionError(f"SQS refused {len(answer['Failed'])} of {len(some)} messages")

    def sweep(self, dataset_id: str, after: str | None = None) -> None:
        """Have what lies in the dataset compared with what is known of it."""
        body = json.dumps({"sweep": {"datasetId": dataset_id, "after": after}})
        self._client.send_message(QueueUrl=self._objects, MessageBody=body)

    def merge(self, dataset_id: str) -> None:
        """Have the dataset's counts brought up to date."""
        body = json.dumps({"merge": {"datasetId": dataset_id}})
        self._client.send_message(QueueUrl=self._objects, MessageBody=body)

    def fit(self, model_id: str, *, window_moved: bool = False, delay: timedelta = FIT_DELAY) -> None:
        """Have the model fitted, in a moment."""
        body = json.dumps({"fit": {"modelId": model_id, "windowMoved": window_moved}})
        seconds = math.ceil(delay.total_seconds())
        self._client.send_message(QueueUrl=self._fits, MessageBody=body, DelaySeconds=seconds)


def read_hint(body: str) -> Hint:
    """The hint in a message of ours, or in an S3 event as EventBridge delivers it (its key is plain, not encoded).

    Raises UnreadableHintError.
    """
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableHintError("not JSON") from error
    match message:
        case {"source": "aws.s3", "detail": {"bucket": {"name": str(bucket)}, "object": {"key": str(key)}}}:
            return LookAt(bucket, key)
        case {"lookAt": {"bucket": str(bucket), "key": str(key)}}:
            return LookAt(bucket, key)
        case {"sweep": {"datasetId": str(dataset_id), **rest}}:
            after = rest.get("after")
            return Sweep(dataset_id, after if isinstance(after, str) else None)
        case {"merge": {"datasetId": str(dataset_id)}}:
            return Merge(dataset_id)
        case {"fit": {"modelId": str(model_id), **rest}}:
            return Fit(model_id, window_moved=rest.get("windowMoved") is True)
    raise UnreadableHintError("neither a hint nor an S3 event")
