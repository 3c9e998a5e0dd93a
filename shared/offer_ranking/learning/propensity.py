"""How probable it is that an offer is ranked first: exactly, by quadrature, without a simulation.

P_i = integral of f_i(x) * product over j != i of F_j(x) dx (Jeunen, "Counterfactual inference under Thompson
sampling", RecSys 2025), over logits t = ln(x / (1 - x)), where beta densities are smooth and log-concave:

* Where to look. Chernoff bounds confine the maximum: below `low` the product of all F_j is under e^-L, above
  `high` lies any draw with probability under e^-L. An offer that stays below `low` takes no part.
* How to resolve it. Every F_j(low) exceeds e^-L, so a posterior of standard deviation d has its centre within
  sqrt(2 L) d of `low`: sharp posteriors lie beside `low`, and what lies further away is as wide as it is far.
  Spacing therefore grows with the distance from `low`, starting at the width of the sharpest posterior. Only
  skewed posteriors (alpha or beta under about 10) end abruptly elsewhere, on the scale of one logit and
  nowhere outside of about [-ln n, ln n]: there spacing is bounded besides. The map from an even grid to
  logits is analytic, without which the trapezoid rule would not converge exponentially.
* How to sum. F_j at every node is one minus a trapezoid sum from there upwards, with the end corrections of
  Euler and Maclaurin (NIST DLMF 2.10.1): h^2/12 f' exactly, f'/f being linear in alpha and beta, and h^4/720
  f''' with the second difference of f' for h^2 f'''. The outer integral vanishes at both ends and needs none.
"""

from __future__ import annotations

from math import exp, log1p
from typing import TYPE_CHECKING

import numpy as np

from offer_ranking.learning.gamma_function import stirling_remainder
from offer_ranking.learning.logit_grid import NODES, Grid, expit, softplus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["first_place_probabilities", "policy_propensities"]

_NEGLIGIBLE = 22.0  # L: what happens with probability under e^-22 = 3e-10 is left out
_NEWTON_STEPS = 6
_BLOCK = 128  # offers at once, so that the working set stays in the processor's cache
_LEAST, _FACTORS = 1e-30, 8  # as many factors of at least so much have a product that a double can hold


def first_place_probabilities(alpha: Array, beta: Array) -> Array:
    """Compute the probability that draw i from Beta(alpha[i], beta[i]) is the largest of all.

    Args:
        alpha: shape (K,), each at least 0.01 (below, draws of double precision underflow to ties).
        beta: shape (K,), the same.

    Returns:
        Shape (K,), sum 1, absolute error below 1e-6.

    """
    if len(alpha) < 2:
        return np.ones(len(alpha))
    lowers, uppers = _bounds(alpha, beta, _NEGLIGIBLE + np.log(len(alpha)))
    low = _lower_bound_of_maximum(alpha, beta, start=float(np.max(lowers)))
    rivals = np.flatnonzero(uppers > low)
    a, b = alpha[rivals], beta[rivals]
    first = np.zeros(len(alpha))
    first[rivals] = _integrals(a, b, Grid.between(low, float(np.max(uppers)), a, b))
    first /= first.sum()
    return first


def policy_propensities(first: Array, random_share: float) -> Array:
    """Mix first places, shape (K,), with the `random_share` of requests that is a uniform permutation."""
    mixed: Array = (1 - random_share) * first + random_share / max(len(first), 1)
    return mixed


def _bounds(alpha: Array, beta: Array, nats: float) -> tuple[Array, Array]:
    """Bound each offer's logit from below and above: a draw lies beyond with probability at most e^-nats.

    Chernoff: P(logit > t) <= exp(-D(t)) for t above the mean's logit, D = (a + b) KL(mean || x(t)), which is
    convex; below the mean's logit the same holds with alpha and beta exchanged. D >= A d^2 / (2 + d) at
    distance d, A = a b / (a + b), gives a start beyond the root; Newton's steps come nearer without ever
    crossing it.
    """
    a, b = np.concatenate([beta, alpha]), np.concatenate([alpha, beta])
    n, centre = a + b, np.log(a / b)
    target = nats + n * softplus(centre) - a * centre
    share = nats * n / (2 * a * b)
    t = centre + share + np.sqrt(share * share + 4 * share)
    for _ in range(_NEWTON_STEPS):
        t -= (n * softplus(t) - a * t - target) / (n * expit(t) - a)
    return -t[: len(alpha)], t[len(alpha) :]


def _lower_bound_of_maximum(a: Array, b: Array, start: float) -> float:
    """Find a logit under which the largest draw lies with probability at most e^-L: Chernoff over all at
    once.

    `start` is such a logit for one of the offers alone.
    """
    n, centre = a + b, np.log(a / b)
    terms = np.stack([n, a, n * softplus(centre) - a * centre])
    t = start
    for _ in range(_NEWTON_STEPS):
        total, successes, constant = (terms @ (centre > t)).tolist()
        tail = exp(-abs(t))
        divergence = total * (max(t, 0.0) + log1p(tail)) - successes * t - constant
        slope = total * (1.0 if t > 0 else tail) / (1 + tail) - successes
        t -= (divergence - _NEGLIGIBLE) / slope
    return t


def _log_density_at(low: float, a: Array, b: Array) -> Array:
    """Ln of each density over logits at `low`: by Stirling at the centre, then on; no large terms cancel."""
    n, centre = a + b, np.log(a / b)
    peak = 0.5 * np.log(a * b / (2 * np.pi * n)) - stirling_remainder(a) - stirling_remainder(b)
    peak += stirling_remainder(n)
    return peak - n * (softplus(np.full_like(a, low)) - softplus(centre)) + a * (low - centre)


def _integrals(a: Array, b: Array, grid: Grid) -> Array:
    """Sum f_i times the product of the other F_j over the grid, for every offer, shape (K,)."""
    ones = np.ones_like(a)
    shapes = np.stack([a, b, _log_density_at(grid.low, a, b)], axis=1)
    exponents = np.stack([grid.log_x, grid.log_1x, np.ones(NODES)])
    log_weight = np.log(grid.step * grid.speed)
    slope_shapes = np.stack([a, a + b, ones], axis=1)
    slope_terms = grid.step * np.stack([grid.speed, -grid.speed * grid.x, grid.growth])
    ratios = np.empty((len(a), NODES))
    log_product = np.zeros(NODES)
    for start in range(0, len(a), _BLOCK):
        rows = slice(start, start + _BLOCK)
        f = shapes[rows] @ exponents
        f += log_weight
        np.exp(f, out=f)  # the density times the step
        slope = slope_shapes[rows] @ slope_terms
        slope *= f
        below = np.cumsum(f, axis=1)  # becomes F
        below += 1 - below[:, -1:]
        below -= 0.5 * f
        below -= (1 / 12 + 2 / 720) * slope
        below[:, 1:-1] += (slope[:, 2:] + slope[:, :-2]) / 720
        np.maximum(below, _LEAST, out=below)
        np.divide(f, below, out=ratios[rows])
        products = np.multiply.reduceat(below, np.arange(0, len(below), _FACTORS))
        log_product += np.log(products).sum(axis=0)
    result: Array = ratios @ np.exp(log_product)
    return result
