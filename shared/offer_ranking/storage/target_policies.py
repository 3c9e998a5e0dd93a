"""What a target of an evaluation shows: policies that models have learned, read and fitted from the stores."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from offer_ranking.catalog.errors import NotFoundError, UnsuitableError
from offer_ranking.catalog.model import Model
from offer_ranking.counting.counts import HOURS_PER_DAY
from offer_ranking.counting.dataset_counts import DatasetCounts
from offer_ranking.counting.ledger import CountFiles, Ledger
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.fit import NothingToLearn, fit
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.measuring.evaluation import Array, Policy
from offer_ranking.measuring.log import Contest
from offer_ranking.measuring.target import Target, policy_of
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.ranking import propensities
from offer_ranking.storage.serving import ReadModels, ReadSnapshots

if TYPE_CHECKING:
    from offer_ranking.catalog.settings import Settings

_SECONDS_PER_DAY = 3600 * HOURS_PER_DAY


@dataclass(frozen=True, slots=True)
class ModelPolicy:
    """How a model ranks by a snapshot; uniformly without one."""

    snapshot: Snapshot | None

    def __call__(self, contest: Contest) -> Array:
        candidates = Candidates.of(Offer(offer) for offer in contest.offers)
        cell = self.snapshot.cell(contest.audiences, dict(contest.context)) if self.snapshot else Cell()
        return propensities(self.snapshot, candidates, cell)


@dataclass(frozen=True, slots=True)
class TargetPolicies:
    """Makes policies of targets over its stores."""

    models: ReadModels
    snapshots: ReadSnapshots
    ledger: Ledger
    files: CountFiles

    def policy(self, target: Target, model: Model | None, *, now: datetime) -> Policy:
        """What a target shows. `model` is the one that is evaluated; without one only targets that name theirs work.

        Raises UnsuitableError, naming the field.
        """
        if (known := policy_of(target)) is not None:
            return known
        if target.model_id is not None:
            return self._current(self._other(target.model_id))
        if model is None:
            raise UnsuitableError("/target/policy", f"The target {target.policy!r} needs a model.")
        return self._current(model) if target.settings is None else self._refitted(model, target.settings, now)

    def _other(self, model_id: str) -> Model:
        try:
            return self.models.get(model_id)
        except NotFoundError as error:
            raise UnsuitableError("/target/modelId", str(error)) from error

    def _current(self, model: Model) -> ModelPolicy:
        return ModelPolicy(self.snapshots.get(model.snapshot) if model.snapshot else None)

    def _refitted(self, model: Model, settings: Settings, now: datetime) -> ModelPolicy:
        """What the model would rank by had it these settings and been fitted now."""
        changes = {name: getattr(settings, name) for name in settings.model_fields_set}
        changed = model.model_copy(update={"settings": model.settings.model_copy(update=changes)})
        window = changed.settings.window_days
        first_day = None if window is None else int(now.timestamp() // _SECONDS_PER_DAY) - window
        counts = DatasetCounts.of(changed.dataset_ids, self.ledger, self.files)
        version = model.snapshot.version + 1 if model.snapshot else 1
        learned = fit(
            counts.since(first_day), changed, version=version, as_of=now.timestamp(), trained_on=counts.generations
        )
        return ModelPolicy(None if isinstance(learned, NothingToLearn) else learned)
