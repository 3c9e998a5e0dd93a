"""The prior that the offers of a model share, learned from the offers themselves (empirical Bayes).

Maximum likelihood of the beta-binomial rather than moments: how often an offer was shown depended on what was
seen before, which biases moments and leaves the likelihood as it is (Gelman et al., "Bayesian Data Analysis",
3rd ed., sections 5.3 and 8.7).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from offer_ranking.learning.gamma_function import log_gamma_derivatives

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["DEFAULT_PRIOR", "Prior", "learn_prior"]

_PSEUDO_FAILURES = 18.0  # a rate of one half is implausible for an offer
_USUAL_STRENGTH, _STRENGTH_SPREAD = np.log(100.0), 1.5  # ln s is about N(ln 100, 1.5^2)
_LEAST_SHAPE = 0.01  # of alpha and beta: below, draws underflow to 0 or 1, and equal draws rank by name alone
_STEPS, _LONGEST_STEP, _HALVINGS = 60, 2.0, 30
_LEAST_GAIN = 1e-7


@dataclass(frozen=True, slots=True)
class Prior:
    """Beta(alpha, beta) with mean alpha / (alpha + beta), worth `strength` = alpha + beta impressions."""

    mean: float
    strength: float

    @property
    def alpha(self) -> float:
        return self.mean * self.strength

    @property
    def beta(self) -> float:
        return (1 - self.mean) * self.strength


DEFAULT_PRIOR = Prior(mean=0.02, strength=50.0)


def learn_prior(impressions: Array, conversions: Array) -> Prior:
    """Find the prior under which clean evidence, shape (K,) each, is most probable, softly held to usual
    values.

    Maximises, over mean m and strength s,
    sum over offers with n > 0 of ln BetaBinomial(c | n, m s, (1-m) s)
    + 18 ln(1-m) - ((ln s - ln 100) / 1.5)^2 / 2.

    With fewer than two offers that have data, or before anything converted (the maximum then lies at m = 0,
    which is no distribution), it is DEFAULT_PRIOR. Its alpha and beta are never below 0.01.
    """
    shown = impressions > 0
    n, c = impressions[shown], conversions[shown]
    if len(n) < 2 or not c.sum() > 0:
        return DEFAULT_PRIOR
    mean, strength = _maximise(n, c)
    strength = max(strength, 2 * _LEAST_SHAPE)
    least = _LEAST_SHAPE / strength
    return Prior(min(max(mean, least), 1 - least), strength)


class _Height(NamedTuple):
    """The objective at a point (logit m, ln s), with its gradient, (2,), and its Hessian, (2, 2)."""

    value: float
    gradient: Array
    hessian: Array

    @property
    def ascent(self) -> Array:
        """Newton's step, the Hessian's eigenvalues made negative where they are not, so that it climbs."""
        curvature, axes = np.linalg.eigh(self.hessian)
        step = axes @ ((axes.T @ self.gradient) / np.maximum(np.abs(curvature), 1e-8))
        return step / max(1.0, float(np.linalg.norm(step)) / _LONGEST_STEP)


def _maximise(n: Array, c: Array) -> tuple[float, float]:
    """Newton's method in (logit m, ln s), each step halved until it climbs.

    It ends by the Newton decrement (Boyd, Vandenberghe, "Convex Optimization", 9.5.1): what the last step can
    still gain is less than the objective's digits can show.
    """
    pooled = float((c.sum() + 0.5) / (n.sum() + 25))
    point = np.array([np.log(pooled / (1 - pooled)), _USUAL_STRENGTH])
    here = _height(point, n, c)
    for _ in range(_STEPS):
        step = here.ascent
        if float(here.gradient @ step) < _LEAST_GAIN:
            point = point + step
            break
        for _ in range(_HALVINGS):
            there = _height(point + step, n, c)
            if there.value > here.value:
                break
            step = step / 2
        else:  # no step shows a gain
            break
        point, here = point + step, there
    return float(1 / (1 + np.exp(-point[0]))), float(np.exp(point[1]))


def _height(point: Array, n: Array, c: Array) -> _Height:
    """Evaluate the objective: differences of ln Gamma in a = m s, b = (1-m) s and s, and the chain rule."""
    m, s = 1 / (1 + np.exp(-point[0])), np.exp(point[1])
    a, b = m * s, (1 - m) * s
    shapes = np.concatenate([a + c, b + (n - c), s + n, [a, b, s]])
    value, slope, bend = (_differences(terms) for terms in log_gamma_derivatives(shapes))
    w, deviation = m * (1 - m) * s, (point[1] - _USUAL_STRENGTH) / _STRENGTH_SPREAD
    gradient = np.array(
        [
            w * (slope[0] - slope[1]) - _PSEUDO_FAILURES * m,
            a * slope[0] + b * slope[1] - s * slope[2] - deviation / _STRENGTH_SPREAD,
        ]
    )
    mixed = w * (a * bend[0] - b * bend[1] + slope[0] - slope[1])
    in_mean = w * w * (bend[0] + bend[1]) + w * (1 - 2 * m) * (slope[0] - slope[1])
    in_strength = a * (a * bend[0] + slope[0]) + b * (b * bend[1] + slope[1]) - s * (s * bend[2] + slope[2])
    hessian = np.array(
        [
            [in_mean - _PSEUDO_FAILURES * m * (1 - m), mixed],
            [mixed, in_strength - 1 / _STRENGTH_SPREAD**2],
        ]
    )
    penalty = _PSEUDO_FAILURES * np.log1p(-m) - deviation * deviation / 2
    return _Height(float(value[0] + value[1] - value[2] + penalty), gradient, hessian)


def _differences(terms: Array) -> tuple[float, float, float]:
    """Sum over offers g(a + c) - g(a), g(b + n - c) - g(b) and g(s + n) - g(s)."""
    posterior, prior = terms[:-3].reshape(3, -1), terms[-3:]
    a, b, s = (posterior - prior[:, None]).sum(axis=1).tolist()
    return a, b, s
