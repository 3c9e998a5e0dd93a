"""What a release leaves behind in tables and buckets, recorded, so that later ones can be held to read it.

`python -m tests.support.release NAME` records what the present code writes, as tests/functions/releases/NAME.json.gz;
do it once a release, and never write one anew. All of it is made up, the keys that signed it too.
"""

from __future__ import annotations

import base64
import gzip
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.aws import BUCKETS, in_process, set_environment

FOLDER = Path(__file__).parents[1] / "functions" / "releases"
OFFERS = [{"id": "summer", "etag": "1"}, {"id": "winter", "etag": "7"}]
AUDIENCES = ("gold", "silver")


def record() -> dict[str, Any]:
    """Every noun once, learned from events that were ranked; and what was told of them."""
    set_environment()
    from offer_ranking.learning import training  # noqa: PLC0415 - they read the environment where they are imported
    from tests.support.decisions import decision_body, offer_body  # noqa: PLC0415
    from tests.support.system import System, display  # noqa: PLC0415

    with in_process(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LEAST_BETWEEN_FITS", timedelta(0))
        system = System()
        dataset, model = system.live_model()
        more = {"audiences": AUDIENCES, "contextKeys": ["device"]}
        body = {"name": "For whom", "type": "personalized", "datasetIds": [dataset["id"]]} | more
        personalized = system.call("POST", "/models", body).json
        system.call("POST", f"/models/{personalized['id']}/activate")
        offers = [offer_body("summer"), offer_body("winter", etag="7", audiencesAny=["gold"])]
        decision = system.call("POST", "/decisions", decision_body(modelId=model["id"], offers=offers)).json
        stream = {"name": "shop", "orgId": "ORG@AdobeOrg", "datasetId": dataset["id"], "decisionIds": [decision["id"]]}
        datastream = system.call("POST", "/datastreams", stream).json
        lines = []
        for n in range(30):
            asked = {"offers": OFFERS, "audiences": [AUDIENCES[n % 2]], "context": {"device": "desktop"}}
            for one in (model, personalized):
                ranked = system.call("POST", f"/models/{one['id']}/rankings", asked).json
                first = {"items": [{"id": ranked["offers"][0]["id"]}]}
                lines.append(display("", **ranked["proposition"] | first))
                if n % 5 == 0:
                    lines.append(display("", kind="interact", **ranked["proposition"] | first))
        system.land(dataset, "one.json", [*lines, "no json"])
        told = {
            path: system.call("GET", path, query={"days": "all"} if path.endswith("/report") else None).json
            for path in (
                f"/datasets/{dataset['id']}", f"/datasets/{dataset['id']}/accounting", f"/models/{model['id']}",
                f"/models/{model['id']}/report", f"/models/{personalized['id']}", f"/decisions/{decision['id']}",
                f"/datastreams/{datastream['id']}", f"/models/{model['id']}/history",
            )
        }  # fmt: skip
        asked = {"offers": OFFERS, "seed": 7, "audiences": ["gold"]}
        rankings = {one["id"]: system.call("POST", f"/models/{one['id']}/rankings", asked).json
                    for one in (model, personalized)}  # fmt: skip
        return {"told": told, "asked": asked, "rankings": rankings, "tables": _tables(), "objects": _objects()}


def restore(recorded: dict[str, Any]) -> None:
    """Put items and objects where they were; the tables and buckets are there."""
    dynamodb, s3 = boto3.client("dynamodb"), boto3.client("s3")
    for table, items in recorded["tables"].items():
        for item in items:
            dynamodb.put_item(TableName=table, Item=_with_bytes(item))
    for bucket, key, body in recorded["objects"]:
        s3.put_object(Bucket=bucket, Key=key, Body=base64.b64decode(body))


def lacking(before: Any, after: Any, path: str = "") -> list[str]:
    """Where what was told before is told no more, or otherwise; more may be told."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [one for key in before for one in lacking(before[key], after.get(key), f"{path}.{key}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        if path.endswith(".usedBy"):  # a set
            return lacking(sorted(before), sorted(after), "users")
        pairs = enumerate(zip(before, after, strict=True))
        return [one for n, (old, new) in pairs for one in lacking(old, new, f"{path}[{n}]")]
    return [] if before == after else [f"{path}: {before!r} -> {after!r}"]


def counted(report: dict[str, Any]) -> dict[str, Any]:
    """What a report says was counted."""
    offers = {one["id"]: (one["impressions"], one["conversions"]) for one in report["offers"]}
    return {"totals": report["totals"], "accounting": report["accounting"], "offers": offers}


def _tables() -> dict[str, Any]:
    dynamodb = boto3.client("dynamodb")
    names = dynamodb.list_tables()["TableNames"]
    return {name: [_as_text(item) for item in dynamodb.scan(TableName=name)["Items"]] for name in names}


def _objects() -> list[Any]:
    s3 = boto3.client("s3")
    found = [(bucket, one["Key"]) for bucket in BUCKETS
             for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]  # fmt: skip
    return [
        (bucket, key, base64.b64encode(s3.get_object(Bucket=bucket, Key=key)["Body"].read()).decode())
        for bucket, key in found
    ]


def _as_text(value: Any) -> Any:
    """DynamoDB's JSON, bytes as base64 in the same place."""
    if isinstance(value, dict):
        return {key: base64.b64encode(one).decode() if key == "B" else _as_text(one) for key, one in value.items()}
    return [_as_text(one) for one in value] if isinstance(value, list) else value


def _with_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: base64.b64decode(one) if key == "B" and isinstance(one, str) else _with_bytes(one)
                for key, one in value.items()}  # fmt: skip
    return [_with_bytes(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{sys.argv[1]}.json.gz").write_bytes(gzip.compress(json.dumps(record()).encode(), mtime=0))
