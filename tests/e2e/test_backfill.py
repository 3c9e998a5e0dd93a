"""A backfill on one machine: the emulator runs the state machine of template.yaml, and calls the functions here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local import ROOT
from infra.local.serve import write_settings
from infra.local.system import System
from tests.e2e.conftest import Caller
from tests.e2e.world import SCHEMA, lines, name, within
from tests.support.buckets import untold

OBJECTS = 7


@pytest.fixture
def model(admin: Caller) -> tuple[dict[str, Any], str]:
    """A dataset that was looked through, and the id of a live model."""
    dataset = admin.post("/datasets", {"name": name("events"), "schema": SCHEMA}).json()
    body = {"name": name("model"), "type": "auto-optimization", "datasetIds": [dataset["id"]]}
    model_id = admin.post("/models", body).json()["id"]
    assert admin.post(f"/models/{model_id}/activate").status_code == 200
    within(10, lambda: admin.get(f"/datasets/{dataset['id']}").json()["discovered"] or None)
    return dataset, model_id


def totals(admin: Caller, model_id: str) -> tuple[int, int]:
    found = admin.get(f"/models/{model_id}/report?days=all").json()["totals"]
    return found["impressions"], found["conversions"]


def finished(admin: Caller, backfill_id: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = admin.get(f"/backfills/{backfill_id}").json()
        return found if found["status"] != "running" else None

    return within(60, ended)


def test_a_backfill_counts_what_nobody_told_of_and_says_how_far_it_is(
    system: System, admin: Caller, model: tuple[dict[str, Any], str]
) -> None:
    dataset, model_id = model
    s3 = system.aws("s3")
    sizes = 0
    with untold(s3, dataset["bucket"]):
        for n in range(OBJECTS):
            body = lines(apple=(3, 1), banana=(2, 0))
            sizes += len(body)
            s3.put_object(Bucket=dataset["bucket"], Key=f"{dataset['prefix']}2026/a day+{n} %20.json", Body=body)
        s3.put_object(Bucket=dataset["bucket"], Key=f"{dataset['prefix']}manifest-1.json", Body=b"{}")
        answer = admin.post(f"/datasets/{dataset['id']}/backfills")
        assert answer.status_code == 202
        backfill = finished(admin, answer.json()["id"])
    assert answer.headers["location"] == f"/backfills/{backfill['id']}"
    assert backfill["status"] == "succeeded"
    assert backfill["progress"]["objects"] == {"listed": OBJECTS + 1, "done": OBJECTS + 1, "failed": 0, "pending": 0}
    assert (backfill["progress"]["counted"], backfill["progress"]["bytes"]) == (OBJECTS, sizes)
    assert 0 < backfill["cost"]["usd"] < 0.01
    assert totals(admin, model_id) == (5 * OBJECTS, OBJECTS)
    account = admin.get(f"/datasets/{dataset['id']}/accounting").json()
    assert (account["accounting"]["counted"], len(account["objects"])) == (6 * OBJECTS, OBJECTS)

    def learned() -> dict[str, Any] | None:
        return admin.get(f"/models/{model_id}").json()["snapshot"]

    within(10, learned)


def test_a_backfill_beside_live_events_counts_each_once(
    system: System, admin: Caller, model: tuple[dict[str, Any], str]
) -> None:
    dataset, model_id = model
    s3 = system.aws("s3")
    for n in range(OBJECTS):  # heard of, and counted meanwhile
        place = {"Bucket": dataset["bucket"], "Key": f"{dataset['prefix']}{n}.json"}
        s3.put_object(**place, Body=lines(apple=(2, 1)))
    first, second = (admin.post(f"/datasets/{dataset['id']}/backfills").json()["id"] for _ in range(2))
    for n in range(0, OBJECTS, 2):  # overwritten meanwhile
        s3.put_object(**(place | {"Key": f"{dataset['prefix']}{n}.json"}), Body=lines(banana=(1, 0)))
    assert [finished(admin, one)["status"] for one in (first, second)] == ["succeeded", "succeeded"]
    overwritten = (OBJECTS + 1) // 2
    expected = (2 * (OBJECTS - overwritten) + overwritten, OBJECTS - overwritten)
    within(20, lambda: totals(admin, model_id) == expected or None)


def test_an_empty_dataset_has_a_backfill_too(admin: Caller, model: tuple[dict[str, Any], str]) -> None:
    backfill = finished(admin, admin.post(f"/datasets/{model[0]['id']}/backfills").json()["id"])
    assert (backfill["status"], backfill["progress"]["objects"]["listed"]) == ("succeeded", 0)


def test_nobody_calls_a_function_without_the_secret(system: System) -> None:
    for path in ("/.functions/RefreshRankings", "/.functions//RefreshRankings", "/.functions/guess/RefreshRankings"):
        answer = httpx.post(system.url + path, json={"hint": "sweep"})
        assert answer.status_code == 404


def test_messages_that_were_set_aside_are_given_again(
    system: System, admin: Caller, model: tuple[dict[str, Any], str], tmp_path: Path
) -> None:
    dataset, model_id = model
    s3, sqs = system.aws("s3"), system.aws("sqs")
    outputs = {
        one["OutputKey"]: one["OutputValue"]
        for one in system.aws("cloudformation").describe_stacks(StackName="Storage")["Stacks"][0]["Outputs"]
    }
    keys = [f"{dataset['prefix']}{n}.json" for n in range(3)]
    with untold(s3, dataset["bucket"]):
        for key in keys:
            s3.put_object(Bucket=dataset["bucket"], Key=key, Body=lines(apple=(1, 0)))
    for key in (keys[0], keys[1], keys[1]):
        message = {"source": "aws.s3", "detail": {"bucket": {"name": dataset["bucket"]}, "object": {"key": key}}}
        sqs.send_message(QueueUrl=outputs["DeadLettersUrl"], MessageBody=json.dumps(message))
    sqs.send_message(QueueUrl=outputs["DeadLettersUrl"], MessageBody=json.dumps({"fit": {"modelId": model_id}}))
    write_settings(tmp_path / "env", system.settings())
    command = [sys.executable, "-m", "infra.redrive", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("4 messages")
    within(20, lambda: totals(admin, model_id) == (2, 0) or None)


def test_a_redrive_without_a_system_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "infra.redrive", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "could not be given again" in done.stderr
