"""What is believed of each offer's conversion rate among everybody, and what it therefore draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from offer_ranking.learning.draws import Draws
from offer_ranking.learning.prior import Prior, learn_prior

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offer_ranking.learning.evidence import Evidence

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rates:
    """The rate of version i is believed to be Beta(alpha[i], beta[i]), of any other version the prior; shapes (V,)."""

    prior: Prior
    alpha: Array
    beta: Array

    @classmethod
    def learned(cls, evidence: Evidence) -> Self:
        """Prior plus conversions, and prior plus impressions that did not convert."""
        prior = learn_prior(evidence.impressions, evidence.conversions)
        failures = evidence.impressions - evidence.conversions
        return cls(prior, prior.alpha + evidence.conversions, prior.beta + failures)

    def shapes(self, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        """Alpha and beta of some versions, shapes (len(rows),); V stands for one that is not known."""
        return np.append(self.alpha, self.prior.alpha)[rows], np.append(self.beta, self.prior.beta)[rows]

    def draws(self, rows: NDArray[np.intp]) -> Draws:
        """What some versions draw: the cube root of a rate, which is as good as normal.

        Wilson, Hilferty, "The distribution of chi-square", PNAS 1931: of a gamma variate the cube root is very nearly
        normal, and a beta variate of small mean is one but for its scale. Mean and deviation are those of the
        second-order expansion at the posterior mean, which are Wilson's and Hilferty's for a gamma. Probabilities are
        right to 0.02 for alpha from 1 and means up to 0.05, and to 0.004 from alpha 4.
        """
        alpha, beta = self.shapes(rows)
        mean = alpha / (alpha + beta)
        variation = beta / (alpha * (alpha + beta + 1))  # squared coefficient of variation
        root = np.cbrt(mean)
        return Draws(root * (1 - variation / 9), root * np.sqrt(variation) / 3)


def rate_of(score: Array) -> Array:
    """The rate whose cube root was drawn; a little below 0 where the draw was."""
    rate: Array = score * score * score
    return rate
