"""Whether the bucket's own policy keeps the role out, or, in another account, does not let it in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from infra.doctor import statements
from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, Health, ok, unknown, wrong
from infra.doctor.place import Place
from infra.doctor.shell import quoted
from infra.doctor.statements import Applies, Asked, Statement


def look(bucket: Bucket, place: Place) -> Iterator[Finding]:
    policy = _policy(bucket)
    region = bucket.region or place.region
    asks = [
        place.asked("s3:ListBucket", bucket.arn, region),
        place.asked("s3:GetObject", f"{bucket.arn}/{bucket.any_key(place)}", region),
    ]
    said = [one for ask in asks for one in _said(policy, ask, ours=bucket.ours)]
    if causes := [says for health, says in said if health is Health.WRONG]:
        # One command for all: each sets the whole policy, so that a second would undo what the first mended.
        mended = quoted(json.dumps(_mended(policy, asks, ours=bucket.ours)))
        put = f"aws s3api put-bucket-policy --bucket {bucket.name} --policy {mended}"
        yield wrong("policy", "; ".join(causes), put)
    for health, says in said:
        if health is Health.UNKNOWN:
            yield unknown("policy", says)
    if not said:
        yield ok("policy", "the bucket's policy does not stand in the role's way")


def _policy(bucket: Bucket) -> dict[str, Any]:
    try:
        return statements.read(bucket.s3.get_bucket_policy(Bucket=bucket.name)["Policy"])
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
            raise
        return {"Version": "2012-10-17", "Statement": []}


def _said(policy: Mapping[str, Any], ask: Asked, *, ours: bool) -> Iterator[tuple[Health, str]]:
    """What is wrong or unknown of one question."""
    for statement, how in statements.found(policy, "Deny", ask):
        name = f"the statement {statement.get('Sid', 'without a Sid')}"
        if how is Applies.YES:
            yield Health.WRONG, f"{name} denies {ask.action}"
        else:
            keys = ", ".join(statements.unknown_keys(ask, statement))
            yield Health.UNKNOWN, f"{name} may deny {ask.action}: it depends on {keys}"
    if ours:  # there the role's own policies let it in
        return
    theirs = "the bucket belongs to another account, and"
    allows = statements.found(policy, "Allow", ask)
    if not allows:
        yield Health.WRONG, f"{theirs} its policy does not let the role {ask.action}"
    elif Applies.YES not in [how for _, how in allows]:
        keys = ", ".join(statements.unknown_keys(ask, *(one for one, _ in allows)))
        yield Health.UNKNOWN, f"{theirs} whether its policy lets the role {ask.action} depends on {keys}"


def _mended(policy: Mapping[str, Any], asks: Sequence[Asked], *, ours: bool) -> dict[str, Any]:
    """The policy with an exception for the role in whatever denies, and a statement more where nothing lets it in."""
    role = asks[0].role
    denying = [one for ask in asks for one, how in statements.found(policy, "Deny", ask) if how is Applies.YES]
    mended = [_excepted(one, role) if one in denying else one for one in policy["Statement"]]
    if not ours and not all(statements.found(policy, "Allow", ask) for ask in asks):
        arn = asks[0].resource
        # Without a Sid: that of another stack's role would be the same, and a policy must not hold one twice.
        mended.append({"Effect": "Allow", "Principal": {"AWS": role}, "Action": [ask.action for ask in asks],
                       "Resource": [arn, f"{arn}/*"]})  # fmt: skip
    return {**policy, "Statement": mended}


def _excepted(statement: Statement, role: str) -> dict[str, Any]:
    """The statement for all that it speaks of but the role.

    Conditions are a conjunction, and a negated one holds when none of its values does: one value more takes out the
    role, whomever else the statement excepts, and in which way.
    """
    conditions = statement.get("Condition", {})
    keys = dict(conditions.get("ArnNotEquals", {}))
    key = next((one for one in keys if one.lower() == "aws:principalarn"), "aws:PrincipalArn")
    keys[key] = [*statements.each(keys.get(key, [])), role]
    return {**statement, "Condition": {**conditions, "ArnNotEquals": keys}}
