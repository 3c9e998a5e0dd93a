"""What is believed of each offer's conversion rate once the evidence is in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from offer_ranking.learning.prior import Prior, learn_prior

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from offer_ranking.learning.evidence import Evidence

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Posterior:
    """Beta(alpha[i], beta[i]) for offers[i], ids sorted; any other offer is at the prior. Shapes (K,)."""

    offers: tuple[str, ...]
    alpha: Array
    beta: Array
    prior: Prior

    @classmethod
    def of(cls, evidence: Evidence) -> Self:
        """Prior plus conversions, and prior plus impressions that did not convert."""
        prior = learn_prior(evidence.impressions, evidence.conversions)
        failures = evidence.impressions - evidence.conversions
        return cls(evidence.offers, prior.alpha + evidence.conversions, prior.beta + failures, prior)
