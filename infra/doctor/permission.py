"""What the role's own policies let it do with the bucket and its objects."""

from __future__ import annotations

from collections.abc import Iterator

from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, ok, wrong
from infra.doctor.place import Place


def look(bucket: Bucket, place: Place) -> Iterator[Finding]:
    managed = bucket.name == place.outputs["DatasetsBucket"]
    if not managed and bucket.arn not in place.listed("DatasetBucketArns"):
        says = "the bucket is not among DatasetBucketArns, so no function may read it"
        yield wrong("permission", says, place.with_one_more("DatasetBucketArns", bucket.arn))
        return
    an_object = f"{bucket.arn}/{bucket.any_key(place)}"
    refused = [
        (action, resource, why)
        for action, resource in (("s3:ListBucket", bucket.arn), ("s3:GetObject", an_object))
        if (why := place.refusal(action, resource)) is not None
    ]
    for action, resource, why in refused:
        yield wrong("permission", f"the role may not {action}: {why}", place.simulation(action, resource))
    if not refused:
        yield ok("permission", "the role may list the bucket and get its objects")
