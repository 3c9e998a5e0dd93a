import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import betaln

from offer_ranking.learning import prior as module
from offer_ranking.learning.prior import DEFAULT_PRIOR, Prior, learn_prior

WORLDS = [(seed, offers) for offers in (2, 3, 10, 100, 1000) for seed in range(6)]


def world(seed: int, offers: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, offers])
    mean, strength = np.exp(rng.uniform(-6, -0.5)), np.exp(rng.uniform(0, 8))
    shown = np.exp(rng.uniform(0, rng.uniform(3, 13), offers)).astype(int)
    converted = rng.binomial(shown, rng.beta(mean * strength, (1 - mean) * strength, offers))
    converted[0] = max(converted[0], 1)
    return shown.astype(float), converted.astype(float)


def penalised_likelihood(logit: float, log_strength: float, n: np.ndarray, c: np.ndarray) -> float:
    """Written a second time from the formula, over scipy's betaln."""
    m, s = 1 / (1 + np.exp(-logit)), np.exp(log_strength)
    likelihood = np.sum(betaln(m * s + c, (1 - m) * s + n - c) - betaln(m * s, (1 - m) * s))
    return float(likelihood + 18 * np.log(1 - m) - ((log_strength - np.log(100)) / 1.5) ** 2 / 2)


def logits(prior: Prior) -> np.ndarray:
    return np.array([np.log(prior.mean / (1 - prior.mean)), np.log(prior.strength)])


@pytest.mark.parametrize(("seed", "offers"), WORLDS)
def test_no_point_found_by_scipy_from_four_starts_is_higher(seed: int, offers: int) -> None:
    n, c = world(seed, offers)
    mine = penalised_likelihood(*logits(learn_prior(n, c)), n, c)
    starts = ([-4, 4.6], [-7, 2], [-2, 8], [-1, 0])
    best = max(
        -minimize(
            lambda p: -penalised_likelihood(*p, n, c),
            start,
            method="Nelder-Mead",
            options={"xatol": 1e-8, "fatol": 1e-11, "maxiter": 2000},
        ).fun
        for start in starts
    )
    # the objective's own digits: n ln n is about 1e7, of which a double keeps 1e-9
    assert mine >= best - 1e-6


@pytest.mark.parametrize(("seed", "offers"), WORLDS)
def test_the_gradient_is_zero_where_it_ends(seed: int, offers: int) -> None:
    n, c = world(seed, offers)
    height = module._height(logits(learn_prior(n, c)), n, c)
    assert np.abs(height.gradient).max() < 1e-5 * np.sqrt(offers)
    assert (np.linalg.eigvalsh(height.hessian) < 0).all()


def test_gradient_and_hessian_are_the_derivatives_of_the_objective() -> None:
    n, c = world(1, 10)
    point, step = np.array([-3.0, 4.0]), 1e-5
    here = module._height(point, n, c)
    for axis in (0, 1):
        ahead, behind = (module._height(point + sign * step * np.eye(2)[axis], n, c) for sign in (1, -1))
        assert here.gradient[axis] == pytest.approx((ahead.value - behind.value) / (2 * step), rel=1e-5)
        np.testing.assert_allclose(
            here.hessian[axis], (ahead.gradient - behind.gradient) / (2 * step), rtol=1e-6, atol=1e-6
        )


def test_the_prior_of_many_offers_is_the_world_they_come_from() -> None:
    rng = np.random.default_rng(4)
    shown = np.full(5000, 2000)
    converted = rng.binomial(shown, rng.beta(4, 196, 5000))
    prior = learn_prior(shown.astype(float), converted.astype(float))
    # standard errors: mean 0.02 * sqrt((1/4) / 5000) = 0.00014, strength about 2.5 % (Fisher information)
    assert prior.mean == pytest.approx(0.02, abs=4 * 0.00015)
    assert prior.strength == pytest.approx(200, rel=0.1)


@pytest.mark.parametrize(
    ("n", "c"), [([], []), ([0, 0, 0], [0, 0, 0]), ([1000, 0], [20, 0]), ([10, 20, 30], [0, 0, 0])]
)
def test_fewer_than_two_offers_with_data_or_no_conversion_at_all_leave_the_default(n: list, c: list) -> None:
    assert learn_prior(np.array(n, float), np.array(c, float)) == DEFAULT_PRIOR == Prior(0.02, 50.0)


def test_offers_never_shown_teach_nothing() -> None:
    n, c = world(2, 10)
    assert learn_prior(np.append(n, 0.0), np.append(c, 0.0)) == learn_prior(n, c)


@settings(derandomize=True, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 10**7), st.floats(0, 1)).map(lambda pair: (pair[0], round(pair[0] * pair[1]))),
        max_size=30,
    )
)
def test_any_clean_counts_give_a_proper_prior(pairs: list[tuple[int, int]]) -> None:
    n, c = (np.array([pair[index] for pair in pairs], float) for index in (0, 1))
    prior = learn_prior(n, c)
    assert 0 < prior.mean < 1
    assert prior.alpha >= 0.00999
    assert prior.beta >= 0.00999
    assert np.isfinite(prior.strength)


def test_the_same_counts_give_the_same_prior_to_the_last_bit() -> None:
    n, c = world(3, 100)
    assert learn_prior(n, c) == learn_prior(n.copy(), c.copy())
