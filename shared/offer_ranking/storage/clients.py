"""AWS clients. AWS_ENDPOINT_URL, when set, leads them to another endpoint; boto3 reads it itself."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

    from offer_ranking.storage.console_client import Parameters
    from offer_ranking.storage.delivery import Firehose

# Behind a person: patient, and backing off by itself.
_PATIENT = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 5})
# In front of a page that waits: boto's defaults took 2 to 4 seconds to give up.
_HASTY = Config(connect_timeout=0.25, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 2})
# Whoever calls decides about further attempts.
_ONCE = Config(connect_timeout=0.25, read_timeout=0.5, retries={"mode": "standard", "total_max_attempts": 1})


@cache
def dynamodb(*, hasty: bool = False) -> DynamoDBClient:
    """DynamoDB; `hasty` for the path of a ranking."""
    return boto3.client("dynamodb", config=_HASTY if hasty else _PATIENT)


@cache
def s3(*, hasty: bool = False) -> S3Client:
    """S3; `hasty` for the path of a ranking."""
    return boto3.client("s3", config=_HASTY if hasty else _PATIENT)


@cache
def sqs() -> SQSClient:
    """SQS."""
    return boto3.client("sqs", config=_PATIENT)


@cache
def stepfunctions() -> SFNClient:
    """Step Functions."""
    return boto3.client("stepfunctions", config=_PATIENT)


@cache
def ssm() -> Parameters:
    """Systems Manager's parameters."""
    parameters: Parameters = boto3.client("ssm", config=_PATIENT)
    return parameters


@cache
def firehose() -> Firehose:
    """The stream of collected events, behind a page that waits."""
    client: Firehose = boto3.client("firehose", config=_ONCE)
    return client
