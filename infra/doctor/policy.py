"""Whether the bucket's own policy keeps the role out, or, in another account, does not let it in."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.doctor import statements
from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, ok, unknown, wrong
from infra.doctor.place import Place
from infra.doctor.statements import Applies


def look(bucket: Bucket, place: Place) -> Iterator[Finding]:
    policy = _policy(bucket)
    asks = [
        place.asked("s3:ListBucket", bucket.arn, bucket.region),
        place.asked("s3:GetObject", f"{bucket.arn}/{bucket.any_key(place)}", bucket.region),
    ]
    said = False
    for ask in asks:
        for statement, how in statements.found(policy, "Deny", ask):
            said = True
            name = statement.get("Sid", "without a Sid")
            if how is Applies.DEPENDS:
                keys = ", ".join(statements.unknown_keys(statement, ask))
                yield unknown("policy", f"the statement {name} may deny {ask.action}: it depends on {keys}")
            else:
                excepted = _excepted(bucket, place.role, policy, statement)
                yield wrong("policy", f"the statement {name} denies {ask.action}", excepted)
        if not bucket.ours and not statements.found(policy, "Allow", ask):
            said = True
            says = f"the bucket belongs to another account, and its policy does not let the role {ask.action}"
            yield wrong("policy", says, _let_in(bucket, place.role, policy))
    if not said:
        yield ok("policy", "the bucket's policy does not stand in the role's way")


def _policy(bucket: Bucket) -> dict[str, Any]:
    try:
        return dict(json.loads(bucket.s3.get_bucket_policy(Bucket=bucket.name)["Policy"]))
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise
        return {"Version": "2012-10-17", "Statement": []}


def _excepted(bucket: Bucket, role: str, policy: Mapping[str, Any], statement: Mapping[str, Any]) -> str:
    """The command that sets the policy with an exception for the role in this statement."""
    condition = dict(statement.get("Condition", {}))
    condition["ArnNotEquals"] = condition.get("ArnNotEquals", {}) | {"aws:PrincipalArn": role}
    changed = {**statement, "Condition": condition}
    return _set(bucket, {**policy, "Statement": [changed if one is statement else one for one in policy["Statement"]]})


def _let_in(bucket: Bucket, role: str, policy: Mapping[str, Any]) -> str:
    """The command that sets the policy with a statement more, for the role."""
    one_more = {
        "Sid": "OfferRanking", "Effect": "Allow", "Principal": {"AWS": role},
        "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": [bucket.arn, f"{bucket.arn}/*"],
    }  # fmt: skip
    return _set(bucket, {**policy, "Statement": [*policy["Statement"], one_more]})


def _set(bucket: Bucket, policy: Mapping[str, Any]) -> str:
    return f"aws s3api put-bucket-policy --bucket {bucket.name} --policy {shlex.quote(json.dumps(policy))}"
