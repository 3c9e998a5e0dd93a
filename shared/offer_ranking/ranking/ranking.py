"""Snapshot and candidates become an order, with all that is needed to repeat and to value it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from offer_ranking.learning.propensity import policy_propensities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offer_ranking.learning.snapshot import Snapshot
    from offer_ranking.ranking.candidates import Candidates

    Array = NDArray[np.float64]
    TrafficType = Literal["random", "noncontextual", "contextual"]

_SETS_REMEMBERED = 64


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Candidates in order, the first one first; shapes (count,).

    Args:
        order: indices into the candidates.
        scores: what decided the order, descending: the draw, or the priority in a fallback.
        propensities: probability that the offer comes first under the whole policy, random share included.
            They sum to 1 over all candidates, also where a count cuts this list.
        traffic_type: which part of the policy decided.
        seed: of all draws.
        snapshot_version: None where no snapshot was used.

    """

    order: NDArray[np.intp]
    scores: Array
    propensities: Array
    traffic_type: TrafficType
    seed: int
    snapshot_version: int | None


def rank(
    candidates: Candidates,
    snapshot: Snapshot | None,
    *,
    seed: int,
    random_share: float | None = None,
    count: int | None = None,
) -> Ranking:
    """Thompson sampling (Chapelle, Li, NIPS 2011), but a uniform permutation for a random share of requests.

    One seeded stream decides first which of the two, then draws one value a candidate in canonical order: the
    same seed, snapshot and set of candidates give the same answer.

    Args:
        candidates: K offers; those that the snapshot does not know are drawn from its prior.
        snapshot: None before the first one: every request is random then.
        seed: any integer from 0 on.
        random_share: 0 to 1, the snapshot's own if absent.
        count: how many of the K to return, all if absent.

    """
    share = 1.0 if snapshot is None else snapshot.random_share if random_share is None else random_share
    contest = _contest(snapshot, candidates, share)
    rng = np.random.default_rng(seed)
    traffic: TrafficType = "random" if rng.random() < share else "noncontextual"
    scores = rng.random(len(candidates)) if traffic == "random" else rng.beta(contest.alpha, contest.beta)
    order = _descending(scores)[:count]
    version = None if snapshot is None else snapshot.version
    return Ranking(order, scores[order], contest.propensities[order], traffic, seed, version)


def fallback(candidates: Candidates, *, seed: int, count: int | None = None) -> Ranking:
    """By priority, the highest first, ties by id: for when the store failed and nothing is cached."""
    order = np.argsort(-candidates.priorities, kind="stable")
    propensities = np.zeros(len(order))
    propensities[:1] = 1.0
    scores = candidates.priorities[order]
    return Ranking(order[:count], scores[:count], propensities[:count], "noncontextual", seed, None)


class _Contest(NamedTuple):
    """Shapes (K,): what candidates draw with, and how probably each comes first under the whole policy."""

    alpha: Array
    beta: Array
    propensities: Array


@lru_cache(maxsize=_SETS_REMEMBERED)
def _contest(snapshot: Snapshot | None, candidates: Candidates, random_share: float) -> _Contest:
    """Look up a set of candidates: callers send the same ones again, and a snapshot never changes."""
    if snapshot is None:
        ignorance = np.ones(len(candidates))
        return _Contest(ignorance, ignorance, policy_propensities(ignorance, 1.0))
    alpha, beta = snapshot.draw_shapes(candidates.ids)
    propensities = policy_propensities(snapshot.first_places(candidates.ids), random_share)
    return _Contest(alpha, beta, propensities)


def _descending(scores: Array) -> NDArray[np.intp]:
    """Sort indices by descending score, equal scores in canonical order."""
    order = np.argsort(scores)[::-1]
    ranked = scores[order]
    if np.count_nonzero(ranked[1:] == ranked[:-1]):  # draws underflowed, and the fast sort is not stable
        return np.argsort(-scores, kind="stable")
    return order
