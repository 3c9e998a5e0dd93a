"""From counts to a snapshot. Apart from the snapshot itself, since ranking reads snapshots and never fits one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from offer_ranking.learning.evidence import evidence_of
from offer_ranking.learning.posterior import Posterior
from offer_ranking.learning.propensity import first_place_probabilities
from offer_ranking.learning.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offer_ranking.catalog.settings import Settings
    from offer_ranking.counting.counts import Counts

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class NothingToLearn:
    """Why a fit was refused: a result, not an error."""

    reason: Literal["no-events-in-dataset"] = "no-events-in-dataset"


def fit(  # noqa: PLR0913 - what the snapshot is of, by name
    counts: Counts,
    settings: Settings,
    *,
    model_id: str,
    model_version: int,
    version: int,
    as_of: float,
    trained_on: Mapping[str, int],
) -> Snapshot | NothingToLearn:
    """Learn a snapshot from counts; `as_of` in seconds since 1970 UTC."""
    evidence = evidence_of(counts, settings, int(as_of // _SECONDS_PER_HOUR))
    if not evidence.impressions.any():
        return NothingToLearn()
    posterior = Posterior.of(evidence)
    sharpness = 1 / settings.exploration
    return Snapshot(
        model_id=model_id,
        model_version=model_version,
        version=version,
        as_of=as_of,
        random_share=settings.random_share,
        exploration=settings.exploration,
        prior=posterior.prior,
        offers=posterior.offers,
        alpha=posterior.alpha,
        beta=posterior.beta,
        first_place=first_place_probabilities(posterior.alpha * sharpness, posterior.beta * sharpness),
        impressions=evidence.impressions,
        conversions=evidence.conversions,
        trained_on=dict(trained_on),
        repaired=evidence.repaired,
    )
