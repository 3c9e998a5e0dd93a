"""Vowpal Wabbit's SquareCB, tuned for each world on seeds of their own: the best of a grid is what is compared with.

Within a batch the model stands still, so requests of one cell share one prediction; every event is learned from, with
the probability at which its offer was shown.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np
import vowpalwabbit

from tests.benchmarks.learning.simulate import run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from tests.benchmarks.learning.simulate import Told
    from tests.benchmarks.learning.worlds import World

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

TUNING_SEEDS = (9_001,)
_NEVER = 1e-9  # no offer is shown at less, and a pmf of single precision sums to about 1


@dataclass(frozen=True, order=True)
class Tuning:
    """Arguments of one SquareCB. `interactions`: co crosses audiences with offers, cco pairs of audiences too."""

    gamma_scale: float
    gamma_exponent: float
    learning_rate: float
    interactions: tuple[str, ...]

    def __str__(self) -> str:
        crossed = " ".join(f"--interactions {one}" for one in self.interactions)
        gamma = f"--gamma_scale {self.gamma_scale:g} --gamma_exponent {self.gamma_exponent:g}"
        return f"{gamma} -l {self.learning_rate:g} {crossed}"


def grid(world: World) -> Iterator[Tuning]:
    """12 of exclusive audiences, 24 where audiences come together."""
    crossings: list[tuple[str, ...]] = [("co",)]
    if any(len(names) > 1 for names in world.cells.names):
        crossings.append(("co", "cco"))
    for values in product((10.0, 100.0, 1_000.0), (0.25, 0.5), (0.1, 0.5), crossings):
        yield Tuning(*values)


def best(world: World, spread: Callable[..., Iterator[float]]) -> tuple[Tuning, list[tuple[Tuning, float]]]:
    """Try the grid; `spread` maps over processes. Returns the best, and the mean regret of each, the least first."""
    tunings = list(grid(world))
    runs = [(world.name, tuning, seed) for tuning in tunings for seed in TUNING_SEEDS]
    regrets = np.array(list(spread(tuned_regret, runs))).reshape(len(tunings), -1).mean(axis=1)
    tried = sorted(zip(tunings, regrets.tolist(), strict=True), key=lambda one: (one[1], astuple(one[0])))
    return tried[0][0], tried


def tuned_regret(named: tuple[str, Tuning, int]) -> float:
    from tests.benchmarks.learning.worlds import WORLDS  # noqa: PLC0415 - a world's draw cannot travel to a process

    name, tuning, seed = named
    world = WORLDS[name]
    return run(world, SquareCb(world, tuning, seed), seed).regret


class SquareCb:
    """`--cb_explore_adf --squarecb` with one line an offer, costs of -1 for a conversion and 0 for none."""

    def __init__(self, world: World, tuning: Tuning, seed: int) -> None:
        self._library = vowpalwabbit.Workspace(f"--cb_explore_adf --squarecb {tuning} --quiet --random_seed {seed + 1}")
        self._shared = ["shared |c " + " ".join(names) for names in world.cells.names]
        self._offers = [f"|o o{offer}" for offer in range(world.offers)]
        self._order = np.random.default_rng(seed)
        self._shown_at: dict[int, Array] = {}
        self._batch = 0

    def choose(self, cells: Rows, rng: np.random.Generator) -> Rows:
        at = np.zeros((len(self._shared), len(self._offers)))
        for cell in np.unique(cells).tolist():
            at[cell] = self._library.predict([self._shared[cell], *self._offers])
        at = np.maximum(at, _NEVER)
        at /= at.sum(axis=1, keepdims=True)
        self._shown_at[self._batch] = at
        self._batch += 1
        return (rng.random((len(cells), 1)) > np.cumsum(at, axis=1)[cells][:, :-1]).sum(axis=1)

    def learn(self, told: list[Told], now: int) -> None:  # noqa: ARG002 - it knows no time
        for one in told:
            at = self._shown_at.pop(one.hour)
            events = [
                (cell, offer, cost)
                for counts, cost in ((one.impressions - one.conversions, 0), (one.conversions, -1))
                for cell, offer in zip(*(part.tolist() for part in counts.nonzero()), strict=True)
                for _ in range(int(counts[cell, offer]))
            ]
            for event in self._order.permutation(len(events)).tolist():
                cell, offer, cost = events[event]
                lines = [self._shared[cell], *self._offers]
                lines[1 + offer] = f"0:{cost}:{at[cell, offer]:.9f} {self._offers[offer]}"
                self._library.learn(lines)
