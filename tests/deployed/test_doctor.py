"""`make doctor`: what keeps the events of a bucket from being counted is named, with the command that mends it.

Each test makes one thing wrong of a bucket that is right, and runs the command where it can be run here.
"""

from __future__ import annotations

import json
import shlex
import uuid
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.doctor import __main__ as doctor
from infra.doctor.bucket import Bucket
from infra.doctor.checks import look
from infra.doctor.finding import Finding, Health
from infra.doctor.place import Place
from infra.local.template import REGION
from tests.support.doctor import option
from tests.support.stack import LISTED, ROOT_KEYS, Stack, eventually, made

PREFIX = "shop/"


@pytest.fixture
def place(stack: Stack) -> Place:
    return Place(stack.client, "offers")


@pytest.fixture
def bucket(stack: Stack) -> Iterator[str]:
    """A bucket that is as it should be, empty, and without a dataset."""
    s3 = stack.client("s3")
    s3.create_bucket(Bucket=LISTED)
    everything = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    s3.put_public_access_block(Bucket=LISTED, PublicAccessBlockConfiguration=everything)
    owned = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    s3.put_bucket_ownership_controls(Bucket=LISTED, OwnershipControls=owned)
    s3.put_bucket_notification_configuration(Bucket=LISTED, NotificationConfiguration={"EventBridgeConfiguration": {}})
    yield LISTED
    for one in s3.list_objects_v2(Bucket=LISTED).get("Contents", []):
        s3.delete_object(Bucket=LISTED, Key=one["Key"])
    s3.delete_bucket(Bucket=LISTED)


@pytest.fixture
def dataset(stack: Stack, admin: str, bucket: str) -> Iterator[dict[str, Any]]:
    new = {"name": str(uuid.uuid4()), "schema": "experience-event-proposition-interactions"}
    body = new | {"bucket": bucket, "prefix": PREFIX}
    created = made(stack.call("POST", "/datasets", body, token=admin), 201)
    yield created
    path, etag = f"/datasets/{created['id']}", f'"{created["version"]}"'
    assert stack.call("DELETE", path, token=admin, headers={"If-Match": etag}).status_code == 204


def found(stack: Stack, place: Place | None, bucket: str = LISTED, prefix: str | None = PREFIX) -> list[Finding]:
    return list(look(Bucket(stack.client("s3"), bucket, prefix), place))


def wrong(stack: Stack, place: Place | None, about: str, **more: Any) -> list[Finding]:
    """What is wrong of one thing. Nothing else may be, but that there is no object yet."""
    findings = [one for one in found(stack, place, **more) if one.health is not Health.OK]
    assert {one.about for one in findings} <= {about, "prefix"}, findings
    return [one for one in findings if one.about == about]


def put(stack: Stack, bucket: str, key: str, **more: Any) -> None:
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=b'{"eventType": "page.view"}\n', **more)


def test_of_a_bucket_that_is_as_it_should_be_nothing_is_wrong(stack: Stack, place: Place, bucket: str) -> None:
    put(stack, bucket, f"{PREFIX}one.json")
    findings = found(stack, place)
    assert {one.health for one in findings} == {Health.OK}, findings
    assert [one.about for one in findings] == [
        "region", "permission", "policy", "key", "events", "access", "ownership", "rule",
    ]  # fmt: skip


def test_a_bucket_that_is_not_there_is_told_and_nothing_more(stack: Stack, place: Place) -> None:
    (finding,) = found(stack, place, bucket="no-such-bucket")
    assert (finding.health, finding.mend) == (Health.WRONG, "aws s3 mb s3://no-such-bucket")


