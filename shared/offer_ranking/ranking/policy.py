"""By what chances a request is ranked: arms, one of which each request gets, and how probable that makes each first."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

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
    from offer_ranking.learning.tastes import Tastes
    from offer_ranking.ranking.candidates import Candidates
    from offer_ranking.ranking.ranking import Ranking

    Array = NDArray[np.float64]
    TrafficType = Literal["random", "noncontextual", "contextual"]

_POLICIES_REMEMBERED = 128
# Thompson sampling as it stands keeps trying what others have long ruled out; drawn much closer to the means, it locks
# some runs onto a wrong offer. Deviations of these parts of the posterior's have less regret on average, and with few
# offers no heavier tail; what is pooled over cells can be drawn closer. By measurement: README.
RATES_SPREAD, TASTES_SPREAD = 0.85, 0.7


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """A part of the traffic and how it is ranked.

    Args:
        share: of all requests.
        traffic: as events name it.
        first: probability that each candidate is first, shape (K,).
        draws: what the candidates draw, None where they draw uniformly.
        rate: turns what was drawn into a conversion rate.

    """

    share: float
    traffic: TrafficType
    first: Array
    draws: Draws | None = None
    rate: Callable[[Array], Array] = np.asarray

    def positions(self, places: int) -> Array:
        """Probability that each candidate is p-th, shape (places, K)."""
        return positions(self.draws, places) if self.draws else np.repeat(self.first[None], places, axis=0)


@dataclass(slots=True, eq=False)
class Ahead:
    """Rankings that were drawn before anybody asked, each to be taken once, and how many there were so far."""

    rankings: list[Ranking] = field(default_factory=list)
    drawn: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """What may happen to one set of candidates in one cell.

    Args:
        arms: their shares sum to 1.
        propensities: probability that a candidate is first, whatever the arm, shape (K,), sum 1.
        ahead: rankings of requests to come.

    """

    arms: tuple[Arm, ...]
    propensities: Array
    ahead: Ahead = field(default_factory=Ahead, repr=False)

    @classmethod
    def of(cls, arms: tuple[Arm, ...]) -> Policy:
        return cls(arms, np.sum([arm.share * arm.first for arm in arms], axis=0))

    def arm(self, chance: float) -> Arm:
        """The arm of a request, by a number drawn from [0, 1)."""
        for arm in self.arms:
            chance -= arm.share
            if chance < 0:
                return arm
        return self.arms[-1]

    def positions(self, places: int) -> Array:
        """Probability that a candidate is p-th, whatever the arm, shape (places, K)."""
        places = min(places, len(self.propensities))
        return np.sum([arm.share * arm.positions(places) for arm in self.arms if arm.share > 0], axis=0)


def policy_of(snapshot: Snapshot | None, candidates: Candidates, cell: Cell) -> Policy:
    """How a set of candidates is ranked: looked up, as callers send the same ones again and a snapshot never changes.

    Without a snapshot every request is random. A model for everybody gives the random share at random and ranks the
    rest by what is believed of everybody (`noncontextual`). A personalized one ranks by the cell (`contextual`), but
    for the random share and as much again of noncontextual traffic: what personalizing gains is measured, not supposed.
    """
    if snapshot is None:
        return Policy.of((_random(1.0, candidates),))
    remembered = _REMEMBERED.get(snapshot)
    if remembered is None:
        remembered = _REMEMBERED[snapshot] = _Remembered()

    def alike() -> Policy:
        return remembered.get((candidates, None), lambda: Policy.of(_alike(snapshot, candidates)))

    if (tastes := snapshot.tastes) is None:
        return alike()
    own = (candidates, cell)
    return remembered.get(own, lambda: Policy.of((*alike().arms, _contextual(snapshot, tastes, candidates, cell))))


def _alike(snapshot: Snapshot, candidates: Candidates) -> tuple[Arm, ...]:
    """The arms that look at no cell."""
    random = snapshot.settings.random_share
    share = _compared(random) if snapshot.tastes else 1 - random
    rows = snapshot.versions.rows(candidates.ids, candidates.etags)
    draws = snapshot.rates.draws(rows).spread(RATES_SPREAD * snapshot.settings.exploration**0.5)
    return (_random(random, candidates), Arm(share, "noncontextual", first_places(draws), draws, rate_of))


def _compared(random: float) -> float:
    """Noncontextual share of a personalized model: as much as at random, but no more than is left to the cells."""
    return min(random, (1 - random) / 2)


def _contextual(snapshot: Snapshot, tastes: Tastes, candidates: Candidates, cell: Cell) -> Arm:
    """What the arms that look at no cell leave."""
    rows = snapshot.versions.rows(candidates.ids, candidates.etags)
    draws = tastes.draws(cell, rows).spread(TASTES_SPREAD * snapshot.settings.exploration**0.5)
    random = snapshot.settings.random_share
    share = 1 - random - _compared(random)
    return Arm(share, "contextual", first_places(draws), draws, rate_of_logit)


def _random(share: float, candidates: Candidates) -> Arm:
    return Arm(share, "random", np.full(len(candidates), 1 / max(len(candidates), 1)))


class _Remembered:
    """The policies of one snapshot that were asked for last, by candidates and, where they look at one, cell."""

    def __init__(self) -> None:
        self._policies: OrderedDict[tuple[Candidates, Cell | None], Policy] = OrderedDict()

    def get(self, key: tuple[Candidates, Cell | None], made: Callable[[], Policy]) -> Policy:
        policy = self._policies.get(key)
        if policy is None:
            policy = self._policies[key] = made()
            if len(self._policies) > _POLICIES_REMEMBERED:
                self._policies.popitem(last=False)
        self._policies.move_to_end(key)
        return policy


# What is remembered of a snapshot goes with it: a model that learns on has many.
_REMEMBERED: WeakKeyDictionary[Snapshot, _Remembered] = WeakKeyDictionary()
