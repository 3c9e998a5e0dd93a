"""By what chances a request is ranked: arms, one of which each request gets, and how probable that makes each first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from offer_ranking.learning.places import positions
from offer_ranking.learning.race import first_places
from offer_ranking.learning.rates import rate_of
from offer_ranking.learning.tastes import rate_of_logit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from offer_ranking.learning.cell import Cell
    from offer_ranking.learning.draws import Draws
    from offer_ranking.learning.snapshot import Snapshot
    from offer_ranking.ranking.candidates import Candidates

    Array = NDArray[np.float64]
    TrafficType = Literal["random", "noncontextual", "contextual"]

_POLICIES_REMEMBERED = 128
# Thompson sampling as it stands keeps trying what others have long ruled out, and drawing closer to the means all the
# time locks some runs onto a wrong offer. With half of the requests exploring and half exploiting regret is lower and
# its tail no heavier. What is pooled over cells has more to share, and is drawn closer at once. By measurement: README.
EXPLORING = 0.5
EXPLORING_SPREAD, EXPLOITING_SPREAD, CONTEXTUAL_SPREAD = 1.0, 0.7, 0.6


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """A part of the traffic and how it is ranked.

    Args:
        share: of all requests.
        traffic: as events name it.
        draws: what the candidates draw, None where they draw uniformly.
        rate: turns what was drawn into a conversion rate.
        is_exploring: whether it draws from the whole posterior, not from the middle of it.

    """

    share: float
    traffic: TrafficType
    draws: Draws | None = None
    rate: Callable[[Array], Array] = np.asarray
    is_exploring: bool = False

    def first_places(self, candidates: int) -> Array:
        """Probability that each candidate is first, shape (K,)."""
        return first_places(self.draws) if self.draws else np.full(candidates, 1 / candidates)

    def positions(self, candidates: int, places: int) -> Array:
        """Probability that each candidate is p-th, shape (places, K)."""
        return positions(self.draws, places) if self.draws else np.full((places, candidates), 1 / candidates)


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """What may happen to one set of candidates in one cell.

    Args:
        arms: their shares sum to 1.
        propensities: probability that a candidate is first, whatever the arm, shape (K,), sum 1.

    """

    arms: tuple[Arm, ...]
    propensities: Array

    @classmethod
    def of(cls, arms: tuple[Arm, ...], candidates: int) -> Policy:
        parts = [arm.share * arm.first_places(candidates) for arm in arms if arm.share > 0]
        return cls(arms, np.sum(parts, axis=0))

    def arm(self, chance: float) -> Arm:
        """The arm of a request, by a number drawn from [0, 1)."""
        for arm in self.arms:
            chance -= arm.share
            if chance < 0:
                return arm
        return self.arms[-1]

    def positions(self, places: int) -> Array:
        """Probability that a candidate is p-th, whatever the arm, shape (places, K)."""
        candidates = len(self.propensities)
        places = min(places, candidates)
        return np.sum([arm.share * arm.positions(candidates, places) for arm in self.arms if arm.share > 0], axis=0)


@lru_cache(maxsize=_POLICIES_REMEMBERED)
def policy_of(snapshot: Snapshot | None, candidates: Candidates, cell: Cell) -> Policy:
    """Look up how a set of candidates is ranked: callers send the same ones again, and a snapshot never changes.

    Without a snapshot every request is random. A model for everybody gives the random share at random and ranks the
    rest by what is believed of everybody (`noncontextual`). A personalized one ranks by the cell (`contextual`), but
    for the random share and as much again of noncontextual traffic: what personalizing gains is measured, not supposed.
    """
    if snapshot is None:
        return Policy.of((Arm(1.0, "random"),), len(candidates))
    rows = snapshot.versions.rows(candidates.ids, candidates.etags)
    random = snapshot.settings.random_share
    spread = np.sqrt(snapshot.settings.exploration)
    alike = snapshot.rates.draws(rows).spread(spread)
    arms = [Arm(random, "random")]
    if snapshot.tastes is None:
        arms += _noncontextual(1 - random, alike)
    else:
        own = snapshot.tastes.draws(cell, rows).spread(spread)
        compared = min(random, 1 - random)
        arms += _noncontextual(compared, alike)
        arms += [Arm(1 - random - compared, "contextual", own.spread(CONTEXTUAL_SPREAD), rate_of_logit)]
    return Policy.of(tuple(arms), len(candidates))


def _noncontextual(share: float, draws: Draws) -> tuple[Arm, Arm]:
    return (
        Arm(share * EXPLORING, "noncontextual", draws.spread(EXPLORING_SPREAD), rate_of, is_exploring=True),
        Arm(share * (1 - EXPLORING), "noncontextual", draws.spread(EXPLOITING_SPREAD), rate_of),
    )