def test_a_bucket_that_does_not_tell_eventbridge_is_told_to(stack: Stack, place: Place, bucket: str) -> None:
    s3 = stack.client("s3")
    queue = stack.client("sqs").create_queue(QueueName="another")["QueueUrl"].rpartition("/")[2]
    arn = f"arn:aws:sqs:{REGION}:000000000000:{queue}"
    others = {"QueueConfigurations": [{"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=others)
    (finding,) = wrong(stack, place, "events")
    configuration = option(finding.mend, "--notification-configuration")
    assert configuration["QueueConfigurations"][0]["Id"] == "theirs", "what others have set up there stays"
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=configuration)
    assert not wrong(stack, place, "events")


def test_a_statement_of_the_buckets_policy_that_denies_is_named_and_gets_an_exception(
    stack: Stack, place: Place, bucket: str
) -> None:
    s3 = stack.client("s3")
    arn = f"arn:aws:s3:::{bucket}"
    tls = {
        "Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }  # fmt: skip
    few = {"Sid": "FewOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{arn}/*",
           "Condition": {"StringNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/loader"}}}  # fmt: skip
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [tls, few]}))
    (finding,) = wrong(stack, place, "policy")
    assert finding.says == "the statement FewOnly denies s3:GetObject"
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(option(finding.mend, "--policy")))
    assert not wrong(stack, place, "policy")


def test_a_statement_that_depends_on_what_nobody_knows_here_is_called_unknown(
    stack: Stack, place: Place, bucket: str
) -> None:
    inside = {"Sid": "Inside", "Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket",
              "Resource": f"arn:aws:s3:::{bucket}",
              "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}  # fmt: skip
    stack.client("s3").put_bucket_policy(
        Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [inside]})
    )
    (finding,) = wrong(stack, place, "policy")
    assert (finding.health, finding.says.rpartition(" ")[2]) == (Health.UNKNOWN, "aws:SourceVpce")


def test_a_bucket_of_another_account_must_let_the_role_in(stack: Stack, place: Place) -> None:
    theirs = boto3.client(
        "s3", endpoint_url=stack.emulator.endpoint, region_name=REGION,
        aws_access_key_id="222222222222", aws_secret_access_key=ROOT_KEYS["AWS_SECRET_ACCESS_KEY"],
    )  # fmt: skip
    theirs.create_bucket(Bucket=LISTED)
    try:
        asked = Bucket(theirs, LISTED, PREFIX)
        asked.ours = False  # the emulator lists what an account has, and theirs are the clients here
        (denied,) = [one for one in look(asked, place) if one.about == "policy"]
        assert "not let the role s3:ListBucket; " in denied.says
        theirs.put_bucket_policy(Bucket=LISTED, Policy=json.dumps(option(denied.mend, "--policy")))
        after = list(look(asked, place))
        assert [one.health for one in after if one.about == "policy"] == [Health.OK]
        assert "another account" in next(one.says for one in after if one.about == "rule" and one.health != "ok")
    finally:
        theirs.delete_bucket(Bucket=LISTED)


def test_a_bucket_that_could_become_public_is_closed(stack: Stack, place: Place, bucket: str) -> None:
    stack.client("s3").delete_public_access_block(Bucket=bucket)
    (finding,) = wrong(stack, place, "access")
    assert finding.mend.endswith(
        "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true"
    )


def test_objects_that_may_belong_to_others_are_told(stack: Stack, place: Place, bucket: str) -> None:
    stack.client("s3").delete_bucket_ownership_controls(Bucket=bucket)
    (finding,) = wrong(stack, place, "ownership")
    assert "BucketOwnerEnforced" in finding.mend


