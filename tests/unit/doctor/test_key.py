"""Whether the role may decrypt with a key: by the key's policy and grants, and by its own policies."""

from __future__ import annotations

from typing import Any

import pytest

from infra.doctor import key
from infra.doctor.finding import Finding, Health
from tests.support.doctor import (
    ARN,
    KEY,
    PREFIX,
    REFUSED,
    REGION,
    ROLE,
    Account,
    encrypted,
    with_parameters,
    with_policy,
)

FOREIGN = KEY.replace("123456789012", "210987654321")
ALLOW = {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"}
ACCOUNT = ALLOW | {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}
ANYBODY = ALLOW | {"Principal": "*"}
ONLY_IF = {"Condition": {"StringEquals": {"kms:EncryptionContext:aws:s3:arn": ARN}}}
GRANT = {"GranteePrincipal": ROLE, "Operations": ["Decrypt"]}
NOT_MINE: dict[str, Any] = {"SimulatePrincipalPolicy": REFUSED}


def account(arn: str = KEY, **answers: Any) -> Account:
    described = {"KeyMetadata": {"Arn": arn, "KeyManager": "CUSTOMER", "KeyState": "Enabled"}}
    return Account({"GetBucketEncryption": encrypted(arn), "DescribeKey": described} | answers)


def looked_at(of: Account) -> Finding:
    (finding,) = key.look(of.bucket(), of.place)
    return finding


@pytest.mark.parametrize("own", [{}, NOT_MINE])
@pytest.mark.parametrize(
    "lets_in",
    [
        {"GetKeyPolicy": with_policy(ALLOW)},
        {"GetKeyPolicy": with_policy(ANYBODY)},
        {"ListGrants": {"Grants": [GRANT]}},
    ],
)
def test_a_key_of_the_account_that_lets_the_role_in_suffices(lets_in: dict[str, Any], own: dict[str, Any]) -> None:
    assert looked_at(account(**lets_in, **own)).health is Health.OK


@pytest.mark.parametrize("statement", [ALLOW, ANYBODY, ACCOUNT])
@pytest.mark.parametrize("arn", [KEY, FOREIGN])
def test_a_key_that_lets_in_whoever_may_by_their_own_policies_asks_those(statement: dict[str, Any], arn: str) -> None:
    lets_in = {"GetKeyPolicy": with_policy(statement)}
    assert looked_at(account(arn, **lets_in)).health is Health.OK
    refused = looked_at(account(arn, **lets_in, **NOT_MINE))
    needs_own = statement is ACCOUNT or arn == FOREIGN
    assert refused.health is (Health.WRONG if needs_own else Health.OK)
    assert not needs_own or f"ParameterKey=DatasetKmsKeyArns,ParameterValue={arn}" in refused.mend


def test_a_grant_of_another_account_asks_the_roles_own_policies_too() -> None:
    granted = {"ListGrants": {"Grants": [GRANT]}}
    assert looked_at(account(FOREIGN, **granted)).health is Health.OK
    assert looked_at(account(FOREIGN, **granted, **NOT_MINE)).health is Health.WRONG


def test_a_key_that_is_listed_and_refused_is_not_listed_twice() -> None:
    listed = {"DescribeStacks": with_parameters(DatasetKmsKeyArns=KEY)}
    finding = looked_at(account(**listed, **NOT_MINE, GetKeyPolicy=with_policy(ACCOUNT)))
    assert finding.says == f"the role may not decrypt with {KEY}: no policy of it allows it"
    assert finding.mend.startswith("aws iam simulate-principal-policy")
    assert finding.mend.endswith(f"--action-names kms:Decrypt --resource-arns {KEY}")


def test_a_key_that_lets_nobody_in_gets_a_grant_in_its_region() -> None:
    finding = looked_at(account())
    assert finding.health is Health.WRONG
    assert finding.mend == (
        f"aws kms create-grant --key-id {KEY} --region {REGION} --grantee-principal {ROLE} --operations Decrypt"
    )


@pytest.mark.parametrize(
    ("answers", "keys"),
    [
        ({"GetKeyPolicy": with_policy(ALLOW | ONLY_IF)}, "kms:EncryptionContext:aws:s3:arn"),
        ({"GetKeyPolicy": with_policy(ACCOUNT | ONLY_IF)}, "kms:EncryptionContext:aws:s3:arn"),
        ({"GetKeyPolicy": with_policy(ACCOUNT, ALLOW | ONLY_IF)} | NOT_MINE, "kms:EncryptionContext:aws:s3:arn"),
        (
            {"ListGrants": {"Grants": [GRANT | {"Constraints": {"EncryptionContextSubset": {"aws:s3:arn": ARN}}}]}},
            "the grant's constraints",
        ),
    ],
)
def test_a_key_that_may_let_the_role_in_is_unknown(answers: dict[str, Any], keys: str) -> None:
    finding = looked_at(account(**answers))
    assert finding.health is Health.UNKNOWN
    assert finding.says == f"whether {KEY} lets the role decrypt depends on {keys}"


def test_a_deny_that_depends_names_all_that_it_depends_on() -> None:
    deny = ALLOW | {"Effect": "Deny", "Condition": {"StringEquals": {"aws:SourceVpc": "v"}}}
    other = deny | {"Condition": {"StringEquals": {"aws:SourceVpce": "v"}}}
    finding = looked_at(account(GetKeyPolicy=with_policy(ALLOW, deny, other)))
    assert (finding.health, finding.says.rpartition("on ")[2]) == (Health.UNKNOWN, "aws:SourceVpc, aws:SourceVpce")


def test_a_policy_of_one_statement_that_denies_is_told() -> None:
    finding = looked_at(account(GetKeyPolicy=with_policy(ALLOW | {"Effect": "Deny"})))
    assert (finding.health, "denies the role" in finding.says) == (Health.WRONG, True)


def test_an_object_that_is_deleted_while_it_is_looked_at_is_passed_over() -> None:
    of = account(HeadObject="404", GetKeyPolicy=with_policy(ALLOW))
    assert looked_at(of).health is Health.OK
    assert ("HeadObject", REGION, {"Bucket": ARN.rpartition(":")[2], "Key": f"{PREFIX}one.json"}) in of.asked


def test_the_keys_of_a_bucket_elsewhere_are_asked_for_there() -> None:
    there = KEY.replace(REGION, "eu-west-1")
    region = {"HeadBucket": {"ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": "eu-west-1"}}}}
    of = account(there, **region, GetKeyPolicy=with_policy(ALLOW))
    assert looked_at(of).health is Health.OK
    regions = {operation: region for operation, region, _ in of.asked}
    assert [regions[one] for one in ("DescribeKey", "GetKeyPolicy", "ListGrants", "GetRole")] == [
        "eu-west-1", "eu-west-1", "eu-west-1", REGION,
    ]  # fmt: skip


def test_of_a_bucket_whose_region_nobody_tells_the_stacks_is_asked() -> None:
    of = account(HeadBucket={"ResponseMetadata": {"HTTPHeaders": {}}}, GetKeyPolicy=with_policy(
        ALLOW | {"Condition": {"StringEquals": {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}}}
    ))  # fmt: skip
    assert looked_at(of).health is Health.OK
