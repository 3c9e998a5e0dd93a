"""Hints in SQS: look at this object, find what lies in this dataset, fit this model. All may come twice, or late."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_SENT_AT_ONCE = 10  # what one call takes
FIT_DELAY_SECONDS = 1  # what lands meanwhile is learned by the same fit


@dataclass(frozen=True, slots=True)
class LookAt:
    """An object may have changed."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Discover:
    """What lay in a dataset at its creation is to be counted; `after` is the last key already hinted at."""

    dataset_id: str
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """A model may have something to learn; `window_moved` when no event need be new for that."""

    model_id: str
    window_moved: bool = False


Hint = LookAt | Discover | Fit


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

    def discover(self, dataset_id: str, after: str | None = None) -> None:
        """Have what lies in the dataset found."""
        body = json.dumps({"discover": {"datasetId": dataset_id, "after": after}})
        self._client.send_message(QueueUrl=self._objects, MessageBody=body)

    def fit(self, model_id: str, *, window_moved: bool = False) -> None:
        """Have the model fitted, in a moment."""
        body = json.dumps({"fit": {"modelId": model_id, "windowMoved": window_moved}})
        self._client.send_message(QueueUrl=self._fits, MessageBody=body, DelaySeconds=FIT_DELAY_SECONDS)


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
        case {"discover": {"datasetId": str(dataset_id), **rest}}:
            after = rest.get("after")
            return Discover(dataset_id, after if isinstance(after, str) else None)
        case {"fit": {"modelId": str(model_id), **rest}}:
            return Fit(model_id, window_moved=rest.get("windowMoved") is True)
    raise UnreadableHintError("neither a hint nor an S3 event")
