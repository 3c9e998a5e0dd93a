"""AWS in the process: the tables, buckets and queues of infra/storage.yaml, made in moto."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import cfn_flip
import moto

STORAGE = Path(__file__).parents[2] / "infra" / "storage.yaml"
_QUEUES = "https://sqs.us-east-1.amazonaws.com/123456789012/"

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "CATALOG_TABLE": "Catalog",
    "LEDGER_TABLE": "Ledger",
    "TOKEN_KEYS_TABLE": "TokenKeys",
    "CAPS_TABLE": "Caps",
    "EVENTS_STREAM": "events",
    "INTERACTS_PER_VISITOR": "3",
    "INTERACTS_PER_SOURCE": "2",
    "RANKINGS_PER_SECOND_PER_CLIENT": "0",
    "EDGE_URL": "https://edge.test/ee",
    "DATASETS_BUCKET": "datasets",
    "DATASET_BUCKETS": "events-of-others",
    "STATE_BUCKET": "state",
    "OBJECTS_QUEUE": _QUEUES + "objects",
    "FITS_QUEUE": _QUEUES + "fits",
    "BACKFILLS": "arn:aws:states:us-east-1:123456789012:stateMachine:backfill",
    "ERASURES": "arn:aws:states:us-east-1:123456789012:stateMachine:erasure",
    "DELIVERY_SECONDS": "60",
    "OIDC_ISSUER": "https://issuer.test",
    "CONSOLE_CLIENT": "/tests/console-client",
    "POWERTOOLS_METRICS_NAMESPACE": "OfferRanking",
    "POWERTOOLS_SERVICE_NAME": "tests",
}
# A backfill, or an erasure, begins here and nobody works on it; System does what the real definitions say.
_NOTHING = '{"StartAt": "Nothing", "States": {"Nothing": {"Type": "Succeed"}}}'
BUCKETS = ("datasets", "events-of-others", "state", "stream")  # where the stream writes, before partitions


def set_environment() -> None:
    """What the handlers read where they are imported."""
    os.environ.pop("AWS_ENDPOINT_URL", None)
    os.environ.update(ENVIRONMENT)


def create_storage(**client: Any) -> None:
    """Every table of the template, and the buckets and queues under the names of ENVIRONMENT."""
    dynamodb = boto3.client("dynamodb", **client)
    for name, resource in cfn_flip.load(STORAGE.read_text())[0]["Resources"].items():
        if resource["Type"] == "AWS::DynamoDB::Table":
            taken = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")
            properties = {key: resource["Properties"][key] for key in taken if key in resource["Properties"]}
            dynamodb.create_table(TableName=name, **properties)
    s3 = boto3.client("s3", **client)
    for bucket in BUCKETS:
        s3.create_bucket(Bucket=bucket)
    # Moto delivers at once, and knows no partitions: System.deliver does what they do.
    destination = {
        "RoleARN": "arn:aws:iam::123456789012:role/events",
        "BucketARN": "arn:aws:s3:::stream",
    }
    boto3.client("firehose", **client).create_delivery_stream(
        DeliveryStreamName=ENVIRONMENT["EVENTS_STREAM"], ExtendedS3DestinationConfiguration=destination
    )
    sqs = boto3.client("sqs", **client)
    for queue in ("objects", "fits"):
        sqs.create_queue(QueueName=queue)


@contextmanager
def in_process() -> Iterator[None]:
    """An empty AWS of one test's own."""
    with moto.mock_aws():
        create_storage()
        for name in ("backfill", "erasure"):
            boto3.client("stepfunctions").create_state_machine(
                name=name, definition=_NOTHING, roleArn=f"arn:aws:iam::123456789012:role/{name}"
            )
        yield
