"""What is believed of each offer's conversion rate in each cell: pooled Bayesian logistic regression.

The logit of offer i's rate in a cell with features x is x' w_i. The offers share a prior w_i ~ N(m, diag v), learned
from them by expectation maximisation; each posterior is Laplace's approximation N(w_i, S_i). Of an offer never shown,
and of a cell never seen, the answer is what all offers and all cells taught (Bishop, "Pattern Recognition and Machine
Learning", 4.5 and 9.4; Chapelle, Li, NIPS 2011, for Thompson sampling on it; Kveton et al., ICML 2021, for the prior).
Where v is small that is one model for everybody, where v is large one model a cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from offer_ranking.learning.draws import Draws
from offer_ranking.learning.logistic import Trials

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offer_ranking.learning.cell import Cell
    from offer_ranking.learning.features import Features

    Array = NDArray[np.float64]

# Rounds of expectation and maximisation, one Newton step each. Of many pairs most rounds see a sample, which finds the
# prior and where to start; the last ones see all, so that no posterior depends on what was drawn.
_SAMPLED_ROUNDS, _SAMPLE = 12, 200_000
_WHOLE_ROUNDS, _WHOLE_PAIRS = 3, 4_000_000
_LONGEST_STEP = 2.0  # of a logit: as far as the quadratic that Newton sees can be trusted
_LOGIT_VARIANCE, _TASTE_VARIANCE = 0.5, 0.1  # usual ones


class _Prior(NamedTuple):
    """Every version's weights before its own evidence, independent normals; shapes (D,)."""

    mean: Array
    variance: Array


@dataclass(frozen=True, slots=True, eq=False)
class Tastes:
    """Posterior of each version's weights; the last row, V, is the prior, for offers that are not known.

    Args:
        features: D of them.
        mean: shape (V + 1, D).
        covariance: shape (V + 1, D, D).

    """

    features: Features
    mean: Array
    covariance: Array

    @classmethod
    def learned(cls, features: Features, trials: Trials) -> Self:
        """Fit the shared prior and every version's posterior."""
        prior = _usual_prior(trials)
        weights = np.repeat(prior.mean[None], trials.versions, axis=0)
        whole_rounds = min(max(_WHOLE_PAIRS // max(len(trials.version), 1), 1), _WHOLE_ROUNDS)
        for seen, rounds in ((trials.thinned(_SAMPLE), _SAMPLED_ROUNDS), (trials, whole_rounds)):
            for _ in range(rounds):
                weights, covariance = _climbed(seen, weights, prior)
                prior = _likeliest_prior(weights[seen.shown], covariance[seen.shown], trials)
        weights, covariance = _climbed(trials, weights, prior)
        return cls(
            features,
            np.concatenate([weights, prior.mean[None]]),
            np.concatenate([covariance, np.diag(prior.variance)[None]]),
        )

    def draws(self, cell: Cell, rows: NDArray[np.intp]) -> Draws:
        """What some versions draw in a cell: the logit of a rate. V stands for a version that is not known."""
        x = self.features.row(cell)
        variance = self.covariance.reshape(len(self.covariance), -1) @ np.outer(x, x).ravel()
        return Draws(self.mean @ x, np.sqrt(variance)).at(rows)


def rate_of_logit(score: Array) -> Array:
    """The rate whose logit was drawn."""
    rate: Array = 0.5 * np.tanh(0.5 * score)  # the logistic function, without overflow at either end
    rate += 0.5
    return rate


def _usual_prior(trials: Trials) -> _Prior:
    variance = np.full(trials.features, _TASTE_VARIANCE)
    variance[0] = _LOGIT_VARIANCE
    mean = np.zeros(trials.features)
    mean[0] = np.log(trials.rate / (1 - trials.rate))
    return _Prior(mean, variance)


def _climbed(trials: Trials, weights: Array, prior: _Prior) -> tuple[Array, Array]:
    """One step of Newton's for every version, shortened where it is far; and Laplace's covariance where it began."""
    gradient, precision = trials.slopes(weights, prior.mean, prior.variance)
    covariance = np.linalg.inv(precision)
    covariance = (covariance + covariance.transpose(0, 2, 1)) / 2  # as it comes back from where one half is stored
    step = np.einsum("vij,vj->vi", covariance, gradient)
    length = np.abs(step).max(axis=1, keepdims=True)
    return weights + step / np.maximum(1.0, length / _LONGEST_STEP), covariance


def _likeliest_prior(weights: Array, covariance: Array, trials: Trials) -> _Prior:
    """The prior under which the posteriors are likeliest, held to usual values as if by one and by two more offers."""
    usual = _usual_prior(trials)
    count = len(weights)
    mean = (weights.sum(axis=0) + usual.mean) / (count + 1)
    spread = (weights - mean) ** 2 + np.einsum("vii->vi", covariance)
    return _Prior(mean, (spread.sum(axis=0) + 2 * usual.variance) / (count + 2))
