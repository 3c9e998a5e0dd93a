from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from offer_ranking.learning import tastes as module
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.features import Features
from offer_ranking.learning.logistic import Trials
from offer_ranking.learning.tastes import Tastes, rate_of_logit

AUDIENCES = ("a", "b", "c")
Array = NDArray[np.float64]


def cells() -> list[Cell]:
    """All eight of three audiences."""
    return [Cell(tuple(name for bit, name in enumerate(AUDIENCES) if n >> bit & 1)) for n in range(8)]


def features(shown: Array | None = None) -> Features:
    return Features.learned(
        cells(), np.full(8, 100.0) if shown is None else shown, audiences=AUDIENCES, keys=(), most=10
    )


def simulated(seed: int, versions: int, sd: list[float], shown: float = 400.0) -> tuple[Features, Trials, Array]:
    """Trials of versions whose weights are drawn around a rate of 5 %, with these deviations; and the weights."""
    rng, looks = np.random.default_rng([seed, versions]), features()
    weights = np.array([-3.0, 0.0, 0.0, 0.0]) + rng.standard_normal((versions, 4)) * sd
    x = np.concatenate([looks.rows(cells()), looks.row(None)[None]])
    version, cell = np.repeat(np.arange(versions), 8), np.tile(np.arange(8), versions)
    n = rng.poisson(shown, versions * 8).astype(float)
    rate = rate_of_logit(np.einsum("pd,pd->p", x[cell], weights[version]))
    return looks, Trials(x, versions, version, cell, n, rng.binomial(n.astype(int), rate).astype(float)), weights


# two conversions an offer say nothing of how far tastes lie apart: then they lie as far as usual
@pytest.mark.parametrize(("shown", "taste"), [(5.0, 0.316), (50.0, 0.5), (2000.0, 0.5)])
def test_weights_are_known_as_well_as_is_said(shown: float, taste: float) -> None:
    looks, trials, weights = simulated(1, 300, [0.7, taste, 0.3, 0.3], shown)
    tastes = Tastes.learned(looks, trials)
    deviation = np.sqrt(np.einsum("vii->vi", tastes.covariance[:-1]))
    z = (weights - tastes.mean[:-1]) / deviation
    # z of 1,200 weights: their mean is off by 0.03, that of the squares by sqrt(2 / 1200) = 0.04, and Laplace's
    # approximation and the prior's own uncertainty (300 offers: sqrt(2 / 300) = 0.08) add to both
    assert np.abs(z.mean()) < 5 * 0.03 + 0.05
    assert np.mean(z**2) == pytest.approx(1, abs=5 * 0.04 + 2 * 0.08)
    assert np.mean(np.abs(z) > 3) < 0.015


@pytest.mark.parametrize("shown", [5.0, 50.0, 2000.0])
def test_weights_end_where_their_posterior_is_highest(shown: float) -> None:
    looks, trials, _ = simulated(8, 100, [0.7, 0.5, 0.3, 0.3], shown)
    tastes = Tastes.learned(looks, trials)
    weights, prior = tastes.mean[:-1], (tastes.mean[-1], np.diag(tastes.covariance[-1]))
    gradient, precision = trials.slopes(weights, *prior)
    step = np.linalg.solve(precision, gradient[..., None])[..., 0]
    deviation = np.sqrt(np.einsum("vii->vi", tastes.covariance[:-1]))
    assert np.abs(step / deviation).max() < 1e-4, "what another step would gain is nothing beside what is not known"
    # the covariance is that of the weights before the last step
    np.testing.assert_allclose(tastes.covariance[:-1] @ precision, np.tile(np.eye(4), (100, 1, 1)), atol=1e-3)


