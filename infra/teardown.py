"""`make teardown STACK=name`: the stack goes, its data stays; with PURGE=1 that goes, too.

First it lists what goes and what stays, and asks; YES=1 is the answer beforehand. What is removed is found in three
ways, so that an interrupted run may begin again, and a purge may follow a teardown that kept the data: the resources
of the stack and of the stack nested in it; the tags that CloudFormation put on what it made; the log groups that
services made for them. Nothing is touched because of its name alone.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import cfn_flip
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from infra.redrive import STORAGE

_STACK = "AWS::CloudFormation::Stack"
_TAG = "aws:cloudformation:stack-name"
_POLL = {"Delay": 3, "MaxAttempts": 600}
# What the template retains, by the ARN that tags lead to.
_TAGGED = {
    r"arn:[^:]+:dynamodb:[^:]+:[^:]+:table/([^/]+)": "AWS::DynamoDB::Table",
    r"arn:[^:]+:s3:::([^/]+)": "AWS::S3::Bucket",
    r"arn:[^:]+:cognito-idp:[^:]+:[^:]+:userpool/(.+)": "AWS::Cognito::UserPool",
}
_GONE = {
    "ResourceNotFoundException", "NoSuchBucket", "NoSuchEntity", "NotFoundException", "ValidationError", "404",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that the stack made. `retained`: it stays when its stack is deleted."""

    kind: str
    name: str
    stack: str
    retained: bool

    def __str__(self) -> str:
        return f"{self.kind:<40}{self.name}"


