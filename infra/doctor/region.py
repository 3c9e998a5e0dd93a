"""Whether the bucket lies where the stack does: EventBridge carries S3's events within a region."""

from __future__ import annotations

from collections.abc import Iterator

from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, ok, wrong
from infra.doctor.place import Place


def look(bucket: Bucket, place: Place) -> Iterator[Finding]:
    if bucket.region in {"", place.region}:
        yield ok("region", f"{place.region}, as the stack")
        return
    managed = place.outputs["DatasetsBucket"]
    yield wrong(
        "region",
        f"the bucket is in {bucket.region}, the stack in {place.region}: nobody hears of its objects there",
        f"aws s3 sync s3://{bucket.name}/ s3://{managed}/datasets/DATASET_ID/ "
        f"--source-region {bucket.region} --region {place.region}",
    )
