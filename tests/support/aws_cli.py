"""The commands of the AWS CLI that the documents use, by the same models: where `aws` itself is not installed.

It cannot be a dependency of the tests, since it pins a botocore of its own.
"""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import boto3
import jmespath


def main() -> int:
    """`aws SERVICE OPERATION --option value ... [--query JMESPATH] [--output text]`, and `aws s3 cp FILE s3://...`."""
    service, operation, *rest = sys.argv[1:]
    if (service, operation) == ("s3", "cp"):
        source, (bucket, _, key) = rest[0], rest[1].removeprefix("s3://").partition("/")
        boto3.client("s3").upload_file(source, bucket, key)
        return 0
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    query, text = options.pop("--query", "@"), options.pop("--output", "json") == "text"
    client = boto3.client(service)  # type: ignore[call-overload] # any service
    given = {"".join(part.title() for part in re.split("-", name[2:])): value for name, value in options.items()}
    found = jmespath.search(query, getattr(client, operation.replace("-", "_"))(**given))
    sys.stdout.write((_text(found) if text else json.dumps(found, default=str)) + "\n")
    return 0


def _text(found: Any) -> str:
    if isinstance(found, list) and any(isinstance(one, list) for one in found):
        return "\n".join("\t".join(map(str, row)) for row in found)
    return "\t".join(map(str, found)) if isinstance(found, list) else str(found)


if __name__ == "__main__":
    sys.exit(main())
