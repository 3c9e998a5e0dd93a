"""Whether the stack's rule hears of the bucket's objects."""

from __future__ import annotations

import json
from collections.abc import Iterator

from infra.doctor.bucket import Bucket
from infra.doctor.finding import Finding, ok, unknown, wrong
from infra.doctor.place import Place


def look(bucket: Bucket, place: Place) -> Iterator[Finding]:
    name = place.rule
    rule = place.client("events").describe_rule(Name=name)
    if rule["State"] == "DISABLED":
        yield wrong("rule", "the rule that hears of objects is off", f"aws events enable-rule --name {name}")
    elif bucket.name in json.loads(rule["EventPattern"])["detail"]["bucket"]["name"]:
        yield ok("rule", "the stack's rule hears of this bucket")
    if not bucket.ours:
        says = "events of another account's bucket go to its own event bus; the daily sweep counts its objects"
        yield unknown("rule", f"{says}. Whether a rule there sends them here cannot be seen from here")
