"""The objects of the datasets in S3."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from offer_ranking.counting.ledger import Found, Listed, Written
from offer_ranking.counting.unreadable import ArchivedError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GONE = frozenset({"404", "NoSuchKey", "NoSuchVersion", "412", "PreconditionFailed", "405", "MethodNotAllowed"})


class S3Objects:
    """Reads objects as they stand. See counting.ledger.Objects."""

    def __init__(self, client: S3Client) -> None:
        self._client = client

    def head(self, bucket: str, key: str) -> Found | None:
        try:
            answer = self._client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if _gone(error):
                return None
            raise
        return Found(answer["ETag"], answer["ContentLength"])

    def download(self, bucket: str, key: str, found: Found, target: Path) -> bool:
        try:
            answer = self._client.get_object(Bucket=bucket, Key=key, IfMatch=found.version)
        except ClientError as error:
            if _gone(error):
                return False
            if _archived(error):
                raise ArchivedError from error
            raise
        with target.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(1 << 20):
                file.write(chunk)
        return True

    def listing(self, bucket: str, prefix: str, after: str | None, limit: int) -> list[Listed]:
        extra: dict[str, Any] = {"StartAfter": after} if after else {}
        answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, MaxKeys=limit, **extra)
        return [Listed(item["Key"], item["ETag"]) for item in answer.get("Contents", [])]

    def written(self, bucket: str, prefix: str, most: int) -> tuple[list[Written], bool]:
        """The objects below a prefix with their times, and whether these are all: the first `most` by key."""
        found: list[Written] = []
        extra: dict[str, Any] = {}
        while True:
            answer = self._client.list_objects_v2(Bucket=bucket, Prefix=prefix, **extra)
            found += [
                Written(item["Key"], item["ETag"], item["Size"], item["LastModified"].timestamp())
                for item in answer.get("Contents", [])
            ]
            if len(found) > most or not answer["IsTruncated"]:
                return found[:most], len(found) <= most
            extra = {"ContinuationToken": answer["NextContinuationToken"]}

    def beginning(self, bucket: str, key: str, size: int) -> bytes:
        """At most the first `size` bytes of an object; nothing when it is empty, gone, or in an archive."""
        try:
            return self._client.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{size - 1}")["Body"].read()
        except ClientError as error:
            if _gone(error) or _archived(error) or error.response["Error"]["Code"] in {"416", "InvalidRange"}:
                return b""
            raise


def _archived(error: ClientError) -> bool:
    return error.response["Error"]["Code"] == "InvalidObjectState"


def _gone(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in _GONE
