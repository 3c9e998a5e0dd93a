"""What is remembered is encrypted, private, recoverable, and outlives the stack; what fails is set aside and told."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.support.template import Template, pieces, shown

TABLES, BUCKETS, QUEUES = "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue"
PASSING = ("Caps", "Alarms")  # what is held is of today, or nothing
KEPT = (TABLES, BUCKETS, "AWS::CloudFormation::Stack", "AWS::Cognito::UserPool")
FOURTEEN_DAYS = 14 * 86_400
PLAIN = {"Bool": {"aws:SecureTransport": "false"}}
PHYSICAL_NAMES = {
    "AlarmName", "BucketName", "Domain", "FunctionName", "LayerName", "LogGroupName", "QueueName", "RoleName",
    "RuleName", "StateMachineName", "TableName", "TopicName", "UserPoolName", "ManagedPolicyName",
}  # fmt: skip


@pytest.mark.parametrize("kind", KEPT)
def test_what_is_remembered_outlives_the_stack(kind: str, system: Template, storage: Template) -> None:
    for attribute in ("DeletionPolicy", "UpdateReplacePolicy"):
        kept = system.attribute(kind, attribute) | storage.attribute(kind, attribute)
        for passing in PASSING:
            kept.pop(passing, None)
        assert kept
        assert set(kept.values()) == {"Retain"}


def test_tables_are_encrypted_recoverable_and_cost_nothing_idle(storage: Template) -> None:
    tables = storage.of(TABLES)
    caps = tables.pop("Caps")
    assert caps["BillingMode"] == "PAY_PER_REQUEST"
    assert "PointInTimeRecoverySpecification" not in caps, "whom an erasure looked for is to be forgotten"
    assert caps["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert tables.keys() == {"Catalog", "Ledger", "TokenKeys"}
    for table in [caps, *tables.values()]:
        for encryption in table["SSESpecification"]["Fn::If"][1:]:
            assert encryption["SSEEnabled"]
    for table in tables.values():
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert table["DeletionProtectionEnabled"]
        assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert tables["Catalog"]["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}


def test_buckets_are_private_versioned_encrypted_and_keep_what_stands(storage: Template) -> None:
    buckets = storage.of(BUCKETS)
    assert buckets.keys() == {"Datasets", "State"}
    for bucket in buckets.values():
        blocked = bucket["PublicAccessBlockConfiguration"]
        assert len(blocked) == 4
        assert all(blocked.values())
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
        assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        for rule in bucket["LifecycleConfiguration"]["Rules"]:
            if rule.get("Prefix") not in {
                "backfills/",
                "erasures/",
            }:  # records of runs; nothing is counted or ranked by them
                assert not rule.keys() & {"ExpirationInDays", "ExpirationDate"}
    assert buckets["Datasets"]["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"]


def test_nobody_speaks_in_plain_to_a_bucket_or_a_queue(storage: Template) -> None:
    policies = [*storage.of("AWS::S3::BucketPolicy").values(), *storage.of("AWS::SQS::QueuePolicy").values()]
    covered = set()
    for policy in policies:
        denied = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Deny"]
        for statement in denied:
            assert statement["Principal"] == "*"
            assert statement["Action"] in {"s3:*", "sqs:*"}
            assert statement["Condition"] == PLAIN
            covered |= {shown(one).removeprefix("${").partition(".Arn}")[0] for one in statement["Resource"]}
    assert covered == storage.of(BUCKETS).keys() | storage.of(QUEUES).keys()


def test_every_queue_that_is_worked_on_sets_aside_what_fails_five_times(storage: Template) -> None:
    queues = storage.of(QUEUES)
    for name in ("Objects", "Fits"):
        redrive = queues[name]["RedrivePolicy"]
        assert redrive["maxReceiveCount"] == 5
        assert shown(redrive["deadLetterTargetArn"]) == "${DeadLetters.Arn}"
    for queue in queues.values():
        assert queue["SqsManagedSseEnabled"] == {"Fn::If": ["HasKmsKey", {"Ref": "AWS::NoValue"}, True]}
        assert queue["KmsMasterKeyId"] == {"Fn::If": ["HasKmsKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
    assert queues["DeadLetters"]["MessageRetentionPeriod"] == FOURTEEN_DAYS


def test_the_rule_carries_creations_and_deletions_and_sets_aside_what_it_cannot_deliver(storage: Template) -> None:
    (rule,) = storage.of("AWS::Events::Rule").values()
    assert rule["EventPattern"]["source"] == ["aws.s3"]
    assert rule["EventPattern"]["detail-type"] == ["Object Created", "Object Deleted"]
    (target,) = rule["Targets"]
    assert shown(target["Arn"]) == "${Objects.Arn}"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "${DeadLetters.Arn}"


WATCHED = {
    "ErrorsAlarm": ("AWS/ApiGateway", "5XXError"),
    "LatencyAlarm": ("AWS/Lambda", "Duration"),
    "FallbackAlarm": ("", "Fallback"),
    "SnapshotAgeAlarm": ("", "SnapshotAge"),
    "UntrustedAlarm": ("", "Untrusted"),
    "UndeliveredAlarm": ("", "UndeliveredEvents"),
    "StreamAlarm": ("AWS/Firehose", "DeliveryToS3.Success"),
    "DeadLettersAlarm": ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
    "BadObjectsAlarm": ("", "BadObjects"),
    "AccountingAlarm": ("", "AccountingMismatches"),
}
AT_ONE = {"UndeliveredAlarm", "DeadLettersAlarm", "BadObjectsAlarm", "AccountingAlarm"}


def test_alarms_are_these_ten_of_one_metric_each_and_so_cost_nothing(
    alarms: Template, system: Template, storage: Template
) -> None:
    found = alarms.of("AWS::CloudWatch::Alarm")
    own = {"Ref": "Namespace"}
    assert found.keys() == WATCHED.keys()
    assert len(found) <= 10
    for name, (namespace, metric) in WATCHED.items():
        assert (found[name]["Namespace"], found[name]["MetricName"]) == (namespace or own, metric)
        assert "Metrics" not in found[name], "CloudWatch bills by the metric"
    assert not system.of("AWS::CloudWatch::Alarm") | storage.of("AWS::CloudWatch::Alarm")


def test_an_alarm_tells_somebody_and_where_to_read_on(alarms: Template) -> None:
    for name, alarm in alarms.of("AWS::CloudWatch::Alarm").items():
        section = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        assert alarm["AlarmDescription"].endswith(f" docs/runbook.md#{section}")
        assert alarm["AlarmActions"] == alarm["OKActions"]
        assert alarm["TreatMissingData"] == "notBreaching"
        if name in AT_ONE:
            assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")


def test_alarms_watch_the_metrics_of_their_own_stack(system: Template) -> None:
    namespace = {"Fn::Sub": "OfferRanking/${AWS::StackName}"}
    assert system.of("AWS::CloudFormation::Stack")["Alarms"]["Parameters"]["Namespace"] == namespace
    for function in system.of("AWS::Lambda::Function").values():
        assert function["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"] == namespace


def test_what_merges_leave_behind_goes_a_day_after_its_deletion(storage: Template) -> None:
    rules = {one.get("Prefix"): one for one in storage.of(BUCKETS)["State"]["LifecycleConfiguration"]["Rules"]}
    assert rules["counts/"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    assert rules["counts/"]["ExpiredObjectDeleteMarker"]


@pytest.mark.parametrize("part", ["system", "storage"])
def test_two_stacks_fit_into_one_account(part: str, request: pytest.FixtureRequest) -> None:
    """No physical name is fixed: each is left to CloudFormation, or holds something of the stack."""
    template: Template = request.getfixturevalue(part)
    for resource in template.document["Resources"].values():
        own: dict[str, Any] = resource.get("Properties", {})
        assert not [name for name in PHYSICAL_NAMES & own.keys() if isinstance(own[name], str)], own
        if resource["Type"] in {"AWS::Scheduler::Schedule", "AWS::Events::Rule"}:
            assert "Name" not in own


def test_no_account_region_or_key_is_written_down(system: Template, storage: Template) -> None:
    for template in (system, storage):
        for _, value in pieces(template.document):
            assert not (isinstance(value, str) and (":000000000000:" in value or "us-east-1" in value))
