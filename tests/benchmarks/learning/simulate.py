"""One learner in one world: requests in batches, what was shown, what converted, and what is told when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tests.benchmarks.learning.worlds import World

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

_TRUTH, _VISITS, _POLICY = range(3)  # streams of one seed; the first two are the same for all learners


@dataclass(frozen=True, eq=False)
class Told:
    """What was counted of one batch: impressions and conversions of each cell and offer, (C, K).

    Args:
        hour: number of the batch in which the impressions lie.
        lag: batches from the impressions to these conversions.

    """

    hour: int
    impressions: NDArray[np.int64]
    conversions: NDArray[np.int64]
    lag: int = 0


class Learner(Protocol):
    """A policy. It sees neither rates nor what the others do."""

    def choose(self, cells: Rows, rng: np.random.Generator) -> Rows:
        """One offer for each request, given the cell of each, (requests,)."""
        ...

    def learn(self, told: list[Told], now: int) -> None:
        """Take what is told before batch `now`."""
        ...


@dataclass(frozen=True)
class Outcome:
    """Expected conversions of one run: lost against always showing the best, earned, and of the best and uniform."""

    regret: float
    clicks: float
    best: float
    uniform: float


def run(world: World, learner: Learner, seed: int) -> Outcome:
    """Let the learner serve all requests of a world.

    Equal seeds meet equal rates, requests and reluctances whatever the learner: runs of one seed are paired.
    """
    truth, visits, policy = (np.random.default_rng([seed, stream]) for stream in (_TRUTH, _VISITS, _POLICY))
    phases = world.draw(truth)
    _, cells_number, offers = phases.shape
    batches = world.impressions // world.batch
    post = _Post(world)
    clicks = best = uniform = 0.0
    for now in range(batches):
        rates = phases[now * len(phases) // batches]
        cells = visits.choice(cells_number, world.batch, p=world.cells.shares)
        reluctance = visits.random(world.batch)
        shown = learner.choose(cells, policy)
        rate = rates[cells, shown]
        clicks += float(rate.sum())
        best += float(rates.max(axis=1)[cells].sum())
        uniform += float(rates.mean(axis=1)[cells].sum())
        shape = (cells_number, offers)
        converted = reluctance < rate
        post.take(now, _counted(shape, cells, shown), _counted(shape, cells[converted], shown[converted]))
        learner.learn(list(post.due(now)), now + 1)
    return Outcome(best - clicks, clicks, best, uniform)


def _counted(shape: tuple[int, int], cells: Rows, shown: Rows) -> NDArray[np.int64]:
    return np.bincount(cells * shape[1] + shown, minlength=shape[0] * shape[1]).reshape(shape)


class _Post:
    """Holds back what is told late."""

    def __init__(self, world: World) -> None:
        self._late_impressions, self._late_conversions = world.late_impressions, world.late_conversions
        self._sent: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def take(self, hour: int, impressions: NDArray[np.int64], conversions: NDArray[np.int64]) -> None:
        self._sent[hour] = impressions, conversions

    def due(self, now: int) -> Iterator[Told]:
        """Tell what is due after batch `now`: together where both are, since the learner need not hear it twice."""
        shown, converted = now - self._late_impressions, now - self._late_conversions
        if shown == converted:
            if shown in self._sent:
                yield Told(shown, *self._sent.pop(shown))
            return
        if shown in self._sent:
            impressions = self._sent[shown][0]
            yield Told(shown, impressions, np.zeros_like(impressions))
        if converted in self._sent:
            conversions = self._sent.pop(converted)[1]
            lag = self._late_conversions - self._late_impressions
            yield Told(converted, np.zeros_like(conversions), conversions, lag)
