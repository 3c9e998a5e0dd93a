"""What every kind of definition does in the catalog table: an item each, guarded by its version.

A change is one transaction: the item, its name, what it holds of others, its audit record, its Idempotency-Key.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.errors import InUseError, NotFoundError, StaleEditError
from offer_ranking.catalog.once import Once
from offer_ranking.storage import catalog_items as items
from offer_ranking.storage.transaction import Item, Write, commit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Definition(Protocol):
    """What can be stored: known by an id, found by a name, guarded by a version."""

    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    def model_dump_json(self, *, exclude: Any = None) -> str: ...  # noqa: ANN401 - pydantic's own


D = TypeVar("D", bound=Definition)


class Definitions(ABC, Generic[D]):
    """Reads and writes definitions of one kind. `table` is the catalog table.

    A kind says its `noun`, which fields are not part of the stored definition (`apart`: they are computed, or lie in
    attributes of their own), and in which attributes its users are listed (`users`).
    """

    noun: ClassVar[str]
    apart: ClassVar[frozenset[str]] = frozenset({"used_by"})
    users: ClassVar[tuple[str, ...]] = ("usedBy",)

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, id: str, *, consistent: bool = True) -> D:  # noqa: A002 - the field is called id
        """The definition as it stands. Raises NotFoundError."""
        item = items.get(self._client, self._table, self.noun, id, consistent=consistent)
        if item is None:
            raise NotFoundError(self.noun, id)
        return self._read(item)

    def some(self, ids: Sequence[str]) -> dict[str, D]:
        """Those of the named definitions that exist, by id."""
        keys = [self._key(id_) for id_ in dict.fromkeys(ids)]
        return {item["sk"]["S"]: self._read(item) for item in items.some(self._client, self._table, keys)}

    def all(self) -> list[D]:
        """Every definition of this kind."""
        return [self._read(item) for item in items.all_of(self._client, self._table, self.noun)]

    def changes(self, id: str, after: int = 0) -> Iterator[Change]:  # noqa: A002
        """The changes of a definition, also of a deleted one, that led to versions above `after`; read as asked for."""
        return items.history(self._client, self._table, self.noun, id, after)

    def create(self, new: D, change: Change, once: Once | None) -> None:
        """Raises AlreadyDoneError, NameTakenError, and what the things it holds refuse."""
        commit(self._client, self._creation(new, change, once))

    def save(self, before: D, after: D, change: Change) -> None:
        """Replace one version by the next. Raises StaleEditError, NameTakenError, and what it holds refuses."""
        commit(
            self._client,
            [
                self._replacement(before, after),
                *items.rename(self._table, self.noun, before.name, after.name, after.id),
                *self._held(after.id, before, after),
                items.record(self._table, self.noun, after.id, change),
            ],
        )

    def delete(self, old: D, change: Change) -> None:
        """Raises StaleEditError, InUseError."""
        commit(self._client, self._deletion(old, change))

    # ---- What a kind says of itself -------------------------------------------------------------------------------

    @abstractmethod
    def _read(self, item: Item) -> D:
        """The definition that an item holds."""

    def _beside(self, before: D | None, after: D) -> Item:  # noqa: ARG002
        """Attributes beside the definition that a change writes: what conditions of other writes ask for."""
        return {}

    def _forgotten(self, before: D, after: D) -> Sequence[str]:  # noqa: ARG002
        """Attributes beside the definition that an edit takes away."""
        return ()

    def _takes_from_users(self, before: D, after: D) -> bool:  # noqa: ARG002
        """Whether an edit takes what its users need, and so must not be while there are any."""
        return False

    def _held(self, id: str, before: D | None, after: D | None) -> list[Write]:  # noqa: A002, ARG002
        """Claims that a change makes and gives back on other items; None before a creation and after a deletion."""
        return []

    # ---- Writes ---------------------------------------------------------------------------------------------------

    def _creation(self, new: D, change: Change, once: Once | None) -> list[Write]:
        put = {
            "TableName": self._table,
            "Item": {**self._key(new.id), **self._attributes(None, new)},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return [
            *([items.remember(self._table, once)] if once else []),
            items.claim_name(self._table, self.noun, new.name, new.id),
            Write({"Put": put}, lambda _: StaleEditError(self.noun)),
            *self._held(new.id, None, new),
            items.record(self._table, self.noun, new.id, change),
        ]

    def _replacement(self, before: D, after: D) -> Write:
        attributes = self._attributes(before, after)
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in attributes)
        if forgotten := self._forgotten(before, after):
            expression += " REMOVE " + ", ".join(forgotten)
        update = {
            "TableName": self._table,
            "Key": self._key(after.id),
            "UpdateExpression": expression,
            "ConditionExpression": self._condition(unused=self._takes_from_users(before, after)),
            "ExpressionAttributeNames": {f"#{name}": name for name in attributes},
            "ExpressionAttributeValues": {f":{name}": value for name, value in attributes.items()}
            | {":before": {"N": str(before.version)}},
        }
        return Write({"Update": update}, self._stale_or_in_use(before.version))

    def _deletion(self, old: D, change: Change) -> list[Write]:
        delete = {
            "TableName": self._table,
            "Key": self._key(old.id),
            "ConditionExpression": self._condition(unused=True),
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": {":before": {"N": str(old.version)}},
        }
        return [
            Write({"Delete": delete}, self._stale_or_in_use(old.version)),
            items.release_name(self._table, self.noun, old.name),
            *self._held(old.id, old, None),
            items.record(self._table, self.noun, old.id, change),
        ]

    def _condition(self, *, unused: bool) -> str:
        conditions = [f"attribute_not_exists({users})" for users in self.users] if unused else []
        return " AND ".join(["#version = :before", *conditions])

    def _stale_or_in_use(self, version: int) -> Any:  # noqa: ANN401 - a Write's refusal
        def refused(item: Item | None) -> Exception:
            if item is not None and item["version"]["N"] == str(version):
                return InUseError(self.noun, {user for users in self.users for user in items.strings(item, users)})
            return StaleEditError(self.noun)

        return refused

    def _key(self, id: str) -> Item:  # noqa: A002
        return {"pk": {"S": self.noun}, "sk": {"S": id}}

    def _attributes(self, before: D | None, after: D) -> Item:
        return {
            "definition": {"S": after.model_dump_json(exclude=set(self.apart))},
            "version": {"N": str(after.version)},
            **self._beside(before, after),
        }


def stored(item: Item, **apart: Any) -> str:  # noqa: ANN401 - JSON
    """The JSON of a definition, with what lies in attributes of their own. Raises ValueError for what is none.

    Who reads it passes over fields that it does not know: a later release may have written them, which a tenth of the
    calls have for five minutes, and which is then taken back.
    """
    definition = json.loads(item["definition"]["S"])
    if not isinstance(definition, dict):
        msg = "the item holds no definition"
        raise ValueError(msg)  # noqa: TRY004 - as for any other text that is none
    return json.dumps(definition | apart)
