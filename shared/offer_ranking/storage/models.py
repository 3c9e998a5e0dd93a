"""AI models in DynamoDB.

An item holds the definition (guarded by its version), the training and the snapshot pointer (written by the refresh,
guarded by the snapshot's version) in attributes of their own, so that a person's edit and a refresh never overwrite
each other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.errors import NotFoundError, StaleEditError, UnsuitableError
from offer_ranking.catalog.model import Model, SnapshotPointer, Training
from offer_ranking.catalog.once import Once
from offer_ranking.storage import catalog_items as items
from offer_ranking.storage.transaction import Item, Write, commit

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOUN = "model"
_APART = {"training", "snapshot", "used_by"}


class Models:
    """Reads and writes AI models. `table` is the catalog table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def get(self, model_id: str, *, consistent: bool = True) -> Model:
        """The model as it stands. Raises NotFoundError."""
        item = items.get(self._client, self._table, NOUN, model_id, consistent=consistent)
        if item is None:
            raise NotFoundError(NOUN, model_id)
        return _model(item)

    def all(self) -> list[Model]:
        """Every model."""
        return [_model(item) for item in items.all_of(self._client, self._table, NOUN)]

    def history(self, model_id: str) -> list[Change]:
        """Every change of a model, also of a deleted one. Raises NotFoundError when it never was."""
        changes = items.history(self._client, self._table, NOUN, model_id)
        if not changes:
            raise NotFoundError(NOUN, model_id)
        return changes

    def create(self, model: Model, change: Change, once: Once | None) -> None:
        """Raises AlreadyDoneError, NameTakenError, and UnsuitableError when a dataset went meanwhile."""
        put = {"TableName": self._table, "Item": _item(model), "ConditionExpression": "attribute_not_exists(pk)"}
        commit(
            self._client,
            [
                *([items.remember(self._table, once)] if once else []),
                items.claim_name(self._table, NOUN, model.name, model.id),
                Write({"Put": put}, lambda _: StaleEditError(NOUN)),
                *self._uses(model.dataset_ids, model, "ADD"),
                items.record(self._table, NOUN, model.id, change),
            ],
        )

    def save(self, before: Model, after: Model, change: Change) -> None:
        """Replace one version of the definition by the next. Raises StaleEditError, NameTakenError, UnsuitableError."""
        values = {
            ":definition": {"S": _definition(after)},
            ":version": {"N": str(after.version)},
            ":before": {"N": str(before.version)},
            ":status": {"S": after.status},
        }
        expression = "SET #definition = :definition, version = :version, #status = :status"
        if after.training != before.training:  # else leave to the refresh what the refresh may be writing
            values[":training"] = {"S": after.training.model_dump_json()}
            expression += ", training = :training"
        update = {
            "TableName": self._table,
            "Key": _key(after.id),
            "UpdateExpression": expression,
            "ConditionExpression": "version = :before",
            "ExpressionAttributeNames": {"#status": "status", "#definition": "definition"},
            "ExpressionAttributeValues": values,
        }
        commit(
            self._client,
            [
                Write({"Update": update}, lambda _: StaleEditError(NOUN)),
                *items.rename(self._table, NOUN, before.name, after.name, after.id),
                *self._uses(_without(after.dataset_ids, before.dataset_ids), after, "ADD"),
                *self._uses(_without(before.dataset_ids, after.dataset_ids), after, "DELETE"),
                items.record(self._table, NOUN, after.id, change),
            ],
        )

    def delete(self, model: Model, change: Change) -> None:
        """Raises StaleEditError when it changed, or came into use, meanwhile."""
        delete = {
            "TableName": self._table,
            "Key": _key(model.id),
            "ConditionExpression": "version = :version AND attribute_not_exists(usedBy)",
            "ExpressionAttributeValues": {":version": {"N": str(model.version)}},
        }
        commit(
            self._client,
            [
                Write({"Delete": delete}, lambda _: StaleEditError(NOUN)),
                items.release_name(self._table, NOUN, model.name),
                *self._uses(model.dataset_ids, model, "DELETE"),
                items.record(self._table, NOUN, model.id, change),
            ],
        )

    def publish(self, model_id: str, pointer: SnapshotPointer, training: Training) -> bool:
        """Move the snapshot pointer one version on. False when another fit was first, or the model is gone."""
        return self._update(
            model_id,
            "SET #snapshot = :snapshot, snapshotVersion = :version, training = :training",
            "attribute_exists(pk) AND "
            "(attribute_not_exists(snapshotVersion) AND :version = :one OR snapshotVersion = :before)",
            {
                ":snapshot": {"S": pointer.model_dump_json()},
                ":version": {"N": str(pointer.version)},
                ":before": {"N": str(pointer.version - 1)},
                ":one": {"N": "1"},
                ":training": {"S": training.model_dump_json()},
            },
            {"#snapshot": "snapshot"},
        )

    def trained(self, model: Model, training: Training) -> bool:
        """Write how the last fit of a model, as it was read, ended without a new snapshot.

        False when another fit has published one meanwhile, or the model is gone.
        """
        condition = "attribute_exists(pk) AND attribute_not_exists(snapshotVersion)"
        values = {":training": {"S": training.model_dump_json()}}
        if model.snapshot:
            condition = "snapshotVersion = :version"
            values[":version"] = {"N": str(model.snapshot.version)}
        return self._update(model.id, "SET training = :training", condition, values, None)

    def _update(
        self, model_id: str, update: str, condition: str, values: dict[str, Any], names: dict[str, str] | None
    ) -> bool:
        extra: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(model_id),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                **extra,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _uses(self, dataset_ids: Sequence[str], model: Model, verb: str) -> list[Write]:
        """The dataset learns which models use it, so that it cannot go, nor lose its field group, under them."""
        return [
            Write(
                {
                    "Update": {
                        "TableName": self._table,
                        "Key": {"pk": {"S": "dataset"}, "sk": {"S": dataset_id}},
                        "UpdateExpression": f"{verb} usedBy :model",
                        "ConditionExpression": "eligible = :yes" if verb == "ADD" else "attribute_exists(pk)",
                        "ExpressionAttributeValues": {":model": {"SS": [model.id]}}
                        | ({":yes": {"BOOL": True}} if verb == "ADD" else {}),
                    }
                },
                _unsuitable_dataset(model, dataset_id),
            )
            for dataset_id in dataset_ids
        ]


