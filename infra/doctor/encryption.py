"""With which keys of KMS the bucket's objects are encrypted."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from infra.doctor.bucket import Bucket
from infra.doctor.place import Place

_LOOKED_AT = 5  # objects of a prefix whose keys are looked at


def keys(bucket: Bucket, place: Place) -> list[str]:
    """The keys of new objects and of some that lie there, as S3 names them: aliases, ids or ARNs."""
    found = dict[str, None]()
    for rule in _rules(bucket):
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        if default.get("SSEAlgorithm", "").startswith("aws:kms"):
            found[default.get("KMSMasterKeyID", "alias/aws/s3")] = None
    for prefix in bucket.prefixes(place):
        for one in bucket.listing(prefix)[:_LOOKED_AT]:
            if key := _object_key(bucket, one["Key"]):
                found[key] = None
    return list(found)


def _rules(bucket: Bucket) -> list[dict[str, Any]]:
    """The rules that say how new objects are encrypted."""
    try:
        answer = bucket.s3.get_bucket_encryption(Bucket=bucket.name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        return []
    return list(answer["ServerSideEncryptionConfiguration"]["Rules"])


def _object_key(bucket: Bucket, name: str) -> str:
    """What an object is encrypted with; nothing when it was deleted since it was listed."""
    try:
        answer = bucket.s3.head_object(Bucket=bucket.name, Key=name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        return ""
    return str(answer.get("SSEKMSKeyId", ""))
