from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.measuring.backfill import Work
from offer_ranking.measuring.map_run import MapRun
from offer_ranking.storage.backfills import Backfills, BackfillWork, read_batch

NOW = datetime(2026, 11, 25, tzinfo=UTC)
NOTHING = '{"StartAt": "Nothing", "States": {"Nothing": {"Type": "Succeed"}}}'
DATASET = Dataset(
    id="d",
    name="events",
    description=None,
    bucket="bucket",
    prefix="events/",
    field_groups=(),
    version=1,
    created_at=NOW,
    updated_at=NOW,
)


@pytest.fixture
def backfills(client: Callable[[str], Any]) -> Backfills:
    stepfunctions = client("stepfunctions")
    role = "arn:aws:iam::000000000000:role/backfill"
    made = stepfunctions.create_state_machine(name=f"m-{uuid.uuid4()}", definition=NOTHING, roleArn=role)
    return Backfills(stepfunctions, made["stateMachineArn"])


def test_a_backfill_is_started_once_however_often_it_is_asked_for(backfills: Backfills) -> None:
    backfill_id = str(uuid.uuid4())
    backfills.start(backfill_id, DATASET)
    first = backfills.get(backfill_id)
    time.sleep(0.5)  # over by now, on the emulator
    backfills.start(backfill_id, DATASET)
    again = backfills.get(backfill_id)
    assert (first.given, first.started_at) == (again.given, again.started_at)
    assert again.given["datasetId"] == "d"
    assert again.status in {"running", "succeeded"}
    assert (again.objects["listed"], again.objects["done"], again.error) == (0, 0, None)


def test_a_backfill_that_was_never_started_is_not_found(backfills: Backfills) -> None:
    for unknown in (str(uuid.uuid4()), "no id", "x" * 1000, "*"):
        with pytest.raises(NotFoundError):
            backfills.get(unknown)


def test_the_work_of_all_batches_is_added_up_beside_other_backfills(client: Callable[[str], Any]) -> None:
    work = BackfillWork(client("dynamodb"), "Ledger")
    run, other = (MapRun(one, {"datasetId": "d"}, "running", NOW) for one in ("one", "other"))
    assert work.of(run) == Work()
    work.add("d", "one", Work(1, 10, 1, 1_000, 20, 40))
    work.add("d", "one", Work(1, 5, 0, 500, 10, 20))
    work.add("d", "other", Work(batches=1))
    assert work.of(run) == Work(2, 15, 1, 1_500, 30, 60)
    assert work.of(other) == Work(batches=1)


def test_what_is_left_of_a_batch_is_a_batch() -> None:
    items = [{"datasetId": "d", "backfillId": "b", "key": key, "version": "v", "bytes": 2} for key in "abc"]
    batch = read_batch({"Items": items})
    assert batch.left(["c", "a"]) == {"Items": [items[0], items[2]]}
    assert read_batch(batch.left(["c", "a"])).objects == (batch.objects[0], batch.objects[2])
    assert batch.bytes_of(["a", "b", "elsewhere"]) == 4
    assert read_batch(items[1]).objects == (batch.objects[1],)
