"""Datasets in DynamoDB, and one item a bucket that says which prefixes of it are taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.errors import InUseError, NotFoundError, OverlapError, StaleEditError
from offer_ranking.catalog.once import Once
from offer_ranking.storage import catalog_items as items
from offer_ranking.storage.transaction import Item, Write, commit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOUN = "dataset"
_RACES = 50


class _PrefixesChangedError(Exception):
    """Another dataset took or gave back a prefix of this bucket meanwhile."""


@dataclass(frozen=True, slots=True)
class _Prefixes:
    """Which prefixes of a bucket belong to which dataset, as of a version."""

    bucket: str
    version: int
    owners: dict[str, str]

    def overlapping(self, prefix: str) -> tuple[str, str] | None:
        """The taken prefix, and its dataset, that holds this one or lies in it."""
        for taken, owner in self.owners.items():
            if taken.startswith(prefix) or prefix.startswith(taken):
                return taken, owner
        return None


_Writes = Callable[[_Prefixes], list[Write]]


class Datasets:
    """Reads and writes datasets. `table` is the catalog table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, dataset_id: str) -> Dataset:
        """The dataset as it stands. Raises NotFoundError."""
        item = items.get(self._client, self._table, NOUN, dataset_id)
        if item is None:
            raise NotFoundError(NOUN, dataset_id)
        return _dataset(item)

    def some(self, dataset_ids: tuple[str, ...]) -> dict[str, Dataset]:
        """Those of the named datasets that exist, by id."""
        found = {id_: items.get(self._client, self._table, NOUN, id_) for id_ in dataset_ids}
        return {id_: _dataset(item) for id_, item in found.items() if item is not None}

    def all(self) -> list[Dataset]:
        """Every dataset."""
        return [_dataset(item) for item in items.all_of(self._client, self._table, NOUN)]

    def holding(self, bucket: str, key: str) -> Dataset | None:
        """The dataset that an object belongs to. Prefixes never overlap, so there is at most one."""
        owner = self._prefixes(bucket).overlapping(key)
        if owner is None:
            return None
        item = items.get(self._client, self._table, NOUN, owner[1])
        dataset = _dataset(item) if item else None
        return dataset if dataset and dataset.holds(bucket, key) else None

    def create(self, dataset: Dataset, change: Change, once: Once | None) -> None:
        """Raises AlreadyDoneError, NameTakenError, OverlapError."""

        def writes(prefixes: _Prefixes) -> list[Write]:
            if (overlap := prefixes.overlapping(dataset.prefix)) is not None:
                raise OverlapError(dataset.prefix, *overlap)
            put = {"TableName": self._table, "Item": _item(dataset), "ConditionExpression": "attribute_not_exists(pk)"}
            return [
                *([items.remember(self._table, once)] if once else []),
                items.claim_name(self._table, NOUN, dataset.name, dataset.id),
                Write({"Put": put}, lambda _: StaleEditError(NOUN)),
                self._put_prefixes(prefixes, {**prefixes.owners, dataset.prefix: dataset.id}),
                items.record(self._table, NOUN, dataset.id, change),
            ]

        self._with_prefixes(dataset.bucket, writes)

    def save(self, before: Dataset, after: Dataset, change: Change) -> None:
        """Replace one version by the next. Raises StaleEditError, NameTakenError, InUseError."""
        condition = "version = :before"
        sets = "SET #definition = :definition, version = :version, eligible = :eligible"
        if before.eligible and not after.eligible:
            condition += " AND attribute_not_exists(usedBy)"
        update = {
            "TableName": self._table,
            "Key": _key(after.id),
            # With another mapping all that lies there is to be found again.
            "UpdateExpression": sets + ("" if before.mapping == after.mapping else " REMOVE discovered"),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {"#definition": "definition"},
            "ExpressionAttributeValues": {
                ":definition": {"S": _definition(after)},
                ":version": {"N": str(after.version)},
                ":before": {"N": str(before.version)},
                ":eligible": {"BOOL": after.eligible},
            },
        }
        commit(
            self._client,
            [
                Write({"Update": update}, _stale_or_in_use(before)),
                *items.rename(self._table, NOUN, before.name, after.name, after.id),
                items.record(self._table, NOUN, after.id, change),
            ],
        )

    def delete(self, dataset: Dataset, change: Change) -> None:
        """Raises StaleEditError, InUseError."""

        def writes(prefixes: _Prefixes) -> list[Write]:
            delete = {
                "TableName": self._table,
                "Key": _key(dataset.id),
                "ConditionExpression": "version = :version AND attribute_not_exists(usedBy)",
                "ExpressionAttributeValues": {":version": {"N": str(dataset.version)}},
            }
            kept = {prefix: owner for prefix, owner in prefixes.owners.items() if owner != dataset.id}
            return [
                Write({"Delete": delete}, _stale_or_in_use(dataset)),
                items.release_name(self._table, NOUN, dataset.name),
                self._put_prefixes(prefixes, kept),
                items.record(self._table, NOUN, dataset.id, change),
            ]

        self._with_prefixes(dataset.bucket, writes)

    def discovered(self, dataset_id: str) -> None:
        """Note that all that lay in the dataset at its creation, or when its mapping changed, has been found."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(dataset_id),
                UpdateExpression="SET discovered = :yes",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":yes": {"BOOL": True}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # deleted meanwhile: nothing to note

    def _prefixes(self, bucket: str) -> _Prefixes:
        item = items.get(self._client, self._table, "bucket", bucket)
        if item is None:
            return _Prefixes(bucket, 0, {})
        return _Prefixes(bucket, int(item["version"]["N"]), json.loads(item["owners"]["S"]))

    def _with_prefixes(self, bucket: str, writes: _Writes) -> None:
        """Commit what follows from the bucket's prefixes as they stand, again when they move meanwhile."""
        for _ in range(_RACES):
            try:
                return commit(self._client, writes(self._prefixes(bucket)))
            except _PrefixesChangedError:
                continue
        raise StaleEditError(NOUN)

    def _put_prefixes(self, before: _Prefixes, owners: dict[str, str]) -> Write:
        put = {
            "TableName": self._table,
            "Item": {
                "pk": {"S": "bucket"},
                "sk": {"S": before.bucket},
                "version": {"N": str(before.version + 1)},
                "owners": {"S": json.dumps(owners)},
            },
            "ConditionExpression": "version = :before" if before.version else "attribute_not_exists(pk)",
        }
        if before.version:
            put["ExpressionAttributeValues"] = {":before": {"N": str(before.version)}}
        return Write({"Put": put}, lambda _: _PrefixesChangedError())


def _stale_or_in_use(dataset: Dataset) -> Callable[[Item | None], Exception]:
    def refused(item: Item | None) -> Exception:
        if item is not None and item["version"]["N"] == str(dataset.version) and "usedBy" in item:
            return InUseError(NOUN, set(item["usedBy"]["SS"]))
        return StaleEditError(NOUN)

    return refused


def _key(dataset_id: str) -> Item:
    return {"pk": {"S": NOUN}, "sk": {"S": dataset_id}}


def _definition(dataset: Dataset) -> str:
    return dataset.model_dump_json(exclude={"eligible", "reason", "discovered", "used_by"})


def _item(dataset: Dataset) -> Item:
    return {
        **_key(dataset.id),
        "definition": {"S": _definition(dataset)},
        "version": {"N": str(dataset.version)},
        "eligible": {"BOOL": dataset.eligible},
    }


def _dataset(item: Item) -> Dataset:
    apart = {
        "discovered": item.get("discovered", {}).get("BOOL", False),
        "usedBy": item.get("usedBy", {}).get("SS", []),
    }
    return Dataset.model_validate_json(json.dumps(json.loads(item["definition"]["S"]) | apart))
