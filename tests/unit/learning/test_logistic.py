from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from offer_ranking.learning import logistic as module
from offer_ranking.learning.logistic import Trials

PRIOR_MEAN, PRIOR_VARIANCE = np.array([-3.0, 0.1, 0.0, -0.2]), np.array([0.5, 0.1, 0.2, 0.05])


def made_up(seed: int = 0, versions: int = 7, cells: int = 12, rate: float = 0.05) -> Trials:
    """Some pairs of version and cell; version 2 has none."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([np.ones((cells, 1)), rng.normal(0, 0.5, (cells, 3))], axis=1)
    pairs = np.flatnonzero(rng.random(versions * cells) < 0.7)
    pairs = pairs[pairs // cells != 2]
    shown = np.floor(np.exp(rng.uniform(0, 7, len(pairs))))
    converted = rng.binomial(shown.astype(int), rate).astype(float)
    return Trials(x, versions, pairs // cells, pairs % cells, shown, converted)


def log_posterior(weights: np.ndarray, trials: Trials, version: int) -> float:
    """Written from the definition: binomial trials, and a normal prior."""
    total = -0.5 * float(((weights - PRIOR_MEAN) ** 2 / PRIOR_VARIANCE).sum())
    for of, cell, n, c in zip(trials.version, trials.cell, trials.impressions, trials.conversions, strict=True):
        if of == version:
            logit = float(trials.x[cell] @ weights)
            total += c * logit - n * np.logaddexp(0, logit)
    return total


@pytest.mark.parametrize("way", ["all at once", "one by one"])
def test_slopes_are_the_derivatives_of_the_log_posterior(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if way == "one by one":
        monkeypatch.setattr(module, "_TABLE", 0)
    trials = made_up()
    weights = PRIOR_MEAN + np.random.default_rng(1).normal(0, 0.3, (7, 4))
    gradient, precision = trials.slopes(weights, PRIOR_MEAN, PRIOR_VARIANCE)
    for version in range(7):
        numeric = approx_fprime(weights[version], log_posterior, 1e-6, trials, version)
        # a forward difference is off by its step times the curvature
        np.testing.assert_allclose(gradient[version], numeric, atol=1e-6 * np.abs(precision[version]).max() + 1e-3)
        for axis in range(4):
            step = 1e-5 * np.eye(4)[axis]
            ahead, behind = (
                trials.slopes(weights + sign * step, PRIOR_MEAN, PRIOR_VARIANCE)[0][version] for sign in (1, -1)
            )
            np.testing.assert_allclose(precision[version, axis], (behind - ahead) / 2e-5, rtol=1e-6, atol=1e-5)


def test_both_ways_of_adding_up_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = made_up(3, 40, 25)
    weights = np.random.default_rng(2).normal(-3, 1, (40, 4))
    table = trials.slopes(weights, PRIOR_MEAN, PRIOR_VARIANCE)
    monkeypatch.setattr(module, "_CELLS_OF_A_TABLE", 0)
    apart = trials.slopes(weights, PRIOR_MEAN, PRIOR_VARIANCE)
    for one, other in zip(table, apart, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)


def test_a_version_without_trials_has_the_slopes_of_the_prior() -> None:
    gradient, precision = made_up().slopes(np.tile(PRIOR_MEAN, (7, 1)), PRIOR_MEAN, PRIOR_VARIANCE)
    np.testing.assert_allclose(gradient[2], 0, atol=1e-12)
    np.testing.assert_allclose(precision[2], np.diag(1 / PRIOR_VARIANCE))
    assert made_up().shown.tolist() == [True, True, False, True, True, True, True]


@pytest.mark.parametrize("logit", [-1e6, 1e6])
def test_weights_of_any_size_have_finite_slopes(logit: float) -> None:
    gradient, precision = made_up().slopes(np.full((7, 4), logit), PRIOR_MEAN, PRIOR_VARIANCE)
    assert np.isfinite(gradient).all()
    assert np.isfinite(precision).all()


def many(pairs: int, converting: float) -> Trials:
    """Pairs with a few impressions each, of which some part converted."""
    rng = np.random.default_rng([9, pairs])
    cells = pairs // 10
    x = np.concatenate([np.ones((cells, 1)), rng.normal(0, 1, (cells, 2))], axis=1)
    shown = rng.geometric(0.2, pairs).astype(float)
    converted = (rng.random(pairs) < converting).astype(float)
    return Trials(x, 10, np.repeat(np.arange(10), cells), np.tile(np.arange(cells), 10), shown, converted)


def test_few_pairs_are_all_kept() -> None:
    trials = many(1000, 0.05)
    assert trials.thinned(1000) is trials


@pytest.mark.parametrize("pairs", [20_000, 30_000, 50_000, 80_000])
def test_where_conversions_are_rare_all_of_them_are_kept(pairs: int) -> None:
    trials = many(pairs, 0.01)
    few = trials.thinned(5000)
    assert few.conversions.sum() == trials.conversions.sum()
    assert few.impressions[few.conversions > 0].sum() == trials.impressions[trials.conversions > 0].sum()
    left = 5000 - int(trials.conversions.sum())
    # as many of the others as were asked for, or a few less where a pair is kept for certain
    others = (few.conversions == 0).sum()
    assert left - 5 * np.sqrt(left) < others < left + 5 * np.sqrt(left)


@pytest.mark.parametrize("converting", [0.01, 0.4])
def test_a_sample_stands_for_all_pairs(converting: float) -> None:
    # Pairs kept in proportion to impressions: the weights of a sample of m sum to the whole with a deviation of the
    # whole / sqrt(m), and sums over features by at most as many times their root mean square.
    off = []
    for pairs in range(20_000, 40_000, 1000):
        trials, most = many(pairs, converting), 4000
        few = trials.thinned(most)
        assert (np.diff(few.version) >= 0).all()
        for column in range(3):
            whole = (trials.impressions * trials.x[trials.cell, column]).sum()
            told = (few.impressions * few.x[few.cell, column]).sum()
            spread = trials.impressions.sum() * np.sqrt(np.mean(trials.x[:, column] ** 2) / (most / 2))
            off.append((told - whole) / spread)
    assert np.abs(off).max() < 5
    # without bias, the mean over 20 samples is within four of its standard errors
    assert np.abs(np.mean(np.reshape(off, (20, 3)), axis=0)).max() < 4 / np.sqrt(20)


def test_where_most_pairs_converted_conversions_are_sampled_too_and_sum_to_theirs() -> None:
    trials = many(40_000, 0.5)
    few = trials.thinned(4000)
    assert len(few.version) < 4400
    assert few.conversions.sum() == pytest.approx(trials.conversions.sum(), rel=5 * np.sqrt(2 / 4000))


def test_the_same_trials_give_the_same_sample() -> None:
    first, second = (many(20_000, 0.01).thinned(4000) for _ in range(2))
    assert first.impressions.tobytes() == second.impressions.tobytes()
    assert first.cell.tobytes() == second.cell.tobytes()
