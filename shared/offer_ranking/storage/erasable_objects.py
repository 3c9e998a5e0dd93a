"""The objects of the bucket of the datasets, for the one function that may rewrite them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from offer_ranking.collecting.erasing import LARGEST_OBJECT, Lying, UnerasableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_GONE = frozenset({"404", "NoSuchKey"})
_CHANGED = _GONE | {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}
# What no further attempt will change: the policy of the bucket or of a key of KMS, an object in an archive.
_NEVER = {"AccessDenied": "forbidden", "403": "forbidden", "InvalidObjectState": "archived"}
_ERASURE = "erasure"  # of the object's metadata
_ABOUT = ("ContentType", "ContentEncoding", "ContentLanguage", "ContentDisposition", "CacheControl")


class S3ErasableObjects:
    """See collecting.erasing.ErasableObjects."""

    def __init__(self, client: S3Client, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def read(self, key: str, target: Path) -> Lying | None:
        try:
            answer: Any = self._client.get_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _code(error) in _GONE:
                return None
            raise _never(error) from error
        if answer["ContentLength"] > LARGEST_OBJECT:
            answer["Body"].close()
            raise UnerasableError("too-large")
        with target.open("wb") as file:
            for chunk in answer["Body"].iter_chunks(1 << 20):
                file.write(chunk)
        about = {name: answer[name] for name in _ABOUT if name in answer}
        return Lying(answer["ETag"], answer["Metadata"].get(_ERASURE, ""), about | {"Metadata": answer["Metadata"]})

    def replace(self, key: str, lying: Lying, content: Path, erasure_id: str) -> bool:
        about: dict[str, Any] = dict(lying.about)
        about["Metadata"] = about.get("Metadata", {}) | {_ERASURE: erasure_id}
        try:
            with content.open("rb") as file:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=file, IfMatch=lying.version, **about)
        except ClientError as error:
            if _code(error) in _CHANGED:
                return False
            raise _never(error) from error
        return True

    def delete_older(self, key: str) -> int:
        older = []
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=key)
        for page in pages:
            found = page.get("Versions", [])
            older += [one["VersionId"] for one in found if one["Key"] == key and not one["IsLatest"]]
            if any(one["Key"] != key for one in found):
                break  # those of the key itself come before those of all that begin with it
        for version in older:
            self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=version)
        return len(older)


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _never(error: ClientError) -> Exception:
    """What the error means, where it will be the same again; itself where it may pass."""
    reason = _NEVER.get(_code(error))
    return UnerasableError(reason) if reason else error
