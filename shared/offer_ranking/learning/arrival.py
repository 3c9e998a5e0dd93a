"""How long conversions take: what part of them is to be expected by an age, learned from those that came.

A conversion is seen only once it has come, so young impressions show short lags only: lags are truncated on the right
by the age of their impression. The estimator for such data is a product over reversed time (Lagakos, Barraj,
De Gruttola, "Nonparametric analysis of truncated survival data, with application to AIDS", Biometrika 1988):

    G(l) = product over k > l of (1 - d_k / R_k)

with d_k conversions of lag k, and R_k those of lag at most k among impressions of age at least k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from offer_ranking.counting.counts import CONVERSION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offer_ranking.counting.counts import Counts

    Array = NDArray[np.float64]

# As many conversions that came within their hour are supposed to have been seen: few observed lags say little.
_PROMPT = 10.0
_LONGEST_HOURS = 24 * 60


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """`share[l]` of all conversions come within l hours of their impression, shape (L,), rising to 1 at its end."""

    share: Array

    @classmethod
    def at_once(cls) -> Self:
        return cls(np.ones(1))

    @classmethod
    def learned(cls, counts: Counts, as_of_hour: int) -> Self:
        """Estimate it from the lags of a count table as it stood at an hour."""
        is_conversion = (counts.kind == CONVERSION) & (counts.count > 0)
        number = counts.count[is_conversion].astype(np.float64)
        lag = np.minimum(counts.lag[is_conversion], _LONGEST_HOURS)
        if not len(number) or not lag.any():
            return cls.at_once()
        # An event from the future, whose clock differs, is as old as its lag at least.
        age = np.clip(as_of_hour - counts.hour[is_conversion], lag, _LONGEST_HOURS)
        longest = int(lag.max())
        of_lag = np.bincount(lag, number, minlength=longest + 1)
        younger = np.bincount(np.minimum(age + 1, longest + 1), number, minlength=longest + 2).cumsum()
        at_risk = of_lag.cumsum() - younger[:-1]
        stays = 1 - of_lag[1:] / (at_risk[1:] + _PROMPT)
        return cls(np.append(np.cumprod(stays[::-1])[::-1], 1.0))

    def by(self, age: NDArray[np.int64]) -> Array:
        """What part of an impression's conversions has come by an age in hours; shapes (n,)."""
        share: Array = self.share[np.clip(age, 0, len(self.share) - 1)]
        return share
