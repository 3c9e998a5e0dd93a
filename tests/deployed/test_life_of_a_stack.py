"""A second stack beside the first is filled, deployed over, and taken down, while the first stays as it is."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from infra import teardown
from infra.local.template import REGION
from infra.redrive import storage_outputs
from infra.teardown import Resource, Teardown
from offer_ranking.events.token import verify
from offer_ranking.storage.token_keys import KeyRing
from tests.support.stack import ROOT_KEYS, Stack, asking, eventually, live_model, made
from tests.support.system import display

OFFERS = [{"id": offer} for offer in ("apple", "banana")]
NAME, BRIEF = "beside", "brief"


@pytest.fixture(scope="module")
def beside(stack: Stack) -> Stack:
    return stack.beside(NAME)


def physical(stack: Stack) -> dict[str, str]:
    """The names of tables, buckets and queues, by their outputs."""
    return dict(storage_outputs(stack.client("cloudformation"), stack.name))


def test_a_deployment_over_another_keeps_data_and_tokens_and_answers_meanwhile(beside: Stack) -> None:
    """Functions first, then the storage: MiniStack cannot update a nested stack through its parent.

    (It forgets the attributes of what does not change there, and fails; so the nested one is updated by itself.)
    """
    admin, ranker = beside.token("Admin"), beside.token("Ranker")
    dataset, model = live_model(beside, admin, "kept")
    path = f"/models/{model['id']}"
    line = json.dumps(display("banana")).encode()
    beside.client("s3").put_object(Bucket=dataset["bucket"], Key=f"{dataset['prefix']}one.json", Body=line)

    def read() -> httpx.Response:
        return beside.call("GET", path, token=admin)

    def ask() -> httpx.Response:
        return beside.call("POST", f"{path}/rankings", {"offers": OFFERS}, token=ranker)

    def rank() -> Any:
        return made(ask(), 200)

    before = eventually(rank, lambda ranking: ranking["source"] == "fresh", seconds=90)
    report = made(beside.call("GET", f"{path}/report?days=all", token=admin), 200)["totals"]
    assert report["impressions"] == 1
    names, etag = physical(beside), read().headers["ETag"]

    with asking(read, ask) as statuses:
        asked = len(eventually(lambda: statuses, lambda seen: len(seen) >= 4, seconds=30))
        beside.changed(InteractsPerSource="7", EdgeBurst="2001", OidcConsoleScopes="openid email")
        nested = beside.client("cloudformation").describe_stack_resource(StackName=NAME, LogicalResourceId="Storage")
        child = Stack(beside.emulator, nested["StackResourceDetail"]["PhysicalResourceId"].split("/")[1])
        child.changed(LogRetentionDays="7")
        eventually(lambda: len(statuses), lambda seen: seen >= asked + 8, seconds=60)

    assert set(statuses) == {200}, "both releases answer while one takes over from the other"
    assert beside.environment("CollectEvents")["INTERACTS_PER_SOURCE"] == "7"
    assert physical(beside) == names
    assert read().headers["ETag"] == etag
    assert made(beside.call("GET", f"{path}/report?days=all", token=admin), 200)["totals"] == report
    after = rank()
    assert (after["source"], after["snapshot"]["version"]) == ("fresh", before["snapshot"]["version"])
    token = before["proposition"]["scopeDetails"]["characteristics"]["eventToken"]
    keys = KeyRing(beside.client("dynamodb"), beside.outputs["TokenKeysTable"]).keys()
    assert keys is not None
    assert verify(token, keys).model == model["id"]


def run(stack: Stack, name: str, *options: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        settings = ROOT_KEYS | {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": stack.emulator.endpoint}
        for variable, value in settings.items():
            patch.setenv(variable, value)
        patch.setattr("sys.argv", ["teardown", name, *options])
        return teardown.main()


def whole(stack: Stack) -> list[Resource]:
    return Teardown(stack.client, stack.name).resources()


def names(stack: Stack) -> Iterator[str]:
    """Of all that there is, service by service."""
    client, paged = stack.client, lambda service, call: stack.client(service).get_paginator(call).paginate()
    yield from client("dynamodb").list_tables()["TableNames"]
    yield from (one["FunctionName"] for page in paged("lambda", "list_functions") for one in page["Functions"])
    yield from (one["LayerName"] for one in client("lambda").list_layers()["Layers"])
    yield from (one["Name"] for one in client("s3").list_buckets()["Buckets"])
    yield from client("sqs").list_queues()["QueueUrls"]
    yield from (one["logGroupName"] for page in paged("logs", "describe_log_groups") for one in page["logGroups"])
    yield from (one["RoleName"] for page in paged("iam", "list_roles") for one in page["Roles"])
    yield from (one["Name"] for one in client("events").list_rules()["Rules"])
    yield from (one["Name"] for page in paged("scheduler", "list_schedules") for one in page["Schedules"])
    yield from (one["AlarmName"] for page in paged("cloudwatch", "describe_alarms") for one in page["MetricAlarms"])
    yield from client("firehose").list_delivery_streams()["DeliveryStreamNames"]
    yield from (one["Name"] for one in client("cognito-idp").list_user_pools(MaxResults=60)["UserPools"])
    yield from (one["name"] for one in client("apigateway").get_rest_apis(limit=500)["items"])
    yield from (one["name"] for one in client("stepfunctions").list_state_machines()["stateMachines"])
    yield from (one["Name"] for one in client("ssm").describe_parameters()["Parameters"])
    for one in client("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"]:
        yield one["ResourceARN"]


def of(name: str, stack: Stack) -> list[str]:
    """What has the stack's name in its own, wherever; not the tags of what is gone, which MiniStack keeps."""
    there = set(names(stack))
    return sorted(one for one in there if name in one.lower() and not one.startswith("arn:aws:dynamodb"))


