"""Whether the bucket is closed to the public."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, ok, wrong

_PUBLIC_ACCESS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


def look(bucket: Bucket) -> Iterator[Finding]:
    try:
        answer = bucket.s3.get_public_access_block(Bucket=bucket.name)["PublicAccessBlockConfiguration"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
            raise
        answer = {}
    if missing := [one for one in _PUBLIC_ACCESS if not answer.get(one)]:
        yield wrong(
            "access",
            f"the bucket could be made public ({', '.join(missing)} off), and its events tell of people",
            f"aws s3api put-public-access-block --bucket {bucket.name} --public-access-block-configuration "
            + ",".join(f"{one}=true" for one in _PUBLIC_ACCESS),
        )
    else:
        yield ok("access", "no access of the public")