def test_a_bucket_in_another_region_is_told(stack: Stack, place: Place) -> None:
    s3 = stack.client("s3")
    s3.create_bucket(Bucket="far-away", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    finding = next(one for one in found(stack, place, bucket="far-away") if one.about == "region")
    assert (finding.health, "--source-region eu-west-1" in finding.mend) == (Health.WRONG, True)
    s3.delete_bucket(Bucket="far-away")


def test_a_bucket_that_the_stack_does_not_list_is_told_with_the_parameter(stack: Stack, place: Place) -> None:
    stack.client("s3").create_bucket(Bucket="not-listed")
    finding = next(one for one in found(stack, place, bucket="not-listed") if one.about == "permission")
    words = shlex.split(finding.mend)
    one_more = f"ParameterKey=DatasetBucketArns,ParameterValue=arn:aws:s3:::{LISTED}\\,arn:aws:s3:::not-listed"
    assert one_more in words
    assert "ParameterKey=AwsEndpointUrl,UsePreviousValue=true" in words
    stack.client("s3").delete_bucket(Bucket="not-listed")


def test_a_role_that_may_not_read_is_told(stack: Stack, place: Place, bucket: str) -> None:
    iam, role = stack.client("iam"), place.role.rpartition("/")[2]
    deny = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(RoleName=role, PolicyName="denied", PolicyDocument=document)
    try:
        (finding,) = wrong(stack, place, "permission")
    finally:
        iam.delete_role_policy(RoleName=role, PolicyName="denied")
    assert finding.says == "the role may not s3:GetObject: a policy of it denies it"


@pytest.fixture
def key(stack: Stack, bucket: str) -> str:
    """A customer's key, with which what is put into the bucket is encrypted."""
    arn = str(stack.client("kms").create_key()["KeyMetadata"]["Arn"])
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]}
    stack.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    return arn


def test_a_key_that_the_role_may_not_use_is_told_with_the_parameter(stack: Stack, place: Place, key: str) -> None:
    (finding,) = wrong(stack, place, "key")
    assert f"ParameterKey=DatasetKmsKeyArns,ParameterValue={key}" in finding.mend


def test_a_key_whose_policy_lets_nobody_in_gets_a_grant(stack: Stack, place: Place, key: str) -> None:
    kms = stack.client("kms")
    admins = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
              "Action": ["kms:Describe*", "kms:Get*", "kms:List*", "kms:Put*", "kms:CreateGrant"],
              "Resource": "*"}  # fmt: skip
    document = json.dumps({"Version": "2012-10-17", "Statement": [admins]})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=document)
    (finding,) = wrong(stack, place, "key")
    assert finding.mend.startswith(f"aws kms create-grant --key-id {key} --region {REGION}")
    kms.create_grant(KeyId=key, GranteePrincipal=place.role, Operations=["Decrypt"])
    assert not wrong(stack, place, "key")


def test_a_key_whose_policy_denies_is_told(stack: Stack, place: Place, key: str) -> None:
    kms = stack.client("kms")
    policy = json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
    deny = {"Effect": "Deny", "Principal": {"AWS": place.role}, "Action": "kms:Decrypt", "Resource": "*"}
    for condition, health in (({}, "wrong"), ({"Condition": {"StringEquals": {"aws:SourceVpc": "v"}}}, "unknown")):
        changed = {**policy, "Statement": [*policy["Statement"], deny | condition]}
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(changed))
        (finding,) = wrong(stack, place, "key")
        assert (finding.health, "den" in finding.says) == (health, True)


@pytest.mark.parametrize(("does", "command"), [("disable_key", "enable-key"), ("schedule_key_deletion", "cancel")])
def test_a_key_that_is_off_is_told(stack: Stack, place: Place, key: str, does: str, command: str) -> None:
    getattr(stack.client("kms"), does)(KeyId=key)
    (finding,) = wrong(stack, place, "key")
    assert command in finding.mend


def test_a_rule_that_is_off_is_told(stack: Stack, place: Place, bucket: str) -> None:  # noqa: ARG001 - is there
    events = stack.client("events")
    events.disable_rule(Name=place.rule)
    try:
        (finding,) = wrong(stack, place, "rule")
        assert finding.mend == f"aws events enable-rule --name {place.rule}"
    finally:
        events.enable_rule(Name=place.rule)


def test_an_empty_prefix_and_a_bucket_without_a_dataset_are_told(stack: Stack, place: Place, bucket: str) -> None:
    (finding,) = wrong(stack, place, "prefix", prefix="Shop/")
    assert finding.mend == f"aws s3 cp FOLDER s3://{bucket}/Shop/ --recursive"
    (finding,) = wrong(stack, place, "prefix", prefix=None)
    assert finding.says.startswith("no dataset lies in this bucket")


