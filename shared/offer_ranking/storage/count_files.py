"""Deltas, refused lines and the files of aggregates in S3. All are immutable: written once, under telling names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.aggregate import Aggregate
from offer_ranking.counting.counts import Counts
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.index import DayIndex
from offer_ranking.counting.refused import RefusedLine

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_READ_AT_ONCE = 8
_DELETED_AT_ONCE = 1000  # what one call takes
_MISSING = frozenset({"404", "NoSuchKey"})


class S3CountFiles:
    """See counting.ledger.CountFiles."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def accounting(self, name: str) -> Accounting | None:
        data = self._found(_delta(name))
        return None if data is None else Delta.from_bytes(data).accounting

    def put_delta(self, name: str, delta: Delta) -> None:
        self._put(_delta(name), delta.to_bytes())

    def delta(self, name: str) -> Delta:
        return Delta.from_bytes(self._get(_delta(name)))

    def put_refused(self, name: str, lines: Sequence[RefusedLine]) -> None:
        self._put(_refused(name), json.dumps([list(line) for line in lines]).encode())

    def refused(self, name: str) -> list[RefusedLine]:
        data = self._found(_refused(name))
        return [RefusedLine(*line) for line in json.loads(data)] if data else []

    def put_day(self, dataset_id: str, day: int, generation: int, counts: Counts) -> str:
        data = counts.to_bytes()
        return self._named(f"counts/{dataset_id}/days/{_date(day)}/{generation:010d}-{_digest(data)}.npz", data)

    def days(self, names: Sequence[str]) -> list[Counts]:
        if len(names) < 2:
            return [Counts.from_bytes(self._get(name)) for name in names]
        with ThreadPoolExecutor(_READ_AT_ONCE) as readers:
            return [Counts.from_bytes(data) for data in readers.map(self._get, names)]

    def put_index(self, dataset_id: str, day: int, hour: int | None, generation: int, index: DayIndex) -> str:
        data = index.to_bytes()
        when = _date(day) if hour is None else f"{_date(day)}T{hour:02}"
        return self._named(f"counts/{dataset_id}/index/{when}/{generation:010d}-{_digest(data)}.npz", data)

    def index(self, name: str) -> DayIndex:
        return DayIndex.from_bytes(self._get(name))

    def put_aggregate(self, dataset_id: str, generation: int, aggregate: Aggregate) -> str:
        data = json.dumps(aggregate.to_json(), separators=(",", ":")).encode()
        return self._named(f"counts/{dataset_id}/aggregates/{generation:010d}-{_digest(data)}.json", data)

    def aggregate(self, name: str) -> Aggregate:
        return Aggregate.from_json(json.loads(self._get(name)))

    def written_before(self, dataset_id: str, generation: int) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"counts/{dataset_id}/"
        )
        names = (item["Key"] for page in pages for item in page.get("Contents", []))
        return [name for name in names if int(name.rpartition("/")[2].partition("-")[0]) < generation]

    def delete(self, names: Collection[str]) -> None:
        waiting = sorted(names)
        for start in range(0, len(waiting), _DELETED_AT_ONCE):
            some = [{"Key": name} for name in waiting[start : start + _DELETED_AT_ONCE]]
            answer = self._client.delete_objects(Bucket=self._bucket, Delete={"Objects": some, "Quiet": True})  # type: ignore[typeddict-item]
            if answer.get("Errors"):
                raise ConnectionError(f"S3 kept {len(answer['Errors'])} of {len(some)} files")

    def _named(self, name: str, data: bytes) -> str:
        self._put(name, data)
        return name

    def _put(self, key: str, data: bytes) -> None:
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
        except ClientError as error:
            # 412: it is there already, with the same bytes. A conflict (409) is raised: the hint comes again.
            if error.response["Error"]["Code"] not in {"PreconditionFailed", "412"}:
                raise

    def _get(self, key: str) -> bytes:
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()

    def _found(self, key: str) -> bytes | None:
        try:
            return self._get(key)
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None
            raise


def _delta(name: str) -> str:
    return f"deltas/{name}.npz"


def _refused(name: str) -> str:
    return f"refused/{name}.json"


def _date(day: int) -> str:
    return (_EPOCH + timedelta(days=day)).date().isoformat()


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