@dataclass(frozen=True)
class Teardown:
    """Of one stack. `client` makes a client of a service by its name."""

    client: Callable[[str], Any]
    stack: str

    def resources(self) -> list[Resource]:
        """What there is of the stack: of itself, of those nested in it, and what an earlier teardown kept."""
        found = [one for stack in self._stacks() for one in self._of(stack)]
        known = {(one.kind, one.name) for one in found}
        # Looked at: tags lead to a thing for some minutes after it has gone.
        tagged = [one for one in self._tagged() if (one.kind, one.name) not in known and self._is_there(one)]
        return found + tagged

    def keep(self) -> None:
        """Delete the stack, and that which is nested in it; what they retain stays."""
        for stack in self._stacks():
            # Of the nested ones the storage's is there yet: the other retains it, so that no update can take it along.
            if self._is_there(Resource(_STACK, stack, self.stack, retained=True)):
                self._delete_stack(stack)

    def purge(self, resources: list[Resource]) -> None:
        """Delete the stacks, and then what they retained and left behind."""
        self.keep()  # first: nobody is to write any more into what is emptied
        removals: Mapping[str, Callable[[str], None]] = {
            "AWS::DynamoDB::Table": self._delete_table,
            "AWS::S3::Bucket": self._delete_bucket,
            "AWS::Cognito::UserPool": self._delete_user_pool,
            "AWS::IAM::Role": self._delete_logs_role,
        }
        for one in resources:
            if one.retained and one.kind in removals:
                with _unless_gone():
                    removals[one.kind](one.name)
        for name in self._log_groups(resources):
            with _unless_gone():
                self.client("logs").delete_log_group(logGroupName=name)

    def left(self, resources: list[Resource]) -> list[Resource]:
        """What is there now, of these and altogether. What CloudFormation says that it deleted is gone."""
        kept = [one for one in resources if one.retained and self._is_there(one)]
        known = {(one.kind, one.name) for one in kept}
        return kept + [one for one in self.resources() if (one.kind, one.name) not in known]

    # ---- What there is ----------------------------------------------------------------------------------------------

    def _stacks(self) -> list[str]:
        """The stack and those nested in it, as far as they are there, the outer one first."""
        with _unless_gone():
            self._described(self.stack)
            nested = [one.name for one in self._of(self.stack) if one.kind == _STACK]
            return [self.stack, *(one.split("/")[1] for one in nested)]
        pages = self.client("cloudformation").get_paginator("list_stacks").paginate()
        summaries = [one for page in pages for one in page["StackSummaries"]]
        return [
            one["StackName"] for one in summaries if one["StackStatus"] != "DELETE_COMPLETE" and self._is_nested(one)
        ]

    def _is_nested(self, summary: Mapping[str, Any]) -> bool:
        """Whether a stack was nested in ours, which is gone."""
        if "ParentId" in summary:
            return bool(summary["ParentId"].split("/")[1] == self.stack)
        return self._is_storage(summary["StackName"])

    def _is_storage(self, name: str) -> bool:
        """Whether CloudFormation names the nested stack of ours so."""
        return re.fullmatch(f"{re.escape(self.stack)}-{STORAGE}-[0-9A-Za-z-]{{8,16}}", name) is not None

    def _described(self, stack: str) -> Mapping[str, Any]:
        (one,) = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        if one["StackStatus"] == "DELETE_COMPLETE":
            raise ClientError({"Error": {"Code": "ValidationError"}}, "DescribeStacks")
        return dict(one)

    def _of(self, stack: str) -> Iterator[Resource]:
        cloudformation = self.client("cloudformation")
        body = cloudformation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
        template = cfn_flip.load(body)[0] if isinstance(body, str) else body
        for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
            for one in page["StackResourceSummaries"]:
                written = template["Resources"].get(one["LogicalResourceId"], {})
                retained = str(written.get("DeletionPolicy", "")).startswith("Retain")
                if name := one.get("PhysicalResourceId"):
                    yield Resource(one["ResourceType"], name, stack, retained)

    def _tagged(self) -> Iterator[Resource]:
        tagging = self.client("resourcegroupstaggingapi")
        for page in tagging.get_paginator("get_resources").paginate(TagFilters=[{"Key": _TAG}]):
            for one in page["ResourceTagMappingList"]:
                stack = next(tag["Value"] for tag in one["Tags"] if tag["Key"] == _TAG)
                if stack == self.stack or self._is_storage(stack):
                    for pattern, kind in _TAGGED.items():
                        if matched := re.fullmatch(pattern, one["ResourceARN"]):
                            yield Resource(kind, matched[1], stack, retained=True)

    def _is_there(self, one: Resource) -> bool:
        looks: Mapping[str, Callable[[str], Any]] = {
            _STACK: self._described,
            "AWS::DynamoDB::Table": lambda name: self.client("dynamodb").describe_table(TableName=name),
            "AWS::S3::Bucket": lambda name: self.client("s3").head_bucket(Bucket=name),
            "AWS::Cognito::UserPool": lambda name: self.client("cognito-idp").describe_user_pool(UserPoolId=name),
            "AWS::IAM::Role": lambda name: self.client("iam").get_role(RoleName=name),
        }
        with _unless_gone():
            return one.kind in looks and bool(looks[one.kind](one.name))
        return False

    def _log_groups(self, resources: list[Resource]) -> list[str]:
        """What services made, beside the groups of the template."""
        prefixes = {
            "AWS::Lambda::Function": "/aws/lambda/{}",
            "AWS::ApiGateway::RestApi": "API-Gateway-Execution-Logs_{}",
        }
        logs, found = self.client("logs"), []
        for one in resources:
            if one.kind in prefixes:
                prefix = prefixes[one.kind].format(one.name)
                for page in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix):
                    names = [group["logGroupName"] for group in page["logGroups"]]
                    found += [name for name in names if name == prefix or name.startswith(f"{prefix}/")]
        return found

    # ---- How it goes ------------------------------------------------------------------------------------------------

    def _delete_stack(self, stack: str) -> None:
        cloudformation = self.client("cloudformation")
        identifier = self._described(stack)["StackId"]  # by its name a deleted stack is not known
        cloudformation.delete_stack(StackName=stack)
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=identifier, WaiterConfig=_POLL)

    def _delete_table(self, name: str) -> None:
        dynamodb = self.client("dynamodb")
        if dynamodb.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
            dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=_POLL)
        dynamodb.delete_table(TableName=name)
        dynamodb.get_waiter("table_not_exists").wait(TableName=name, WaiterConfig=_POLL)

    def _delete_bucket(self, name: str) -> None:
        """A bucket goes only when no version of an object, no delete marker and no part of an upload is in it."""
        s3 = self.client("s3")
        while listed := _versions(s3.list_object_versions(Bucket=name)):  # not page by page: what is listed goes
            refused = s3.delete_objects(Bucket=name, Delete={"Objects": listed, "Quiet": True}).get("Errors", [])
            if refused:
                raise ClientError({"Error": refused[0]}, "DeleteObjects")
        for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
            for one in page.get("Uploads", []):
                s3.abort_multipart_upload(Bucket=name, Key=one["Key"], UploadId=one["UploadId"])
        s3.delete_bucket(Bucket=name)

    def _delete_user_pool(self, name: str) -> None:
        cognito = self.client("cognito-idp")
        if domain := cognito.describe_user_pool(UserPoolId=name)["UserPool"].get("Domain"):
            cognito.delete_user_pool_domain(Domain=domain, UserPoolId=name)
        cognito.update_user_pool(UserPoolId=name, DeletionProtection="INACTIVE")
        cognito.delete_user_pool(UserPoolId=name)

    def _delete_logs_role(self, name: str) -> None:
        """The role by which API Gateway writes logs, one for the account and region: unless others write by it."""
        gateway, iam = self.client("apigateway"), self.client("iam")
        used = gateway.get_account().get("cloudwatchRoleArn", "").endswith(f"/{name}")
        if used and any(page["items"] for page in gateway.get_paginator("get_rest_apis").paginate()):
            return
        if used:
            gateway.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": ""}])
        for one in iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=name, PolicyArn=one["PolicyArn"])
        iam.delete_role(RoleName=name)


