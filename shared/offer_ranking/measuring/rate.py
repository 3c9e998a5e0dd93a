"""Conversions per impression, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Rate(TypedDict):
    """Conversions / impressions; null before the first impression."""

    impressions: int
    conversions: int
    conversionRate: float | None


def rate_of(tally: NDArray[np.float64]) -> Rate:
    """A rate from impressions and conversions, shape (2,)."""
    impressions, conversions = int(tally[0]), int(tally[1])
    return Rate(
        impressions=impressions,
        conversions=conversions,
        conversionRate=conversions / impressions if impressions else None,
    )
