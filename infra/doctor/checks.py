"""What is looked at, and in which order: a cause before what follows from it."""

from __future__ import annotations

from collections.abc import Iterator

from botocore.exceptions import ClientError

from infra.doctor import access, events, key, ownership, permission, policy, prefix, region, rule
from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, unknown, wrong
from infra.doctor.place import Place

_DENIED = {"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation"}


def look(bucket: Bucket, place: Place | None) -> Iterator[Finding]:
    """All findings; the first wrong one may be the cause of later ones. Without a stack only what the bucket says."""
    if not bucket.is_there:
        yield wrong("bucket", f"there is no bucket {bucket.name}", f"aws s3 mb s3://{bucket.name}")
        return
    # Generators: none of them asks AWS for anything before it is its turn.
    checks = [
        ("events", "s3:GetBucketNotification", events.look(bucket)),
        ("access", "s3:GetBucketPublicAccessBlock", access.look(bucket)),
        ("ownership", "s3:GetBucketOwnershipControls, s3:ListBucket", ownership.look(bucket)),
    ]
    if place is not None:
        of_keys = "s3:GetEncryptionConfiguration, kms:DescribeKey, kms:GetKeyPolicy, kms:ListGrants"
        of_objects = "s3:ListBucket, dynamodb:Query, dynamodb:BatchGetItem"
        checks = [
            ("region", "cloudformation:DescribeStacks", region.look(bucket, place)),
            ("permission", "iam:SimulatePrincipalPolicy, iam:GetRole", permission.look(bucket, place)),
            ("policy", "s3:GetBucketPolicy", policy.look(bucket, place)),
            ("key", of_keys, key.look(bucket, place)),
            *checks,
            ("rule", "events:DescribeRule", rule.look(bucket, place)),
            ("prefix", of_objects, prefix.look(bucket, place)),
        ]
    for about, permissions, findings in checks:
        try:
            yield from findings
        except ClientError as error:
            if error.response["Error"]["Code"] not in _DENIED:
                raise
            yield unknown(about, f"{error.operation_name} was refused; looking at it needs {permissions}")
