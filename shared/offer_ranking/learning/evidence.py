"""What the counts say of each version of an offer, after window, decay, delay and repair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from offer_ranking.counting.counts import CONVERSION, HOURS_PER_DAY
from offer_ranking.learning.arrival import Arrival
from offer_ranking.learning.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from offer_ranking.catalog.settings import Settings
    from offer_ranking.counting.counts import Counts

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Impressions n and conversions c of each version of an offer, with 0 <= c <= n everywhere.

    Args:
        versions: V of them.
        impressions: float64, shape (V,); fractions come from decay, and from conversions that may still come.
        conversions: float64, shape (V,), each filed under its impression's hour.
        repaired: how many of the 2 V values had to be made possible.

    """

    versions: Versions
    impressions: Array
    conversions: Array
    repaired: int = 0

    @classmethod
    def cleaned(cls, offers: Sequence[str], impressions: ArrayLike, conversions: ArrayLike) -> Self:
        """Take counts of offers of one version each, in any order; faulty ones become the nearest possible."""
        order = sorted(range(len(offers)), key=offers.__getitem__)
        n, c, repaired = possible(
            np.asarray(impressions, np.float64)[order], np.asarray(conversions, np.float64)[order]
        )
        return cls(Versions.of([offers[row] for row in order]), n, c, repaired)


def possible(impressions: Array, conversions: Array) -> tuple[Array, Array, int]:
    """Make faulty counts the nearest possible ones, and NaN 0: a fault in the data stops no ranking.

    Returns:
        Both repaired, shapes (n,), and how many values that took.

    """
    n, c = (np.where(np.isfinite(told), np.maximum(told, 0.0), 0.0) for told in (impressions, conversions))
    # Decay multiplies both by the same factors but sums in another order, and a rounding is no fault.
    impossible = (c != conversions) | (c * (1 - 1e-12) > n)
    repaired = int(np.count_nonzero(n != impressions) + np.count_nonzero(impossible))
    return n, np.minimum(c, n), repaired


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """What each row of a count table is worth to a fit.

    Args:
        counts: those within the window.
        told: the row's count after decay, shape (rows,).
        expected: part of an impression's conversions that has come by now, shape (rows,); 1 for conversions.

    """

    counts: Counts
    told: Array
    expected: Array

    @classmethod
    def of(cls, counts: Counts, settings: Settings, as_of_hour: int) -> Self:
        """Weigh by age: n_i = sum over hours of n_ib 2^(-age_b / half life), and c_i alike.

        Hours older than the window drop out, and with them the offers that have no others. Hours after `as_of_hour`
        (in whole hours since 1970 UTC) count in full: clocks differ.
        """
        if settings.window_days is not None:
            counts = counts.where(as_of_hour - counts.hour <= HOURS_PER_DAY * settings.window_days)
        age = np.maximum(as_of_hour - counts.hour, 0)
        told = counts.count.astype(np.float64)
        if settings.half_life_days is not None:
            told *= np.exp2(-age / (HOURS_PER_DAY * settings.half_life_days))
        expected = np.where(counts.kind == CONVERSION, 1.0, Arrival.learned(counts, as_of_hour).by(age))
        return cls(counts, told, expected)

    def sums(self, group: NDArray[np.intp], groups: int) -> tuple[Array, Array, int]:
        """Add up impressions and conversions of each group, shapes (groups,); and how many had to be repaired.

        An impression that is young counts as far as its conversions had time to come (Chapelle, "Modeling delayed
        feedback in display advertising", KDD 2014): else every new offer would look bad at first.
        """
        is_conversion = self.counts.kind == CONVERSION
        shown = np.where(is_conversion, 0.0, self.told)
        n, c, repaired = possible(
            np.bincount(group, shown, minlength=groups),
            np.bincount(group, np.where(is_conversion, self.told, 0.0), minlength=groups),
        )
        due = np.bincount(group, np.maximum(shown, 0.0) * self.expected, minlength=groups)
        return np.clip(due, c, n), c, repaired

    def by_version(self) -> tuple[Evidence, NDArray[np.intp]]:
        """The evidence of each version of an offer, and the version of each row, shape (rows,)."""
        versions, row_version = Versions.named_in(self.counts)
        return Evidence(versions, *self.sums(row_version, len(versions))), row_version
