"""`make doctor BUCKET=name [STACK=name] [PREFIX=path/]`: why a bucket's events are not counted, and how to mend it.

It asks what the role of refresh_rankings may do, not what the caller may: of the role's own policies IAM's simulator,
which knows permissions boundaries and the organization's rules; of the bucket and its keys their policies and grants.
What depends on a request's circumstances (its VPC endpoint, tags), or what the caller may not look at, it calls
unknown. A deny that sits elsewhere, such as in the policy of a VPC endpoint, cannot be seen from outside.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from infra.doctor.bucket import Bucket
from infra.doctor.checks import look
from infra.doctor.finding import Health
from infra.doctor.place import Place


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
        for finding in look(Bucket(client("s3"), given.bucket, given.prefix), place):
            findings.append(finding)
            print(finding, flush=True)
    except (BotoCoreError, ClientError) as error:
        print(f"The bucket could not be looked at: {error}", file=sys.stderr)
        return 1
    return 1 if any(one.health is Health.WRONG for one in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
