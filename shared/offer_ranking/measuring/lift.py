"""How much more one arm of the traffic converts than another, by an interval that holds however often one looks.

What is estimated is theta = ln(rate of one arm / rate of the other), pooled over strata by Mantel and Haenszel, with
the variance V of Greenland, Robins, "Estimation of a common effect parameter from sparse follow-up data", Biometrics
41 (1985). A stratum is an hour: arms are compared within each, so that neither a season, nor a time of day, nor a
share of traffic that was changed on the way, nor the first hours in which an untrained model ranks all at random,
is taken for lift. In strata of N impressions that costs 1 / N of the information, and sparse ones are no less right.

With information I = 1 / V, I (estimate - theta) moves nearly like a Brownian motion at time I, however the strata
are cut and whenever one looks. The mixture of its likelihood ratios over N(0, 1 / eta) is a martingale, and Ville's
inequality bounds it at all times at once (Robbins, "Statistical methods related to the law of the iterated
logarithm", 1970; Howard, Ramdas, McAuliffe, Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences",
Annals of Statistics 49, 2021; asymptotically: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, Annals of Statistics 52,
2024):
    |estimate - theta| <= sqrt((I + eta) ln((I + eta) / (eta alpha^2))) / I   at all times, with probability 1 - alpha.
Where a rate moves, as that of a model that learns does, theta is the lift pooled so far, not the present one.
Counts know no persons: whoever is seen many times and converts many times is taken for so many people.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypedDict

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

CONFIDENCE = 0.95

LEAST_CONVERSIONS = 20
"""Of each arm, and as many impressions that did not convert, before there is an interval.

Looked at from the first event on, with every few events, worlds without lift were excluded at some time in 6.5 % of
2,000 with 5 of each, in 4.8 % with 10 and in 3.6 % with 20, in the worst of rates from 0.5 to 99 % and arms of 5 to
95 % of the traffic. What remains is mostly the boundary's own share, which 30 hardly lowers.
"""

ETA = 57.4
"""Makes the interval narrowest where a lift of 15 % begins to be seen.

At a given I the half width is least for (I + eta) / eta = w with w - ln w = 1 - 2 ln alpha, w = 9.21 at 95 %, and is
then sqrt(w / I). It equals ln 1.15 at I = 472, so eta = 472 / (w - 1). A lift of 10 or 20 % is then seen with at most
3 % more information than the eta made for it would need.
"""


class Arm(NamedTuple):
    """One arm's impressions and conversions by stratum, each of shape (..., strata)."""

    impressions: Array
    conversions: Array


class LogRatio(NamedTuple):
    """ln(rate of an arm / rate of another): shapes (...). NaN or infinite where `is_enough` is false, perhaps."""

    estimate: Array
    information: Array
    is_enough: NDArray[np.bool_]


class Lift(TypedDict):
    """How much more an arm converts than another: 0.1 is 10 % more.

    `value` is null while the other arm has no conversion in an hour in which both were shown; `interval` holds the true
    lift at all times with probability `confidence`, and is null until each arm has enough events (`enoughData`).
    """

    value: float | None
    interval: list[float] | None
    confidence: float
    enoughData: bool


def lift(arm: Arm, other: Arm) -> Lift:
    """The lift of one arm over another that was shown beside it; shapes (strata,)."""
    return _lift(*map(float, log_ratio(arm, other)))


def lifts(arm: Arm, other: Arm, ends: NDArray[np.integer]) -> list[Lift]:
    """The lift of the first strata, as many as each of `ends` says, of shape (looks,)."""
    ratio = log_ratio(arm, other, ends)
    return [_lift(*(float(column[look]) for column in ratio)) for look in range(len(ends))]


def log_ratio(arm: Arm, other: Arm, ends: NDArray[np.integer] | None = None) -> LogRatio:
    """Pool strata, all of them, or the first ones up to each of `ends`: then shapes are (..., looks).

    R = sum(c m / N) / sum(d n / N) for c of n and d of m, N = n + m, and
    V = sum((n m (c + d) - c d N) / N^2) / (sum(c m / N) sum(d n / N)).

    A stratum in which one of the arms was not shown says nothing, and faulty counts are made the nearest possible.
    """
    n, m = (np.maximum(one.impressions, 0.0) for one in (arm, other))
    is_shared = (n > 0) & (m > 0)
    n, m = np.where(is_shared, n, 0.0), np.where(is_shared, m, 0.0)
    c, d = np.clip(arm.conversions, 0.0, n), np.clip(other.conversions, 0.0, m)
    total = np.where(is_shared, n + m, 1.0)
    mine, theirs = _pooled(c * m / total, ends), _pooled(d * n / total, ends)
    spread = _pooled((n * m * (c + d) - c * d * total) / total**2, ends)
    least = _pooled(np.stack([c, d, n - c, m - d]), ends).min(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return LogRatio(np.log(mine) - np.log(theirs), mine * theirs / spread, least >= LEAST_CONVERSIONS)


def _lift(estimate: float, information: float, is_enough: float) -> Lift:
    value, interval = float(np.expm1(estimate)), None
    if is_enough:
        ends = estimate + half_width(information) * np.array([-1.0, 1.0])
        interval = [float(end) for end in np.expm1(ends)]
    return Lift(
        value=value if np.isfinite(value) else None,
        interval=interval,
        confidence=CONFIDENCE,
        enoughData=bool(is_enough),
    )


def _pooled(strata: Array, ends: NDArray[np.integer] | None) -> Array:
    """The sum of what lies along the last axis, or the sums up to each of `ends`."""
    if ends is None:
        return strata.sum(axis=-1)
    sums = np.cumsum(strata, axis=-1)
    return np.concatenate([np.zeros((*strata.shape[:-1], 1)), sums], axis=-1)[..., ends]


def half_width(information: Array | float) -> Array:
    """How far from the estimate theta may lie, in units of theta; decreasing in the information, which is positive."""
    mixed = np.asarray(information) + ETA
    width: Array = np.sqrt(mixed * np.log(mixed / (ETA * (1 - CONFIDENCE) ** 2))) / information
    return width
