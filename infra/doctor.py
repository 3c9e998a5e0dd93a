"""`make doctor BUCKET=name [STACK=name] [PREFIX=path/]`: why a bucket's events are not counted, and how to mend it.

It asks what the role of refresh_rankings may do, not what the caller may: of the role's own policies IAM's simulator,
which knows permissions boundaries and the organization's rules; of the bucket and its keys their policies and grants.
What depends on a request's circumstances (its VPC endpoint, tags), or what the caller may not look at, it calls
unknown. A deny that sits elsewhere, such as in the policy of a VPC endpoint, cannot be seen from outside.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra import statements
from infra.redrive import STORAGE
from infra.statements import Applies, Asked
from offer_ranking.catalog.dataset import Dataset
from offer_ranking.counting.ledger import State
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.ledger import DynamoLedger

_SAMPLE = 1000  # objects of a prefix that are compared with the ledger: one page
_LOOKED_AT = 5  # objects whose keys and owners are looked at
_ARCHIVED = {"GLACIER", "DEEP_ARCHIVE"}
_DENIED = {"AccessDenied", "AccessDeniedException", "403", "UnauthorizedOperation"}
_PUBLIC_ACCESS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Health(StrEnum):
    """What a look at one thing gave."""

    OK = "ok"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line. `mend`: the command that mends what is wrong."""

    health: Health
    about: str
    says: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.health:<8}{self.about:<12}{self.says}" + (f"  ->  {self.mend}" if self.mend else "")


def ok(about: str, says: str) -> Finding:
    return Finding(Health.OK, about, says)


def wrong(about: str, says: str, mend: str) -> Finding:
    return Finding(Health.WRONG, about, says, mend)


def unknown(about: str, says: str, mend: str = "") -> Finding:
    return Finding(Health.UNKNOWN, about, says, mend)


@dataclass(frozen=True)
class Place:
    """The deployed stack: what of it a bucket has to fit."""

    client: Callable[[str], Any]
    stack: str

    @cached_property
    def described(self) -> Mapping[str, Any]:
        (one,) = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return dict(one)

    @cached_property
    def parameters(self) -> dict[str, str]:
        return {one["ParameterKey"]: one["ParameterValue"] for one in self.described["Parameters"]}

    @cached_property
    def outputs(self) -> dict[str, str]:
        return {one["OutputKey"]: one["OutputValue"] for one in self.described["Outputs"]}

    @property
    def region(self) -> str:
        return str(self.described["StackId"]).split(":")[3]

    @cached_property
    def role(self) -> str:
        """The ARN of the role that reads objects."""
        name = self._physical(self.stack, "RefreshRankingsRole")
        return str(self.client("iam").get_role(RoleName=name)["Role"]["Arn"])

    @cached_property
    def rule(self) -> str:
        """The name of the rule that hears of objects."""
        return self._physical(self._physical(self.stack, STORAGE), "DatasetEvents").rpartition("/")[2]

    def listed(self, parameter: str) -> list[str]:
        """The values of a parameter that is a list."""
        return [one.strip() for one in self.parameters.get(parameter, "").split(",") if one.strip()]

    def with_one_more(self, parameter: str, value: str) -> str:
        """The command that adds a value to a parameter that is a list, and leaves the others."""
        values = "\\,".join([*self.listed(parameter), value])
        kept = [f"ParameterKey={one},UsePreviousValue=true" for one in self.parameters if one != parameter]
        given = " ".join(shlex.quote(one) for one in [f"ParameterKey={parameter},ParameterValue={values}", *kept])
        rights = "--capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
        return (
            f"aws cloudformation update-stack --stack-name {self.stack} --use-previous-template {rights} "
            f"--parameters {given}"
        )

    def _physical(self, stack: str, logical: str) -> str:
        found = self.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId=logical)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])


