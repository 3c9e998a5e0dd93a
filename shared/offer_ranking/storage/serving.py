"""What a ranking needs of a model, kept at hand: the store is asked once a second, and may be away."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from offer_ranking.catalog.errors import NotFoundError, NotServedError
from offer_ranking.catalog.lifecycle import Status
from offer_ranking.catalog.model import Model, SnapshotPointer
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.ranking.served import Served, Source
from offer_ranking.storage.remembered import STORE_FAILED

FRESH_SECONDS = 1.0  # so a deactivation takes effect within two
AGAIN_SECONDS = 5.0  # while the store is away: what is at hand is as good, and asking may cost a second
_MODELS_KEPT = 128


class ReadModels(Protocol):
    """Where models are read."""

    def get(self, model_id: str) -> Model: ...


class ReadSnapshots(Protocol):
    """Where snapshots are read."""

    def get(self, pointer: SnapshotPointer) -> Snapshot: ...


@dataclass(frozen=True, slots=True)
class _Kept:
    served: Served
    read_at: float

    @property
    def seconds(self) -> float:
        """How long it is served before the store is asked again."""
        return AGAIN_SECONDS if self.served.source is Source.STALE else FRESH_SECONDS


class Serving:
    """Live models by id, each with its newest good snapshot; at most one item and one snapshot are read."""

    def __init__(
        self, models: ReadModels, snapshots: ReadSnapshots, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._models = models
        self._snapshots = snapshots
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._served: list[Served] = []

    def serve(self, model_id: str) -> Served:
        """The model and its snapshot. Raises NotFoundError, and NotServedError unless the model is live."""
        kept = self._kept.get(model_id)
        if kept is None or self._clock() - kept.read_at >= kept.seconds:
            kept = _Kept(self._read(model_id, kept.served if kept else None), self._clock())
            self._keep(model_id, kept)
        model = kept.served.model
        if model is not None and model.status is not Status.LIVE:
            raise NotServedError(model_id, model.status)
        self._served.append(kept.served)
        return kept.served

    def serve_live(self, model_id: str | None) -> Served | None:
        """The same for a decision, which serves by priority while its model is not live, or has none: then None."""
        if model_id is None:
            return None
        try:
            return self.serve(model_id)
        except (NotFoundError, NotServedError):
            return None

    def measures(self) -> dict[str, float]:
        """Of what was served since last asked: `Fallback`, 1 or 0, and `SnapshotAge`, the oldest one's, in seconds."""
        served, self._served = self._served, []
        if not served:
            return {}
        oldest = min((one.snapshot.as_of for one in served if one.snapshot is not None), default=None)
        age = {} if oldest is None else {"SnapshotAge": round(max(0.0, time.time() - oldest), 1)}
        return {"Fallback": int(any(one.source is Source.FALLBACK for one in served)), **age}

    def _read(self, model_id: str, before: Served | None) -> Served:
        try:
            model = self._models.get(model_id)
        except NotFoundError:
            self._kept.pop(model_id, None)
            raise
        except STORE_FAILED:
            return _without_store(before)
        have = before.snapshot if before else None
        if model.status is not Status.LIVE or (model.snapshot is None and have is None):
            return Served(Source.UNTRAINED, model)
        if model.snapshot is None or (have is not None and have.version >= model.snapshot.version):
            return Served(Source.FRESH, model, have)  # a model never forgets: a store that says so is mistaken
        try:
            return Served(Source.FRESH, model, self._snapshots.get(model.snapshot))
        except STORE_FAILED:
            return replace(_without_store(before), model=model)

    def _keep(self, model_id: str, kept: _Kept) -> None:
        self._kept[model_id] = kept
        self._kept.move_to_end(model_id)
        while len(self._kept) > _MODELS_KEPT:
            self._kept.popitem(last=False)


def _without_store(before: Served | None) -> Served:
    """The last good snapshot, or else nothing but the caller's own priorities."""
    if before is not None and before.snapshot is not None:
        return replace(before, source=Source.STALE)
    return replace(before, source=Source.FALLBACK) if before else Served(Source.FALLBACK)