def _unsuitable_dataset(model: Model, dataset_id: str) -> Any:  # noqa: ANN401 - a Write's refusal
    position = model.dataset_ids.index(dataset_id) if dataset_id in model.dataset_ids else 0
    return lambda _: UnsuitableError(
        f"/datasetIds/{position}", f"The dataset {dataset_id!r} does not exist or is not eligible."
    )


def _without(some: Sequence[str], others: Sequence[str]) -> list[str]:
    return [one for one in some if one not in others]


def _key(model_id: str) -> Item:
    return {"pk": {"S": NOUN}, "sk": {"S": model_id}}


def _definition(model: Model) -> str:
    return model.model_dump_json(exclude=_APART)


def _item(model: Model) -> Item:
    return {
        **_key(model.id),
        "definition": {"S": _definition(model)},
        "version": {"N": str(model.version)},
        "status": {"S": model.status},
        "training": {"S": model.training.model_dump_json()},
    }


def _model(item: Item) -> Model:
    apart = {
        "training": json.loads(item["training"]["S"]),
        "snapshot": json.loads(item["snapshot"]["S"]) if "snapshot" in item else None,
        "usedBy": item.get("usedBy", {}).get("SS", []),
    }
    return Model.model_validate_json(json.dumps(json.loads(item["definition"]["S"]) | apart))