def test_a_teardown_that_is_not_confirmed_does_nothing(
    beside: Stack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = whole(beside)
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    assert run(beside, NAME) == 1
    assert capsys.readouterr().out.endswith("Nothing was done.\n")
    assert whole(beside) == before


def test_a_teardown_keeps_the_data_and_a_purge_after_it_leaves_nothing(
    stack: Stack, beside: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    first, outputs = whole(stack), physical(beside)
    kept = [outputs[one] for one in ("CatalogName", "LedgerName", "TokenKeysName", "DatasetsName", "StateName")]
    kept.append(beside.outputs["UserPoolId"])
    s3 = stack.client("s3")
    for bucket in ("DatasetsName", "StateName"):  # as CloudFormation does on AWS
        tag = {"Key": "aws:cloudformation:stack-name", "Value": outputs["CatalogName"].partition("-Catalog-")[0]}
        s3.put_bucket_tagging(Bucket=outputs[bucket], Tagging={"TagSet": [tag]})

    assert run(stack, NAME, "--yes") == 0
    told = capsys.readouterr().out
    assert all(name in told.partition(" stays:")[2].partition(" is left:")[0] for name in kept)
    assert stack.client("dynamodb").scan(TableName=outputs["CatalogName"])["Count"] > 0
    assert s3.list_objects_v2(Bucket=outputs["DatasetsName"])["KeyCount"] == 1
    assert not [one for one in of(NAME, stack) if not any(name in one for name in [*kept, "UserPool"])]
    assert whole(stack) == first

    assert run(stack, NAME, "--purge", "--yes") == 0
    assert capsys.readouterr().out.endswith("nothing is left\n")
    assert of(NAME, stack) == []
    assert run(stack, NAME, "--purge", "--yes") == 0
    assert capsys.readouterr().out == f"There is nothing of a stack {NAME}.\n"
    assert whole(stack) == first
    assert made(stack.call("GET", "/health"), 200)["status"] == "ok"


def test_a_purge_takes_every_version_and_what_services_left_behind_and_nothing_of_another_stack(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    brief = stack.beside(BRIEF)
    first, outputs = whole(stack), physical(brief)
    s3, logs = stack.client("s3"), stack.client("logs")
    for n in range(6):
        s3.put_object(Bucket=outputs["StateName"], Key=str(n % 2), Body=b"")
    s3.delete_object(Bucket=outputs["StateName"], Key="0")
    s3.create_multipart_upload(Bucket=outputs["StateName"], Key="upload")
    (function,) = [one.name for one in whole(brief) if "RankOffers-" in one.name and one.kind.endswith("::Function")]
    logs.create_log_group(logGroupName=f"/aws/lambda/{function}")
    logs.create_log_group(logGroupName=f"/aws/lambda/{function}-of-others")
    try:
        assert run(stack, BRIEF, "--purge", "--yes") == 0
        assert capsys.readouterr().out.endswith("nothing is left\n")
        assert of(BRIEF, stack) == [f"/aws/lambda/{function}-of-others"]
        listed = stack.client("cloudformation").list_stacks()["StackSummaries"]
        assert {one["StackStatus"] for one in listed if BRIEF in one["StackName"]} == {"DELETE_COMPLETE"}
    finally:
        logs.delete_log_group(logGroupName=f"/aws/lambda/{function}-of-others")
    assert whole(stack) == first


def test_a_stack_that_may_not_be_deleted_is_told(stack: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    cloudformation = stack.client("cloudformation")
    empty = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    name = f"guarded-{uuid.uuid4()}"
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(empty), EnableTerminationProtection=True)
    assert run(stack, name, "--yes") == 1
    assert "TerminationProtection is enabled" in capsys.readouterr().err
    cloudformation.update_termination_protection(StackName=name, EnableTerminationProtection=False)
    assert run(stack, name, "--yes") == 0


def test_the_role_for_logs_stays_while_another_api_is_there(stack: Stack) -> None:
    (role,) = [one.name for one in whole(stack) if "ApiAccountRole" in one.name]
    Teardown(stack.client, stack.name)._delete_logs_role(role)
    assert stack.client("iam").get_role(RoleName=role)["Role"]["RoleName"] == role


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("shop-Storage-1A2B3C4D5E6F", True),
        ("shop-Storage", False),
        ("shop2-Storage-1A2B3C4D5E6F", False),
        ("my-shop-Storage-1A2B3C4D5E6F", False),
    ],
)
def test_the_tags_of_another_stack_lead_nowhere(stack: Stack, name: str, ours: bool) -> None:
    assert Teardown(stack.client, "shop")._is_storage(name) is ours
    parent = {"StackName": name, "ParentId": "arn:aws:cloudformation:us-east-1:1:stack/other/1"}
    assert not Teardown(stack.client, "shop")._is_nested(parent)


def test_a_version_that_cannot_be_deleted_is_told(stack: Stack) -> None:
    class Locked:
        def list_object_versions(self, **_: Any) -> Any:
            return {"Versions": [{"Key": "a", "VersionId": "1"}]}

        def delete_objects(self, **_: Any) -> Any:
            return {"Errors": [{"Code": "AccessDenied", "Message": "it is locked"}]}

    with pytest.raises(ClientError, match="it is locked"):
        Teardown(lambda _: Locked(), stack.name)._delete_bucket("locked")