def _versions(answer: Mapping[str, Any]) -> list[dict[str, str]]:
    found = [*answer.get("Versions", []), *answer.get("DeleteMarkers", [])]
    return [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found]


@contextmanager
def _unless_gone() -> Iterator[None]:
    """Passes over what says that a thing is not there."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise


def main() -> int:
    """List, ask, tear down, list what is left; the exit code is 0 when nothing is that was to go."""
    parser = argparse.ArgumentParser(prog="infra.teardown", description=__doc__)
    parser.add_argument("stack")
    parser.add_argument("--purge", action="store_true", help="also what the template retains: all data")
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    given = parser.parse_args()
    if not given.stack:
        parser.error("it needs the name of a stack: STACK=name")
    client: Callable[..., Any] = boto3.client
    teardown = Teardown(client, given.stack)
    try:
        resources = teardown.resources()
        stays = [one for one in resources if one.retained and one.kind != _STACK and not given.purge]
        goes = [one for one in resources if one not in stays]
        if not resources:
            print(f"There is nothing of a stack {given.stack}.")
            return 0
        _list("goes", goes)
        _list("stays", stays)
        if not given.yes and input(f"To go on, write the stack's name ({given.stack}): ") != given.stack:
            print("Nothing was done.")
            return 1
        if given.purge:
            teardown.purge(resources)
        else:
            teardown.keep()
        left = teardown.left(resources)
    except (BotoCoreError, ClientError, WaiterError) as error:
        print(f"Not all is gone: {error}. Run it again when that is mended.", file=sys.stderr)
        return 1
    _list("is left", left)
    return 1 if {one for one in left if one not in stays} else 0


def _list(verb: str, resources: list[Resource]) -> None:
    print(f"{len(resources) or 'nothing'} {verb}{':' if resources else ''}")
    for one in sorted(resources, key=str):
        print(f"  {one}")


if __name__ == "__main__":
    sys.exit(main())
