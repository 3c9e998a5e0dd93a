"""Snapshots in S3: immutable, found by the pointer in the model, and believed only when their hash is right."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.catalog.model import SnapshotPointer
from offer_ranking.learning.snapshot import CorruptSnapshotError, Snapshot

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Snapshots:
    """Writes and reads snapshots. `bucket` is the state bucket."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def put(self, snapshot: Snapshot) -> tuple[SnapshotPointer, bool]:
        """Write it unless its version is there; the pointer to what is there now, and whether that is this one."""
        data = snapshot.to_bytes()
        key = _key(snapshot.model_id, snapshot.version)
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"PreconditionFailed", "412"}:
                raise
            there = self._read(key)
            try:
                return _pointer(Snapshot.from_bytes(there), key, there), there == data
            except CorruptSnapshotError:  # nobody can have ranked by it
                self._client.put_object(Bucket=self._bucket, Key=key, Body=data)
        return _pointer(snapshot, key, data), True

    def version(self, model_id: str, version: int) -> Snapshot:
        """One that was published or about to be. Raises NotFoundError, CorruptSnapshotError."""
        try:
            return Snapshot.from_bytes(self._read(_key(model_id, version)))
        except ClientError as error:
            # Who may not list a bucket is told 403 of what is not there.
            if error.response["Error"]["Code"] in {"NoSuchKey", "404", "AccessDenied", "KeyTooLongError"}:
                raise NotFoundError("snapshot", str(version)) from error
            raise

    def get(self, pointer: SnapshotPointer) -> Snapshot:
        """The snapshot. Raises CorruptSnapshotError when its bytes are not those that were written."""
        data = self._read(pointer.key)
        if hashlib.sha256(data).hexdigest() != pointer.sha256:
            raise CorruptSnapshotError("the snapshot's hash differs from its pointer's")
        return Snapshot.from_bytes(data)

    def _read(self, key: str) -> bytes:
        return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()


def _key(model_id: str, version: int) -> str:
    return f"snapshots/{model_id}/{version:010d}.npz"


def _pointer(snapshot: Snapshot, key: str, data: bytes) -> SnapshotPointer:
    return SnapshotPointer(
        version=snapshot.version,
        as_of=datetime.fromtimestamp(snapshot.as_of, UTC),
        key=key,
        sha256=hashlib.sha256(data).hexdigest(),
        trained_on=dict(snapshot.trained_on),
        settings=snapshot.settings,
        audiences=snapshot.audiences,
        context_keys=snapshot.context_keys,
    )
