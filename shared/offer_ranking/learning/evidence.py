"""What the counts say of each offer, after window, decay and repair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from offer_ranking.counting.counts import CONVERSION, HOURS_PER_DAY, IMPRESSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from offer_ranking.catalog.settings import Settings
    from offer_ranking.counting.counts import Counts

    Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Impressions n and conversions c of each offer, with 0 <= c <= n everywhere.

    Args:
        offers: ids, distinct and sorted, (K,).
        impressions: float64, shape (K,); fractions come from decay.
        conversions: float64, shape (K,), each filed under its impression's hour.
        repaired: how many of the 2 K values had to be made possible.

    """

    offers: tuple[str, ...]
    impressions: Array
    conversions: Array
    repaired: int = 0

    @classmethod
    def cleaned(cls, offers: Sequence[str], impressions: ArrayLike, conversions: ArrayLike) -> Self:
        """Make faulty counts the nearest possible ones, and NaN 0: a fault in the data stops no ranking."""
        order = sorted(range(len(offers)), key=offers.__getitem__)
        told_n, told_c = (np.asarray(values, np.float64)[order] for values in (impressions, conversions))
        n, c = (np.where(np.isfinite(told), np.maximum(told, 0.0), 0.0) for told in (told_n, told_c))
        # Decay multiplies both by the same factors but sums in another order, and a rounding is no fault.
        impossible = (c != told_c) | (c * (1 - 1e-12) > n)
        repaired = int(np.count_nonzero(n != told_n) + np.count_nonzero(impossible))
        return cls(tuple(offers[row] for row in order), n, np.minimum(c, n), repaired)


def evidence_of(counts: Counts, settings: Settings, as_of_hour: int) -> Evidence:
    """Sum a count table per offer: n_i = sum over hours of n_ib 2^(-age_b / half life), and c_i alike.

    Hours older than the window drop out, and with them the offers that have no others. Hours after
    `as_of_hour` (in whole hours since 1970 UTC) count in full: clocks differ.
    """
    age = np.maximum(as_of_hour - counts.hour, 0)
    weight = counts.count.astype(np.float64)
    if settings.half_life_days is not None:
        weight *= np.exp2(-age / (HOURS_PER_DAY * settings.half_life_days))
    inside = np.ones(len(counts), np.bool_)
    if settings.window_days is not None:
        inside = age <= HOURS_PER_DAY * settings.window_days
    codes, words = counts.offer.codes, counts.offer.words
    sums = [
        np.bincount(codes[rows], weight[rows], minlength=len(words))
        for rows in (inside & (counts.kind == IMPRESSION), inside & (counts.kind == CONVERSION))
    ]
    present = np.flatnonzero(np.bincount(codes[inside], minlength=len(words)))
    return Evidence.cleaned([words[code] for code in present], sums[0][present], sums[1][present])
