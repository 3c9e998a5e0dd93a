"""What is remembered is encrypted, private, recoverable, and outlives the stack; what fails is set aside and told."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.template import Template, pieces, shown

TABLES, BUCKETS, QUEUES = "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue"
PASSING = "Caps"  # what it holds is of today
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
        kept.pop(PASSING, None)
        assert kept
        assert set(kept.values()) == {"Retain"}


def test_tables_are_encrypted_recoverable_and_cost_nothing_idle(storage: Template) -> None:
    tables = storage.of(TABLES)
    caps = tables.pop(PASSING)
    assert caps["SSESpecification"]["SSEEnabled"]
    assert caps["BillingMode"] == "PAY_PER_REQUEST"
    assert caps["TimeToLiveSpecification"] == {"AttributeName": "expiresAt", "Enabled": True}
    assert tables.keys() == {"Catalog", "Ledger", "TokenKeys"}
    for table in tables.values():
        assert table["SSESpecification"]["SSEEnabled"]
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
            if rule.get("Prefix") != "backfills/":  # records of runs; nothing is counted or ranked by them
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
        assert shown(redrive["deadLetterTargetArn"]) == f"${{{name}Dlq.Arn}}"
    for name, queue in queues.items():
        assert queue["SqsManagedSseEnabled"], name
        if name.endswith("Dlq"):
            assert queue["MessageRetentionPeriod"] == FOURTEEN_DAYS


def test_the_rule_carries_creations_and_deletions_and_sets_aside_what_it_cannot_deliver(storage: Template) -> None:
    (rule,) = storage.of("AWS::Events::Rule").values()
    assert rule["EventPattern"]["source"] == ["aws.s3"]
    assert rule["EventPattern"]["detail-type"] == ["Object Created", "Object Deleted"]
    (target,) = rule["Targets"]
    assert shown(target["Arn"]) == "${Objects.Arn}"
    assert shown(target["DeadLetterConfig"]["Arn"]) == "${DatasetEventsDlq.Arn}"


def alarms(storage: Template, namespace: str) -> list[dict[str, Any]]:
    """Those that one happening sets off."""
    found = [one for one in storage.of("AWS::CloudWatch::Alarm").values() if one["Namespace"] == namespace]
    for alarm in found:
        assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (1, "GreaterThanOrEqualToThreshold")
        assert alarm["TreatMissingData"] == "notBreaching"
        assert alarm["AlarmActions"]
    return found


def test_one_message_set_aside_is_an_alarm(storage: Template) -> None:
    watched = alarms(storage, "AWS/SQS")
    assert {alarm["MetricName"] for alarm in watched} == {"ApproximateNumberOfMessagesVisible"}
    queues = {shown(alarm["Dimensions"][0]["Value"]).removeprefix("${").partition(".")[0] for alarm in watched}
    assert queues == {name for name in storage.of(QUEUES) if name.endswith("Dlq")}


def test_one_bad_object_an_account_that_does_not_add_up_and_one_lost_event_are_alarms(
    storage: Template, system: Template
) -> None:
    watched = {alarm["MetricName"]: alarm["Dimensions"] for alarm in alarms(storage, "OfferRanking")}
    refresh, collect = ([{"Name": "service", "Value": name}] for name in ("refresh_rankings", "collect_events"))
    assert watched == {"BadObjects": refresh, "AccountingMismatches": refresh, "UndeliveredEvents": collect}
    for function in system.of("AWS::Lambda::Function").values():
        assert function["Environment"]["Variables"]["POWERTOOLS_METRICS_NAMESPACE"] == "OfferRanking"


def test_alarms_are_no_more_than_cost_nothing(storage: Template, system: Template) -> None:
    assert len(storage.of("AWS::CloudWatch::Alarm") | system.of("AWS::CloudWatch::Alarm")) <= 10


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
