"""Whether all objects belong to the bucket's owner, whoever put them."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, ok, wrong


def look(bucket: Bucket) -> Iterator[Finding]:
    try:
        rules = bucket.s3.get_bucket_ownership_controls(Bucket=bucket.name)["OwnershipControls"]["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "OwnershipControlsNotFoundError":
            raise
        rules = []
    if any(one["ObjectOwnership"] == "BucketOwnerEnforced" for one in rules):
        yield ok("ownership", "all objects belong to the bucket's owner")
        return
    mend = (
        f"aws s3api put-bucket-ownership-controls --bucket {bucket.name} "
        "--ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'"
    )
    yield wrong("ownership", "objects that another account puts belong to it, and cannot be read", mend)
