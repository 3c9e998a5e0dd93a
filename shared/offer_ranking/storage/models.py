"""AI models in DynamoDB.

An item holds the definition (guarded by its version), the training and the snapshot pointer (written by the refresh,
guarded by the snapshot's version) in attributes of their own, so that a person's edit and a refresh never overwrite
each other.
"""

from __future__ import annotations

import json
from typing import Any

from offer_ranking.catalog.errors import UnsuitableError
from offer_ranking.catalog.model import Model, SnapshotPointer, Training
from offer_ranking.storage import catalog_items as items
from offer_ranking.storage.definitions import Definitions, stored
from offer_ranking.storage.transaction import Item, Write

_DATASETS = items.Use("dataset", "eligible = :yes", values={":yes": {"BOOL": True}})


class Models(Definitions[Model]):
    """Reads and writes AI models."""

    noun = "model"
    apart = frozenset({"training", "snapshot", "used_by"})

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
                Key=self._key(model_id),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=values,
                **extra,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _read(self, item: Item) -> Model:
        return Model.model_validate_json(
            stored(
                item,
                training=json.loads(item["training"]["S"]),
                snapshot=json.loads(item["snapshot"]["S"]) if "snapshot" in item else None,
                usedBy=items.strings(item, "usedBy"),
            ),
            extra="ignore",
        )

    def _beside(self, before: Model | None, after: Model) -> Item:
        beside: Item = {"status": {"S": after.status}}
        if before is None or after.training != before.training:  # else leave to the refresh what it may be writing
            beside["training"] = {"S": after.training.model_dump_json()}
        return beside

    def _held(self, id: str, before: Model | None, after: Model | None) -> list[Write]:  # noqa: A002
        """The dataset learns which models use it, so that it cannot go, nor lose its field group, under them."""
        old, new = (one.dataset_ids if one else () for one in (before, after))

        def unsuitable(dataset_id: str) -> Exception:
            position = new.index(dataset_id) if dataset_id in new else 0
            detail = f"The dataset {dataset_id!r} does not exist or is not eligible."
            return UnsuitableError(f"/datasetIds/{position}", detail)

        return _DATASETS.moved(self._table, id, old, new, unsuitable)
