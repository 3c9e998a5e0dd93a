"""From counts to a snapshot. Apart from the snapshot itself, since ranking reads snapshots and never fits one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from offer_ranking.catalog.model import ModelType
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.evidence import Weights
from offer_ranking.learning.features import Features
from offer_ranking.learning.logistic import Trials
from offer_ranking.learning.rates import Rates
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.learning.tastes import Tastes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from offer_ranking.catalog.model import Model
    from offer_ranking.counting.counts import Counts

_SECONDS_PER_HOUR = 3600
# Bounds the snapshot, whatever the audiences: covariances of all versions together, in numbers, from which follows how
# many features there may be: 198 for 100 offers, 62 for 1,000.
_COVARIANCES = 4_000_000
_SOMEBODY = -1  # the cell of events that say none of this model


@dataclass(frozen=True, slots=True)
class NothingToLearn:
    """Why a fit was refused: a result, not an error."""

    reason: Literal["no-events-in-dataset"] = "no-events-in-dataset"


def fit(
    counts: Counts, model: Model, *, version: int, as_of: float, trained_on: Mapping[str, int]
) -> Snapshot | NothingToLearn:
    """Learn a snapshot of a model from counts; `as_of` in seconds since 1970 UTC."""
    weights = Weights.of(counts, model.settings, int(as_of // _SECONDS_PER_HOUR))
    evidence, row_version = weights.by_version()
    if not evidence.impressions.any():
        return NothingToLearn()
    is_personalized = model.type is ModelType.PERSONALIZED
    return Snapshot(
        model_id=model.id,
        model_version=model.version,
        version=version,
        as_of=as_of,
        settings=model.settings,
        audiences=model.audiences,
        context_keys=model.context_keys,
        versions=evidence.versions,
        rates=Rates.learned(evidence),
        tastes=_tastes(model, weights, len(evidence.versions), row_version) if is_personalized else None,
        impressions=evidence.impressions,
        conversions=evidence.conversions,
        trained_on=dict(trained_on),
        repaired=evidence.repaired,
    )


def _tastes(model: Model, weights: Weights, versions: int, row_version: NDArray[np.intp]) -> Tastes:
    """Learn by cell from what this model ranked, and of everybody from all other events."""
    cells, row_cell = _cells(model, weights)
    pairs, index = np.unique(row_version * (len(cells) + 1) + row_cell + 1, return_inverse=True)
    n, c, _ = weights.sums(index, len(pairs))
    version, cell = pairs // (len(cells) + 1), pairs % (len(cells) + 1) - 1
    shown = np.bincount(cell[cell >= 0], n[cell >= 0], minlength=len(cells))
    most = int(np.sqrt(_COVARIANCES / (versions + 1))) - 1
    features = Features.learned(cells, shown, audiences=model.audiences, keys=model.context_keys, most=max(most, 1))
    x = np.concatenate([features.rows(cells), features.row(None)[None]])
    trials = Trials(x, versions, version, cell, n, c)
    return Tastes.learned(features, trials)


def _cells(model: Model, weights: Weights) -> tuple[list[Cell], NDArray[np.int64]]:
    """The cells that this model's own events name, and which of them each row is in, shape (rows,)."""
    counts = weights.counts
    is_own = np.array([word == model.id for word in counts.model.words], np.bool_)[counts.model.codes]
    read = [Cell.read(word) for word in counts.cell.words]
    used = np.zeros(len(read), np.bool_)
    used[counts.cell.codes[is_own]] = True
    known = [place for place, cell in enumerate(read) if used[place] and cell is not None]
    number = np.full(len(read), _SOMEBODY)
    number[known] = np.arange(len(known))
    row_cell = np.where(is_own, number[counts.cell.codes], _SOMEBODY)
    return [cell for cell, is_used in zip(read, used.tolist(), strict=True) if cell is not None and is_used], row_cell
