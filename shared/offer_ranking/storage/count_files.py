"""Deltas, days and aggregates in S3. All are immutable: written once, under names that say what they hold."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from offer_ranking.counting.aggregate import Aggregate
from offer_ranking.counting.counts import Counts
from offer_ranking.counting.delta import Delta

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class S3CountFiles:
    """See counting.ledger.CountFiles."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def has_delta(self, name: str) -> bool:
        try:
            self._client.head_object(Bucket=self._bucket, Key=_delta(name))
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchKey"}:
                return False
            raise
        return True

    def put_delta(self, name: str, delta: Delta) -> None:
        self._put(_delta(name), delta.to_bytes())

    def delta(self, name: str) -> Delta:
        return Delta.from_bytes(self._get(_delta(name)))

    def put_day(self, dataset_id: str, day: int, generation: int, counts: Counts) -> str:
        data = counts.to_bytes()
        date = (_EPOCH + timedelta(days=day)).date()
        name = f"counts/{dataset_id}/days/{date}/{generation:010d}-{_digest(data)}.npz"
        self._put(name, data)
        return name

    def day(self, name: str) -> Counts:
        return Counts.from_bytes(self._get(name))

    def put_aggregate(self, dataset_id: str, generation: int, aggregate: Aggregate) -> str:
        data = json.dumps(aggregate.to_json(), separators=(",", ":")).encode()
        name = f"counts/{dataset_id}/aggregates/{generation:010d}-{_digest(data)}.json"
        self._put(name, data)
        return name

    def aggregate(self, name: str) -> Aggregate:
        return Aggregate.from_json(json.loads(self._get(name)))

    def _put(self, key: str, data: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
        except ClientError as error:
            # 412: it is there already, with the same bytes. A conflict (409) is raised: the hint comes again.
            if error.response["Error"]["Code"] not in {"PreconditionFailed", "412"}:
                raise

    def _get(self, key: str) -> bytes:
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()


def _delta(name: str) -> str:
    return f"deltas/{name}.npz"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
