"""What is planted in the templates is caught by the rules: the rules' own test, since a rule may look the wrong way."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.template import Templates
from tests.template.rules import RULES

GONE = object()
Change = Callable[[Templates], None]


def properties(templates: Templates, resource: str) -> Any:
    """Of a resource, wherever it is."""
    for part in (templates.system, templates.storage, templates.alarms):
        if resource in part.document["Resources"]:
            return part.document["Resources"][resource].setdefault("Properties", {})
    raise KeyError(resource)


def put(value: Any, resource: str, *path: str | int) -> Change:
    """Something else at this place of a resource's properties, or nothing at all."""

    def change(templates: Templates) -> None:
        place = properties(templates, resource)
        for step in path[:-1]:
            place = place[step]
        if value is GONE:
            del place[path[-1]]
        elif isinstance(place, list) and path[-1] == len(place):
            place.append(value)
        else:
            place[path[-1]] = value

    return change


def attribute(value: str, resource: str, name: str) -> Change:
    """Something else as a resource's DeletionPolicy and its like."""

    def change(templates: Templates) -> None:
        for part in (templates.system, templates.storage, templates.alarms):
            if resource in part.document["Resources"]:
                part.document["Resources"][resource][name] = value

    return change


def default(value: Any, name: str) -> Change:
    return parameter(name, Default=value)


def parameter(name: str, **own: Any) -> Change:
    return lambda templates: templates.system.document["Parameters"][name].update(own)


def added(type_: str, name: str = "New", **own: Any) -> Change:
    return lambda templates: templates.system.document["Resources"].update({name: {"Type": type_, "Properties": own}})


def statement(role: str, **own: Any) -> Change:
    """A role that may do more."""

    def change(templates: Templates) -> None:
        given = {"Sid": "More", "Effect": "Allow", **own}
        properties(templates, role)["Policies"][0]["PolicyDocument"]["Statement"].append(given)

    return change


def without(section: str, name: str) -> Change:
    def change(templates: Templates) -> None:
        del templates.system.document[section][name]

    return change


def of_version(templates: Templates) -> None:
    versions = [name for name, one in templates.system.document["Resources"].items() if one["Type"].endswith("Version")]
    kept = next(name for name in versions if name.startswith("RankOffersVersion"))
    templates.system.document["Resources"][kept]["DeletionPolicy"] = "Retain"


def of_definition(old: str, new: str) -> Change:
    def change(templates: Templates) -> None:
        lines = properties(templates, "BackfillDataset")["DefinitionString"]["Fn::Join"][1]
        (place,) = [n for n, line in enumerate(lines) if old in line]
        lines[place] = lines[place].replace(old, new)

    return change


def of_source(value: Any, name: str) -> Change:
    """Of the mapping that feeds objects."""
    return put(value, "RefreshRankingsObjects", name)


POLICY = ("PolicyDocument", "Statement")
ROUTE = ("Api", "Body", "paths", "/models", "get")
TOKENS = ("Api", "Body", "components", "securitySchemes", "Tokens")
AUTHORIZER = (*TOKENS, "x-amazon-apigateway-authorizer")
ANSWERS = "x-amazon-apigateway-gateway-responses"
EDGE_ORIGIN = "gatewayresponse.header.Access-Control-Allow-Origin"
ARN = {"Fn::GetAtt": ["RefreshRankings", "Arn"]}
INVOKED = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${ManageModels.Arn}/invocations"

