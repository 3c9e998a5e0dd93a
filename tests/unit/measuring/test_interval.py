from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from offer_ranking.measuring.interval import credible_intervals


@pytest.mark.parametrize("level", [0.5, 0.95, 0.99])
def test_intervals_hold_the_probability_that_they_claim(level: float) -> None:
    rng = np.random.default_rng(1)
    alpha, beta = (np.exp(rng.uniform(np.log(low), np.log(1e6), 700)) for low in (0.05, 0.5))
    alpha = np.minimum(alpha, 1000 * beta)  # a rate of 1, to the last digit, has no interval to tell of
    low, high = credible_intervals(alpha, beta, level).T
    tail = (1 - level) / 2
    # 2e-4 is what the docstring promises of a probability
    np.testing.assert_allclose(stats.beta.cdf(low, alpha, beta), tail, atol=2e-4)
    np.testing.assert_allclose(stats.beta.sf(high, alpha, beta), tail, atol=2e-4)


def test_no_offers_have_no_intervals() -> None:
    assert credible_intervals(np.empty(0), np.empty(0)).shape == (0, 2)
