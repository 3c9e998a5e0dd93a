"""Datasets in DynamoDB, and one item a bucket that says which prefixes of it are taken."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.errors import OverlapError, StaleEditError
from offer_ranking.catalog.once import Once
from offer_ranking.storage import catalog_items as items
from offer_ranking.storage.definitions import Definitions, stored
from offer_ranking.storage.transaction import Item, Write, commit

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


class Datasets(Definitions[Dataset]):
    """Reads and writes datasets."""

    noun = "dataset"
    apart = frozenset({"eligible", "reason", "discovered", "used_by", "datastreams"})
    users = ("usedBy", "datastreams")

    def holding(self, bucket: str, key: str) -> Dataset | None:
        """The dataset that an object belongs to. Prefixes never overlap, so there is at most one."""
        owner = self._prefixes(bucket).overlapping(key)
        if owner is None:
            return None
        item = items.get(self._client, self._table, self.noun, owner[1])
        dataset = self._read(item) if item else None
        return dataset if dataset and dataset.holds(bucket, key) else None

    def create(self, new: Dataset, change: Change, once: Once | None) -> None:
        """Raises AlreadyDoneError, NameTakenError, OverlapError."""

        def writes(prefixes: _Prefixes) -> list[Write]:
            if (overlap := prefixes.overlapping(new.prefix)) is not None:
                raise OverlapError(new.prefix, *overlap)
            taken = self._put_prefixes(prefixes, {**prefixes.owners, new.prefix: new.id})
            return [*self._creation(new, change, once), taken]

        self._with_prefixes(new.bucket, writes)

    def delete(self, old: Dataset, change: Change) -> None:
        """Raises StaleEditError, InUseError."""

        def writes(prefixes: _Prefixes) -> list[Write]:
            kept = {prefix: owner for prefix, owner in prefixes.owners.items() if owner != old.id}
            return [*self._deletion(old, change), self._put_prefixes(prefixes, kept)]

        self._with_prefixes(old.bucket, writes)

    def discovered(self, dataset_id: str) -> None:
        """Note that all that lay in the dataset at its creation, or when its mapping changed, has been found."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=self._key(dataset_id),
                UpdateExpression="SET discovered = :yes",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":yes": {"BOOL": True}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return  # deleted meanwhile: nothing to note

    def _read(self, item: Item) -> Dataset:
        discovered = item.get("discovered", {}).get("BOOL", False)
        users = {name: items.strings(item, name) for name in self.users}
        return Dataset.model_validate_json(stored(item, discovered=discovered, **users), extra="ignore")

    def _beside(self, before: Dataset | None, after: Dataset) -> Item:  # noqa: ARG002
        return {"eligible": {"BOOL": after.eligible}, "managed": {"BOOL": after.is_managed}}

    def _forgotten(self, before: Dataset, after: Dataset) -> tuple[str, ...]:
        # With another mapping all that lies there is to be found again.
        return () if before.mapping == after.mapping else ("discovered",)

    def _takes_from_users(self, before: Dataset, after: Dataset) -> bool:
        return before.eligible and not after.eligible

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
        raise StaleEditError(self.noun)

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
