"""What each offer of a contest draws: the one number that decides its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Offer i draws from N(mean[i], sd[i]^2), whatever the others do; shapes (K,), every sd positive."""

    mean: Array
    sd: Array

    def __len__(self) -> int:
        """How many offers there are."""
        return len(self.mean)

    def at(self, rows: NDArray[np.intp]) -> Self:
        """Those of some offers, in this order, repeated or not."""
        return type(self)(self.mean[rows], self.sd[rows])

    def spread(self, factor: float) -> Self:
        """The same means, with other deviations."""
        return type(self)(self.mean, self.sd * factor)

    def sample(self, rng: np.random.Generator) -> Array:
        """One draw for each offer, shape (K,)."""
        scores: Array = self.samples(rng, 1)[0]
        return scores

    def samples(self, rng: np.random.Generator, times: int) -> Array:
        """The same several times over, shape (times, K)."""
        scores = rng.standard_normal((times, len(self.mean)))
        scores *= self.sd
        scores += self.mean
        return scores
