"""Stores in memory that say how often they were called, and how many bytes went each way."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from typing import Any

from botocore.exceptions import ClientError


class MeteredS3:
    """What the storage adapters use of boto3's S3 client."""

    def __init__(self) -> None:
        self.content: dict[tuple[str, str], bytes] = {}
        self.tally: Counter[str] = Counter()

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str | None = None) -> None:  # noqa: N803
        self.tally["writes"] += 1
        if IfNoneMatch and (Bucket, Key) in self.content:
            raise _refused("PreconditionFailed", "PutObject")
        self.tally["bytes written"] += len(Body)
        self.content[Bucket, Key] = bytes(Body)

    def get_object(self, *, Bucket: str, Key: str, **_condition: str) -> dict[str, Any]:  # noqa: N803
        data = self._there(Bucket, Key, "GetObject")
        self.tally["bytes read"] += len(data)
        return {"Body": _Body(data)}

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        data = self._there(Bucket, Key, "HeadObject")
        return {"ETag": _etag(data), "ContentLength": len(data)}

    def _there(self, bucket: str, key: str, operation: str) -> bytes:
        self.tally["reads"] += 1
        try:
            return self.content[bucket, key]
        except KeyError:
            raise _refused("NoSuchKey", operation) from None


class _Body(BytesIO):
    def iter_chunks(self, size: int) -> Any:
        return iter(lambda: self.read(size), b"")


def _etag(data: bytes) -> str:
    return f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'


def _refused(code: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, operation)


class Metered:
    """Counts the calls of some methods of a store; each is one request of the adapter behind the same port."""

    def __init__(self, store: Any, names: tuple[str, ...], tally: Counter[str]) -> None:
        self._store = store
        self._names = names
        self._tally = tally

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._store, name)
        if name in self._names:
            self._tally["table calls"] += 1
        return method
