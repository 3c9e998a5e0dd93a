"""Which statements of a resource's policy speak of a role, as IAM reads them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.doctor.statements import Applies, Asked, applies, found, names, read, unknown_keys

ROLE = "arn:aws:iam::123456789012:role/refresh"
SESSION = "arn:aws:sts::123456789012:assumed-role/refresh/function"
ASKED = Asked(ROLE, "s3:GetObject", "arn:aws:s3:::b/shop/[1].json", {"aws:securetransport": "true"})
ANY = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({}, Applies.YES),
        ({"Principal": {"AWS": ["arn:aws:iam::123456789012:root"]}}, Applies.YES),
        ({"Principal": {"AWS": "123456789012"}}, Applies.YES),
        ({"Principal": {"AWS": ROLE}}, Applies.YES),
        ({"Principal": {"AWS": "arn:aws:iam::123456789012:role/other"}}, Applies.NO),
        ({"Principal": {"Service": "s3.amazonaws.com"}}, Applies.NO),
        ({"Action": ["S3:Get*"]}, Applies.YES),
        ({"Action": "s3:Put*"}, Applies.NO),
        ({"Action": "s3:GetObjec?"}, Applies.YES),
        ({"Resource": "arn:aws:s3:::b/shop/*"}, Applies.YES),
        ({"Resource": "arn:aws:s3:::b/shop/[1].json"}, Applies.YES),
        ({"Resource": "arn:aws:s3:::b/Shop/*"}, Applies.NO),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}}}, Applies.NO),
        ({"Condition": {"Bool": {"aws:SecureTransport": True}}}, Applies.YES),
        ({"Condition": {"StringEquals": {"aws:SourceVpc": "v"}}}, Applies.DEPENDS),
        ({"Condition": {"Null": {"aws:SecureTransport": "true"}}}, Applies.DEPENDS),
        ({"Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"x:y": "z"}}}, Applies.NO),
    ],
)
def test_a_statement_applies_when_all_its_parts_do(statement: dict[str, Any], expected: Applies) -> None:
    assert applies(ANY | statement, ASKED) is expected


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"NotPrincipal": "*"}, Applies.NO),
        ({"NotPrincipal": {"AWS": [ROLE, "123456789012", SESSION]}}, Applies.NO),
        ({"NotPrincipal": {"AWS": [ROLE, "arn:aws:iam::123456789012:root"]}}, Applies.DEPENDS),
        ({"NotPrincipal": {"AWS": ROLE}}, Applies.DEPENDS),
        ({"NotPrincipal": {"AWS": "210987654321"}}, Applies.YES),
        ({"NotAction": "s3:Get*"}, Applies.NO),
        ({"NotAction": "s3:Put*"}, Applies.YES),
        ({"NotResource": "arn:aws:s3:::b/shop/*"}, Applies.NO),
    ],
)
def test_what_is_excepted_is_all_but_that(changed: dict[str, Any], expected: Applies) -> None:
    (name,) = changed
    rest = {key: value for key, value in ANY.items() if key != name.removeprefix("Not")}
    assert applies(rest | changed, ASKED) is expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("ArnNotEquals", ROLE, Applies.NO),
        ("ArnLike", "arn:aws:iam::*:role/ref*", Applies.YES),
        ("StringEquals", "arn:aws:iam::*:role/ref*", Applies.NO),
        ("StringNotLikeIfExists", "arn:aws:iam::*:role/ref*", Applies.NO),
        ("StringNotEquals", "another", Applies.YES),
    ],
)
def test_a_condition_on_the_role_is_decided(operator: str, value: str, expected: Applies) -> None:
    asked = Asked(ROLE, ASKED.action, ASKED.resource, {"aws:principalarn": ROLE})
    assert applies(ANY | {"Condition": {operator: {"aws:PrincipalArn": [value]}}}, asked) is expected


def test_what_is_found_has_the_effect_and_says_on_what_it_depends() -> None:
    statement = ANY | {"Condition": {"StringEquals": {"aws:SourceVpc": "v", "aws:SecureTransport": "true"}}}
    policy = {"Statement": [statement, ANY | {"Effect": "Allow"}]}
    assert found(policy, "Deny", ASKED) == [(statement, Applies.DEPENDS)]
    assert unknown_keys(ASKED, statement) == ["aws:SourceVpc"]
    assert not found({"Statement": [ANY | {"Action": "s3:PutObject"}]}, "Deny", ASKED)


def test_an_exception_that_does_not_name_all_that_iam_compares_is_what_a_statement_depends_on() -> None:
    statement = {key: held for key, held in ANY.items() if key != "Principal"} | {"NotPrincipal": {"AWS": ROLE}}
    assert unknown_keys(ASKED, statement) == ["NotPrincipal"]
    assert not unknown_keys(ASKED, statement | {"NotPrincipal": {"AWS": "210987654321"}})


@pytest.mark.parametrize("held", [ANY, [ANY]])
def test_a_statement_alone_may_stand_without_a_list(held: Any) -> None:
    policy = {"Version": "2012-10-17", "Statement": held}
    assert read(json.dumps(policy)) == {"Version": "2012-10-17", "Statement": [ANY]}


def test_a_statement_names_the_role_or_only_its_account() -> None:
    assert names(ANY | {"Principal": {"AWS": [ROLE]}}, ROLE)
    assert names(ANY, ROLE)
    assert not names(ANY | {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, ROLE)
