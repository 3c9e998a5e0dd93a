"""What another policy would have earned, estimated from a log that holds the propensities of the one that served.

With w = target / propensity of the offer that came first, r its reward, and q(a) a guess of what offer a earns:

* inverse propensity: mean of w r (Horvitz, Thompson, "A generalization of sampling without replacement from a finite
  universe", JASA 1952). Unbiased where the propensities are true and every offer that the target shows could be shown.
* self-normalised: sum of w r / sum of w (Swaminathan, Joachims, "The self-normalized estimator for counterfactual
  learning", NIPS 2015). Slightly biased, less noisy, and always within the range of the rewards.
* doubly robust: mean of sum over a of target(a) q(a) + w (r - q(first)) (Dudik, Langford, Li, "Doubly robust policy
  evaluation and learning", ICML 2011). Unbiased where the propensities or q are true.

Intervals are asymptotically normal: each estimate is a smooth function of means over records, so its influence
function is linear in what `Moments` adds up, and its variance comes from their second moments (van der Vaart,
"Asymptotic statistics", ch. 3 and 20). No weight is clipped: a random share r bounds them by K / r for K offers, and
where that is too noisy the evaluation says so (`enoughData`) instead of being quietly biased.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypedDict

import numpy as np
from numpy.typing import NDArray

from offer_ranking.measuring.log import Contest

if TYPE_CHECKING:
    from offer_ranking.measuring.log import Log
    from offer_ranking.measuring.reward_model import RewardModel

Array = NDArray[np.float64]
Policy = Callable[[Contest], Array]
"""A target: the probability of coming first for each offer of a contest, (len(offers),), sum 1."""

LEAST_EFFECTIVE_RECORDS = 100.0
LEAST_EFFECTIVE_CONVERSIONS = 10.0
_Z = 1.959963984540054  # a normal variable is within so many deviations with probability 0.95

# The columns whose moments are kept: the reward, the weight, their product, and the doubly robust score.
_R, _W, _WR, _D = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """First and second moments over records of (r, w, w r, d), all that estimates need; parts of a log add up.

    Args:
        records: n.
        sums: shape (4,).
        products: sums of the outer products, shape (4, 4).
        largest_weight: 0 without records.

    """

    records: int
    sums: Array
    products: Array
    largest_weight: float

    @classmethod
    def zero(cls) -> Self:
        return cls(0, np.zeros(4), np.zeros((4, 4)), 0.0)

    @classmethod
    def of(cls, log: Log, target: Policy, rewards: RewardModel) -> Self:
        """Ask the target once for each distinct contest."""
        weight, score = np.empty(len(log)), np.empty(len(log))
        for contest, rows in log.by_contest():
            shares, rates = target(contest), rewards.of_offers(contest.offers)
            chosen, fold = log.chosen[rows], log.fold[rows]
            weight[rows] = shares[chosen] / log.propensity[rows]
            residual = log.reward[rows] - rates[fold, chosen]
            score[rows] = (rates @ shares)[fold] + weight[rows] * residual
        columns = np.stack([log.reward, weight, weight * log.reward, score])
        return cls(len(log), columns.sum(axis=1), columns @ columns.T, float(np.max(weight, initial=0.0)))

    def __add__(self, other: Self) -> Self:
        return type(self)(
            self.records + other.records,
            self.sums + other.sums,
            self.products + other.products,
            max(self.largest_weight, other.largest_weight),
        )

    @property
    def means(self) -> Array:
        """Shape (4,)."""
        return self.sums / self.records

    def deviation(self, influence: Array) -> float | None:
        """The standard error of an estimate whose influence function is `influence`, (4,), times the columns.

        None with fewer than two records.
        """
        if self.records < 2:
            return None
        spread = self.products - np.outer(self.sums, self.sums) / self.records
        variance = float(influence @ spread @ influence) / (self.records - 1) / self.records
        return math.sqrt(max(variance, 0.0))

    @property
    def effective_records(self) -> float:
        """Kish's effective sample size ("Survey sampling", 1965): how many equally weighted records tell as much."""
        return _ratio(self.sums[_W] ** 2, self.products[_W, _W]) or 0.0

    @property
    def effective_conversions(self) -> float:
        """The same of those that converted."""
        return _ratio(self.sums[_WR] ** 2, self.products[_WR, _WR]) or 0.0


