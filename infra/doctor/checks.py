"""What is looked at, and in which order: a cause before what follows from it."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from infra.doctor import access, events, key, ownership, permission, policy, prefix, region, rule
from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, unknown, wrong
from infra.doctor.place import Place
from infra.doctor.shell import quoted

_DENIED = {"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation"}

# What looks need of whoever looks. Where datasets lie, only the stack knows.
_STACK = "cloudformation:DescribeStacks"
_DATASETS = f"{_STACK}, dynamodb:Query"
_ROLE = "cloudformation:DescribeStackResource, iam:GetRole"


def look(bucket: Bucket, place: Place | None) -> Iterator[Finding]:
    """All findings; the first wrong one may be the cause of later ones. Without a stack only what the bucket says."""
    if not bucket.is_there:
        yield wrong("bucket", f"there is no bucket {bucket.name}", f"aws s3 mb s3://{bucket.name}")
        return
    if place is not None and not place.is_there:
        here = place.client("cloudformation").meta.region_name
        elsewhere = f"AWS_DEFAULT_REGION=REGION make doctor BUCKET={bucket.name} STACK={quoted(place.stack)}"
        says = f"there is no stack {place.stack} in {here}, the region of your AWS configuration"
        yield wrong("stack", says, elsewhere)
        return
    for about, permissions, findings in checks(bucket, place):
        try:
            yield from findings
        except ClientError as error:
            if error.response["Error"]["Code"] not in _DENIED:
                raise
            yield unknown(about, f"{error.operation_name} was refused; looking at it needs {permissions}")


def checks(bucket: Bucket, place: Place | None) -> list[tuple[str, str, Iterator[Finding]]]:
    """What each is about, the permissions it needs, and its findings: asked of AWS only when it is their turn."""
    of_bucket = [
        ("events", "s3:GetBucketNotification", events.look(bucket)),
        ("access", "s3:GetBucketPublicAccessBlock", access.look(bucket)),
        ("ownership", "s3:GetBucketOwnershipControls", ownership.look(bucket)),
    ]
    if place is None:
        return of_bucket
    of_policy = "s3:GetBucketPolicy, s3:ListAllMyBuckets"
    of_key = (
        "s3:GetEncryptionConfiguration, s3:ListBucket, s3:GetObject, kms:DescribeKey, kms:GetKeyPolicy, "
        "kms:ListGrants, iam:SimulatePrincipalPolicy"
    )
    of_rule = "events:DescribeRule, cloudformation:DescribeStackResource, s3:ListAllMyBuckets"
    return [
        ("region", _STACK, region.look(bucket, place)),
        ("permission", f"iam:SimulatePrincipalPolicy, {_ROLE}, {_DATASETS}", permission.look(bucket, place)),
        ("policy", f"{of_policy}, {_ROLE}, {_DATASETS}", policy.look(bucket, place)),
        ("key", f"{of_key}, {_ROLE}, {_DATASETS}", key.look(bucket, place)),
        *of_bucket,
        ("rule", of_rule, rule.look(bucket, place)),
        ("prefix", f"s3:ListBucket, {_DATASETS}, dynamodb:BatchGetItem", prefix.look(bucket, place)),
    ]
