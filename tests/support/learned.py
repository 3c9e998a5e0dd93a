"""Models and snapshots for tests, with defaults for all that a test does not care about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from offer_ranking.catalog.lifecycle import Status
from offer_ranking.catalog.model import Model, ModelType, Training
from offer_ranking.catalog.settings import Settings
from offer_ranking.counting.counts import CONVERSION, IMPRESSION, Counts, Key
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.evidence import Evidence, Weights
from offer_ranking.learning.fit import fit
from offer_ranking.learning.snapshot import Snapshot

HOUR = 500_000  # hours since 1970 UTC; all that is not told apart by time happens then
AS_OF = HOUR * 3600.0 + 1799.5
_WHEN = datetime.fromtimestamp(AS_OF, UTC)


def evidence_of(counts: Counts, settings: Settings, as_of_hour: int) -> Evidence:
    """What a count table says of each version of an offer."""
    return Weights.of(counts, settings, as_of_hour).by_version()[0]


def a_model(**fields: Any) -> Model:
    """A live model; `settings` as a mapping of those that differ."""
    defaults: dict[str, Any] = {
        "id": "m",
        "name": "m",
        "description": None,
        "type": ModelType.AUTO_OPTIMIZATION,
        "dataset_ids": ("d",),
        "audiences": (),
        "context_keys": (),
        "status": Status.LIVE,
        "version": 1,
        "training": Training(at=_WHEN),
        "created_at": _WHEN,
        "updated_at": _WHEN,
    }
    settings = Settings(**fields.pop("settings", {}))
    return Model(**defaults | fields, settings=settings)


def personalized(**fields: Any) -> Model:
    """A live model that looks at three audiences and a context key."""
    looks: dict[str, Any] = {"audiences": ("gold", "new", "young"), "context_keys": ("device",)}
    return a_model(type=ModelType.PERSONALIZED, **looks | fields)


def shown(pairs: Mapping[str, tuple[int, int]], *, cell: Cell | None = None, **key: Any) -> Counts:
    """Impressions and conversions by offer, of one cell and whatever else stands in their keys."""
    of: dict[str, Any] = {"hour": HOUR, "model": "m", "cell": cell.text if cell else "", **key}
    keys = [Key(offer=offer, kind=kind, **of) for offer in pairs for kind in (IMPRESSION, CONVERSION)]
    return Counts.of(keys, [number for pair in pairs.values() for number in pair])


def fitted(counts: Counts, model: Model | None = None, *, version: int = 1, as_of: float = AS_OF) -> Snapshot:
    """What the model learns of the counts."""
    learned = fit(counts, model or a_model(), version=version, as_of=as_of, trained_on={"d": 4})
    assert isinstance(learned, Snapshot), learned
    return learned
