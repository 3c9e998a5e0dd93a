"""Collected lines on their way into datasets: by the stream, and what it refuses by the bucket that it writes to.

The stream gathers the lines of all requests into large objects, by the dataset that each line is stamped with.
"""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from offer_ranking.collecting.delivery import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Somewhat less than PutRecordBatch takes: docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html
MOST_RECORDS = 500
MOST_BYTES = 4_000_000
LONGEST_RECORD = 1_000_000
BUDGET_SECONDS = 1.5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 0.4
_OBJECTS = uuid.UUID("6f1b3c5e-5d0c-5e0b-9d2c-0f6e2b1a7c44")  # the names of objects are made in its namespace
_PASSING = frozenset(
    {
        "ServiceUnavailableException", "ServiceUnavailable", "InternalFailure", "InternalServerError", "LimitExceeded",
        "LimitExceededException", "Throttling", "ThrottlingException", "RequestTimeout", "SlowDown",
    }
)  # fmt: skip
# Environments that are restored from one image share the state of the module's own generator.
_chance = random.SystemRandom()


class Firehose(Protocol):
    """Of boto3's client what is used here."""

    def put_record_batch(self, *, DeliveryStreamName: str, Records: Sequence[Any]) -> Any: ...  # noqa: ANN401, N803 - boto3's own


class StreamDelivery:
    """See collecting.delivery.Delivery.

    The stream has 1.5 seconds, so that a page does not wait long for what the bucket would have taken at once.
    """

    def __init__(  # noqa: PLR0913 - two places, and time
        self,
        firehose: Firehose,
        stream: str,
        s3: S3Client,
        bucket: str,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._firehose = firehose
        self._stream = stream
        self._s3 = s3
        self._bucket = bucket
        self._clock = clock
        self._sleep = sleep

    def deliver(self, dataset: str, lines: Sequence[bytes], *, now_ms: int) -> int:
        deadline = self._clock() + BUDGET_SECONDS
        records = [line + b"\n" for line in lines]
        left = [record for record in records if len(record) > LONGEST_RECORD]
        for batch in _batches([record for record in records if len(record) <= LONGEST_RECORD]):
            left += self._streamed(batch, deadline)
        if left:
            self._put(dataset, b"".join(left), now_ms)
        return len(left)

    def _streamed(self, records: list[bytes], deadline: float) -> list[bytes]:
        """Put records into the stream, again and again while it is only busy; those that it did not take."""
        pause = _FIRST_PAUSE
        while True:
            records, may_pass = self._put_once(records)
            waited = pause * _chance.uniform(0.5, 1)
            if not records or not may_pass or self._clock() + waited > deadline:
                return records
            self._sleep(waited)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _put_once(self, records: list[bytes]) -> tuple[list[bytes], bool]:
        """Those that were refused, and whether another attempt is worth it. A lost reply makes all refused."""
        try:
            answer = self._firehose.put_record_batch(
                DeliveryStreamName=self._stream, Records=[{"Data": record} for record in records]
            )
        except ClientError as error:
            return records, error.response.get("Error", {}).get("Code") in _PASSING
        except BotoCoreError:  # the network
            return records, True
        if not answer["FailedPutCount"]:
            return [], False
        answers = answer["RequestResponses"]
        return [record for record, one in zip(records, answers, strict=True) if one.get("ErrorCode")], True

    def _put(self, dataset: str, body: bytes, now_ms: int) -> None:
        """Put lines where the stream would have. The same lines are the same object, however often they are put."""
        hour = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y/%m/%d/%H")
        name = uuid.uuid5(_OBJECTS, body.hex())
        key = f"datasets/{dataset}/collected/overflow/{hour}/{name}.json"
        try:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/x-ndjson")
        except (ClientError, BotoCoreError) as error:
            raise UnavailableError("Neither the stream nor the bucket takes events.") from error


def _batches(records: list[bytes]) -> Iterator[list[bytes]]:
    """As many records as one call takes."""
    batch: list[bytes] = []
    size = 0
    for record in records:
        if len(batch) == MOST_RECORDS or size + len(record) > MOST_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record)
    if batch:
        yield batch
