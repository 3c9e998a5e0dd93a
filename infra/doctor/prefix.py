"""Whether datasets lie in the bucket, and something below their prefixes."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra.doctor import objects
from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, wrong
from infra.doctor.place import SIGNED, Place
from infra.doctor.shell import quoted


def look(bucket: Bucket, place: Place) -> Iterator[Finding]:
    datasets = bucket.datasets(place)
    for dataset in datasets:
        if bucket.prefix and bucket.prefix != dataset.prefix and _overlap(bucket.prefix, dataset.prefix):
            says = f"{bucket.prefix} overlaps {dataset.prefix} of the dataset {dataset.id}: no event may be in two"
            old = quoted(f"s3://{bucket.name}/{bucket.prefix}")
            yield wrong("prefix", says, f"aws s3 mv --recursive {old} s3://{bucket.name}/ANOTHER/")
        yield from _nothing_in(bucket, dataset.prefix)
        yield from objects.look(bucket, place, dataset)
    if bucket.prefix and bucket.prefix not in [one.prefix for one in datasets]:
        yield from _nothing_in(bucket, bucket.prefix)
    if not bucket.prefixes(place):
        new = json.dumps({"name": "NAME", "schema": "experience-event-proposition-interactions",
                          "bucket": bucket.name, "prefix": "PATH/"})  # fmt: skip
        create = f"{place.outputs['ApiUrl']}/datasets {SIGNED} -H 'Content-Type: application/json'"
        says = "no dataset lies in this bucket, so nothing of it is counted"
        yield wrong("prefix", says, f"curl {create} -d {quoted(new)}")


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _nothing_in(bucket: Bucket, prefix: str) -> Iterator[Finding]:
    if not bucket.listing(prefix):
        copy = f"aws s3 cp FOLDER {quoted(f's3://{bucket.name}/{prefix}')} --recursive"
        yield wrong("prefix", f"no object lies below {prefix}; keys are compared letter by letter", copy)
