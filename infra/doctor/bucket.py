"""The bucket that is looked at, as S3 shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from botocore.exceptions import ClientError

from infra.doctor.place import Place
from offer_ranking.catalog.dataset import Dataset

_SAMPLE = 1000  # objects of a prefix that are compared with the ledger: one page


@dataclass
class Bucket:
    """`s3`: a client of it. `prefix`: where a dataset is to be created, if there is none yet."""

    s3: Any
    name: str
    prefix: str | None = None
    _objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:s3:::{self.name}"

    @property
    def is_there(self) -> bool:
        return self._head.get("Error", {}).get("Code") not in {"404", "NoSuchBucket"}

    @property
    def region(self) -> str:
        """Where it lies; empty when S3 does not say."""
        return str(self._head["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", ""))

    @cached_property
    def _head(self) -> Mapping[str, Any]:
        try:
            return dict(self.s3.head_bucket(Bucket=self.name))
        except ClientError as error:  # whom S3 refuses the rest, it still tells the region
            return dict(error.response)

    @cached_property
    def ours(self) -> bool:
        """Whether it belongs to the account that looks."""
        pages = self.s3.get_paginator("list_buckets").paginate()
        return any(one["Name"] == self.name for page in pages for one in page["Buckets"])

    def listing(self, prefix: str) -> list[dict[str, Any]]:
        """The first page of what lies below a prefix."""
        if prefix not in self._objects:
            answer = self.s3.list_objects_v2(Bucket=self.name, Prefix=prefix, MaxKeys=_SAMPLE)
            self._objects[prefix] = answer.get("Contents", [])
        return self._objects[prefix]

    def datasets(self, place: Place) -> list[Dataset]:
        """Those of the stack that lie in this bucket."""
        return [one for one in place.datasets if one.bucket == self.name]

    def prefixes(self, place: Place) -> list[str]:
        """Where events lie, or are to lie."""
        return [one.prefix for one in self.datasets(place)] + ([self.prefix] if self.prefix else [])

    def any_key(self, place: Place) -> str:
        """A key as objects of this bucket have it."""
        for prefix in self.prefixes(place):
            return f"{prefix}events.json"
        return "events.json"
