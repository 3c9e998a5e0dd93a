"""AI models for tests, everything about them that does not matter made up."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from offer_ranking.catalog.model import Model, ModelType, NewModel, define_model


def a_model(**fields: Any) -> Model:
    """A draft named "m" and known as "m"; personalized when it has audiences or context keys."""
    kind = ModelType.PERSONALIZED if {"audiences", "context_keys"} & fields.keys() else ModelType.AUTO_OPTIMIZATION
    new = NewModel(**{"name": "m", "type": kind, "dataset_ids": ("d",)} | fields)
    return define_model(new, id="m", now=datetime(2026, 1, 1, tzinfo=UTC))
