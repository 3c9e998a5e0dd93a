"""Whether the bucket tells EventBridge of its objects."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, ok, wrong
from infra.doctor.shell import quoted


def look(bucket: Bucket) -> Iterator[Finding]:
    answer = bucket.s3.get_bucket_notification_configuration(Bucket=bucket.name)
    answer.pop("ResponseMetadata", None)
    if "EventBridgeConfiguration" in answer:
        yield ok("events", "the bucket tells EventBridge of its objects")
        return
    told = quoted(json.dumps(answer | {"EventBridgeConfiguration": {}}))
    put = f"aws s3api put-bucket-notification-configuration --bucket {bucket.name}"
    mend = f"{put} --notification-configuration {told}"
    yield wrong("events", "the bucket does not tell EventBridge of its objects", mend)
