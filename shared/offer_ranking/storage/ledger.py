"""The ledger of counted objects in DynamoDB, and the pointer to the aggregate that they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from offer_ranking.counting.aggregate import Pointer
from offer_ranking.counting.ledger import Reading, Row
from offer_ranking.storage.transaction import Item, Write, commit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_OBJECT = "o#"  # short: an S3 key may be as long as a sort key
_POINTER = "aggregate"
_BATCH = 100


class _OvertakenError(Exception):
    """The pointer or a row moved while a merge was under way."""


class DynamoLedger:
    """Rows under (dataset, object); a dirty row carries `dirty`, the key of a sparse index. See counting.ledger."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def next_generation(self, dataset_id: str, key: str) -> int:
        answer = self._client.update_item(
            TableName=self._table,
            Key=_row_key(dataset_id, key),
            UpdateExpression="ADD generation :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
            ReturnValues="UPDATED_NEW",
        )
        return int(answer["Attributes"]["generation"]["N"])

    def settle(self, dataset_id: str, key: str, generation: int, reading: Reading) -> bool:
        values: dict[str, Any] = {
            ":generation": {"N": str(generation)},
            ":state": {"S": reading.state},
            ":dirty": {"S": dataset_id},
        }
        optional = {"version": reading.version, "counted": reading.counted, "reason": reading.reason}
        present = {name: value for name, value in optional.items() if value is not None}
        absent = [name for name in optional if name not in present]
        sets = "".join(f", #{name} = :{name}" for name in present)
        removes = " REMOVE " + ", ".join(f"#{name}" for name in absent) if absent else ""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_row_key(dataset_id, key),
                UpdateExpression=f"SET countedGeneration = :generation, #state = :state, dirty = :dirty{sets}{removes}",
                ConditionExpression="attribute_not_exists(countedGeneration) OR countedGeneration < :generation",
                ExpressionAttributeNames={"#state": "state"} | {f"#{name}": name for name in optional},
                ExpressionAttributeValues=values | {f":{name}": {"S": value} for name, value in present.items()},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def dirty(self, dataset_id: str, limit: int) -> list[Row]:
        answer = self._client.query(
            TableName=self._table,
            IndexName="dirty",
            KeyConditionExpression="dirty = :dataset",
            ExpressionAttributeValues={":dataset": {"S": dataset_id}},
            Limit=limit,
        )
        return [_row(item) for item in answer["Items"]]

    def rows(self, dataset_id: str, keys: Sequence[str]) -> list[Row]:
        found: list[Row] = []
        for start in range(0, len(keys), _BATCH):
            wanted: list[Any] = [_row_key(dataset_id, key) for key in keys[start : start + _BATCH]]
            while wanted:
                answer = self._client.batch_get_item(
                    RequestItems={self._table: {"Keys": wanted, "ConsistentRead": True}}
                )
                found += [_row(item) for item in answer["Responses"].get(self._table, [])]
                left: dict[str, Any] = dict(answer.get("UnprocessedKeys", {}))
                wanted = left.get(self._table, {}).get("Keys", [])
        return found

    def pointer(self, dataset_id: str) -> Pointer:
        answer = self._client.get_item(TableName=self._table, Key=_pointer_key(dataset_id), ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return Pointer(dataset_id)
        return Pointer(dataset_id, int(item["generation"]["N"]), item["name"]["S"])

    def advance(self, before: Pointer, after: Pointer, rows: Sequence[Row]) -> bool:
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": {
                **_pointer_key(after.dataset_id),
                "generation": {"N": str(after.generation)},
                "name": {"S": str(after.name)},
            },
            "ConditionExpression": "generation = :before" if before.generation else "attribute_not_exists(pk)",
        }
        if before.generation:
            put["ExpressionAttributeValues"] = {":before": {"N": str(before.generation)}}
        try:
            commit(self._client, [Write({"Put": put}, _overtaken), *(self._applied(row) for row in rows)])
        except _OvertakenError:
            return False
        return True

    def clean(self, row: Row) -> None:
        condition, values = _unchanged("counted", row.counted)
        applied, more = _unchanged("applied", row.applied)
        extra: dict[str, Any] = {"ExpressionAttributeValues": values | more} if values or more else {}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_row_key(row.dataset_id, row.key),
                UpdateExpression="REMOVE dirty",
                ConditionExpression=f"{condition} AND {applied}",
                **extra,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # it changed meanwhile, and is dirty with reason

    def _applied(self, row: Row) -> Write:
        condition, values = _unchanged("counted", row.counted)
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": _row_key(row.dataset_id, row.key),
            "UpdateExpression": "SET applied = :counted REMOVE dirty" if row.counted else "REMOVE applied, dirty",
            "ConditionExpression": condition,
        }
        if values:
            update["ExpressionAttributeValues"] = values
        return Write({"Update": update}, _overtaken)


def _unchanged(name: str, value: str | None) -> tuple[str, Item]:
    if value is None:
        return f"attribute_not_exists({name})", {}
    return f"{name} = :{name}", {f":{name}": {"S": value}}


def _overtaken(_: Item | None) -> Exception:
    return _OvertakenError()


def _row_key(dataset_id: str, key: str) -> Item:
    return {"pk": {"S": dataset_id}, "sk": {"S": _OBJECT + key}}


def _pointer_key(dataset_id: str) -> Item:
    return {"pk": {"S": dataset_id}, "sk": {"S": _POINTER}}


def _row(item: Item) -> Row:
    return Row(
        dataset_id=item["pk"]["S"],
        key=item["sk"]["S"].removeprefix(_OBJECT),
        counted=item.get("counted", {}).get("S"),
        applied=item.get("applied", {}).get("S"),
    )