@pytest.mark.parametrize(("shown", "sample"), [(2.0, 800), (50.0, 600)])
def test_a_sample_finds_the_prior_and_all_pairs_the_posteriors(
    shown: float, sample: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, trials, weights = simulated(9, 200, [0.7, 0.316, 0.3, 0.3], shown)
    whole = Tastes.learned(looks, trials)
    monkeypatch.setattr(module, "_SAMPLE", sample)
    assert len(trials.thinned(sample).version) < 0.7 * len(trials.version)
    sampled = Tastes.learned(looks, trials)
    deviation = np.sqrt(np.einsum("vii->vi", whole.covariance[:-1]))
    # the same data under priors that differ as two samples do: less than half of what is not known
    assert np.sqrt(np.mean(((sampled.mean - whole.mean)[:-1] / deviation) ** 2)) < 0.5
    z = (weights - sampled.mean[:-1]) / np.sqrt(np.einsum("vii->vi", sampled.covariance[:-1]))
    # as in the first test, of 800 weights
    assert np.mean(z**2) == pytest.approx(1, abs=5 * np.sqrt(2 / 800) + 2 * 0.1)


def test_the_prior_of_many_versions_is_the_world_they_come_from() -> None:
    sd = np.array([0.7, 0.5, 0.3, 0.1])
    tastes = Tastes.learned(*simulated(2, 500, sd.tolist(), 5000)[:2])
    mean, variance = tastes.mean[-1], np.diag(tastes.covariance[-1])
    # a mean of 500 is off by sd / sqrt(500), a variance by sqrt(2 / 500) of itself
    np.testing.assert_allclose(mean, [-3, 0, 0, 0], atol=4 * float(sd.max()) / np.sqrt(500))
    np.testing.assert_allclose(variance, sd**2, rtol=4 * np.sqrt(2 / 500), atol=0.003)


def test_an_audience_that_means_nothing_moves_no_draw() -> None:
    looks, trials, _ = simulated(3, 200, [0.7, 0.5, 0.0, 0.0])
    tastes = Tastes.learned(looks, trials)
    rows = np.arange(200)
    nobody = tastes.draws(Cell(), rows)
    with_taste, without = (np.std(tastes.draws(Cell((name,)), rows).mean - nobody.mean) for name in ("a", "b"))
    variance = np.diag(tastes.covariance[-1])
    assert variance[2] < 0.1 * variance[1]
    assert without < 0.15 * with_taste


def test_where_tastes_differ_each_audience_gets_its_own_order() -> None:
    looks, trials, weights = simulated(4, 30, [0.1, 1.0, 0.0, 0.0], 5000)
    tastes = Tastes.learned(looks, trials)
    for cell in (Cell(("a",)), Cell(("b",))):
        true = weights @ looks.row(cell)
        assert np.corrcoef(tastes.draws(cell, np.arange(30)).mean, true)[0, 1] > 0.95


def test_an_unknown_version_draws_from_the_prior() -> None:
    looks, trials, _ = simulated(5, 20, [0.7, 0.5, 0.3, 0.3])
    tastes = Tastes.learned(looks, trials)
    for cell in (Cell(), Cell(("a", "c")), Cell(("never",), (("k", "v"),))):
        x, drawn = looks.row(cell), tastes.draws(cell, np.array([20, 0, 20]))
        assert drawn.mean[0] == drawn.mean[2] == pytest.approx(x @ tastes.mean[-1])
        assert drawn.sd[0] ** 2 == pytest.approx(x @ tastes.covariance[-1] @ x)
        assert drawn.sd[0] > drawn.sd[1]


def test_a_version_that_was_never_shown_is_at_the_prior() -> None:
    looks, trials, _ = simulated(6, 20, [0.7, 0.5, 0.3, 0.3])
    kept = trials.version != 7
    fewer = Trials(trials.x, 20, trials.version[kept], trials.cell[kept], trials.impressions[kept],
                   trials.conversions[kept])  # fmt: skip
    drawn = Tastes.learned(looks, fewer).draws(Cell(("b",)), np.array([7, 20]))
    # the prior took one more step than the version's weights did
    assert drawn.mean[0] == pytest.approx(drawn.mean[1], abs=1e-6)
    assert drawn.sd[0] == pytest.approx(drawn.sd[1], rel=1e-6)


def degenerate() -> dict[str, Trials]:
    x, none, one = np.concatenate([features().rows(cells()), features().row(None)[None]]), np.zeros(0), np.zeros(1)
    no_pairs, one_pair = none.astype(np.intp), one.astype(np.intp)
    version, cell = np.repeat([0, 1], 8), np.tile(np.arange(8), 2)

    def all_pairs(impressions: float, conversions: float) -> Trials:
        return Trials(x, 2, version, cell, np.full(16, impressions), np.full(16, conversions))

    return {
        "nothing": Trials(x, 0, no_pairs, no_pairs, none, none),
        "versions without trials": Trials(x, 3, no_pairs, no_pairs, none, none),
        "one offer in one cell": Trials(x, 1, one_pair, one_pair, one + 100, one + 3),
        "no impressions": all_pairs(0, 0),
        "no conversions": all_pairs(1e7, 0),
        "nothing but conversions": all_pairs(1e7, 1e7),
        "fractions": all_pairs(1e-9, 1e-9),
        "no features": Trials(x[:, :1], 2, version, cell, np.full(16, 50.0), np.ones(16)),
    }


DEGENERATE = degenerate()


@pytest.mark.parametrize("name", DEGENERATE)
def test_whatever_the_trials_draws_are_finite_with_deviations_within_bounds(name: str) -> None:
    trials = DEGENERATE[name]
    looks = features(np.zeros(8)) if name == "no features" else features()
    tastes = Tastes.learned(looks, trials)
    for cell in (*cells(), Cell(("never",))):
        drawn = tastes.draws(cell, np.arange(trials.versions + 1))
        assert np.isfinite(drawn.mean).all()
        assert (np.abs(drawn.mean) < 40).all()
        assert ((drawn.sd > 0) & (drawn.sd < 20)).all()


def test_a_logit_of_any_size_is_a_rate() -> None:
    rates = rate_of_logit(np.array([-1e9, -3.0, 0.0, 1e9]))
    assert rates.tolist() == pytest.approx([0, 1 / (1 + np.exp(3)), 0.5, 1])
