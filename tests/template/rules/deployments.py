"""How a new release comes: everybody calls the alias, which goes over to the new version by a tenth first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from tests.support.template import Templates, each, pieces, shown
from tests.template.rules.rule import Problems, rule

CANARY = "CodeDeployDefault.Lambda${ConfigName}"
# Calls fall to either version one by one, and a version has its own files only: a page would lose some of them.
AT_ONCE = {"ServeConsole"}


def functions(templates: Templates) -> set[str]:
    return set(templates.of("AWS::Lambda::Function"))


def definition(machine: dict[str, Any]) -> str:
    """A state machine as text, in which places are named as in its DefinitionSubstitutions."""
    separator, lines = machine["DefinitionString"]["Fn::Join"]
    return str(separator).join(lines)


def called(templates: Templates) -> Iterator[tuple[str, Any]]:
    """Whoever calls a function, and whom."""
    for name, one in templates.of("AWS::Lambda::EventSourceMapping").items():
        yield name, one["FunctionName"]
    for name, one in templates.of("AWS::Lambda::Permission").items():
        yield name, one["FunctionName"]
    for name, one in templates.of("AWS::Lambda::Url").items():
        yield name, one["TargetFunctionArn"]
    for name, one in templates.of("AWS::Scheduler::Schedule").items():
        yield name, one["Target"]["Arn"]
    for name, one in templates.of("AWS::StepFunctions::StateMachine").items():
        called_by = re.findall(r'"FunctionName": "\$\{(\w+)\}"', definition(one))
        yield from ((name, one["DefinitionSubstitutions"][place]) for place in called_by)
    for name, one in templates.of("AWS::ApiGateway::RestApi").items():
        for key, value in pieces(one["Body"]):
            if key in {"uri", "authorizerUri"}:
                (target,) = re.findall(r"functions/(\$\{[^}]+\})", shown(value))
                yield name, {"Ref": target[2:-1]}


def waits_for(resource: dict[str, Any]) -> set[str]:
    """Which names a resource mentions: those of resources are made before it."""
    found = set(each(resource.get("DependsOn", [])))
    for key, value in pieces(resource):
        match key, value:
            case "Ref", str():
                found.add(value)
            case "Fn::GetAtt", [name, _]:
                found.add(name)
            case "Fn::Sub", _:
                found |= {name.partition(".")[0] for name in re.findall(r"\$\{(\w+[^}]*)\}", each(value)[0])}
    return found


@rule
def no_resource_waits_for_itself(templates: Templates) -> Problems:
    for part in (templates.system, templates.storage, templates.alarms):
        resources = part.document["Resources"]
        waiting = {name: waits_for(one) & resources.keys() for name, one in resources.items()}
        while ready := {name for name, others in waiting.items() if not others}:
            waiting = {name: others - ready for name, others in waiting.items() if name not in ready}
        yield from (f"{name} waits for {sorted(others)}" for name, others in waiting.items())


@rule
def every_function_has_the_alias_live(templates: Templates) -> Problems:
    aliases = templates.of("AWS::Lambda::Alias")
    for name in functions(templates):
        alias = aliases.get(f"{name}Aliaslive", {})
        if (alias.get("Name"), alias.get("FunctionName")) != ("live", {"Ref": name}):
            yield f"{name}: {alias}"


@rule
def everybody_calls_the_alias(templates: Templates) -> Problems:
    aliases = {f"{name}Aliaslive" for name in functions(templates)}
    for who, whom in called(templates):
        if not (isinstance(whom, dict) and whom.get("Ref") in aliases):
            yield f"{who} calls {shown(whom)}"


@rule
def a_version_is_published_whenever_anything_changes_and_goes_with_the_next(templates: Templates) -> Problems:
    for name, resource in templates.written.document["Resources"].items():
        if resource["Type"] != "AWS::Serverless::Function":
            continue
        if resource["Properties"].get("AutoPublishAliasAllProperties") is not True:
            yield f"{name}: its code is in the layer, too"
    for name, kept in templates.attribute("AWS::Lambda::Version", "DeletionPolicy").items():
        if kept != "Delete":
            yield f"{name}: {kept}"


@rule
def an_alias_moves_by_a_tenth_first_or_all_its_files_at_once_and_back_on_an_alarm(templates: Templates) -> Problems:
    groups = templates.of("AWS::CodeDeploy::DeploymentGroup")
    policies = templates.attribute("AWS::Lambda::Alias", "UpdatePolicy")
    for name in functions(templates):
        if "CodeDeployLambdaAliasUpdate" not in (policies.get(f"{name}Aliaslive") or {}):
            yield f"{name}: moves at once"
        group = groups.get(f"{name}DeploymentGroup", {})
        by = "AllAtOnce" if name in AT_ONCE else "Canary10Percent5Minutes"
        wanted = {"Fn::Sub": [CANARY, {"ConfigName": by}]}
        if group.get("DeploymentConfigName") != wanted:
            yield f"{name}: {group.get('DeploymentConfigName')}"
        alarms = group.get("AlarmConfiguration", {})
        watched = {shown(one["Name"]) for one in alarms.get("Alarms", [])}
        if not alarms.get("Enabled") or "${Alarms.Outputs.ErrorsAlarm}" not in watched:
            yield f"{name}: {watched}"
        if "DEPLOYMENT_STOP_ON_ALARM" not in group.get("AutoRollbackConfiguration", {}).get("Events", []):
            yield f"{name}: stays where it failed"


@rule
def aliases_are_moved_by_a_role_that_may_do_nothing_else(templates: Templates) -> Problems:
    for name, group in templates.of("AWS::CodeDeploy::DeploymentGroup").items():
        if shown(group["ServiceRoleArn"]) != "${DeploymentRole.Arn}":
            yield f"{name}: as {shown(group['ServiceRoleArn'])}"
