"""Who may do what. What each role may do is reviewed in actions.yaml, and nowhere else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.support.template import Templates, each, shown
from tests.template.rules.rule import Problems, rule

REVIEWED: dict[str, dict[str, list[str]]] = yaml.safe_load((Path(__file__).parents[1] / "actions.yaml").read_text())
SERVICES = {f"{one}.amazonaws.com" for one in ("lambda", "scheduler", "states", "apigateway", "firehose", "codedeploy")}
MANAGED = "managed policies"
LOGS_OF_THE_ACCOUNT = "ApiAccountRole"  # API Gateway refuses a role that may do less than a managed policy says
NO_ARN = ("xray:",)  # services whose actions have no resource to name


def statements(role: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for policy in each(role.get("Policies", [])):
        yield from each(policy["PolicyDocument"]["Statement"])


def permissions(role: dict[str, Any]) -> dict[str, list[str]]:
    """What a role may do, by resource."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for statement in statements(role):
        for resource in each(statement.get("Resource", "anything")):
            found[shown(resource)] |= set(each(statement.get("Action", "anything")))
    if "ManagedPolicyArns" in role:
        found[MANAGED] = {shown(arn) for arn in role["ManagedPolicyArns"]}
    return {resource: sorted(actions) for resource, actions in found.items()}


@rule
def every_role_may_do_what_was_reviewed_and_no_more(templates: Templates) -> Problems:
    found = {name: permissions(role) for name, role in templates.of("AWS::IAM::Role").items()}
    for name in found.keys() | REVIEWED.keys():
        if found.get(name) != REVIEWED.get(name):
            yield f"{name}: {found.get(name)}, reviewed as {REVIEWED.get(name)}"


@rule
def a_statement_allows_by_naming(templates: Templates) -> Problems:
    for name, role in templates.of("AWS::IAM::Role").items():
        for one in statements(role):
            if one["Effect"] != "Allow" or not one.keys() <= {"Sid", "Effect", "Action", "Resource"}:
                yield f"{name}: {sorted(one)}"


@rule
def no_action_and_no_resource_is_any_where_the_service_has_names(templates: Templates) -> Problems:
    for name, role in templates.of("AWS::IAM::Role").items():
        if name == LOGS_OF_THE_ACCOUNT:
            continue
        for resource, actions in permissions(role).items():
            if resource == MANAGED or any("*" in action for action in actions):
                yield f"{name}: {actions} on {resource}"
            if resource == "*":
                yield from (f"{name}: {action} on *" for action in actions if not action.startswith(NO_ARN))
                continue
            # Within a name only the id of a dataset is any; at its end, what lies below or belongs to it.
            before, star, end = resource.replace("/datasets/*/", "/datasets/id/").partition("*")
            if star and (end or not before.endswith(("/", ":", "${AWS::StackName}-"))):
                yield f"{name}: {resource}"


@rule
def a_role_is_for_one_service(templates: Templates) -> Problems:
    for name, role in templates.of("AWS::IAM::Role").items():
        trusts = role["AssumeRolePolicyDocument"]["Statement"]
        services = [one for trust in trusts for one in each((trust.get("Principal") or {}).get("Service", "anybody"))]
        actions = [one for trust in trusts for one in each(trust["Action"])]
        if len(services) != 1 or services[0] not in SERVICES or actions != ["sts:AssumeRole"]:
            yield f"{name}: {services} {actions}"


@rule
def every_function_has_a_role_of_its_own(templates: Templates) -> Problems:
    for name, function in templates.of("AWS::Lambda::Function").items():
        if shown(function["Role"]) != f"${{{name}Role.Arn}}":
            yield f"{name}: {shown(function['Role'])}"


@rule
def nobody_is_let_in_by_a_resource_policy_but_the_rule(templates: Templates) -> Problems:
    for kind in ("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy"):
        for name, policy in templates.of(kind).items():
            for one in policy["PolicyDocument"]["Statement"]:
                if one["Effect"] != "Allow":
                    continue
                source = (one.get("Condition") or {}).get("ArnEquals", {}).get("aws:SourceArn")
                is_rule = one["Principal"] == {"Service": "events.amazonaws.com"} and one["Action"] == "sqs:SendMessage"
                if not is_rule or shown(source) != "${DatasetEvents.Arn}":
                    yield f"{name}: {one}"


@rule
def nobody_speaks_in_plain_to_a_bucket_or_a_queue(templates: Templates) -> Problems:
    wanted = {}
    for kind, action in (("AWS::S3::Bucket", "s3:*"), ("AWS::SQS::Queue", "sqs:*")):
        wanted |= dict.fromkeys(templates.of(kind), action)
    covered = {}
    for kind in ("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"):
        for policy in templates.of(kind).values():
            named = {shown(one) for one in policy.get("Queues", [policy.get("Bucket")])}
            for one in policy["PolicyDocument"]["Statement"]:
                plain = {"Bool": {"aws:SecureTransport": "false"}}
                if (one["Effect"], one["Principal"], one.get("Condition")) == ("Deny", "*", plain):
                    resources = {shown(each_one) for each_one in each(one["Resource"])}
                    for name in wanted:
                        whole = {f"${{{name}.Arn}}"} | ({f"${{{name}.Arn}}/*"} if one["Action"] == "s3:*" else set())
                        if f"${{{name}}}" in named and whole <= resources:
                            covered[name] = one["Action"]
    yield from (f"{name}: not denied" for name, action in wanted.items() if covered.get(name) != action)


@rule
def a_function_is_called_by_its_own_api_only(templates: Templates) -> Problems:
    for name, permission in templates.of("AWS::Lambda::Permission").items():
        source = permission.get("SourceArn", {})
        api = source.get("Fn::Sub", ["", {}])[1].get("__ApiId__") if isinstance(source, dict) else None
        wanted = "EdgeApi" if permission["FunctionName"] == {"Ref": "CollectEventsAliaslive"} else "Api"
        if permission["Principal"] != "apigateway.amazonaws.com" or api != {"Ref": wanted}:
            yield f"{name}: {permission['Principal']} by {source}"


@rule
def only_who_reads_datasets_may_use_their_keys(templates: Templates) -> Problems:
    for name, role in templates.of("AWS::IAM::Role").items():
        may = permissions(role)
        reads = "s3:GetObject" in may.get("${Storage.Outputs.ReadableObjects}", [])
        if reads != (may.get("${DatasetKmsKeyArns}") == ["kms:Decrypt"]):
            yield f"{name} reads datasets: {reads}, and may {may.get('${DatasetKmsKeyArns}')}"