class Estimate(TypedDict):
    """A number with its 95 % interval; null where the records are too few to say any."""

    value: float | None
    interval: list[float] | None


class TargetEstimate(TypedDict):
    """What the target would have earned, a conversion rate, and how many times what was earned that is."""

    value: float | None
    interval: list[float] | None
    ratio: float | None
    ratioInterval: list[float] | None


class Evaluation(TypedDict):
    """Estimates of a target policy's conversion rate, with all that says how far to believe them.

    `logging`: what the policy that served earned. `meanWeight` is 1, within its interval, when the propensities are
    true and whatever the target shows could have been shown. `effectiveSampleSize`: Kish's, of the weights;
    `effectiveConversions`: of the weights of what converted. `enoughData` is false when either is below `floors`.
    A target that has learned from the same events looks better in them than it is.
    """

    records: int
    logging: Estimate
    inversePropensity: TargetEstimate
    selfNormalised: TargetEstimate
    doublyRobust: TargetEstimate
    meanWeight: Estimate
    largestWeight: float | None
    effectiveSampleSize: float
    effectiveConversions: float
    enoughData: bool
    floors: dict[str, float]


def evaluation(moments: Moments) -> Evaluation:
    """What the moments of a whole log say."""
    enough = (
        moments.effective_records >= LEAST_EFFECTIVE_RECORDS
        and moments.effective_conversions >= LEAST_EFFECTIVE_CONVERSIONS
    )
    unit = np.eye(4)
    return Evaluation(
        records=moments.records,
        logging=_mean(moments, _R),
        inversePropensity=_against_logging(moments, _mean(moments, _WR)["value"], unit[_WR]),
        selfNormalised=_self_normalised(moments),
        doublyRobust=_against_logging(moments, _mean(moments, _D)["value"], unit[_D]),
        meanWeight=_mean(moments, _W),
        largestWeight=moments.largest_weight if moments.records else None,
        effectiveSampleSize=moments.effective_records,
        effectiveConversions=moments.effective_conversions,
        enoughData=enough,
        floors={
            "effectiveSampleSize": LEAST_EFFECTIVE_RECORDS,
            "effectiveConversions": LEAST_EFFECTIVE_CONVERSIONS,
        },
    )


def _mean(moments: Moments, column: int) -> Estimate:
    if not moments.records:
        return Estimate(value=None, interval=None)
    value = float(moments.means[column])
    return Estimate(value=value, interval=_interval(value, moments.deviation(np.eye(4)[column])))


def _self_normalised(moments: Moments) -> TargetEstimate:
    """Sum of w r / sum of w, whose influence function is (w r - value w) / mean of w."""
    value = _ratio(moments.sums[_WR], moments.sums[_W])
    if value is None:
        return _against_logging(moments, None, np.zeros(4))
    unit = np.eye(4)
    return _against_logging(moments, value, (unit[_WR] - value * unit[_W]) / moments.means[_W])


def _against_logging(moments: Moments, value: float | None, influence: Array) -> TargetEstimate:
    """Beside the value its ratio to what was earned, whose influence function is (own - ratio r) / mean of r."""
    if value is None:
        return TargetEstimate(value=None, interval=None, ratio=None, ratioInterval=None)
    interval = _interval(value, moments.deviation(influence))
    earned = float(moments.means[_R])
    ratio = _ratio(value, earned)
    if ratio is None:
        return TargetEstimate(value=value, interval=interval, ratio=None, ratioInterval=None)
    of_ratio = (influence - ratio * np.eye(4)[_R]) / earned
    return TargetEstimate(
        value=value, interval=interval, ratio=ratio, ratioInterval=_interval(ratio, moments.deviation(of_ratio))
    )


def _interval(value: float, deviation: float | None) -> list[float] | None:
    return None if deviation is None else [value - _Z * deviation, value + _Z * deviation]


def _ratio(above: float, below: float) -> float | None:
    """None where nothing is below."""
    return float(above / below) if below > 0 else None
