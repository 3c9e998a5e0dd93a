"""No function can do what it does not need: what each role may do is reviewed in actions.yaml, and nowhere else."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.template import Template, each, shown

REVIEWED: dict[str, dict[str, list[str]]] = yaml.safe_load(Path(__file__).with_name("actions.yaml").read_text())


def permissions(role: dict[str, Any]) -> dict[str, list[str]]:
    """What a role may do, by resource."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for policy in role.get("Policies", []):
        for statement in each(policy["PolicyDocument"]["Statement"]):
            assert statement["Effect"] == "Allow"
            assert statement.keys() <= {"Sid", "Effect", "Action", "Resource"}, "no NotAction, no NotResource"
            for resource in each(statement["Resource"]):
                found[shown(resource)] |= set(each(statement["Action"]))
    if "ManagedPolicyArns" in role:
        found["managed policies"] = {shown(arn) for arn in role["ManagedPolicyArns"]}
    return {resource: sorted(actions) for resource, actions in found.items()}


def test_every_role_may_do_what_was_reviewed_and_no_more(system: Template, storage: Template) -> None:
    roles = system.of("AWS::IAM::Role") | storage.of("AWS::IAM::Role")
    assert {name: permissions(role) for name, role in roles.items()} == REVIEWED


def test_every_function_has_a_role_of_its_own(system: Template) -> None:
    roles = {name: shown(one["Role"]) for name, one in system.of("AWS::Lambda::Function").items()}
    assert roles == {name: f"${{{name}Role.Arn}}" for name in roles}


def test_a_role_is_for_one_service(system: Template, storage: Template) -> None:
    for role in (system.of("AWS::IAM::Role") | storage.of("AWS::IAM::Role")).values():
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        (action,) = each(statement["Action"])
        (service,) = each(statement["Principal"]["Service"])
        assert action == "sts:AssumeRole"
        assert service in {
            f"{one}.amazonaws.com" for one in ("lambda", "scheduler", "states", "apigateway", "firehose", "codedeploy")
        }


@pytest.mark.parametrize("role", [name for name in REVIEWED if name != "ApiAccountRole"])
def test_no_action_and_no_resource_is_a_wildcard_where_the_service_has_names(role: str) -> None:
    for resource, actions in REVIEWED[role].items():
        assert resource != "managed policies"
        assert not any("*" in action for action in actions)
        if resource == "*":
            assert all(action.startswith("xray:") for action in actions)
        assert "*" not in resource.replace("/*/", "/")[:-1], "within a name only the id of a dataset is any"
        assert resource.rstrip("*").endswith(("/", ":")) or "*" not in resource or resource == "*"


def test_nobody_is_let_in_by_a_resource_policy_but_the_rule(storage: Template) -> None:
    for kind in ("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy"):
        for policy in storage.of(kind).values():
            for statement in policy["PolicyDocument"]["Statement"]:
                if statement["Effect"] == "Allow":
                    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
                    assert shown(statement["Condition"]["ArnEquals"]["aws:SourceArn"]) == "${DatasetEvents.Arn}"


def test_a_function_is_called_by_its_own_api_only(system: Template) -> None:
    for permission in system.of("AWS::Lambda::Permission").values():
        assert permission["Principal"] == "apigateway.amazonaws.com"
        api = "EdgeApi" if permission["FunctionName"] == {"Ref": "CollectEventsAliaslive"} else "Api"
        assert permission["SourceArn"]["Fn::Sub"][1]["__ApiId__"] == {"Ref": api}
