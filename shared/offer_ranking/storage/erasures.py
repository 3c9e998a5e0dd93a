"""Erasures: who asked lies in the catalog, whom to look for in a table that forgets, what was done in the ledger's."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.collecting.erasure import Sought
from offer_ranking.measuring.erasure import Left, Work
from offer_ranking.measuring.map_run import MapRun
from offer_ranking.storage import catalog_items as items
from offer_ranking.storage.map_runs import MapRuns
from offer_ranking.storage.transaction import commit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient

NOUN = "erasure"
FORGOTTEN_AFTER = timedelta(days=14)
"""If a run never came to its end: then it is not worth going on with."""
_MOST_LEFT = 100


class Erasures:
    """Starts and watches runs of one state machine, by its ARN; remembers in the catalog table who asked for them."""

    def __init__(self, stepfunctions: SFNClient, state_machine: str, dynamodb: DynamoDBClient, catalog: str) -> None:
        self._runs = MapRuns(stepfunctions, state_machine, NOUN)
        self._client = dynamodb
        self._catalog = catalog

    def start(self, erasure_id: str, change: Change, wait: timedelta) -> None:
        """Note who asks, then start it; it begins after a while. Nothing of the person is in what it is given."""
        commit(self._client, [items.record(self._catalog, NOUN, erasure_id, change)])
        self._runs.start(erasure_id, {"erasureId": erasure_id, "seconds": int(wait.total_seconds())})

    def request(self, erasure_id: str) -> Change:
        """Who asked for it, and when. Raises NotFoundError."""
        for change in items.history(self._client, self._catalog, NOUN, erasure_id, 0):
            return change
        raise NotFoundError(NOUN, erasure_id)

    def get(self, erasure_id: str) -> MapRun:
        """How far it is. Raises NotFoundError."""
        return self._runs.get(erasure_id)


class SoughtPeople:
    """Whom erasures at work look for.

    In the table of caps: it has no point-in-time recovery, so that what is deleted is gone.
    """

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def put(self, erasure_id: str, sought: Sought, now: datetime) -> None:
        """Remember it, for two weeks at most."""
        self._client.put_item(
            TableName=self._table,
            Item={
                **_sought_key(erasure_id),
                "key": {"B": sought.key},
                "digests": {"BS": sorted(sought.digests)},
                "namespaces": {"S": json.dumps(sorted(sought.namespaces))},
                "expiresAt": {"N": str(int((now + FORGOTTEN_AFTER).timestamp()))},
            },
        )

    def get(self, erasure_id: str) -> Sought:
        """Whom it looks for. Raises NotFoundError once it was forgotten."""
        answer = self._client.get_item(TableName=self._table, Key=_sought_key(erasure_id), ConsistentRead=True)
        item: Any = answer.get("Item")
        if item is None:
            raise NotFoundError(NOUN, erasure_id)
        digests, namespaces = map(bytes, item["digests"]["BS"]), json.loads(item["namespaces"]["S"])
        return Sought(bytes(item["key"]["B"]), frozenset(digests), frozenset(namespaces))

    def forget(self, erasure_id: str) -> None:
        """Nobody can tell any more whom it looked for."""
        self._client.delete_item(TableName=self._table, Key=_sought_key(erasure_id))


class ErasureWork:
    """What erasures did, and the objects that they left, in the ledger's table beside the objects of datasets."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, erasure_id: str, work: Work) -> None:
        """Add what was done."""
        numbers = asdict(work)
        self._client.update_item(
            TableName=self._table,
            Key=_work_key(erasure_id),
            UpdateExpression="ADD " + ", ".join(f"#{name} :{name}" for name in numbers),
            ExpressionAttributeNames={f"#{name}": name for name in numbers},
            ExpressionAttributeValues={f":{name}": {"N": str(number)} for name, number in numbers.items()},
        )

    def of(self, erasure_id: str) -> Work:
        """What was done so far."""
        item = self._client.get_item(TableName=self._table, Key=_work_key(erasure_id)).get("Item", {})
        return Work(**{one.name: int(item[one.name]["N"]) for one in fields(Work) if one.name in item})

    def leave(self, erasure_id: str, left: Left) -> None:
        """Note an object that could not be rewritten; once, however often it is noted."""
        item: dict[str, Any] = {**_left_key(erasure_id), "sk": {"S": left.key}, "reason": {"S": left.reason}}
        self._client.put_item(TableName=self._table, Item=item)

    def left(self, erasure_id: str) -> list[Left]:
        """The first hundred of the objects that could not be rewritten, by key."""
        answer = self._client.query(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": _left_key(erasure_id)["pk"]},
            Limit=_MOST_LEFT,
        )
        return [Left(item["sk"]["S"], item["reason"]["S"]) for item in answer["Items"]]


@dataclass(frozen=True, slots=True)
class Batch:
    """Objects, by their whole keys, that an erasure has the function look at in one call."""

    erasure_id: str
    keys: tuple[str, ...]

    def left(self, keys: Collection[str]) -> dict[str, Any]:
        """What to call the function with again: `read_batch` reads it. Nothing, when no objects are left."""
        return {"Items": [{"erasureId": self.erasure_id, "key": key} for key in keys]}


def read_batch(given: Mapping[str, Any]) -> Batch:
    """A batch as Step Functions hands it over; an object alone is one too, since emulators do not batch."""
    found = given.get("Items", [given])
    return Batch(found[0]["erasureId"], tuple(item["key"] for item in found))


def _sought_key(erasure_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"erasure {erasure_id}"}}


def _left_key(erasure_id: str) -> dict[str, Any]:
    """Of the objects that an erasure left. Theirs is the whole sort key: a key of S3 may be as long, and no longer."""
    return {"pk": {"S": f"erasure-left#{erasure_id}"}}


def _work_key(erasure_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"erasure#{erasure_id}"}, "sk": {"S": "work"}}
