"""Datastreams in DynamoDB."""

from __future__ import annotations

from offer_ranking.catalog.datastream import Datastream
from offer_ranking.catalog.errors import UnsuitableError
from offer_ranking.storage import catalog_items as items
from offer_ranking.storage.definitions import Definitions, stored
from offer_ranking.storage.transaction import Item, Write

# Beside the models that learn from a dataset: those are fitted when its counts change.
_DATASET = items.Use(
    "dataset", "eligible = :yes AND managed = :yes", values={":yes": {"BOOL": True}}, users="datastreams"
)
_DECISIONS = items.Use("decision", "attribute_exists(pk)")


class Datastreams(Definitions[Datastream]):
    """Reads and writes datastreams."""

    noun = "datastream"
    users = ()

    def _read(self, item: Item) -> Datastream:
        return Datastream.model_validate_json(stored(item), extra="ignore")

    def _held(self, id: str, before: Datastream | None, after: Datastream | None) -> list[Write]:  # noqa: A002
        """Dataset and decisions stay while it uses them."""
        left, taken = ([one.dataset_id] if one else [] for one in (before, after))
        dataset = _DATASET.moved(self._table, id, left, taken, _unsuitable_dataset)
        old, new = (one.decision_ids if one else () for one in (before, after))

        def missing(decision_id: str) -> Exception:
            position = new.index(decision_id) if decision_id in new else 0
            return UnsuitableError(f"/decisionIds/{position}", f"There is no decision {decision_id!r}.")

        return [*dataset, *_DECISIONS.moved(self._table, id, old, new, missing)]


def _unsuitable_dataset(dataset_id: str) -> Exception:
    detail = (
        f"The dataset {dataset_id!r} does not exist, is not eligible, or has a place of its own: events are collected "
        "into managed datasets, which are created without bucket and prefix."
    )
    return UnsuitableError("/datasetId", detail)