PLANTED: dict[str, Change] = {
    # ---- who may do what
    "role with s3:*": statement(
        "RankOffersRole", Action="s3:*", Resource={"Fn::GetAtt": ["Storage", "Outputs.StateArn"]}
    ),
    "role on any table": statement("RankOffersRole", Action="dynamodb:Query", Resource="*"),
    "role that may scan": statement(
        "ReportPerformanceRole", Action="dynamodb:Scan", Resource={"Fn::GetAtt": ["Storage", "Outputs.LedgerArn"]}
    ),
    "role by NotAction": statement("RankOffersRole", NotAction="iam:*", Resource="arn:aws:s3:::b/k/"),
    "role under a condition that never holds": statement(
        "RankOffersRole", Action="s3:GetObject", Resource="a/", Condition={}
    ),
    "role that may write snapshots where it reads": put(
        ["s3:GetObject", "s3:PutObject"], "RankOffersRole", "Policies", 0, *POLICY, -1, "Action"
    ),
    "stream that writes beside what is collected": put(
        [{"Fn::Sub": "${Datasets.Arn}/*"}], "EventsRole", "Policies", 0, *POLICY, 0, "Resource"
    ),
    "function with a managed policy": put(
        ["arn:aws:iam::aws:policy/AdministratorAccess"], "RankOffersRole", "ManagedPolicyArns"
    ),
    "role for two services": put(
        {"Service": ["lambda.amazonaws.com", "ec2.amazonaws.com"]},
        "RankOffersRole",
        "AssumeRolePolicyDocument",
        "Statement",
        0,
        "Principal",
    ),
    "role for anybody": put({"AWS": "*"}, "RankOffersRole", "AssumeRolePolicyDocument", "Statement", 0, "Principal"),
    "two functions with one role": put({"Fn::GetAtt": ["ManageModelsRole", "Arn"]}, "RankOffers", "Role"),
    "dataset keys for who ranks": statement(
        "RankOffersRole", Action="kms:Decrypt", Resource={"Ref": "DatasetKmsKeyArns"}
    ),
    "queue policy for any source": put(GONE, "RulePolicy", *POLICY, 0, "Condition"),
    "queue policy for any service": put("*", "RulePolicy", *POLICY, 0, "Principal"),
    "queue that speaks in plain": put(GONE, "RulePolicy", *POLICY, 1),
    "bucket that speaks in plain": put(
        {"Bool": {"aws:SecureTransport": "true"}}, "DatasetsPolicy", *POLICY, 0, "Condition"
    ),
    "bucket policy for everybody": put(
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}, "StatePolicy", *POLICY, 1
    ),
    "function that any API may call": put("arn:aws:execute-api:*", "ManageModelsListModelsPermissionv1", "SourceArn"),
    "function that S3 may call": put("s3.amazonaws.com", "ManageModelsListModelsPermissionv1", "Principal"),
    # ---- doors
    "route without authorizer": put([{"NONE": []}], *ROUTE, "security"),
    "route without security": put(GONE, *ROUTE, "security"),
    "token from the query": put("query", *TOKENS, "in"),
    "taken-back token that opens for an hour": put(3600, *AUTHORIZER, "authorizerResultTtlInSeconds"),
    "another authorizer": put({"Fn::Sub": INVOKED}, *AUTHORIZER, "authorizerUri"),
    "gateway answer as text": put(
        "'text/plain'",
        "Api",
        "Body",
        ANSWERS,
        "UNAUTHORIZED",
        "responseParameters",
        "gatewayresponse.header.Content-Type",
    ),
    "throttled without an answer": put(GONE, "EdgeApi", "Body", ANSWERS, "THROTTLED"),
    "CORS * with credentials": put("'*'", "EdgeApi", "Body", ANSWERS, "DEFAULT_4XX", "responseParameters", EDGE_ORIGIN),
    "CORS on the API": put("'*'", "Api", "Body", ANSWERS, "DEFAULT_4XX", "responseParameters", EDGE_ORIGIN),
    "CORS on the function's URL": put({"AllowOrigins": ["*"]}, "RankOffersUrl", "Cors"),
    "browsers led elsewhere": put(
        {"Fn::Sub": INVOKED}, "EdgeApi", "Body", "paths", "/{path+}", "post", "x-amazon-apigateway-integration", "uri"
    ),
    "stage without X-Ray": put(False, "Apiv1Stage", "TracingEnabled"),
    "stage without access log": put(GONE, "EdgeApieeStage", "AccessLogSetting"),
    "stage without throttle": put(GONE, "EdgeApieeStage", "MethodSettings", 0, "ThrottlingRateLimit"),
    "stage that logs bodies": put(True, "Apiv1Stage", "MethodSettings", 0, "DataTraceEnabled"),
    "access log with addresses": put(
        '{"requestId":"","route":"","status":"","ip":"$context.identity.sourceIp"}',
        "EdgeApieeStage",
        "AccessLogSetting",
        "Format",
    ),
    "access log with tokens": put(
        '{"requestId":"","route":"","status":"","error":"$context.error.message"}',
        "Apiv1Stage",
        "AccessLogSetting",
        "Format",
    ),
    "no route, called a signature": put(GONE, "Api", "Body", ANSWERS, "INVALID_SIGNATURE"),
    "open function URL": put("NONE", "RankOffersUrl", "AuthType"),
    "domain with TLS 1.0": put("TLS_1_0", "ApiDomain", "SecurityPolicy"),
    "domain that leads to the other API": put({"Ref": "EdgeApi"}, "ApiMapping", "RestApiId"),
    "web ACL without a limit an address": put(
        {"Ref": "EdgeRatePerSecond"}, "EdgeWebAcl", "Rules", 0, "Statement", "RateBasedStatement", "Limit"
    ),
    "web ACL that blocks large events": put(
        GONE, "EdgeWebAcl", "Rules", 1, "Statement", "ManagedRuleGroupStatement", "RuleActionOverrides", 0
    ),
    "web ACL that blocks links of mails": put(
        GONE, "EdgeWebAcl", "Rules", 1, "Statement", "ManagedRuleGroupStatement", "RuleActionOverrides", -1
    ),
    "whoever comes signs up": put({"AllowAdminCreateUserOnly": False}, "UserPool", "AdminCreateUserConfig"),
    "browser client with a secret": put(True, "ConsoleClient", "GenerateSecret"),
    "admin client that may rank": put("offer-ranking/ranking.rank", "AdminClient", "AllowedOAuthScopes", 0),
    "first manager who reads only": put({"Ref": "Readers"}, "ManagerManages", "GroupName"),
    # ---- functions
    "variable that nobody listed": put("x", "RankOffers", "Environment", "Variables", "LEDGER_TABLE"),
    "endpoint of an emulator": put("http://127.0.0.1", "RankOffers", "Environment", "Variables", "AWS_ENDPOINT_URL"),
    "function without X-Ray": put({"Mode": "PassThrough"}, "RankOffers", "TracingConfig"),
    "state machine without X-Ray": put(GONE, "BackfillDataset", "TracingConfiguration"),
    "function that logs text": put("Text", "RankOffers", "LoggingConfig", "LogFormat"),
    "function in another's log": put({"Ref": "ApiLog"}, "RankOffers", "LoggingConfig", "LogGroup"),
    "log group without retention": put(GONE, "RankOffersLog", "RetentionInDays"),
    "function on another runtime than its layer": put("python3.12", "RankOffers", "Runtime"),
    "function that outlasts the API": put(60, "ReportPerformance", "Timeout"),
    "no sweep": put("rate(7 days)", "RefreshRankingsDaily", "ScheduleExpression"),
    "metrics of all stacks in one": put(
        "OfferRanking", "CollectEvents", "Environment", "Variables", "POWERTOOLS_METRICS_NAMESPACE"
    ),
    "backfill as wide as it likes": of_definition('"MaxConcurrency": 10', '"MaxConcurrency": 0'),
    "rank function that takes all of the account's room": put(1000, "RankOffers", "ReservedConcurrentExecutions"),
    "authorizer without SnapStart": put(GONE, "AuthorizeRequest", "SnapStart"),
    # ---- deployments
    "function without alias": put("other", "RankOffersAliaslive", "Name"),
    "queue that feeds the newest code": of_source(ARN, "FunctionName"),
    "route to the newest code": put({"Fn::Sub": INVOKED}, *ROUTE, "x-amazon-apigateway-integration", "uri"),
    "schedule of the newest code": put(ARN, "RefreshRankingsHourly", "Target", "Arn"),
    "backfill by the newest code": put(ARN, "BackfillDataset", "DefinitionSubstitutions", "definition_substitution_1"),
    "version that a layer's change does not publish": lambda templates: templates.written.document["Resources"][
        "RankOffers"
    ]["Properties"].pop("AutoPublishAliasAllProperties"),
    "versions that pile up": of_version,
    "all at once": put(
        {"Fn::Sub": ["CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": "AllAtOnce"}]},
        "RankOffersDeploymentGroup",
        "DeploymentConfigName",
    ),
    "console of two versions at a time": put(
        {"Fn::Sub": ["CodeDeployDefault.Lambda${ConfigName}", {"ConfigName": "Canary10Percent5Minutes"}]},
        "ServeConsoleDeploymentGroup",
        "DeploymentConfigName",
    ),
    "canary that nobody watches": put({"Enabled": False}, "RankOffersDeploymentGroup", "AlarmConfiguration"),
    "canary that stays": put(
        {"Enabled": True, "Events": ["DEPLOYMENT_FAILURE"]}, "RankOffersDeploymentGroup", "AutoRollbackConfiguration"
    ),
    "alarms that wait for a function that waits for them": put(
        {"Ref": "RankOffers"}, "Alarms", "Parameters", "Function"
    ),
    "canary by another's role": put(
        {"Fn::GetAtt": ["ApiAccountRole", "Arn"]}, "RankOffersDeploymentGroup", "ServiceRoleArn"
    ),
    # ---- queues
    "no ReportBatchItemFailures": of_source([], "FunctionResponseTypes"),
    "visibility timeout below six times": put(719, "Objects", "VisibilityTimeout"),
    "refresh that takes longer than its queue hides": put(130, "RefreshRankings", "Timeout"),
    "as many at once as there are messages": of_source(GONE, "ScalingConfig"),
    "three attempts": put(3, "Fits", "RedrivePolicy", "maxReceiveCount"),
    "queue without dead letters": put(GONE, "Objects", "RedrivePolicy"),
    "dead letters of four days": put(345_600, "DeadLetters", "MessageRetentionPeriod"),
    "rule without dead letters": put(GONE, "DatasetEvents", "Targets", 0, "DeadLetterConfig"),
    "rule of any bucket": put(GONE, "DatasetEvents", "EventPattern", "detail"),
    "rule that hears of no deletion": put(["Object Created"], "DatasetEvents", "EventPattern", "detail-type"),
    # ---- storage
    "table that goes with the stack": attribute("Delete", "Catalog", "DeletionPolicy"),
    "bucket that goes when replaced": attribute("Delete", "Datasets", "UpdateReplacePolicy"),
    "table without encryption": put({"SSEEnabled": False}, "Ledger", "SSESpecification"),
    "table without point-in-time recovery": put(GONE, "Ledger", "PointInTimeRecoverySpecification"),
    "table that may be deleted": put(False, "TokenKeys", "DeletionProtectionEnabled"),
    "table that bills while idle": put("PROVISIONED", "Ledger", "BillingMode"),
    "erased persons who can be recovered": put(
        {"PointInTimeRecoveryEnabled": True}, "Caps", "PointInTimeRecoverySpecification"
    ),
    "counters of visitors for ever": put(GONE, "Caps", "TimeToLiveSpecification"),
    "bucket for the public": put(False, "Datasets", "PublicAccessBlockConfiguration", "RestrictPublicBuckets"),
    "bucket with ACLs": put({"Rules": [{"ObjectOwnership": "ObjectWriter"}]}, "State", "OwnershipControls"),
    "bucket as a website": put({"IndexDocument": "index.html"}, "State", "WebsiteConfiguration"),
    "bucket without versioning": put(GONE, "Datasets", "VersioningConfiguration"),
    "events that expire": put(
        {"Id": "old", "Status": "Enabled", "ExpirationInDays": 30}, "Datasets", "LifecycleConfiguration", "Rules", 2
    ),
    "bucket without the key that is given": put(
        [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}],
        "Datasets",
        "BucketEncryption",
        "ServerSideEncryptionConfiguration",
    ),
    "bucket whose readers nobody knows": put(GONE, "State", "LoggingConfiguration"),
    "bucket that tells nobody": put(GONE, "Datasets", "NotificationConfiguration"),
    "old counts for ever": put(GONE, "State", "LifecycleConfiguration", "Rules", 2),
    "queue in the clear": put(False, "Objects", "SqsManagedSseEnabled"),
    "log without the key that is given": put(GONE, "RankOffersLog", "KmsKeyId"),
    "key that no log may be encrypted with": parameter(
        "KmsKeyArn", Description="logs.<region>.amazonaws.com may use it"
    ),
    "stream in the clear": put(GONE, "Events", "DeliveryStreamEncryptionConfigurationInput"),
    "stream of all datasets in one": put(
        "datasets/collected/", "Events", "ExtendedS3DestinationConfiguration", "Prefix"
    ),
    "stream that need not wait": parameter("DeliverySeconds", MinValue=0),
    # ---- alarms
    "alarm without threshold 1": put(10, "DeadLettersAlarm", "Threshold"),
    "alarm of another queue": put(
        {"Fn::GetAtt": ["Storage", "Outputs.ObjectsName"]}, "Alarms", "Parameters", "DeadLettersQueue"
    ),
    "API of another name than the alarms'": put("edge", "EdgeApi", "Name"),
    "alarm that nobody hears": put(GONE, "ErrorsAlarm", "AlarmActions"),
    "alarm without a section of the runbook": put("Something is wrong", "ErrorsAlarm", "AlarmDescription"),
    "alarm after a day": put(86_400, "UndeliveredAlarm", "Period"),
    "alarm of the mean instead of p99": put("p50", "LatencyAlarm", "ExtendedStatistic"),
    "eleventh alarm": added(
        "AWS::CloudWatch::Alarm", Namespace="AWS/Lambda", MetricName="Errors", ComparisonOperator="", Threshold=1
    ),
    "dashboard for everybody": attribute("Always", "Board", "Condition"),
    # ---- parameters
    "web ACL by default": default("true", "WebAcl"),
    "SnapStart by default": default("PublishedVersions", "SnapStart"),
    "warm environments by default": default(1, "RankProvisionedConcurrency"),
    "reserved concurrency by default": default(100, "ReservedConcurrency"),
    "no canary by default": default("false", "Canary"),
    "web ACL in any case": attribute("Always", "EdgeWebAcl", "Condition"),
    "key that bills": added("AWS::KMS::Key"),
    "domain without certificate": without("Rules", "DomainHasCertificate"),
    "deployment that keeps its secret's command to itself": without("Outputs", "SecretCommand"),
    "sign-in of all stacks in one place": put("offer-ranking", "UserPoolDomain", "Domain"),
    "function of a fixed name": put("rank", "RankOffers", "FunctionName"),
    "region written down": put("arn:aws:s3:us-east-1:1:x", "RankOffers", "Environment", "Variables", "STATE_BUCKET"),
}


def findings(templates: Templates) -> dict[str, list[str]]:
    """What is found, by the rule that finds it."""
    found = {name: list(check(templates)) for name, check in RULES.items()}
    return {name: problems for name, problems in found.items() if problems}


@pytest.fixture(scope="module")
def caught(templates: Templates) -> dict[str, set[str]]:
    """By which rules each of what is planted is caught."""
    by, whole = {}, pickle.dumps(templates)
    for name, change in PLANTED.items():
        changed = pickle.loads(whole)  # noqa: S301 - our own, and the quickest way to a copy
        change(changed)
        by[name] = set(findings(changed))
    return by


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_caught(name: str, caught: dict[str, set[str]]) -> None:
    assert caught[name], f"planted {name!r} is caught by no rule"


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_catches_something_that_is_planted(rule: str, caught: dict[str, set[str]]) -> None:
    assert any(rule in rules for rules in caught.values())
