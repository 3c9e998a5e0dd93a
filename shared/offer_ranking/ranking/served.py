"""A live model as it may be ranked by now, and how that is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from offer_ranking.catalog.model import Model
from offer_ranking.catalog.value import ContextValue
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.snapshot import Snapshot


class Source(StrEnum):
    """Where a ranking comes from."""

    FRESH = "fresh"
    STALE = "stale"
    UNTRAINED = "untrained"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True)
class Served:
    """`model` is None only in a fallback, `snapshot` unless fresh or stale."""

    source: Source
    model: Model | None = None
    snapshot: Snapshot | None = None

    def cell(self, audiences: Collection[str], context: Mapping[str, ContextValue]) -> Cell:
        """What of a request is looked at, by the snapshot, so that a replay finds the same; before the first one by the
        definition, and in a fallback nothing.
        """
        if self.source is Source.FALLBACK or self.model is None:
            return Cell()
        if self.snapshot is not None:
            return self.snapshot.cell(audiences, context)
        return Cell.of(audiences, context, known=self.model.audiences, keys=self.model.context_keys)
