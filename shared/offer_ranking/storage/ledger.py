"""The ledger of counted objects in DynamoDB, and the pointer to the aggregate that they add up to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.aggregate import Pointer
from offer_ranking.counting.ledger import Reading, Row, State
from offer_ranking.storage.transaction import Item, Write, commit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_OBJECT = "o#"  # short: an S3 key may be as long as a sort key
_AFTER_OBJECTS = "o$"
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
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_row_key(dataset_id, key),
                UpdateExpression="SET countedGeneration = :generation, reading = :reading, dirty = :dirty",
                ConditionExpression="attribute_not_exists(countedGeneration) OR countedGeneration < :generation",
                ExpressionAttributeValues={
                    ":generation": {"N": str(generation)},
                    ":reading": {"M": _reading_item(reading)},
                    ":dirty": {"S": dataset_id},
                },
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

    def between(self, dataset_id: str, after: str, until: str | None, limit: int | None = None) -> list[Row]:
        query: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :dataset AND sk BETWEEN :after AND :until",
            "ExpressionAttributeValues": {
                ":dataset": {"S": dataset_id},
                ":after": {"S": _OBJECT + after},
                ":until": {"S": _OBJECT + until if until is not None else _AFTER_OBJECTS},
            },
            "ConsistentRead": True,
        }
        found: list[Row] = []
        while limit is None or len(found) < limit:
            answer = self._client.query(**query | ({"Limit": limit + 1 - len(found)} if limit else {}))
            found += [_row(item) for item in answer["Items"] if item["sk"]["S"] != _OBJECT + after]
            if "LastEvaluatedKey" not in answer:
                break
            query["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
        return found[:limit]

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
        condition, names, values = _unchanged(row)
        extra: dict[str, Any] = {"ExpressionAttributeValues": values} if values else {}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_row_key(row.dataset_id, row.key),
                UpdateExpression="REMOVE dirty",
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                **extra,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # it changed meanwhile, and is dirty with reason

    def _applied(self, row: Row) -> Write:
        condition, names, values = _unchanged(row)
        update: dict[str, Any] = {
            "TableName": self._table,
            "Key": _row_key(row.dataset_id, row.key),
            "UpdateExpression": "SET applied = :counted REMOVE dirty" if row.counted else "REMOVE applied, dirty",
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
        }
        if values:
            update["ExpressionAttributeValues"] = values
        return Write({"Update": update}, _overtaken)


def _unchanged(row: Row) -> tuple[str, dict[str, str], Item]:
    """That a row counts as what it did, and that the aggregate holds of it what it did."""
    known = {"counted": ("reading.#counted", row.counted), "applied": ("#applied", row.applied)}
    conditions = [
        f"attribute_not_exists({path})" if value is None else f"{path} = :{name}"
        for name, (path, value) in known.items()
    ]
    values = {f":{name}": {"S": value} for name, (_, value) in known.items() if value is not None}
    return " AND ".join(conditions), {"#counted": "counted", "#applied": "applied"}, values


def _overtaken(_: Item | None) -> Exception:
    return _OvertakenError()


def _row_key(dataset_id: str, key: str) -> Item:
    return {"pk": {"S": dataset_id}, "sk": {"S": _OBJECT + key}}


def _pointer_key(dataset_id: str) -> Item:
    return {"pk": {"S": dataset_id}, "sk": {"S": _POINTER}}


def _row(item: Item) -> Row:
    reading = item.get("reading")
    return Row(
        dataset_id=item["pk"]["S"],
        key=item["sk"]["S"].removeprefix(_OBJECT),
        reading=_reading(reading["M"]) if reading else None,
        applied=item.get("applied", {}).get("S"),
    )


def _reading_item(reading: Reading) -> Item:
    """A reading as a map; `counted` beside `tried`, so that conditions can name it."""
    texts = {
        "state": reading.state.value,
        "version": reading.version,
        "tried": reading.tried,
        "counted": reading.counted,
        "reason": reading.reason,
        "accounting": json.dumps(reading.accounting.to_json()) if reading.state is State.LIVE else None,
    }
    return {name: {"S": text} for name, text in texts.items() if text is not None}


def _reading(item: Item) -> Reading:
    texts = {name: value["S"] for name, value in item.items()}
    return Reading(
        State(texts["state"]),
        texts.get("version"),
        texts.get("tried"),
        texts.get("reason"),
        Accounting.from_json(json.loads(texts["accounting"])) if "accounting" in texts else Accounting.zero(),
    )
