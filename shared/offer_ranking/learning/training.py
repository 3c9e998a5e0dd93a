"""How a live model comes to a new snapshot: read the counts, fit, write the snapshot, move the pointer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from offer_ranking.catalog.lifecycle import Status
from offer_ranking.catalog.model import Model, SnapshotPointer, Training, TrainingError, TrainingStatus
from offer_ranking.counting.counts import HOURS_PER_DAY
from offer_ranking.counting.dataset_counts import DatasetCounts
from offer_ranking.counting.ledger import CountFiles, Ledger
from offer_ranking.learning.fit import NothingToLearn, fit
from offer_ranking.learning.snapshot import Snapshot

_SECONDS_PER_DAY = 3600 * HOURS_PER_DAY
_RACES = 5
# A flood of objects is learned by few fits: a model is fitted again only after so long.
LEAST_BETWEEN_FITS = timedelta(seconds=2)


class TrainedModels(Protocol):
    """Where models are read and their training is written."""

    def get(self, model_id: str) -> Model: ...

    def publish(self, model_id: str, pointer: SnapshotPointer, training: Training) -> bool: ...

    def trained(self, model: Model, training: Training) -> bool: ...


class Snapshots(Protocol):
    """Where snapshots lie."""

    def put(self, snapshot: Snapshot) -> tuple[SnapshotPointer, bool]: ...


class FitRaceError(Exception):
    """Other fits of the model kept being faster; the hint must be given again."""


class Outcome(StrEnum):
    """How a fit ended."""

    PUBLISHED = "published"
    NOTHING_NEW = "nothing-new"
    TOO_SOON = "too-soon"
    NOTHING_TO_LEARN = "nothing-to-learn"
    NOT_LIVE = "not-live"


@dataclass(frozen=True, slots=True)
class Trainer:
    """Fits models over its ports. `tell` hears of counts that had to be made possible: ("repaired", of what)."""

    models: TrainedModels
    ledger: Ledger
    files: CountFiles
    snapshots: Snapshots
    tell: Callable[[str, dict[str, str]], None] = lambda _what, _of: None

    def train(self, model_id: str, *, now: datetime, request_id: str, window_moved: bool = False) -> Outcome:
        """Fit the model, unless it has learned all there is.

        A fit that finds another's snapshot published meanwhile starts over from what is then the newest, since it may
        have read either more or less than the other. `window_moved` fits also when no event is new. Raises
        NotFoundError, FitRaceError.
        """
        for _ in range(_RACES):
            model = self.models.get(model_id)
            if model.status is not Status.LIVE:
                return Outcome.NOT_LIVE
            counts = DatasetCounts.of(model.dataset_ids, self.ledger, self.files)
            if not window_moved and _knows(model, counts):
                return Outcome.NOTHING_NEW
            if model.snapshot and timedelta(0) <= now - model.snapshot.as_of < LEAST_BETWEEN_FITS:
                return Outcome.TOO_SOON
            learned = _fit(model, counts, now)
            if isinstance(learned, NothingToLearn):
                error = TrainingError(reason=learned.reason, request_id=request_id)
                if self.models.trained(model, Training(status=TrainingStatus.FAILED, at=now, error=error)):
                    return Outcome.NOTHING_TO_LEARN
                continue
            if learned.repaired:
                self.tell("repaired", {"model_id": model_id, "values": str(learned.repaired)})
            # Where another fit wrote this version first, and died or is slow, it is published, and learned from anew:
            # a version is one content for ever, so that a ranking can be repeated by its number.
            pointer, is_ours = self.snapshots.put(learned)
            is_published = self.models.publish(model_id, pointer, Training(status=TrainingStatus.SUCCESS, at=now))
            if is_published and is_ours:
                return Outcome.PUBLISHED
        raise FitRaceError


def _knows(model: Model, counts: DatasetCounts) -> bool:
    """Whether the model's snapshot was learned from just these counts, by just this definition."""
    snapshot = model.snapshot
    return (
        snapshot is not None
        and snapshot.trained_on == counts.generations
        and snapshot.settings == model.settings
        and (snapshot.audiences, snapshot.context_keys) == (model.audiences, model.context_keys)
        and model.training.status is TrainingStatus.SUCCESS
    )


def _fit(model: Model, counts: DatasetCounts, now: datetime) -> Snapshot | NothingToLearn:
    window = model.settings.window_days
    first_day = None if window is None else int(now.timestamp() // _SECONDS_PER_DAY) - window
    return fit(
        counts.since(first_day),
        model,
        version=model.snapshot.version + 1 if model.snapshot else 1,
        as_of=now.timestamp(),
        trained_on=counts.generations,
    )
