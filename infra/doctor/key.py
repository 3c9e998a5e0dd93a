"""Whether the role may decrypt with the keys that encrypt the bucket's objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.doctor import statements
from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, ok, unknown, wrong
from infra.doctor.place import Place
from infra.doctor.shell import quoted
from infra.doctor.statements import Applies, Asked

_LOOKED_AT = 5  # objects of a prefix whose keys are looked at


def look(bucket: Bucket, place: Place) -> Iterator[Finding]:
    kms = place.client("kms")
    described = [kms.describe_key(KeyId=key)["KeyMetadata"] for key in _keys(bucket, place)]
    keys = {key["Arn"]: key for key in described}  # an alias, an id and an ARN may be of the same key
    if not keys:
        yield ok("key", "encrypted without a key of KMS")
    for key in keys.values():
        yield _key(kms, key, bucket, place)


def _keys(bucket: Bucket, place: Place) -> list[str]:
    """The keys of new objects and of some that lie there."""
    found = dict[str, None]()
    for rule in _encryption(bucket):
        default = rule.get("ApplyServerSideEncryptionByDefault", {})
        if default.get("SSEAlgorithm", "").startswith("aws:kms"):
            found[default.get("KMSMasterKeyID", "alias/aws/s3")] = None
    for prefix in bucket.prefixes(place):
        for one in bucket.listing(prefix)[:_LOOKED_AT]:
            if key := bucket.s3.head_object(Bucket=bucket.name, Key=one["Key"]).get("SSEKMSKeyId"):
                found[key] = None
    return list(found)


def _encryption(bucket: Bucket) -> list[dict[str, Any]]:
    """The rules that say how new objects are encrypted."""
    try:
        answer = bucket.s3.get_bucket_encryption(Bucket=bucket.name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        return []
    return list(answer["ServerSideEncryptionConfiguration"]["Rules"])


def _key(kms: Any, key: Mapping[str, Any], bucket: Bucket, place: Place) -> Finding:  # noqa: ANN401 - boto3's own
    arn = key["Arn"]
    if key["KeyManager"] == "AWS":
        return ok("key", f"{arn} is AWS's own for this account, and lets in whoever may read the bucket")
    if key["KeyState"] == "PendingDeletion":
        says, mend = "is about to be deleted", f"aws kms cancel-key-deletion --key-id {arn}"
        return wrong("key", f"{arn} {says}", f"{mend} && aws kms enable-key --key-id {arn}")
    if key["KeyState"] != "Enabled":
        return wrong("key", f"{arn} is {key['KeyState']}", f"aws kms enable-key --key-id {arn}")
    ask = place.asked("kms:Decrypt", arn, bucket.region)
    policy = statements.read(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
    return _denied(policy, ask) or _let_in(kms, policy, ask, place)


def _denied(policy: Mapping[str, Any], ask: Asked) -> Finding | None:
    arn = ask.resource
    denies = statements.found(policy, "Deny", ask)
    if any(how is Applies.YES for _, how in denies):
        edit = f"aws kms get-key-policy --key-id {arn} --policy-name default --query Policy --output text > key.json"
        put = f"aws kms put-key-policy --key-id {arn} --policy-name default --policy file://key.json"
        return wrong("key", f"the policy of {arn} denies the role kms:Decrypt", f"{edit}; $EDITOR key.json; {put}")
    if denies:
        keys = ", ".join(statements.unknown_keys(ask, *(one for one, _ in denies)))
        return unknown("key", f"the policy of {arn} may deny the role kms:Decrypt: it depends on {keys}")
    return None


def _let_in(kms: Any, policy: Mapping[str, Any], ask: Asked, place: Place) -> Finding:  # noqa: ANN401 - boto3's own
    arn = ask.resource
    allows = [one for one, how in statements.found(policy, "Allow", ask) if how is Applies.YES]
    if any(statements.names(one, ask.role) for one in allows) or _granted(kms, ask):
        return ok("key", f"{arn} lets the role decrypt")
    if not allows:
        grant = f"aws kms create-grant --key-id {arn} --grantee-principal {quoted(ask.role)} --operations Decrypt"
        return wrong("key", f"neither the policy of {arn} nor a grant lets the role decrypt", grant)
    if place.refusal(ask.action, arn) is None:
        return ok("key", f"{arn} lets the role decrypt")
    says = f"the role may not decrypt with {arn}: it is not among DatasetKmsKeyArns"
    return wrong("key", says, place.with_one_more("DatasetKmsKeyArns", arn))


def _granted(kms: Any, ask: Asked) -> bool:  # noqa: ANN401 - boto3's own
    pages = kms.get_paginator("list_grants").paginate(KeyId=ask.resource)
    grants = [one for page in pages for one in page["Grants"]]
    return any(one["GranteePrincipal"] == ask.role and "Decrypt" in one["Operations"] for one in grants)
