"""AWS as the doctor sees it: boto3's own clients, whose operations are answered here and never leave the process."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, field
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import boto3

from infra.doctor.bucket import Bucket
from infra.doctor.place import Place

REGION = "us-east-1"
BUCKET = "shop-events"
PREFIX = "shop/"
ARN = f"arn:aws:s3:::{BUCKET}"
ROLE = "arn:aws:iam::123456789012:role/refresh"
KEY = f"arn:aws:kms:{REGION}:123456789012:key/1"

ALLOWED = {"EvaluationResults": [{"EvalDecision": "allowed"}]}
REFUSED = {"EvaluationResults": [{"EvalDecision": "implicitDeny"}]}
DATASET = {
    "id": "d1", "name": "Shop", "description": None, "bucket": BUCKET, "prefix": PREFIX, "field_groups": [],
    "version": 1, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
}  # fmt: skip


def with_parameters(**given: str) -> dict[str, Any]:
    """The answer of a stack with these parameters."""
    outputs = {"DatasetsBucket": "managed", "CatalogTable": "C", "LedgerTable": "L", "ApiUrl": "https://api"}
    parameters = {"DatasetBucketArns": ARN, "DatasetKmsKeyArns": ""} | given
    return {"Stacks": [{
        "StackId": f"arn:aws:cloudformation:{REGION}:123456789012:stack/offers/1",
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }]}  # fmt: skip


# A bucket and a stack that are as they should be: one dataset, one object, no key of KMS.
_RIGHT: dict[str, Any] = {
    "DescribeStacks": with_parameters(),
    "DescribeStackResource": {"StackResourceDetail": {"PhysicalResourceId": "default/of-the-stack"}},
    "GetRole": {"Role": {"Arn": ROLE}},
    "SimulatePrincipalPolicy": ALLOWED,
    "DescribeRule": {"State": "ENABLED", "EventPattern": json.dumps({"detail": {"bucket": {"name": [BUCKET]}}})},
    "Query": {"Items": [{"definition": {"S": json.dumps(DATASET)}}]},
    "BatchGetItem": {"Responses": {}},
    "HeadBucket": {"ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": REGION}}},
    "ListBuckets": {"Buckets": [{"Name": BUCKET}]},
    "GetBucketPolicy": "NoSuchBucketPolicy",
    "GetBucketEncryption": "ServerSideEncryptionConfigurationNotFoundError",
    "GetBucketNotificationConfiguration": {"EventBridgeConfiguration": {}},
    "GetPublicAccessBlock": "NoSuchPublicAccessBlockConfiguration",
    "GetBucketOwnershipControls": "OwnershipControlsNotFoundError",
    "ListObjectsV2": {"Contents": [{"Key": f"{PREFIX}one.json"}]},
    "HeadObject": {},
    "DescribeKey": {"KeyMetadata": {"Arn": KEY, "KeyManager": "CUSTOMER", "KeyState": "Enabled"}},
    "GetKeyPolicy": {"Policy": '{"Statement": []}'},
    "ListGrants": {"Grants": []},
}  # fmt: skip


@cache
def _client(service: str, region: str) -> Any:
    """Made once: that takes longer than all that a test asks of it."""
    make: Any = boto3.client
    return make(service, region_name=region, aws_access_key_id="testing", aws_secret_access_key="testing")


@dataclass
class Account:
    """`answers`: by operations, what they answer, or the code of the error; what is not given is as it should be.

    `asked`: what was asked until now, as operations with the region and the parameters.
    """

    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def client(self, service: str, region_name: str = REGION) -> Any:
        made = _client(service, region_name)
        for event, hook in {"provide-client-params": self._ask, "before-call": self._answer}.items():
            made.meta.events.unregister(event, unique_id=event)  # that of the test before
            made.meta.events.register(event, partial(hook, region_name), unique_id=event)
        return made

    @property
    def place(self) -> Place:
        return Place(self.client, "offers")

    def bucket(self, prefix: str | None = None) -> Bucket:
        return Bucket(self.client("s3"), BUCKET, prefix)

    def _ask(self, region: str, *, model: Any, params: dict[str, Any], **_: Any) -> None:
        self.asked.append((model.name, region, params))

    def _answer(self, _region: str, *, model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        answer = (_RIGHT | self.answers)[model.name]
        if isinstance(answer, str):
            refused = {"Error": {"Code": answer, "Message": ""}, "ResponseMetadata": {"HTTPHeaders": {}}}
            return SimpleNamespace(status_code=400), refused
        return SimpleNamespace(status_code=200), dict(answer)


def with_policy(*statements: dict[str, Any]) -> dict[str, Any]:
    """The answer of a bucket or key that has these statements; one alone is written without a list, as it may be."""
    held = statements[0] if len(statements) == 1 else list(statements)
    return {"Policy": json.dumps({"Version": "2012-10-17", "Statement": held})}


def encrypted(key: str = KEY) -> dict[str, Any]:
    """The answer of a bucket whose new objects are encrypted with a key."""
    by_default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    return {"ServerSideEncryptionConfiguration": {"Rules": [{"ApplyServerSideEncryptionByDefault": by_default}]}}


def option(command: str, name: str) -> Any:
    """The JSON that a command gives to an option."""
    words = shlex.split(command)
    return json.loads(words[words.index(name) + 1])
