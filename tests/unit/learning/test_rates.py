from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from offer_ranking.learning.evidence import Evidence
from offer_ranking.learning.prior import DEFAULT_PRIOR, Prior
from offer_ranking.learning.rates import Rates, rate_of

TAILS = np.logspace(-3, -1, 20)
QUANTILES = np.concatenate([TAILS, np.linspace(0.1, 0.9, 41), 1 - TAILS[::-1]])

# How far the probability of a quantile of the Beta posterior may be off, from 0.001 to 0.999, for every alpha from the
# first number on and every mean rate up to the second. It grows as (1 - 2 m) departs from 1 and as alpha falls below 2.
ACCURACY = [
    (1, 0.02, 0.013), (1, 0.05, 0.016), (1, 0.1, 0.027), (1, 0.2, 0.048),
    (2, 0.05, 0.008), (4, 0.05, 0.004), (4, 0.2, 0.0155), (10, 0.2, 0.0095), (40, 0.2, 0.005),
]  # fmt: skip


@pytest.mark.parametrize(("alpha", "mean", "accuracy"), ACCURACY)
def test_quantiles_of_the_rate_drawn_are_those_of_the_posterior(alpha: float, mean: float, accuracy: float) -> None:
    shapes = [(a, m) for a in np.geomspace(alpha, 1e6, 60) for m in np.geomspace(1e-4, mean, 30)]
    a, m = np.array(shapes).T
    b = a * (1 - m) / m
    drawn = Rates(DEFAULT_PRIOR, a, b).draws(np.arange(len(a)))
    quantile = np.cbrt(special.betaincinv(a[:, None], b[:, None], QUANTILES))
    probability = special.ndtr((quantile - drawn.mean[:, None]) / drawn.sd[:, None])
    assert np.abs(probability - QUANTILES).max() < accuracy


def test_the_mean_rate_drawn_is_that_of_the_posterior() -> None:
    # E X^3 = mean^3 + 3 mean sd^2 for a normal X: off by the terms beyond the second order, largest at alpha = 1
    a, m = (part.ravel() for part in np.meshgrid(np.geomspace(1, 1e5, 50), np.geomspace(1e-4, 0.5, 30)))
    drawn = Rates(DEFAULT_PRIOR, a, a * (1 - m) / m).draws(np.arange(len(a)))
    np.testing.assert_allclose(drawn.mean**3 + 3 * drawn.mean * drawn.sd**2, m, rtol=0.0015)


def test_the_deviation_is_that_of_the_posterior_carried_over_to_the_cube_root() -> None:
    # the derivative of the cube root at the mean, times scipy's deviation of the Beta
    alpha, beta = np.array([1.0, 1.5, 4.0, 300.0]), np.array([5.0, 40.0, 36.0, 9000.0])
    mean = stats.beta.mean(alpha, beta)
    exact = stats.beta.std(alpha, beta) / (3 * np.cbrt(mean) ** 2)
    np.testing.assert_allclose(Rates(DEFAULT_PRIOR, alpha, beta).draws(np.arange(4)).sd, exact, rtol=1e-12)


def test_a_rate_is_believed_as_prior_plus_conversions_and_prior_plus_failures() -> None:
    rates = Rates.learned(Evidence.cleaned(["a", "b"], [100, 60], [4, 3]))
    np.testing.assert_allclose(rates.alpha - rates.prior.alpha, [4, 3])
    np.testing.assert_allclose(rates.beta - rates.prior.beta, [96, 57])


def test_a_version_that_is_not_known_draws_from_the_prior() -> None:
    rates = Rates(Prior(0.03, 70.0), np.array([5.0, 6.0]), np.array([95.0, 200.0]))
    rows = np.array([2, 0, 1, 2])
    alpha, beta = rates.shapes(rows)
    np.testing.assert_allclose(alpha, [0.03 * 70, 5, 6, 0.03 * 70])
    np.testing.assert_allclose(beta, [0.97 * 70, 95, 200, 0.97 * 70])
    drawn = rates.draws(rows)
    assert drawn.mean[0] == drawn.mean[3] != drawn.mean[1]
    assert drawn.sd[0] == drawn.sd[3] > drawn.sd[1]


def test_with_nothing_known_every_version_draws_from_the_prior() -> None:
    rates = Rates.learned(Evidence.cleaned([], [], []))
    assert rates.prior == DEFAULT_PRIOR
    assert np.ptp(rates.draws(np.zeros(3, np.intp)).mean) == 0


@pytest.mark.parametrize("shape", [0.01, 0.1, 1.0, 1e7])
def test_every_posterior_has_a_finite_draw_with_a_deviation_above_zero(shape: float) -> None:
    rates = Rates(DEFAULT_PRIOR, np.full(4, shape), np.array([0.01, 1.0, 1e4, 1e7]))
    drawn = rates.draws(np.arange(5))
    assert np.isfinite(drawn.mean).all()
    assert (drawn.sd > 0).all()


def test_a_score_is_turned_into_a_rate_in_the_same_order() -> None:
    scores = np.linspace(-0.1, 1, 50)
    assert (np.diff(rate_of(scores)) > 0).all()
    assert rate_of(np.array([0.3]))[0] == pytest.approx(0.027)
