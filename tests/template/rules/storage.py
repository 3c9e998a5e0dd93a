"""What is remembered is encrypted, private, recoverable, and outlives the stack."""

from __future__ import annotations

from typing import Any

from tests.support.template import Templates
from tests.template.rules.rule import Problems, rule

TABLES, BUCKETS, QUEUES = "AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::SQS::Queue"
KEPT = (TABLES, BUCKETS, "AWS::CloudFormation::Stack", "AWS::Cognito::UserPool")
PASSING = {"Caps", "Alarms"}  # what they hold is of today, or nothing
KEY: dict[str, Any] = {"Fn::If": ["HasKmsKey", {"Ref": "KmsKeyArn"}, {"Ref": "AWS::NoValue"}]}
LEAST_WAIT = 60  # below it Firehose buffers by "zero buffering"
WAIT = {"Fn::If": ["HasEndpoint", "0", {"Ref": "DeliverySeconds"}]}
MAY_END = {"backfills/", "erasures/"}  # records of runs; nothing is counted or ranked by them


@rule
def what_is_remembered_outlives_the_stack(templates: Templates) -> Problems:
    for kind in KEPT:
        for attribute in ("DeletionPolicy", "UpdateReplacePolicy"):
            for name, kept in templates.attribute(kind, attribute).items():
                if name not in PASSING and kept != "Retain":
                    yield f"{name}: {attribute} {kept}"


@rule
def tables_are_encrypted_by_the_key_that_is_given(templates: Templates) -> Problems:
    for name, table in templates.of(TABLES).items():
        if table.get("SSESpecification") != {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": KEY}:
            yield f"{name}: {table.get('SSESpecification')}"


@rule
def tables_are_recoverable_and_not_deleted_by_mistake(templates: Templates) -> Problems:
    for name, table in templates.of(TABLES).items():
        is_recoverable = table.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled", False)
        if is_recoverable is (name in PASSING):
            yield f"{name}: recoverable {is_recoverable}, though whom an erasure looked for is to be forgotten"
        if name not in PASSING and not table.get("DeletionProtectionEnabled"):
            yield f"{name}: deletable"


@rule
def tables_cost_nothing_idle_and_forget_what_is_of_a_day(templates: Templates) -> Problems:
    for name, table in templates.of(TABLES).items():
        if table.get("BillingMode") != "PAY_PER_REQUEST":
            yield f"{name}: {table.get('BillingMode')}"
        expires = table.get("TimeToLiveSpecification")
        if name in {"Catalog", "Caps"} and expires != {"AttributeName": "expiresAt", "Enabled": True}:
            yield f"{name}: {expires}"


@rule
def buckets_are_private_and_their_owners(templates: Templates) -> Problems:
    for name, bucket in templates.of(BUCKETS).items():
        blocked = bucket.get("PublicAccessBlockConfiguration", {})
        if len(blocked) != 4 or not all(blocked.values()):
            yield f"{name}: {blocked}"
        if bucket.get("OwnershipControls") != {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}:
            yield f"{name}: {bucket.get('OwnershipControls')}"
        if bucket.keys() & {"AccessControl", "WebsiteConfiguration", "CorsConfiguration"}:
            yield f"{name}: is for others"


@rule
def buckets_are_versioned_and_keep_what_stands(templates: Templates) -> Problems:
    for name, bucket in templates.of(BUCKETS).items():
        if bucket.get("VersioningConfiguration") != {"Status": "Enabled"}:
            yield f"{name}: {bucket.get('VersioningConfiguration')}"
        for one in bucket.get("LifecycleConfiguration", {}).get("Rules", []):
            if one.get("Prefix") not in MAY_END and one.keys() & {"ExpirationInDays", "ExpirationDate"}:
                yield f"{name}: {one}"


@rule
def buckets_are_encrypted_by_the_key_that_is_given(templates: Templates) -> Problems:
    given = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": {"Ref": "KmsKeyArn"}}
    wanted = [
        {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": given},
        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}},
    ]
    for name, bucket in templates.of(BUCKETS).items():
        found = bucket.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
        if found != [{"Fn::If": ["HasKmsKey", *wanted]}]:
            yield f"{name}: {found}"


