"""Backfills: Step Functions runs them and knows for 90 days how far they are; the ledger's table adds up their work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.measuring.backfill import Work
from offer_ranking.measuring.map_run import MapRun
from offer_ranking.storage.map_runs import MapRuns

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient


class Backfills:
    """Starts and watches runs of one state machine, by its ARN."""

    def __init__(self, client: SFNClient, state_machine: str) -> None:
        self._runs = MapRuns(client, state_machine, "backfill")

    def start(self, backfill_id: str, dataset: Dataset) -> None:
        """Start it; nothing happens where it was started before."""
        # The same for the same id, as Step Functions demands of a start that is repeated.
        place = {"datasetId": dataset.id, "backfillId": backfill_id, "bucket": dataset.bucket, "prefix": dataset.prefix}
        self._runs.start(backfill_id, place)

    def get(self, backfill_id: str) -> MapRun:
        """How far it is. Raises NotFoundError."""
        return self._runs.get(backfill_id)


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

    def of(self, run: MapRun) -> Work:
        """What all batches did so far."""
        item = self._client.get_item(TableName=self._table, Key=_key(run.given["datasetId"], run.id)).get("Item", {})
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
