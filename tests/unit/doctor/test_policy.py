"""What the bucket's own policy does to the role, and the command that mends it."""

from __future__ import annotations

from typing import Any

import pytest

from infra.doctor import policy
from infra.doctor.finding import Finding, Health
from tests.support.doctor import ARN, ROLE, Account, option, with_policy

ADMIN = "arn:aws:iam::123456789012:role/admin"
DENY = {"Sid": "FewOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [ARN, f"{ARN}/*"]}
UNKNOWN = {"Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}


def looked_at(*statements: dict[str, Any], ours: bool = True) -> list[Finding]:
    account = Account(
        {"GetBucketPolicy": with_policy(*statements)} | ({} if ours else {"ListBuckets": {"Buckets": []}})
    )
    return list(policy.look(account.bucket(), account.place))


def mended(*statements: dict[str, Any], ours: bool = True) -> list[dict[str, Any]]:
    """The statements that the one command sets, with which nothing is wrong any more."""
    (finding,) = looked_at(*statements, ours=ours)
    assert finding.health is Health.WRONG
    after: list[dict[str, Any]] = option(finding.mend, "--policy")["Statement"]
    assert {one.health for one in looked_at(*after, ours=ours)} == {Health.OK}
    return after


def except_for(*roles: str) -> dict[str, Any]:
    return {"Condition": {"ArnNotEquals": {"aws:PrincipalArn": list(roles)}}}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({}, {"ArnNotEquals": {"aws:PrincipalArn": [ROLE]}}),
        ({"ArnNotEquals": {"aws:PrincipalArn": ADMIN}}, {"ArnNotEquals": {"aws:PrincipalArn": [ADMIN, ROLE]}}),
        ({"ArnNotEquals": {"aws:principalarn": [ADMIN]}}, {"ArnNotEquals": {"aws:principalarn": [ADMIN, ROLE]}}),
        (
            {"ArnNotEquals": {"aws:PrincipalArn": ADMIN}, "Bool": {"aws:SecureTransport": "true"}},
            {"ArnNotEquals": {"aws:PrincipalArn": [ADMIN, ROLE]}, "Bool": {"aws:SecureTransport": "true"}},
        ),
        (
            {"StringNotEquals": {"aws:PrincipalArn": ADMIN}},
            {"StringNotEquals": {"aws:PrincipalArn": ADMIN}, "ArnNotEquals": {"aws:PrincipalArn": [ROLE]}},
        ),
    ],
)
def test_the_role_is_excepted_beside_whoever_is_and_nobody_is_locked_out(
    condition: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert mended(DENY | {"Condition": condition}) == [DENY | {"Condition": expected}]


def test_who_is_excepted_by_not_being_the_principal_stays_so() -> None:
    but_admin = {key: held for key, held in DENY.items() if key != "Principal"} | {"NotPrincipal": {"AWS": ADMIN}}
    assert mended(but_admin) == [but_admin | except_for(ROLE)]


def test_one_command_holds_the_exceptions_of_all_statements_that_deny() -> None:
    reads = DENY | {"Sid": "Reads", "Action": "s3:GetObject"}
    other = DENY | {"Sid": "Other", "Action": "s3:PutObject"}
    (finding,) = looked_at(DENY, other, reads)
    assert finding.says == (
        "the statement FewOnly denies s3:ListBucket; the statement FewOnly denies s3:GetObject; "
        "the statement Reads denies s3:GetObject"
    )
    assert mended(DENY, other, reads) == [DENY | except_for(ROLE), other, reads | except_for(ROLE)]


def test_the_same_command_lets_the_role_into_the_bucket_of_another_account() -> None:
    excepted, one_more = mended(DENY, ours=False)
    assert excepted == DENY | except_for(ROLE)
    assert (one_more["Effect"], one_more["Principal"]) == ("Allow", {"AWS": ROLE})
    assert "Sid" not in one_more  # a second stack's would have the same, and a policy takes none twice


def test_without_a_policy_the_bucket_of_another_account_lets_nobody_in() -> None:
    account = Account({"ListBuckets": {"Buckets": []}})
    (finding,) = policy.look(account.bucket(), account.place)
    (allow,) = option(finding.mend, "--policy")["Statement"]
    assert allow["Action"] == ["s3:ListBucket", "s3:GetObject"]


def test_an_allow_of_another_account_that_depends_on_what_nobody_knows_is_unknown() -> None:
    allow = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "s3:*", "Resource": "*"}
    findings = looked_at(allow | UNKNOWN, ours=False)
    assert {one.health for one in findings} == {Health.UNKNOWN}
    assert [one.says.rpartition(" ")[2] for one in findings] == ["aws:SourceVpce", "aws:SourceVpce"]
    assert {one.health for one in looked_at(allow | UNKNOWN, allow, ours=False)} == {Health.OK}


def test_a_deny_that_depends_on_what_nobody_knows_is_unknown_and_stays() -> None:
    reads = DENY | {"Action": "s3:GetObject"}
    wrong, unknown = looked_at(reads, DENY | {"Action": "s3:ListBucket"} | UNKNOWN)
    assert (wrong.health, unknown.health) == (Health.WRONG, Health.UNKNOWN)
    assert option(wrong.mend, "--policy")["Statement"][1] == DENY | {"Action": "s3:ListBucket"} | UNKNOWN
