"""Snapshot and candidates become an order, with all that is needed to repeat and to value it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import repeat
from typing import TYPE_CHECKING, Self

import numpy as np

from offer_ranking.learning.cell import Cell
from offer_ranking.ranking.policy import policy_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from offer_ranking.learning.snapshot import Snapshot
    from offer_ranking.ranking.candidates import Candidates
    from offer_ranking.ranking.policy import Arm, Policy, TrafficType

    Array = NDArray[np.float64]

_EVERYBODY = Cell()
_MOST_AHEAD, _MOST_DRAWS_AHEAD = 64, 2048
DIGITS = 9  # of a propensity in a token


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Candidates in order, the first one first; shapes (count,).

    Args:
        order: indices into the candidates.
        scores: what decided the order, descending: a conversion rate as drawn, a number from 0 to 1 in random traffic,
            or the priority in a fallback.
        propensities: probability that the offer comes first under the whole policy, random share included.
            They sum to 1 over all candidates, also where a count cuts this list.
        arm: the part of the traffic that the request belongs to, None in a fallback.
        seed: of all draws; None where nobody is to repeat them.
        snapshot_version: None where no snapshot was used.
        rounded: the propensities as a token says them, where they were made beforehand.

    """

    order: NDArray[np.intp]
    scores: Array
    propensities: Array
    arm: Arm | None
    seed: int | None
    snapshot_version: int | None
    rounded: list[float] | None = None

    def first(self, count: int | None) -> Self:
        """The first ones only, all if None."""
        if count is None or count >= len(self.order):
            return self
        return replace(
            self,
            order=self.order[:count],
            scores=self.scores[:count],
            propensities=self.propensities[:count],
            rounded=None if self.rounded is None else self.rounded[:count],
        )

    @property
    def traffic_type(self) -> TrafficType:
        return self.arm.traffic if self.arm else "noncontextual"


def rank(
    candidates: Candidates,
    snapshot: Snapshot | None,
    *,
    seed: int | None,
    cell: Cell = _EVERYBODY,
    count: int | None = None,
) -> Ranking:
    """Thompson sampling (Chapelle, Li, NIPS 2011), but a uniform permutation for a random share of requests.

    One seeded stream decides first which arm a request belongs to, then draws one value a candidate in canonical order:
    the same seed, snapshot, cell and set of candidates give the same answer.

    Args:
        candidates: K offers; those that the snapshot does not know are drawn from its prior.
        snapshot: None before the first one: every request is random then.
        seed: any integer from 0 on; None where nobody is to repeat it, which spares most of the time.
        cell: of the request; a model for everybody has but one.
        count: how many of the K to return, all if absent.

    """
    policy = policy_of(snapshot, candidates, cell)
    if seed is None and snapshot is not None:
        return _ahead(policy, snapshot.version).first(count)
    rng = _stream() if seed is None else np.random.default_rng(seed)
    arm = policy.arm(rng.random())
    drawn = arm.draws.sample(rng) if arm.draws else rng.random(len(candidates))
    order = _descending(drawn)[:count]
    version = None if snapshot is None else snapshot.version
    return Ranking(order, arm.rate(drawn[order]), policy.propensities[order], arm, seed, version)


@cache
def _stream() -> np.random.Generator:
    """One endless stream of this process, begun when it is first needed: not in what environments are restored from."""
    return np.random.default_rng()


def _ahead(policy: Policy, version: int) -> Ranking:
    """A ranking that nobody is to repeat, from a stock: dozens are drawn in the time of five.

    As many are drawn as were asked for before, so that contests that are seen once, as those of cells that clients
    make up, cost no more time and memory than one ranking.
    """
    ahead = policy.ahead
    if not ahead.rankings:
        most = min(_MOST_AHEAD, _MOST_DRAWS_AHEAD // len(policy.propensities))
        size = max(1, min(ahead.drawn, most))
        ahead.rankings, ahead.drawn = _stock(policy, _stream(), version, size), ahead.drawn + size
    return ahead.rankings.pop()


def _stock(policy: Policy, rng: np.random.Generator, version: int, size: int) -> list[Ranking]:
    """Each place is one request's chance, whatever became of the others: a stock may be left before its end."""
    arms = [policy.arm(chance) for chance in rng.random(size).tolist()]
    rankings = {arm: _of_arm(arm, policy, rng, arms.count(arm), version) for arm in policy.arms}
    return [next(rankings[arm]) for arm in arms]


def _of_arm(arm: Arm, policy: Policy, rng: np.random.Generator, times: int, version: int) -> Iterator[Ranking]:
    drawn = arm.draws.samples(rng, times) if arm.draws else rng.random((times, len(policy.propensities)))
    orders = np.argsort(-drawn, axis=1, kind="stable")
    rates, chances = arm.rate(np.take_along_axis(drawn, orders, axis=1)), policy.propensities[orders]
    rounded = chances.round(DIGITS).tolist()
    return map(Ranking, orders, rates, chances, repeat(arm), repeat(None), repeat(version), rounded)


def propensities(snapshot: Snapshot | None, candidates: Candidates, cell: Cell = _EVERYBODY) -> Array:
    """Probability that each candidate is ranked first, shape (K,), sum 1."""
    return policy_of(snapshot, candidates, cell).propensities


def fallback(candidates: Candidates, *, seed: int | None, count: int | None = None) -> Ranking:
    """By priority, the highest first, ties by id: for when the store failed and nothing is cached."""
    order = np.argsort(-candidates.priorities, kind="stable")
    first = np.zeros(len(order))
    first[:1] = 1.0
    scores = candidates.priorities[order]
    return Ranking(order[:count], scores[:count], first[:count], None, seed, None)


def _descending(scores: Array) -> NDArray[np.intp]:
    """Sort indices by descending score, equal scores in canonical order."""
    order = scores.argsort()[::-1]
    ranked = scores[order]
    if np.count_nonzero(ranked[1:] == ranked[:-1]):  # the fast sort is not stable
        return np.argsort(-scores, kind="stable")
    return order
