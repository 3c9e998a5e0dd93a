"""The parts that the writes of every definition share: its name, its record of changes, its idempotency key."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.errors import NameTakenError
from offer_ranking.catalog.once import AlreadyDoneError, Once
from offer_ranking.catalog.value import fold
from offer_ranking.storage.transaction import Item, Write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

REMEMBERED = timedelta(hours=24)
_AT_ONCE = 100
_LONGEST_ID = 1024  # bytes of a sort key; DynamoDB refuses to look for a longer one


def name_key(noun: str, name: str) -> Item:
    """Where a name is claimed. Hashed, since a folded name can outgrow a key."""
    return {"pk": {"S": f"name#{noun}"}, "sk": {"S": hashlib.sha256(fold(name).encode()).hexdigest()}}


def claim_name(table: str, noun: str, name: str, id: str) -> Write:  # noqa: A002 - the field is called id
    """Nobody else of this kind may have the name; one's own spelling of it may change."""
    return Write(
        {
            "Put": {
                "TableName": table,
                "Item": {**name_key(noun, name), "id": {"S": id}},
                "ConditionExpression": "attribute_not_exists(pk) OR id = :id",
                "ExpressionAttributeValues": {":id": {"S": id}},
            }
        },
        lambda _: NameTakenError(noun, name),
    )


def release_name(table: str, noun: str, name: str) -> Write:
    """The name becomes free."""
    return Write({"Delete": {"TableName": table, "Key": name_key(noun, name)}}, _unconditional)


def rename(table: str, noun: str, old: str, new: str, id: str) -> list[Write]:  # noqa: A002
    """The writes that take a new name and let go of the old; none when the name stays."""
    if old == new:
        return []
    taken = [claim_name(table, noun, new, id)]
    # The same folded name is one item, which a transaction may touch only once.
    return taken if fold(old) == fold(new) else [*taken, release_name(table, noun, old)]


def record(table: str, noun: str, id: str, change: Change) -> Write:  # noqa: A002
    """The audit record of a change, in the change's own transaction."""
    return Write(
        {
            "Put": {
                "TableName": table,
                "Item": {
                    "pk": {"S": f"changes#{noun}#{id}"},
                    "sk": {"S": f"{change.version:010d}"},
                    "change": {"S": change.model_dump_json()},
                },
            }
        },
        _unconditional,
    )


def history(client: DynamoDBClient, table: str, noun: str, id: str, after: int) -> Iterator[Change]:  # noqa: A002
    """The changes of a definition that led to versions above `after`, oldest first; none when it never was."""
    if not _may_be(id):
        return iter(())
    pages = client.get_paginator("query").paginate(
        TableName=table,
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk AND sk > :after",
        ExpressionAttributeValues={":pk": {"S": f"changes#{noun}#{id}"}, ":after": {"S": f"{after:010d}"}},
    )
    return (Change.model_validate_json(item["change"]["S"], extra="ignore") for page in pages for item in page["Items"])


@dataclass(frozen=True, slots=True)
class Use:
    """That definitions of one kind use some of another, which list their users so as not to go from under them.

    `noun` is the kind that is used, `users` the attribute that lists who uses it, `condition` (with its names and
    values) what must be true of it when a use begins.
    """

    noun: str
    condition: str
    names: Mapping[str, str] = field(default_factory=dict)
    values: Item = field(default_factory=dict)
    users: str = "usedBy"

    def moved(
        self, table: str, user: str, old: Sequence[str], new: Sequence[str], refused: Callable[[str], Exception]
    ) -> list[Write]:
        """The writes when a user turns from some to others; `refused` makes the error, from the id that failed."""

        def write(id_: str, verb: str, condition: Item) -> Write:
            values = {":user": {"SS": [user]}, **condition.pop("ExpressionAttributeValues", {})}
            update = {
                "TableName": table,
                "Key": {"pk": {"S": self.noun}, "sk": {"S": id_}},
                "UpdateExpression": f"{verb} {self.users} :user",
                "ExpressionAttributeValues": values,
                **condition,
            }
            return Write({"Update": update}, lambda _: refused(id_))

        return [
            *(write(id_, "ADD", self._condition()) for id_ in new if id_ not in old),
            *(write(id_, "DELETE", {"ConditionExpression": "attribute_exists(pk)"}) for id_ in old if id_ not in new),
        ]

    def _condition(self) -> Item:
        names = {"ExpressionAttributeNames": dict(self.names)} if self.names else {}
        return {"ConditionExpression": self.condition, "ExpressionAttributeValues": dict(self.values), **names}


def strings(item: Item, attribute: str) -> list[str]:
    """A set of strings beside a definition, empty when it is not there."""
    found: list[str] = item.get(attribute, {}).get("SS", [])
    return found


def remember(table: str, once: Once) -> Write:
    """The answer of a create, in the create's own transaction: a crash at any point leaves both or neither."""
    return Write(
        {
            "Put": {
                "TableName": table,
                "Item": {
                    "pk": {"S": "once"},
                    "sk": {"S": once.key},
                    "requestHash": {"S": once.request_hash},
                    "answer": {"S": once.answer},
                    "expiresAt": {"N": str(int((once.at + REMEMBERED).timestamp()))},
                },
                "ConditionExpression": "attribute_not_exists(pk) OR expiresAt < :now",
                "ExpressionAttributeValues": {":now": {"N": str(int(once.at.timestamp()))}},
            }
        },
        lambda _: AlreadyDoneError(),
    )


def get(client: DynamoDBClient, table: str, pk: str, sk: str, *, consistent: bool = True) -> Item | None:
    """One item, or None."""
    if not _may_be(sk):
        return None
    answer = client.get_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=consistent)
    return answer.get("Item")


def some(client: DynamoDBClient, table: str, keys: Sequence[Item]) -> list[Item]:
    """Those of the items that exist, in any order; a call reads a hundred, or 16 MB."""
    found: list[Item] = []
    wanted: list[Any] = list(keys)
    while wanted:
        asked: dict[str, Any] = {table: {"Keys": wanted[:_AT_ONCE], "ConsistentRead": True}}
        answer = client.batch_get_item(RequestItems=asked)
        found += answer["Responses"].get(table, [])
        left: dict[str, Any] = dict(answer.get("UnprocessedKeys", {}))
        wanted = [*left.get(table, {}).get("Keys", []), *wanted[_AT_ONCE:]]
    return found


def all_of(client: DynamoDBClient, table: str, pk: str) -> list[Item]:
    """Every item of one kind."""
    pages = client.get_paginator("query").paginate(
        TableName=table,
        ConsistentRead=True,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": pk}},
    )
    return [item for page in pages for item in page["Items"]]


def _may_be(id: str) -> bool:  # noqa: A002 - the field is called id
    """Whether anything can have this id: it comes from whoever asks, in an address."""
    return len(id.encode(errors="surrogatepass")) <= _LONGEST_ID


def _unconditional(_: Item | None) -> Exception:
    msg = "a write without a condition was refused"
    return AssertionError(msg)
