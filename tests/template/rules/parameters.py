"""What a deployment may choose, and what it has when it chooses nothing: whatever bills while idle is off."""

from __future__ import annotations

from typing import Any

from tests.support.template import Templates, pieces
from tests.template.rules.rule import Problems, rule

OFF: dict[str, Any] = {
    "AccessLogsBucket": "",
    "CertificateArn": "",
    "Dashboard": "false",
    "DomainName": "",
    "EdgeDomainName": "",
    "KmsKeyArn": "",
    "OtherConcurrency": 0,
    "RankProvisionedConcurrency": 0,
    "ReservedConcurrency": 0,
    "SnapStart": "None",
    "WebAcl": "false",
}
ON = {"Canary": "true"}  # costs nothing
OUTPUTS = {
    "ApiUrl", "ConsoleUrl", "EdgeUrl", "DatasetsBucket", "AdminClientId", "RankerClientId", "SecretCommand",
    "DomainTarget", "EdgeDomainTarget", "DashboardUrl", "TokenUrl", "UserPoolId", "RankUrl", "RankFunction",
}  # fmt: skip
# Of what may be made on request only, by which condition.
ON_REQUEST = {
    "AWS::WAFv2::WebACL": {"HasWebAcl"},
    "AWS::WAFv2::WebACLAssociation": {"HasWebAcl"},
    "AWS::ApiGateway::DomainName": {"HasDomain", "HasEdgeDomain"},
    "AWS::ApiGateway::BasePathMapping": {"HasDomain", "HasEdgeDomain"},
    "AWS::Cognito::UserPoolUser": {"InvitesManager"},
    "AWS::CloudWatch::Dashboard": {"HasDashboard"},
}
BILLS_IDLE = {"AWS::KMS::Key", "AWS::EC2::NatGateway", "AWS::EC2::VPCEndpoint", "AWS::SecretsManager::Secret"}
PHYSICAL_NAMES = {
    "AlarmName", "BucketName", "DashboardName", "Domain", "FunctionName", "LayerName", "LogGroupName", "QueueName",
    "RoleName", "RuleName", "StateMachineName", "TableName", "TopicName", "UserPoolName", "ManagedPolicyName",
}  # fmt: skip


@rule
def what_bills_while_idle_is_a_parameter_and_off(templates: Templates) -> Problems:
    defaults = {name: one.get("Default") for name, one in templates.system.document["Parameters"].items()}
    for name, wanted in (OFF | ON).items():
        if defaults.get(name) != wanted:
            yield f"{name}: {defaults.get(name)!r}"
    for kind, conditions in ON_REQUEST.items():
        if set(templates.attribute(kind, "Condition").values()) != conditions:
            yield f"{kind}: {templates.attribute(kind, 'Condition')}"
    yield from (f"{kind}: {sorted(templates.of(kind))}" for kind in BILLS_IDLE if templates.of(kind))


@rule
def what_excludes_itself_or_is_half_is_refused_before_anything_is_made(templates: Templates) -> Problems:
    rules = templates.system.document.get("Rules", {})
    yield from {"DomainHasCertificate", "EdgeDomainHasCertificate", "WarmOneWay"} - rules.keys()


@rule
def a_deployment_tells_what_one_needs_to_begin(templates: Templates) -> Problems:
    yield from OUTPUTS - templates.system.document["Outputs"].keys()


@rule
def two_stacks_fit_into_one_account(templates: Templates) -> Problems:
    """No physical name is fixed: each is left to CloudFormation, or holds something of the stack."""
    for part in (templates.system, templates.storage, templates.alarms):
        for name, resource in part.document["Resources"].items():
            own: dict[str, Any] = resource.get("Properties", {})
            fixed = [key for key in PHYSICAL_NAMES & own.keys() if isinstance(own[key], str)]
            if fixed or (resource["Type"] in {"AWS::Scheduler::Schedule", "AWS::Events::Rule"} and "Name" in own):
                yield f"{name}: {fixed}"


@rule
def a_name_that_a_region_has_once_holds_the_whole_id_of_the_stack(templates: Templates) -> Problems:
    """Parts of it are no name: its last 12 digits are of the machine of CloudFormation's that took the request."""
    whole = {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}
    for name, domain in templates.of("AWS::Cognito::UserPoolDomain").items():
        if domain["Domain"] != {"Fn::Sub": ["offer-ranking-${Id}", {"Id": whole}]}:
            yield f"{name}: {domain['Domain']}"


@rule
def no_account_region_or_key_is_written_down(templates: Templates) -> Problems:
    for part in (templates.system, templates.storage, templates.alarms):
        for key, value in pieces(part.document):
            if isinstance(value, str) and (":000000000000:" in value or "us-east-1" in value or "AKIA" in value):
                yield f"{key}: {value}"
