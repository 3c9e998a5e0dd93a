"""A contest in which every offer draws one number and the largest is first: who wins, exactly, without a simulation.

With f_i the normal density of offer i's draw and F_i its distribution,

    P(i is first) = integral of f_i(x) * product over j != i of F_j(x) dx

(Jeunen, "Counterfactual inference under Thompson sampling", RecSys 2025, there for beta densities).

* Where to look. Chernoff bounds, P(N(m, s^2) < x) <= exp(-(m - x)^2 / 2 s^2), confine the largest draw: below `low` the
  product of all F_j is under e^-L, above `high` lies any draw with probability under e^-L.
* How to resolve it. Every F_j(low) exceeds e^-L, so a draw of deviation s has its mean within sqrt(2 L) s of `low`, or
  below: sharp draws lie beside `low`, and what lies further away is as wide as it is far. Nodes at
  low + sharpest (e^u - 1), evenly spaced in u, therefore resolve all of them; the map is analytic, without which
  the trapezoid rule would not converge exponentially.
* How to sum. F_j is one minus a trapezoid sum from the top, with the end corrections of Euler and Maclaurin (NIST DLMF
  2.10.1): h^2/12 f' exactly, and h^4/720 f''' with the second difference of f' for h^2 f'''. The outer integral
  vanishes at both ends and needs none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offer_ranking.learning.draws import Draws

    Array = NDArray[np.float64]

__all__ = ["first_places"]

_NEGLIGIBLE = 22.0  # L: what happens with probability under e^-22 = 3e-10 is left out
_STEP = 1 / 25  # of u: a third of a deviation where a draw matters, which leaves an error of 1e-7
_NEWTON_STEPS = 8
_BLOCK = 64  # offers at once, so that the working set stays in the processor's cache
_LEAST, _FACTORS = 1e-30, 8  # as many factors of at least so much have a product that a double can hold


def first_places(draws: Draws) -> Array:
    """Compute the probability that an offer's draw is the largest of all, shape (K,), sum 1, error below 1e-6."""
    first = np.ones(len(draws))
    if len(draws) < 2:
        return first
    grid, rivals = _grid(draws)
    contest = draws.at(rivals)
    ratios = np.empty((len(rivals), len(grid.distance)))
    log_product = np.zeros(len(grid.distance))
    for start in range(0, len(rivals), _BLOCK):
        block = slice(start, start + _BLOCK)
        mass, below = _curves(contest, block, grid)
        np.divide(mass, below, out=ratios[block])
        products = np.multiply.reduceat(below, np.arange(0, len(below), _FACTORS))
        log_product += np.log(products).sum(axis=0)
    first[:] = 0.0
    first[rivals] = ratios @ np.exp(log_product)
    first /= first.sum()
    return first


class _Grid(NamedTuple):
    """Nodes x = low + distance; `speed` is what each stands for, dx. Shapes (nodes,)."""

    low: float
    distance: Array
    speed: Array
    step: float


def _grid(draws: Draws) -> tuple[_Grid, NDArray[np.intp]]:
    """Lay nodes over all x that the largest draw can have; and which offers can have it at all."""
    reach = np.sqrt(2 * (_NEGLIGIBLE + np.log(len(draws)))) * draws.sd
    uppers = draws.mean + reach
    low = _low(draws, float((draws.mean - reach).max()))
    rivals = np.flatnonzero(uppers > low)
    sharpest = float(np.min(draws.sd[rivals]))
    far = np.log1p((float(uppers.max()) - low) / sharpest)
    u, step = np.linspace(0.0, far, int(far / _STEP) + 3, retstep=True)
    return _Grid(low, sharpest * np.expm1(u), sharpest * np.exp(u) * step, float(step)), rivals


def _low(draws: Draws, start: float) -> float:
    """Find the x under which the largest draw lies with probability at most e^-L: Chernoff over all at once.

    `start` is such an x for one of the offers alone. The sum of squares is convex, so Newton's steps never cross it.
    """
    x = start
    for _ in range(_NEWTON_STEPS):
        above = np.maximum(draws.mean - x, 0.0) / draws.sd
        slope = float((above / draws.sd).sum())
        if slope <= 0:
            break
        x += (0.5 * float(above @ above) - _NEGLIGIBLE) / slope
    return x


def _curves(draws: Draws, block: slice, grid: _Grid) -> tuple[Array, Array]:
    """Compute f_j dx and F_j of some offers at every node, shapes (offers, nodes)."""
    d, ones = grid.distance, np.ones_like(grid.distance)
    mean, precision = draws.mean[block] - grid.low, draws.sd[block] ** -2
    peak = 0.5 * np.log(precision / (2 * np.pi)) - 0.5 * precision * mean * mean
    f = np.exp(np.stack([-0.5 * precision, precision * mean, peak], axis=1) @ np.stack([d * d, d, ones]))
    f *= grid.speed
    # d ln(f dx) / du, times the step: dx itself grows by e^u
    slope = np.stack([-precision, precision * mean, np.full_like(mean, grid.step)], axis=1) @ np.stack(
        [grid.speed * d, grid.speed, ones]
    )
    slope *= f
    below = np.cumsum(f, axis=1)  # becomes F
    below += 1 - below[:, -1:]
    below -= 0.5 * f
    below -= (1 / 12 + 2 / 720) * slope
    below[:, 1:-1] += (slope[:, 2:] + slope[:, :-2]) / 720
    np.maximum(below, _LEAST, out=below)
    return f, below
