"""Real logged traffic through S3: counts per offer equal an independent count of the files, exactly.

The files are the Open Bandit Dataset, small version (Saito et al., NeurIPS Datasets and Benchmarks 2021): 40,000
impressions of a fashion shop. They stay out of this repository; CI lays them beside the clone.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from tests.support.system import System

DATA = Path(os.environ.get("OPEN_BANDIT", Path(__file__).parents[3] / "shared" / "data" / "open-bandit"))
FILES = ("men-random", "men-bts", "all-random", "all-bts")
LINES_AN_OBJECT = 3000
NAMESPACE = "https://ns.adobe.com/experience/decisioning/"

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the Open Bandit files are not at {DATA} (set OPEN_BANDIT to where they are)"
)


def rows(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(DATA / f"{name}.csv.gz", "rt") as file:
        yield from csv.DictReader(file)


def compact(event_id: str, at: str, kind: str, offer: str) -> dict[str, Any]:
    return {
        "_id": event_id,
        "timestamp": at,
        "eventType": f"decisioning.proposition{kind.capitalize()}",
        "_experience": {
            "decisioning": {
                "propositionEventType": {kind: 1},
                "propositions": [{"scope": "open-bandit", "items": [{"id": offer}]}],
            }
        },
    }


def namespaced(event_id: str, at: str, kind: str, offer: str) -> dict[str, Any]:
    return {
        "@id": event_id,
        "xdm:timestamp": at,
        "xdm:eventType": f"decisioning.proposition{kind.capitalize()}",
        NAMESPACE + "propositions": [{"xdm:scope": "open-bandit", "xdm:items": [{"xdm:id": offer}]}],
    }


SPELLINGS = {"compact": compact, "namespaced": namespaced}


def lines(spelling: str) -> list[str]:
    """Every row of every file as a display, and a click as an interact three seconds later."""
    made = []
    for name in FILES:
        for n, row in enumerate(rows(name)):
            offer = f"{name.partition('-')[0]}-{row['item_id']}"
            at = datetime.fromisoformat(row["timestamp"]).astimezone(UTC)
            events = [("display", at)] + ([("interact", at + timedelta(seconds=3))] if row["click"] == "1" else [])
            made += [
                json.dumps(SPELLINGS[spelling](f"{name}-{n}-{kind}", when.isoformat(), kind, offer))
                for kind, when in events
            ]
    return made


@pytest.fixture(scope="module")
def counted_by_csv() -> dict[str, tuple[int, int]]:
    """Offer -> (impressions, conversions), counted from the files alone."""
    shown: Counter[str] = Counter()
    clicked: Counter[str] = Counter()
    for name in FILES:
        for row in rows(name):
            offer = f"{name.partition('-')[0]}-{row['item_id']}"
            shown[offer] += 1
            clicked[offer] += int(row["click"])
    assert shown.total() == 40_000
    return {offer: (shown[offer], clicked[offer]) for offer in shown}


def objects(made: list[str], *, zipped: bool) -> dict[str, bytes]:
    parts = [made[start : start + LINES_AN_OBJECT] for start in range(0, len(made), LINES_AN_OBJECT)]
    texts = [("\n".join(part) + "\n").encode() for part in parts]
    return {f"{n:03d}.json": gzip.compress(text, mtime=0) if zipped else text for n, text in enumerate(texts)}


def reported(system: System, model: dict[str, Any]) -> tuple[dict[str, tuple[int, int]], dict[str, Any]]:
    report = system.call("GET", f"/models/{model['id']}/report", query={"days": "all"}).json
    return {offer["id"]: (offer["impressions"], offer["conversions"]) for offer in report["offers"]}, report


@pytest.mark.parametrize("zipped", [True, False], ids=["gzip", "plain"])
@pytest.mark.parametrize("spelling", list(SPELLINGS))
def test_counts_of_real_traffic_are_exact_and_stay_so(
    system: System, counted_by_csv: dict[str, tuple[int, int]], spelling: str, zipped: bool
) -> None:
    dataset = system.create_dataset()
    model = system.create_model([dataset["id"]])
    made = lines(spelling)
    put = objects(made, zipped=zipped)
    s3 = boto3.client("s3")
    for key, body in put.items():
        s3.put_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + key, Body=body)
    keys = [dataset["prefix"] + key for key in put]
    assert system.notify(dataset["bucket"], *keys) == []
    counts, report = reported(system, model)
    assert counts == counted_by_csv
    assert report["accounting"] == {
        "received": len(made), "counted": len(made), "duplicate": 0, "other": 0, "late": 0, "refused": {},
    }  # fmt: skip

    # delivered twice, in another order, and replaced by identical ones: nothing changes
    for key, body in put.items():
        s3.put_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + key, Body=body)
    shuffled = random.Random(0).sample(keys * 2, 2 * len(keys))
    for start in range(0, len(shuffled), 10):
        assert system.notify(dataset["bucket"], *shuffled[start : start + 10]) == []
    again, report_again = reported(system, model)
    assert again == counts
    assert report_again["accounting"] == report["accounting"]