@rule
def buckets_log_who_reads_where_that_is_asked_for(templates: Templates) -> Problems:
    for name, bucket in templates.of(BUCKETS).items():
        condition, then, _ = bucket.get("LoggingConfiguration", {}).get("Fn::If", ["", {}, None])
        if (condition, then.get("DestinationBucketName")) != ("HasAccessLogs", {"Ref": "AccessLogsBucket"}):
            yield f"{name}: {condition} {then}"


@rule
def buckets_tell_of_their_objects(templates: Templates) -> Problems:
    told = templates.of(BUCKETS).get("Datasets", {}).get("NotificationConfiguration", {})
    if told.get("EventBridgeConfiguration") != {"EventBridgeEnabled": True}:
        yield f"Datasets: {told}"


@rule
def what_merges_leave_behind_goes_a_day_after_its_deletion(templates: Templates) -> Problems:
    rules = templates.of(BUCKETS)["State"]["LifecycleConfiguration"]["Rules"]
    (counts,) = [one for one in rules if one.get("Prefix") == "counts/"] or [{}]
    ends = (counts.get("NoncurrentVersionExpiration"), counts.get("ExpiredObjectDeleteMarker"))
    if ends != ({"NoncurrentDays": 1}, True):
        yield f"{counts}"


@rule
def queues_are_encrypted_by_the_key_that_is_given(templates: Templates) -> Problems:
    for name, queue in templates.of(QUEUES).items():
        if queue.get("SqsManagedSseEnabled") != {"Fn::If": ["HasKmsKey", {"Ref": "AWS::NoValue"}, True]}:
            yield f"{name}: {queue.get('SqsManagedSseEnabled')}"
        if queue.get("KmsMasterKeyId") != KEY:
            yield f"{name}: {queue.get('KmsMasterKeyId')}"


@rule
def logs_and_variables_are_encrypted_by_the_key_that_is_given(templates: Templates) -> Problems:
    for name, group in templates.of("AWS::Logs::LogGroup").items():
        if group.get("KmsKeyId") != KEY:
            yield f"{name}: {group.get('KmsKeyId')}"
    for name, function in templates.of("AWS::Lambda::Function").items():
        if function.get("KmsKeyArn") != KEY:
            yield f"{name}: {function.get('KmsKeyArn')}"


@rule
def who_gives_a_key_is_told_what_its_policy_must_let_services_do(templates: Templates) -> Problems:
    """Of events: docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html; of logs:
    docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html.
    """
    told = templates.system.document["Parameters"]["KmsKeyArn"]["Description"]
    by_service = {
        "events.amazonaws.com": ("kms:Decrypt", "kms:GenerateDataKey"),
        "logs.<region>.amazonaws.com": (
            "kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*",
        ),
    }  # fmt: skip
    for service, actions in by_service.items():
        of_it = told.partition(service)[2]
        yield from (f"{service}: {action}" for action in actions if action not in of_it)


@rule
def the_stream_is_encrypted_parts_by_dataset_and_says_what_fails(templates: Templates) -> Problems:
    for name, stream in templates.of("AWS::KinesisFirehose::DeliveryStream").items():
        to = stream["ExtendedS3DestinationConfiguration"]
        if "KeyType" not in stream.get("DeliveryStreamEncryptionConfigurationInput", {}):
            yield f"{name}: in the clear"
        if not to["Prefix"].startswith("datasets/!{partitionKeyFromQuery:dataset}/collected/"):
            yield f"{name}: {to['Prefix']}"
        if not to.get("CloudWatchLoggingOptions", {}).get("Enabled"):
            yield f"{name}: silent"


@rule
def a_stream_that_parts_by_dataset_waits_a_minute_at_least(templates: Templates) -> Problems:
    """Emulators deliver at once; on AWS "zero buffering feature is not available for dynamic partitioning".

    https://docs.aws.amazon.com/firehose/latest/dev/buffering.html
    """
    for name, stream in templates.of("AWS::KinesisFirehose::DeliveryStream").items():
        waits = stream["ExtendedS3DestinationConfiguration"]["BufferingHints"]["IntervalInSeconds"]
        given = templates.system.of("AWS::CloudFormation::Stack")["Storage"]["Parameters"].get("DeliverySeconds")
        if waits != {"Ref": "DeliverySeconds"} or given != WAIT:
            yield f"{name}: {waits}, as {given}"
    least = templates.system.document["Parameters"]["DeliverySeconds"].get("MinValue", 0)
    if least < LEAST_WAIT:
        yield f"DeliverySeconds: {least}"