def test_a_prefix_that_overlaps_that_of_a_dataset_is_told(stack: Stack, place: Place, dataset: dict[str, Any]) -> None:
    put(stack, LISTED, f"{PREFIX}new/one.json")
    says = [one.says for one in found(stack, place, prefix=f"{PREFIX}new/") if "overlaps" in one.says]
    assert says == [f"{PREFIX}new/ overlaps {PREFIX} of the dataset {dataset['id']}: no event may be in two"]


def test_objects_that_are_not_counted_are_told_one_by_one(stack: Stack, place: Place, dataset: dict[str, Any]) -> None:
    s3 = stack.client("s3")
    put(stack, LISTED, f"{PREFIX}good.json")
    s3.put_object(Bucket=LISTED, Key=f"{PREFIX}bad.json.gz", Body=b"\x1f\x8b no gzip")
    put(stack, LISTED, f"{PREFIX}_SUCCESS")
    told = eventually(
        lambda: [one for one in found(stack, place, prefix=None) if one.about == "objects"],
        lambda findings: not any("yet" in one.says for one in findings),
        seconds=90,
    )
    assert [(one.health, one.says.partition(":")[0]) for one in told] == [
        (Health.OK, f"1 are passed over by their names (_, ., manifest), such as {PREFIX}_SUCCESS"),
        (Health.WRONG, f"{PREFIX}bad.json.gz counts as nothing"),
    ]
    told_to = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=LISTED, NotificationConfiguration={})
    put(stack, LISTED, f"{PREFIX}unheard.json")
    put(stack, LISTED, f"{PREFIX}frozen.json", StorageClass="GLACIER")
    put(stack, LISTED, f"{PREFIX}good.json", StorageClass="GLACIER")  # as a lifecycle does: it was counted before
    s3.put_bucket_notification_configuration(Bucket=LISTED, NotificationConfiguration=told_to)
    says = {one.says: one.mend for one in found(stack, place, prefix=None) if one.about == "objects"}
    unheard = f"1 of the first 5 below {PREFIX} are not counted yet, as {PREFIX}unheard.json"
    assert f"/datasets/{dataset['id']}/backfills" in says[unheard]
    assert "restore-object" in says[f"{PREFIX}frozen.json is archived, and cannot be read"]
    assert f"{PREFIX}good.json is archived, and cannot be read" not in says


def test_what_the_caller_may_not_look_at_is_called_unknown(stack: Stack, place: Place, bucket: str) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetBucketPolicy")

    s3 = stack.client("s3")
    s3.meta.events.register("before-call.s3.GetBucketPolicy", refuse)
    findings = [one for one in look(Bucket(s3, bucket, PREFIX), place) if one.about == "policy"]
    assert [one.health for one in findings] == [Health.UNKNOWN]
    assert findings[0].says.startswith("GetBucketPolicy was refused; looking at it needs s3:GetBucketPolicy, ")


def test_without_a_stack_the_bucket_alone_is_looked_at(stack: Stack, bucket: str) -> None:  # noqa: ARG001 - is there
    assert [one.about for one in found(stack, None)] == ["events", "access", "ownership"]


def test_the_command_ends_with_1_when_anything_is_wrong(
    stack: Stack, bucket: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (
        ROOT_KEYS | {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": stack.emulator.endpoint}
    ).items():
        monkeypatch.setenv(name, value)
    command = ["doctor", bucket, "--stack", "offers", "--prefix", PREFIX]
    monkeypatch.setattr("sys.argv", command)
    assert doctor.main() == 1
    put(stack, bucket, f"{PREFIX}one.json")
    assert doctor.main() == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("ok      rule")
    monkeypatch.setattr("sys.argv", [*command, "--stack", "no-such-stack"])
    assert doctor.main() == 1
    assert f"there is no stack no-such-stack in {REGION}" in capsys.readouterr().out
