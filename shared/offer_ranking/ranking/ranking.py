"""Snapshot and candidates become an order, with all that is needed to repeat and to value it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Self

import numpy as np

from offer_ranking.learning.cell import Cell
from offer_ranking.ranking.policy import policy_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offer_ranking.learning.snapshot import Snapshot
    from offer_ranking.ranking.candidates import Candidates
    from offer_ranking.ranking.policy import Arm, TrafficType

    Array = NDArray[np.float64]

_EVERYBODY = Cell()


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

    """

    order: NDArray[np.intp]
    scores: Array
    propensities: Array
    arm: Arm | None
    seed: int | None
    snapshot_version: int | None

    def first(self, count: int | None) -> Self:
        """The first ones only, all if None."""
        if count is None or count >= len(self.order):
            return self
        return replace(
            self, order=self.order[:count], scores=self.scores[:count], propensities=self.propensities[:count]
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
        seed: any integer from 0 on; None where nobody is to repeat it, which spares half of the time.
        cell: of the request; a model for everybody has but one.
        count: how many of the K to return, all if absent.

    """
    policy = policy_of(snapshot, candidates, cell)
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
