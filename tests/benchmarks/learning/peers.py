"""Peers: what a user would otherwise pick. Each learns with its library's own calls.

mabwiser and river have Thompson sampling from Beta(1,1) for everybody; per audience it is one such learner a cell.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
from mabwiser.mab import MAB, LearningPolicy
from river import bandit, proba

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.benchmarks.learning.simulate import Learner, Told

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]


class Mabwiser:
    """MABWiser's Thompson sampling, updated in batches.

    A conversion that is told after its impression is a success more: what was learned as a failure before cannot be
    taken back there, which a `lag` shows.
    """

    def __init__(self, offers: int, seed: int) -> None:
        self._library = MAB(list(range(offers)), LearningPolicy.ThompsonSampling(), seed=seed)
        self._library.fit(np.zeros(0, np.intp), np.zeros(0, np.intp))
        self._is_checked = False

    def choose(self, cells: Rows, rng: np.random.Generator) -> Rows:  # noqa: ARG002 - it has a seed of its own
        """Draw what its `predict` draws, from its own posterior and stream, without its dictionary a request."""
        before = None if self._is_checked else deepcopy(self._library)
        policy = self._library._imp
        successes, failures = policy.arm_to_success_count, policy.arm_to_fail_count
        draws = np.stack([policy.rng.beta(successes[arm], failures[arm], len(cells)) for arm in self._library.arms])
        shown = draws.argmax(axis=0)
        if before is not None:
            assert before.predict(np.zeros((len(cells), 1))) == shown.tolist()
            self._is_checked = True
        return shown

    def learn(self, told: list[Told], now: int) -> None:  # noqa: ARG002 - it knows no time
        for one in told:
            n, c = one.impressions.sum(axis=0), one.conversions.sum(axis=0)
            self._library.partial_fit(*_events(np.maximum(n - c, 0), c))


def _events(failures: NDArray[np.int64], successes: NDArray[np.int64]) -> tuple[Rows, Rows]:
    """Write counts out as decisions and rewards."""
    offers = np.arange(len(failures))
    decisions = np.concatenate([np.repeat(offers, failures), np.repeat(offers, successes)])
    return decisions, np.repeat([0, 1], [failures.sum(), successes.sum()])


class River:
    """river's Thompson sampling, a pull for each request and an update for each event."""

    def __init__(self, offers: int, seed: int) -> None:
        self._library = bandit.ThompsonSampling(reward_obj=proba.Beta(), seed=seed)
        self._arms = list(range(offers))

    def choose(self, cells: Rows, rng: np.random.Generator) -> Rows:  # noqa: ARG002 - it has a seed of its own
        return np.array([self._library.pull(self._arms) for _ in cells])

    def learn(self, told: list[Told], now: int) -> None:  # noqa: ARG002 - it knows no time
        for one in told:
            n, c = one.impressions.sum(axis=0), one.conversions.sum(axis=0)
            for offer, reward in zip(*(part.tolist() for part in _events(n - c, c)), strict=True):
                self._library.update(offer, reward)


class BetaOne:
    """Thompson sampling from Beta(1,1): one posterior a cell and offer, or, for everybody, one an offer."""

    def __init__(self, cells: int, offers: int, *, everybody: bool) -> None:
        self._is_global = everybody
        self._alpha, self._beta = np.ones((2, 1 if everybody else cells, offers))

    def choose(self, cells: Rows, rng: np.random.Generator) -> Rows:
        rows = np.zeros_like(cells) if self._is_global else cells
        return rng.beta(self._alpha[rows], self._beta[rows]).argmax(axis=1)

    def learn(self, told: list[Told], now: int) -> None:  # noqa: ARG002 - it knows no time
        for one in told:
            n, c = (part.sum(axis=0) if self._is_global else part for part in (one.impressions, one.conversions))
            self._alpha += c
            self._beta += n - c


class Waiting:
    """Tells a learner of impressions only together with their conversions."""

    def __init__(self, learner: Mabwiser) -> None:
        self._learner = learner
        self._held: dict[int, Told] = {}

    def choose(self, cells: Rows, rng: np.random.Generator) -> Rows:
        return self._learner.choose(cells, rng)

    def learn(self, told: list[Told], now: int) -> None:
        for one in told:
            if one.lag:
                shown = self._held.pop(one.hour)
                self._learner.learn([type(one)(one.hour, shown.impressions, one.conversions)], now)
            else:
                self._held[one.hour] = one


class Mixed:
    """Serves a random share of the requests uniformly, and the rest by a learner that knows of no such share."""

    def __init__(self, learner: Learner, offers: int, random_share: float) -> None:
        self._learner, self._offers, self._random_share = learner, offers, random_share

    def choose(self, cells: Rows, rng: np.random.Generator) -> Rows:
        is_random = rng.random(len(cells)) < self._random_share
        return np.where(is_random, rng.integers(self._offers, size=len(cells)), self._learner.choose(cells, rng))

    def learn(self, told: list[Told], now: int) -> None:
        self._learner.learn(told, now)
