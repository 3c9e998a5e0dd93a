"""Backfills: Step Functions runs them and knows for 90 days how far they are; the ledger's table adds up their work."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.measuring.backfill import Run, Status, Work

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient

NOUN = "backfill"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STATUS: dict[str, Status] = {"RUNNING": "running", "PENDING_REDRIVE": "running", "SUCCEEDED": "succeeded"}


class Backfills:
    """Starts and watches runs of one state machine, by its ARN."""

    def __init__(self, client: SFNClient, state_machine: str) -> None:
        self._client = client
        self._state_machine = state_machine

    def start(self, backfill_id: str, dataset: Dataset) -> None:
        """Start it; nothing happens where it was started before."""
        # The same for the same id, as Step Functions demands of a start that is repeated.
        place = {"datasetId": dataset.id, "backfillId": backfill_id, "bucket": dataset.bucket, "prefix": dataset.prefix}
        try:
            self._client.start_execution(stateMachineArn=self._state_machine, name=backfill_id, input=json.dumps(place))
        except self._client.exceptions.ExecutionAlreadyExists:
            return  # and is over, or (not on AWS) under way

    def get(self, backfill_id: str) -> Run:
        """How far it is. Raises NotFoundError."""
        if not _ID.fullmatch(backfill_id):
            raise NotFoundError(NOUN, backfill_id)
        arn = self._state_machine.replace(":stateMachine:", ":execution:") + f":{backfill_id}"
        try:
            execution = self._client.describe_execution(executionArn=arn)
        except self._client.exceptions.ExecutionDoesNotExist:
            raise NotFoundError(NOUN, backfill_id) from None
        return Run(
            id=backfill_id,
            dataset_id=json.loads(execution["input"])["datasetId"],
            status=_STATUS.get(execution["status"], "failed"),
            started_at=execution["startDate"],
            ended_at=execution.get("stopDate"),
            error=execution.get("error"),
            **self._objects(arn),
        )

    def _objects(self, execution: str) -> dict[str, int]:
        """Numbers of objects; none while their listing has not begun."""
        runs = self._client.list_map_runs(executionArn=execution).get("mapRuns")
        if not runs:
            return {}
        items = self._client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]
        return {
            "listed": items["total"],
            "done": items["succeeded"],
            "failed": items["failed"] + items["timedOut"] + items["aborted"],
            "pending": items["pending"] + items["running"],
        }


class BackfillWork:
    """The work of a backfill, added up in the ledger's table beside the dataset's objects."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, dataset_id: str, backfill_id: str, work: Work) -> None:
        """Add what a batch did."""
        numbers = asdict(work)
        self._client.update_item(
            TableName=self._table,
            Key=_key(dataset_id, backfill_id),
            UpdateExpression="ADD " + ", ".join(f"#{name} :{name}" for name in numbers),
            ExpressionAttributeNames={f"#{name}": name for name in numbers},
            ExpressionAttributeValues={f":{name}": {"N": str(number)} for name, number in numbers.items()},
        )

    def of(self, run: Run) -> Work:
        """What all batches did so far."""
        item = self._client.get_item(TableName=self._table, Key=_key(run.dataset_id, run.id)).get("Item", {})
        return Work(**{one.name: int(item[one.name]["N"]) for one in fields(Work) if one.name in item})


@dataclass(frozen=True, slots=True)
class BatchObject:
    """An object as it stood in the listing: its whole key, its version (ETag), its bytes as they lie there."""

    key: str
    version: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Objects that a backfill has the function count in one call."""

    dataset_id: str
    backfill_id: str
    objects: tuple[BatchObject, ...]

    def bytes_of(self, keys: Collection[str]) -> int:
        """The bytes of some of its objects."""
        wanted = set(keys)
        return sum(one.bytes for one in self.objects if one.key in wanted)

    def left(self, keys: Collection[str]) -> dict[str, Any]:
        """What to call the function with again: `read_batch` reads it. Nothing, when no objects are left."""
        wanted = set(keys)
        ids = {"datasetId": self.dataset_id, "backfillId": self.backfill_id}
        return {"Items": [ids | asdict(one) for one in self.objects if one.key in wanted]}


def read_batch(given: Mapping[str, Any]) -> Batch:
    """A batch as Step Functions hands it over; an object alone is one too, since emulators do not batch."""
    items = given.get("Items", [given])
    objects = tuple(BatchObject(item["key"], item["version"], item["bytes"]) for item in items)
    return Batch(items[0]["datasetId"], items[0]["backfillId"], objects)


def _key(dataset_id: str, backfill_id: str) -> dict[str, Any]:
    return {"pk": {"S": dataset_id}, "sk": {"S": f"b#{backfill_id}"}}
