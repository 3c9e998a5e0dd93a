import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, special

from offer_ranking.learning.propensity import first_place_probabilities, policy_propensities

TOLERANCE = 1e-6


def by_scipy(alpha: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """P_i over scipy's incomplete beta function: Gauss-Legendre between quantiles of all the offers.

    Panels are bounded by quantiles, so that no density changes much within one: P(rank 1) = int f_i prod F_j
    dx.
    """
    distinct = np.unique(np.stack([alpha, beta], axis=1), axis=0)
    by_mean = np.argsort(-distinct[:, 0] / distinct.sum(axis=1))[:30]
    distinct = np.unique(np.concatenate([distinct[:: max(len(distinct) // 30, 1)], distinct[by_mean]]), axis=0)
    tails = np.array([1e-13, 1e-11, 1e-9, 1e-7, 1e-5, *np.linspace(1e-3, 0.5, 13)])
    tiny = np.finfo(float).tiny
    low_ends = special.betaincinv(distinct[:, :1], distinct[:, 1:], tails)
    high_ends = special.betaincinv(distinct[:, 1:], distinct[:, :1], tails)
    edges = np.concatenate(
        [
            (np.log(np.maximum(low_ends, tiny)) - np.log(np.maximum(1 - low_ends, tiny))).ravel(),
            (np.log(np.maximum(1 - high_ends, tiny)) - np.log(np.maximum(high_ends, tiny))).ravel(),
        ]
    )
    edges = np.unique(np.concatenate([edges, np.linspace(edges.min(), edges.max(), 400)]))
    with np.errstate(divide="ignore"):
        log_cdf = sum(np.log(special.betainc(a, b, special.expit(edges))) for a, b in zip(alpha, beta, strict=True))
    edges = edges[max(int(np.searchsorted(log_cdf, -32)) - 1, 0) :]
    nodes, weights = np.polynomial.legendre.leggauss(12)
    half = np.diff(edges)[:, None] / 2
    t = (edges[:-1, None] + half + half * nodes).ravel()
    weight = (half * weights).ravel()
    total, logs = np.zeros_like(t), []
    with np.errstate(divide="ignore"):
        for a, b in zip(alpha, beta, strict=True):
            from_above = 1 - special.betainc(b, a, special.expit(-t))
            cdf = np.where(t < 0, special.betainc(a, b, special.expit(t)), from_above)
            logs.append(np.log(np.maximum(cdf, tiny)))
            total += logs[-1]
    density = (
        a * special.log_expit(t) + b * special.log_expit(-t) - special.betaln(a, b)
        for a, b in zip(alpha, beta, strict=True)
    )
    return np.array([weight @ np.exp(f + total - mine) for f, mine in zip(density, logs, strict=True)])


def learned(seed: int, offers: int, mean: float, strength: float, most_shown: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, offers])
    shown = np.exp(rng.uniform(0, np.log(most_shown), offers)).astype(int)
    converted = rng.binomial(shown, rng.beta(mean * strength, (1 - mean) * strength, offers))
    return mean * strength + converted, (1 - mean) * strength + shown - converted


def dominant(offers: int) -> tuple[np.ndarray, np.ndarray]:
    alpha, beta = learned(3, offers, 0.02, 200, 3000)
    alpha[0], beta[0] = 1e6, 1e7
    return alpha, beta


LADDER = 4.0 ** np.arange(13)
SETS = {
    "two offers": ([3.0, 5.0], [90.0, 140.0]),
    "two that are equal": ([3.0, 3.0], [90.0, 90.0]),
    "the prior of m = 0.002, s = 50": ([0.1, 0.1], [49.9, 49.9]),
    "alpha 0.1, once with ten million impressions": ([0.1, 0.1], [49.9, 1e7]),
    "the smallest alphas": ([0.01, 0.02], [49.9, 30.0]),
    "a very sharp posterior against a wide one": ([2e5, 1.0], [9.8e6, 49.0]),
    "a very sharp posterior against an alpha of 0.1": ([2e5, 0.1], [9.8e6, 49.9]),
    "two very sharp against ten wide": ([2e5, 2.003e5] + [1.0] * 10, [9.8e6, 9.8e6] + [49.0] * 10),
    "very sharp in the lower tail of a wide one": ([2e5, 100.0], [9.8e6, 3400.0]),
    "every sharpness at one mean": (0.5 * LADDER, 20 * LADDER),
    "alpha 0.1 with every number of impressions": (np.full(13, 0.1), 50 * LADDER),
    "rates near one": ([50.0, 40.0, 50.1], [0.1, 0.3, 1.0]),
    "alpha and beta below one": ([0.1, 0.2, 0.5], [0.1, 0.2, 0.1]),
    "uniform posteriors": (np.ones(10), np.ones(10)),
    "ten million impressions at one half": ([5e6, 5.001e6, 4.999e6], [5e6, 5e6, 5e6]),
    **{f"{k} at the prior": (np.full(k, 0.1), np.full(k, 49.9)) for k in (10, 100, 1000)},
    **{f"{k} learned": learned(1, k, 0.02, 200, 10_000) for k in (10, 34, 100, 1000)},
    **{f"{k} learned, rare": learned(2, k, 0.002, 50, 10_000) for k in (10, 34, 100)},
    **{f"{k} learned, huge": learned(3, k, 0.02, 200, 10**7) for k in (10, 34, 100)},
    **{f"{k}, one dominant": dominant(k) for k in (10, 100, 1000)},
}


@pytest.mark.parametrize("name", SETS)
def test_probabilities_agree_with_an_integral_over_scipys_distributions(name: str) -> None:
    alpha, beta = (np.asarray(shape, float) for shape in SETS[name])
    reference = by_scipy(alpha, beta)
    assert reference.sum() == pytest.approx(1, abs=3e-7)  # else the oracle itself did not resolve the set
    mine = first_place_probabilities(alpha, beta)
    assert np.abs(mine - reference).max() < TOLERANCE
    assert mine.sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_two_offers_agree_with_adaptive_quadrature(seed: int) -> None:
    rng = np.random.default_rng(seed)
    (a, c), (b, d) = rng.uniform(0.6, 40, 2), rng.uniform(20, 900, 2)
    density = np.exp(-special.betaln(a, b))
    reference, _ = integrate.quad(
        lambda x: density * x ** (a - 1) * (1 - x) ** (b - 1) * special.betainc(c, d, x),
        0,
        1,
        points=[a / (a + b), c / (c + d)],
        epsabs=1e-11,
        limit=500,
    )
    assert first_place_probabilities(np.array([a, c]), np.array([b, d]))[0] == pytest.approx(reference, abs=1e-8)


def test_integer_shapes_agree_with_the_exact_sum() -> None:
    # Evan Miller, "Formulas for Bayesian A/B testing": P(second > first) for integer alphas
    a, b, c, d = 12, 300, 17, 310
    exact = sum(
        np.exp(special.betaln(a + i, b + d) - np.log(d + i) - special.betaln(1 + i, d) - special.betaln(a, b))
        for i in range(c)
    )
    mine = first_place_probabilities(np.array([a, c], float), np.array([b, d], float))
    assert mine[1] == pytest.approx(exact, abs=1e-10)


def test_one_offer_is_certain_and_none_is_no_error() -> None:
    assert first_place_probabilities(np.array([3.0]), np.array([9.0])).tolist() == [1.0]
    assert first_place_probabilities(np.zeros(0), np.zeros(0)).tolist() == []


def test_ten_thousand_equal_offers_are_equally_probable() -> None:
    first = first_place_probabilities(np.full(10_000, 0.4), np.full(10_000, 49.6))
    np.testing.assert_allclose(first, 1e-4, rtol=1e-9)


shapes = st.floats(-4.6, 16).map(np.exp)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.tuples(shapes, shapes), min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_any_set_gives_probabilities_that_move_with_their_offers(pairs: list, random: object) -> None:
    alpha, beta = (np.array([pair[index] for pair in pairs]) for index in (0, 1))
    first = first_place_probabilities(alpha, beta)
    assert (first >= 0).all()
    assert first.sum() == pytest.approx(1, abs=1e-9)
    moved = list(range(len(pairs)))
    random.shuffle(moved)  # type: ignore[attr-defined]
    np.testing.assert_allclose(first_place_probabilities(alpha[moved], beta[moved]), first[moved], atol=2 * TOLERANCE)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(shapes, shapes), min_size=2, max_size=12))
def test_ever_more_conversions_make_an_offer_ever_more_probable(pairs: list) -> None:
    alpha, beta = (np.array([pair[index] for pair in pairs]) for index in (0, 1))
    rising = [
        first_place_probabilities(np.append(alpha, shape), np.append(beta, 50.0))[-1] for shape in (1.0, 4.0, 30.0)
    ]
    assert all(after >= before - 2 * TOLERANCE for before, after in itertools.pairwise(rising))


def test_policy_propensities_mix_in_the_uniform_share_and_never_fall_below_it() -> None:
    mixed = policy_propensities(np.array([0.9, 0.1, 0.0]), 0.06)
    np.testing.assert_allclose(mixed, [0.866, 0.114, 0.02])
    assert mixed.sum() == pytest.approx(1)
