"""The order of what is looked at, and what each look needs of whoever looks."""

from __future__ import annotations

import pytest

from infra.doctor import __main__ as doctor
from infra.doctor.checks import checks, look
from infra.doctor.finding import Health
from tests.support.doctor import BUCKET, REFUSED, REGION, Account, encrypted, with_policy

# A key that leaves it to the account: all that a look can ask is asked.
ACCOUNT = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "kms:*", "Resource": "*"}
EVERYTHING = {"GetBucketEncryption": encrypted(), "GetKeyPolicy": with_policy(ACCOUNT)}
# Operations that are not permitted by their own names.
PERMISSIONS = {
    "HeadObject": "s3:GetObject",
    "ListObjectsV2": "s3:ListBucket",
    "ListBuckets": "s3:ListAllMyBuckets",
    "GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}
SERVICES = {
    "s3": ("GetBucketPolicy", "GetBucketOwnershipControls"),
    "kms": ("DescribeKey", "GetKeyPolicy", "ListGrants"),
    "iam": ("GetRole", "SimulatePrincipalPolicy"),
    "cloudformation": ("DescribeStacks", "DescribeStackResource"),
    "dynamodb": ("Query", "BatchGetItem"),
    "events": ("DescribeRule",),
}
PERMISSIONS |= {operation: f"{service}:{operation}" for service, named in SERVICES.items() for operation in named}
CHECKS = ["region", "permission", "policy", "key", "events", "access", "ownership", "rule", "prefix"]


@pytest.mark.parametrize("about", CHECKS)
def test_a_look_says_what_it_needs_and_nothing_else(about: str) -> None:
    account = Account(EVERYTHING)
    ((permissions, findings),) = [
        (permissions, findings)
        for name, permissions, findings in checks(account.bucket(), account.place)
        if name == about
    ]
    list(findings)
    asked = {operation for operation, _, _ in account.asked} - {"HeadBucket"}  # tells the region to everybody
    assert set(permissions.split(", ")) == {PERMISSIONS[one] for one in asked}


def test_causes_come_before_what_follows_from_them() -> None:
    account = Account(EVERYTHING)
    assert [about for about, _, _ in checks(account.bucket(), account.place)] == CHECKS
    assert [about for about, _, _ in checks(account.bucket(), None)] == ["events", "access", "ownership"]
    assert not account.asked


def test_a_stack_that_is_elsewhere_is_told_with_where_it_was_looked_for() -> None:
    account = Account({"DescribeStacks": "ValidationError"})
    (finding,) = look(account.bucket(), account.place)
    assert finding.health is Health.WRONG
    assert finding.says == f"there is no stack offers in {REGION}, the region of your AWS configuration"
    assert finding.mend == f"AWS_DEFAULT_REGION=REGION make doctor BUCKET={BUCKET} STACK=offers"


def test_what_needs_a_stack_that_may_not_be_looked_at_is_unknown_and_the_rest_is_told() -> None:
    account = Account({"DescribeStacks": "AccessDenied", "SimulatePrincipalPolicy": REFUSED})
    healths = {one.about: one.health for one in look(account.bucket(), account.place)}
    assert (healths["region"], healths["events"]) == (Health.UNKNOWN, Health.OK)


def test_a_fault_that_is_no_refusal_ends_the_run() -> None:
    account = Account({"DescribeStacks": "Throttling"})
    with pytest.raises(Exception, match="Throttling"):
        list(look(account.bucket(), account.place))


def test_what_cannot_be_looked_at_is_told_and_no_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("sys.argv", ["doctor", "no/name"])
    assert doctor.main() == 1
    assert 'could not be looked at: Parameter validation failed:\nInvalid bucket name "no/name"' in (
        capsys.readouterr().err
    )
