"""Real logged traffic through the whole of one machine: S3, EventBridge, SQS, counting, report."""

from __future__ import annotations

from infra.local.system import System
from tests.e2e.conftest import Caller
from tests.e2e.world import SCHEMA, name, within
from tests.functions.test_open_bandit import counted_by_csv, lines, objects, pytestmark

__all__ = ["counted_by_csv", "pytestmark"]  # its count of the files, and its reason to skip where they are not


def test_counts_of_real_traffic_are_exact_after_the_queue(
    system: System, admin: Caller, counted_by_csv: dict[str, tuple[int, int]]
) -> None:
    dataset = admin.post("/datasets", {"name": name("open bandit"), "schema": SCHEMA}).json()
    body = {"name": name("real"), "type": "auto-optimization", "datasetIds": [dataset["id"]]}
    model = admin.post("/models", body).json()["id"]
    made = lines("compact")
    s3 = system.aws("s3")
    for key, data in objects(made, zipped=True).items():
        s3.put_object(Bucket=dataset["bucket"], Key=dataset["prefix"] + key, Body=data)

    def everything() -> dict[str, tuple[int, int]] | None:
        report = admin.get(f"/models/{model}/report?days=all").json()
        if report["accounting"]["received"] < len(made):
            return None
        return {offer["id"]: (offer["impressions"], offer["conversions"]) for offer in report["offers"]}

    assert within(60, everything) == counted_by_csv
