"""Snapshots in S3: immutable, found by the pointer in the model, and believed only when their hash is right."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from offer_ranking.catalog.model import SnapshotPointer
from offer_ranking.catalog.settings import Settings
from offer_ranking.learning.snapshot import CorruptSnapshotError, Snapshot

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Snapshots:
    """Writes and reads snapshots. `bucket` is the state bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, snapshot: Snapshot, settings: Settings) -> SnapshotPointer:
        """Write it, and return the pointer that leads to it. Two fits of one version differ in name."""
        data = snapshot.to_bytes()
        digest = hashlib.sha256(data).hexdigest()
        key = f"snapshots/{snapshot.model_id}/{snapshot.version:010d}-{digest[:16]}.npz"
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"PreconditionFailed", "412"}:
                raise
        return SnapshotPointer(
            version=snapshot.version,
            as_of=datetime.fromtimestamp(snapshot.as_of, UTC),
            key=key,
            sha256=digest,
            trained_on=dict(snapshot.trained_on),
            settings=settings,
        )

    def get(self, pointer: SnapshotPointer) -> Snapshot:
        """The snapshot. Raises CorruptSnapshotError when its bytes are not those that were written."""
        data = self._client.get_object(Bucket=self._bucket, Key=pointer.key)["Body"].read()
        if hashlib.sha256(data).hexdigest() != pointer.sha256:
            raise CorruptSnapshotError("the snapshot's hash differs from its pointer's")
        return Snapshot.from_bytes(data)