@dataclass
class Doctor:
    """Looks at one bucket. `prefix`: where a dataset is to be created, if there is none yet."""

    client: Callable[[str], Any]
    bucket: str
    place: Place | None = None
    prefix: str | None = None
    _region: str = ""
    _objects: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def look(self) -> Iterator[Finding]:
        """All findings; the first wrong one may be the cause of later ones."""
        try:
            answer = self.client("s3").head_bucket(Bucket=self.bucket)
            self._region = answer["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", "")
        except ClientError as error:
            if error.response["Error"]["Code"] in {"404", "NoSuchBucket"}:
                yield wrong("bucket", f"there is no bucket {self.bucket}", f"aws s3 mb s3://{self.bucket}")
                return
            self._region = error.response["ResponseMetadata"]["HTTPHeaders"].get("x-amz-bucket-region", "")
        checks: list[tuple[str, str, Callable[[], Iterator[Finding]]]] = [
            ("events", "s3:GetBucketNotification", self._notifications),
            ("access", "s3:GetBucketPublicAccessBlock", self._public_access),
            ("ownership", "s3:GetBucketOwnershipControls, s3:ListBucket", self._ownership),
        ]
        if self.place is not None:
            checks = [
                ("region", "cloudformation:DescribeStacks", self._regions),
                ("permission", "iam:SimulatePrincipalPolicy, iam:GetRole", self._permission),
                ("policy", "s3:GetBucketPolicy", self._policy),
                ("key", "s3:GetEncryptionConfiguration, kms:DescribeKey, kms:GetKeyPolicy, kms:ListGrants", self._keys),
                *checks,
                ("rule", "events:DescribeRule", self._rule),
                ("prefix", "s3:ListBucket, dynamodb:Query, dynamodb:BatchGetItem", self._prefixes),
            ]
        for about, permission, check in checks:
            try:
                yield from check()
            except ClientError as error:
                if error.response["Error"]["Code"] not in _DENIED:
                    raise
                yield unknown(about, f"{error.operation_name} was refused; looking at it needs {permission}")

    # ---- What the stack says ---------------------------------------------------------------------------------------

    @property
    def _stack(self) -> Place:
        assert self.place is not None, "asked only where there is one"  # noqa: S101
        return self.place

    @property
    def _arn(self) -> str:
        return f"arn:aws:s3:::{self.bucket}"

    @property
    def _managed(self) -> bool:
        return self.bucket == self._stack.outputs["DatasetsBucket"]

    def _asked(self, action: str, resource: str) -> Asked:
        role = self._stack.role
        account = role.split(":")[4]
        known = {
            "aws:securetransport": "true", "aws:principalarn": role, "aws:principalaccount": account,
            "aws:principaltype": "AssumedRole", "aws:principalisawsservice": "false",
            "kms:calleraccount": account, "kms:viaservice": f"s3.{self._region}.amazonaws.com",
        }  # fmt: skip
        return Asked(role, action, resource, known)

    def _regions(self) -> Iterator[Finding]:
        own = self._stack.region
        if self._region in {"", own}:
            yield ok("region", f"{own}, as the stack")
            return
        managed = self._stack.outputs["DatasetsBucket"]
        yield wrong(
            "region",
            f"the bucket is in {self._region}, the stack in {own}: nobody hears of its objects there",
            f"aws s3 sync s3://{self.bucket}/ s3://{managed}/datasets/DATASET_ID/ "
            f"--source-region {self._region} --region {own}",
        )

    def _permission(self) -> Iterator[Finding]:
        if not self._managed and self._arn not in self._stack.listed("DatasetBucketArns"):
            says = "the bucket is not among DatasetBucketArns, so no function may read it"
            yield wrong("permission", says, self._stack.with_one_more("DatasetBucketArns", self._arn))
            return
        refused = [
            (action, why)
            for action, resource in (("s3:ListBucket", self._arn), ("s3:GetObject", f"{self._arn}/{self._any_key()}"))
            if (why := self._simulated(action, resource)) is not None
        ]
        for action, why in refused:
            yield wrong("permission", f"the role may not {action}: {why}", self._with_reasons(action))
        if not refused:
            yield ok("permission", "the role may list the bucket and get its objects")

    def _simulated(self, action: str, resource: str) -> str | None:
        """Why the role's own policies do not allow this; None when they do."""
        answer = self.client("iam").simulate_principal_policy(
            PolicySourceArn=self._stack.role, ActionNames=[action], ResourceArns=[resource]
        )
        (result,) = answer["EvaluationResults"]
        if result["EvalDecision"] == "allowed":
            return None
        if not result.get("OrganizationsDecisionDetail", {}).get("AllowedByOrganizations", True):
            return "a policy of the organization denies it"
        if not result.get("PermissionsBoundaryDecisionDetail", {}).get("AllowedByPermissionsBoundary", True):
            return "the role's permissions boundary does not allow it"
        return "a policy of it denies it" if result["EvalDecision"] == "explicitDeny" else "no policy of it allows it"

    def _with_reasons(self, action: str) -> str:
        return (
            f"aws iam simulate-principal-policy --policy-source-arn {self._stack.role} --action-names {action} "
            f"--resource-arns {self._arn}/{shlex.quote(self._any_key())}  (names the statement to change)"
        )

    # ---- The bucket's own rules ------------------------------------------------------------------------------------

    def _policy(self) -> Iterator[Finding]:
        policy = self._bucket_policy()
        asks = [
            self._asked("s3:ListBucket", self._arn),
            self._asked("s3:GetObject", f"{self._arn}/{self._any_key()}"),
        ]
        said = False
        for ask in asks:
            for statement, how in statements.found(policy, "Deny", ask):
                said = True
                name = statement.get("Sid", "without a Sid")
                if how is Applies.DEPENDS:
                    keys = ", ".join(statements.unknown_keys(statement, ask))
                    yield unknown("policy", f"the statement {name} may deny {ask.action}: it depends on {keys}")
                else:
                    yield wrong(
                        "policy", f"the statement {name} denies {ask.action}", self._excepted(policy, statement)
                    )
            if not self._ours and not statements.found(policy, "Allow", ask):
                said = True
                says = f"the bucket belongs to another account, and its policy does not let the role {ask.action}"
                yield wrong("policy", says, self._allowed(policy))
        if not said:
            yield ok("policy", "the bucket's policy does not stand in the role's way")

    def _bucket_policy(self) -> dict[str, Any]:
        try:
            return dict(json.loads(self.client("s3").get_bucket_policy(Bucket=self.bucket)["Policy"]))
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchBucketPolicy":
                raise
            return {"Version": "2012-10-17", "Statement": []}

    @cached_property
    def _ours(self) -> bool:
        pages = self.client("s3").get_paginator("list_buckets").paginate()
        return any(one["Name"] == self.bucket for page in pages for one in page["Buckets"])

    def _excepted(self, policy: Mapping[str, Any], statement: Mapping[str, Any]) -> str:
        """The command that sets the policy with this exception in this statement."""
        condition = dict(statement.get("Condition", {}))
        condition["ArnNotEquals"] = condition.get("ArnNotEquals", {}) | {"aws:PrincipalArn": self._stack.role}
        changed = {**statement, "Condition": condition}
        return self._set_policy(
            {**policy, "Statement": [changed if one is statement else one for one in policy["Statement"]]}
        )

    def _allowed(self, policy: Mapping[str, Any]) -> str:
        let_in = {
            "Sid": "OfferRanking", "Effect": "Allow", "Principal": {"AWS": self._stack.role},
            "Action": ["s3:ListBucket", "s3:GetObject"], "Resource": [self._arn, f"{self._arn}/*"],
        }  # fmt: skip
        return self._set_policy({**policy, "Statement": [*policy["Statement"], let_in]})

    def _set_policy(self, policy: Mapping[str, Any]) -> str:
        return f"aws s3api put-bucket-policy --bucket {self.bucket} --policy {shlex.quote(json.dumps(policy))}"

    def _public_access(self) -> Iterator[Finding]:
        try:
            answer = self.client("s3").get_public_access_block(Bucket=self.bucket)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
                raise
            answer = {}
        if missing := [one for one in _PUBLIC_ACCESS if not answer.get(one)]:
            yield wrong(
                "access",
                f"the bucket could be made public ({', '.join(missing)} off), and its events tell of people",
                f"aws s3api put-public-access-block --bucket {self.bucket} --public-access-block-configuration "
                + ",".join(f"{one}=true" for one in _PUBLIC_ACCESS),
            )
        else:
            yield ok("access", "no access of the public")

    def _ownership(self) -> Iterator[Finding]:
        try:
            rules = self.client("s3").get_bucket_ownership_controls(Bucket=self.bucket)["OwnershipControls"]["Rules"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "OwnershipControlsNotFoundError":
                raise
            rules = []
        if any(one["ObjectOwnership"] == "BucketOwnerEnforced" for one in rules):
            yield ok("ownership", "all objects belong to the bucket's owner")
            return
        mend = (
            f"aws s3api put-bucket-ownership-controls --bucket {self.bucket} "
            "--ownership-controls 'Rules=[{ObjectOwnership=BucketOwnerEnforced}]'"
        )
        yield wrong("ownership", "objects that another account puts belong to it, and cannot be read", mend)

    # ---- Keys ------------------------------------------------------------------------------------------------------

    def _keys(self) -> Iterator[Finding]:
        keys = self._key_ids()
        if not keys:
            yield ok("key", "encrypted without a key of KMS")
        for key in keys:
            yield self._key(key)

    def _key_ids(self) -> list[str]:
        """The keys of new objects and of some that lie there."""
        s3, found = self.client("s3"), dict[str, None]()
        try:
            answer = s3.get_bucket_encryption(Bucket=self.bucket)["ServerSideEncryptionConfiguration"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
                raise
            answer = {"Rules": []}
        for rule in answer["Rules"]:
            default = rule.get("ApplyServerSideEncryptionByDefault", {})
            if default.get("SSEAlgorithm", "").startswith("aws:kms"):
                found[default.get("KMSMasterKeyID", "alias/aws/s3")] = None
        for prefix in self._looked_at():
            for one in self._listing(prefix)[:_LOOKED_AT]:
                if key := s3.head_object(Bucket=self.bucket, Key=one["Key"]).get("SSEKMSKeyId"):
                    found[key] = None
        return list({self._resolved(key): None for key in found})

    def _resolved(self, key: str) -> str:
        return str(self.client("kms").describe_key(KeyId=key)["KeyMetadata"]["Arn"])

    def _key(self, arn: str) -> Finding:
        key = self.client("kms").describe_key(KeyId=arn)["KeyMetadata"]
        if key["KeyManager"] == "AWS":
            return ok("key", f"{arn} is AWS's own for this account, and lets in whoever may read the bucket")
        if key["KeyState"] == "PendingDeletion":
            says, mend = "is about to be deleted", f"aws kms cancel-key-deletion --key-id {arn}"
            return wrong("key", f"{arn} {says}", f"{mend} && aws kms enable-key --key-id {arn}")
        if key["KeyState"] != "Enabled":
            return wrong("key", f"{arn} is {key['KeyState']}", f"aws kms enable-key --key-id {arn}")
        return self._denied(arn) or self._let_in(arn)

    def _denied(self, arn: str) -> Finding | None:
        ask = self._asked("kms:Decrypt", arn)
        denies = statements.found(self._key_policy(arn), "Deny", ask)
        if any(how is Applies.YES for _, how in denies):
            edit = (
                f"aws kms get-key-policy --key-id {arn} --policy-name default --query Policy --output text > key.json"
            )
            put = f"aws kms put-key-policy --key-id {arn} --policy-name default --policy file://key.json"
            return wrong("key", f"the policy of {arn} denies the role kms:Decrypt", f"{edit}; $EDITOR key.json; {put}")
        if denies:
            keys = ", ".join(statements.unknown_keys(denies[0][0], ask))
            return unknown("key", f"the policy of {arn} may deny the role kms:Decrypt: it depends on {keys}")
        return None

    def _let_in(self, arn: str) -> Finding:
        role, ask = self._stack.role, self._asked("kms:Decrypt", arn)
        found = statements.found(self._key_policy(arn), "Allow", ask)
        allows = [one for one, how in found if how is Applies.YES]
        if any(statements.names(one, role) for one in allows) or self._granted(arn):
            return ok("key", f"{arn} lets the role decrypt")
        if not allows:
            grant = f"aws kms create-grant --key-id {arn} --grantee-principal {role} --operations Decrypt"
            return wrong("key", f"neither the policy of {arn} nor a grant lets the role decrypt", grant)
        if self._simulated("kms:Decrypt", arn) is None:
            return ok("key", f"{arn} lets the role decrypt")
        says = f"the role may not decrypt with {arn}: it is not among DatasetKmsKeyArns"
        return wrong("key", says, self._stack.with_one_more("DatasetKmsKeyArns", arn))

    def _key_policy(self, arn: str) -> dict[str, Any]:
        return dict(json.loads(self.client("kms").get_key_policy(KeyId=arn, PolicyName="default")["Policy"]))

    def _granted(self, arn: str) -> bool:
        pages = self.client("kms").get_paginator("list_grants").paginate(KeyId=arn)
        grants = [one for page in pages for one in page["Grants"]]
        return any(one["GranteePrincipal"] == self._stack.role and "Decrypt" in one["Operations"] for one in grants)

    # ---- Who hears of objects --------------------------------------------------------------------------------------

    def _notifications(self) -> Iterator[Finding]:
        answer = self.client("s3").get_bucket_notification_configuration(Bucket=self.bucket)
        answer.pop("ResponseMetadata", None)
        if "EventBridgeConfiguration" in answer:
            yield ok("events", "the bucket tells EventBridge of its objects")
            return
        told = shlex.quote(json.dumps(answer | {"EventBridgeConfiguration": {}}))
        put = f"aws s3api put-bucket-notification-configuration --bucket {self.bucket}"
        mend = f"{put} --notification-configuration {told}"
        yield wrong("events", "the bucket does not tell EventBridge of its objects", mend)

    def _rule(self) -> Iterator[Finding]:
        name = self._stack.rule
        rule = self.client("events").describe_rule(Name=name)
        if rule["State"] == "DISABLED":
            yield wrong("rule", "the rule that hears of objects is off", f"aws events enable-rule --name {name}")
        elif self.bucket in json.loads(rule["EventPattern"])["detail"]["bucket"]["name"]:
            yield ok("rule", "the stack's rule hears of this bucket")
        if not self._ours:
            says = "events of another account's bucket go to its own event bus; the daily sweep counts its objects"
            yield unknown("rule", f"{says}. Whether a rule there sends them here cannot be seen from here")

    # ---- Prefixes and objects --------------------------------------------------------------------------------------

    @cached_property
    def _datasets(self) -> list[Dataset]:
        datasets = Datasets(self.client("dynamodb"), self._stack.outputs["CatalogTable"]).all()
        return [one for one in datasets if one.bucket == self.bucket]

    def _looked_at(self) -> list[str]:
        prefixes = [one.prefix for one in self._datasets] if self.place else []
        return prefixes + ([self.prefix] if self.prefix else [])

    def _listing(self, prefix: str) -> list[dict[str, Any]]:
        """The first page of what lies below a prefix."""
        if prefix not in self._objects:
            answer = self.client("s3").list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=_SAMPLE)
            self._objects[prefix] = answer.get("Contents", [])
        return self._objects[prefix]

    def _any_key(self) -> str:
        """A key as objects of this bucket have it."""
        for prefix in self._looked_at():
            return f"{prefix}events.json"
        return "events.json"

    def _prefixes(self) -> Iterator[Finding]:
        for dataset in self._datasets:
            if self.prefix and self.prefix != dataset.prefix and _overlap(self.prefix, dataset.prefix):
                says = f"{self.prefix} overlaps {dataset.prefix} of the dataset {dataset.id}: no event may be in two"
                move = f"s3://{self.bucket}/{self.prefix} s3://{self.bucket}/ANOTHER/"
                yield wrong("prefix", says, f"aws s3 mv --recursive {move}")
            yield from self._dataset(dataset)
        if self.prefix and self.prefix not in [one.prefix for one in self._datasets]:
            yield from self._nothing_in(self.prefix)
        if not self._looked_at():
            says = "no dataset lies in this bucket, so nothing of it is counted"
            place = json.dumps({"name": "NAME", "schema": "experience-event-proposition-interactions",
                                "bucket": self.bucket, "prefix": "PATH/"})  # fmt: skip
            yield wrong(
                "prefix", says, f"curl {self._stack.outputs['ApiUrl']}/datasets {_JSON} -d {shlex.quote(place)}"
            )

    def _nothing_in(self, prefix: str) -> Iterator[Finding]:
        if not self._listing(prefix):
            copy = f"aws s3 cp FOLDER s3://{self.bucket}/{prefix} --recursive"
            yield wrong("prefix", f"no object lies below {prefix}; keys are compared letter by letter", copy)

    def _dataset(self, dataset: Dataset) -> Iterator[Finding]:
        yield from self._nothing_in(dataset.prefix)
        objects = {one["Key"]: one for one in self._listing(dataset.prefix)}
        archived = [key for key, one in objects.items() if one.get("StorageClass") in _ARCHIVED]
        for key in archived[:_LOOKED_AT]:
            restore = (
                f"aws s3api restore-object --bucket {self.bucket} --key {shlex.quote(key)} --restore-request Days=7"
            )
            yield wrong("objects", f"{key} is archived, and cannot be read", restore)
        aside = [key for key in objects if not dataset.holds(self.bucket, key)]
        if aside:
            yield ok("objects", f"{len(aside)} are passed over by their names (_, ., manifest), such as {aside[0]}")
        wanted = [key for key in objects if key not in {*archived, *aside}]
        ledger = DynamoLedger(self.client("dynamodb"), self._stack.outputs["LedgerTable"])
        rows = ledger.rows(dataset.id, [key.removeprefix(dataset.prefix) for key in wanted])
        readings = {dataset.prefix + row.key: row.reading for row in rows}
        unread = [key for key in wanted if (reading := readings.get(key)) is None or reading.state is State.DELETED]
        bad = {key: reading.reason for key in wanted if (reading := readings.get(key)) and reading.state is State.BAD}
        api = f"{self._stack.outputs['ApiUrl']}/datasets/{dataset.id}"
        if unread:
            says = (
                f"{len(unread)} of the first {len(objects)} below {dataset.prefix} are not counted yet, as {unread[0]}"
            )
            yield wrong("objects", says, f"curl -X POST {api}/backfills {_SIGNED}")
        for key, reason in list(bad.items())[:_LOOKED_AT]:
            again = f"aws s3 cp MENDED {shlex.quote(f's3://{self.bucket}/{key}')}"
            yield wrong("objects", f"{key} counts as nothing: {reason}", again)
        if objects and not unread and not bad and not archived:
            yield ok("objects", f"the first {len(wanted)} below {dataset.prefix} are counted")


_SIGNED = '-H "Authorization: Bearer $TOKEN"'
_JSON = f"{_SIGNED} -H 'Content-Type: application/json'"


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def main() -> int:
    """Look, and say what is found; the exit code is 1 when anything is wrong."""
    parser = argparse.ArgumentParser(prog="infra.doctor", description=__doc__)
    parser.add_argument("bucket")
    parser.add_argument("--stack", help="the deployed stack; without it only what the bucket itself says")
    parser.add_argument("--prefix", help="where a dataset is to be created")
    given = parser.parse_args()
    if not given.bucket:
        parser.error("it needs the name of a bucket: BUCKET=name")
    client: Callable[..., Any] = boto3.client
    place = Place(client, given.stack) if given.stack else None
    try:
        findings = []
        for finding in Doctor(client, given.bucket, place, given.prefix).look():
            findings.append(finding)
            print(finding, flush=True)
    except (BotoCoreError, ClientError) as error:
        print(f"The bucket could not be looked at: {error}", file=sys.stderr)
        return 1
    return 1 if any(one.health is Health.WRONG for one in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
