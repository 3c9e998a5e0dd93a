from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import integrate, special, stats

from offer_ranking.learning.draws import Draws
from offer_ranking.learning.race import first_places

TOLERANCE = 1e-6  # what `first_places` promises
Array = NDArray[np.float64]


def draws(mean: object, sd: object) -> Draws:
    return Draws(np.asarray(mean, np.float64), np.asarray(sd, np.float64))


def by_scipy(contest: Draws, most_panels: int = 2500) -> Array:
    """P_i = int f_i prod over j != i of F_j dx, by Gauss's rule between marks at every half deviation of each."""
    mean, sd = contest.mean, contest.sd
    marks = np.unique(mean[:, None] + sd[:, None] * np.arange(-9, 9.01, 0.5))

    def log_below(x: Array) -> Array:
        return np.sum([special.log_ndtr((x - m) / s) for m, s in zip(mean, sd, strict=True)], axis=0)

    # where all offers lie below with probability e^-45, none is the largest
    few = marks[:: max(len(marks) // 2000, 1)]
    start = max(int(np.searchsorted(log_below(few), -45)) - 1, 0)
    marks = marks[marks >= few[start]]
    if len(marks) > most_panels:
        marks = marks[np.linspace(0, len(marks) - 1, most_panels).astype(int)]
    nodes, weights = np.polynomial.legendre.leggauss(8)
    half = np.diff(marks)[:, None] / 2
    x, dx = (marks[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()
    total = log_below(x)
    return np.array(
        [
            dx @ np.exp(total - special.log_ndtr(z := (x - m) / s) - z * z / 2) / (s * np.sqrt(2 * np.pi))
            for m, s in zip(mean, sd, strict=True)
        ]
    )


def made_up(seed: int) -> Draws:
    """Means and deviations of every size from 1e-5 to 1e3, near and far from each other, some the same."""
    rng = np.random.default_rng([20_260_921, seed])
    offers = int(rng.integers(2, 41))
    sd = 10 ** rng.uniform(-5, 3, offers) if seed % 3 else 10 ** rng.uniform(-1, 1, offers)
    near = rng.normal(0, 2, offers) * np.exp(rng.normal(0, 1.5, offers)) * sd
    mean = near if seed % 2 else 10 ** rng.uniform(-5, 3, offers) * rng.choice([-1, 1], offers)
    if seed % 5 == 0:
        mean[1:], sd[1:] = (np.where(rng.random(offers - 1) < 0.4, part[0], part[1:]) for part in (mean, sd))
    return draws(mean, sd)


def check(contest: Draws) -> None:
    reference, mine = by_scipy(contest), first_places(contest)
    assert reference.sum() == pytest.approx(1, abs=1e-7)  # else the oracle itself did not resolve the set
    assert np.abs(mine - reference).max() < TOLERANCE
    assert mine.sum() == pytest.approx(1, abs=1e-9)
    assert (mine >= 0).all()


@pytest.mark.parametrize("block", range(10))
def test_made_up_sets_agree_with_an_integral_over_scipys_distributions(block: int) -> None:
    for seed in range(30 * block, 30 * block + 30):
        check(made_up(seed))


def learned(offers: int, seed: int, most_shown: float) -> Draws:
    """As rates are learned: deviation by how often each was shown."""
    rng = np.random.default_rng([seed, offers])
    shown, rate = np.exp(rng.uniform(0, np.log(most_shown), offers)), rng.beta(4, 196, offers)
    return draws(np.cbrt(rate), np.cbrt(rate) / 3 / np.sqrt(rate * shown + 1))


def with_one(contest: Draws, mean: float, sd: float) -> Draws:
    return draws(np.append(contest.mean, mean), np.append(contest.sd, sd))


SETS = {
    "two": draws([0.3, 0.31], [0.01, 0.02]),
    "two that are equal": draws([0.3, 0.3], [0.01, 0.01]),
    "two that differ by a millionth of their deviation": draws([0.3, 0.30000001], [0.01, 0.01]),
    "two without a doubt": draws([0.0, 1.0], [1e-4, 1e-4]),
    "one sharp among ten wide": draws([0.28] + [0.27] * 10, [1e-6] + [0.05] * 10),
    "one sharp in the upper tail of ten wide": draws([0.4] + [0.27] * 10, [1e-6] + [0.05] * 10),
    "one sharp in the lower tail of a wide one": draws([0.1, 0.27], [1e-6, 0.05]),
    "two sharp that overlap, among wide": draws([0.28, 0.2800005] + [0.25] * 10, [1e-6, 1e-6] + [0.05] * 10),
    "two sharp far apart, among wide": draws([0.2, 0.3] + [0.25] * 10, [1e-6, 1e-6] + [0.05] * 10),
    "every deviation at one mean": draws(np.full(13, 0.25), 4.0 ** -np.arange(13)),
    "means that rise with deviations that fall": draws(np.linspace(0, 1, 20), 2.0 ** -np.arange(20)),
    "logits": draws(np.linspace(-6, -2, 30), np.linspace(2, 0.01, 30)),
    "a mean that is large to its deviation": draws([1e6, 1e6 + 0.1, 1e6 - 0.3], [0.1, 0.2, 0.1]),
    **{f"{k} equal": draws(np.full(k, -3.9), np.full(k, 0.7)) for k in (10, 100, 1000)},
    **{f"{k} learned": learned(k, 1, 10_000) for k in (10, 34, 100, 1000)},
    **{f"{k} learned from ten million": learned(k, 2, 1e7) for k in (10, 34, 100, 1000)},
    **{f"{k}, and one sharp": with_one(learned(k, 3, 1000), 0.35, 1e-7) for k in (10, 100, 1000)},
}


@pytest.mark.parametrize("name", SETS)
def test_sets_of_every_kind_agree_with_an_integral_over_scipys_distributions(name: str) -> None:
    check(SETS[name])


@pytest.mark.parametrize("seed", range(20))
def test_two_offers_agree_with_the_closed_form(seed: int) -> None:
    # P(first > second) = Phi((m1 - m2) / sqrt(s1^2 + s2^2))
    rng = np.random.default_rng(seed)
    sd = 10 ** rng.uniform(-4, 4, 2)
    mean = rng.normal(0, 1, 2) * np.sqrt(sd @ sd)
    exact = special.ndtr((mean[0] - mean[1]) / np.sqrt(sd @ sd))
    assert first_places(draws(mean, sd))[0] == pytest.approx(exact, abs=1e-8)


def test_three_offers_agree_with_adaptive_quadrature() -> None:
    mean, sd = np.array([0.27, 0.25, 0.3]), np.array([0.02, 0.05, 0.004])

    def integrand(x: float) -> float:
        return float(stats.norm.pdf(x, mean[0], sd[0]) * stats.norm.cdf(x, mean[1:], sd[1:]).prod())

    exact, _ = integrate.quad(integrand, 0.0, 0.6, points=list(mean), epsabs=1e-12, limit=500)
    assert first_places(draws(mean, sd))[0] == pytest.approx(exact, abs=1e-8)


def test_a_million_draws_come_first_as_often_as_is_said() -> None:
    contest, rng = learned(20, 5, 20_000), np.random.default_rng(11)
    wins = np.zeros(20)
    for _ in range(20):
        drawn = contest.mean + contest.sd * rng.standard_normal((50_000, 20))
        wins += np.bincount(drawn.argmax(axis=1), minlength=20)
    expected = 1_000_000 * first_places(contest)
    assert (expected > 5).sum() > 5
    rare = expected <= 5  # pooled, as the test's approximation wants
    pooled = [np.append(counts[~rare], counts[rare].sum()) for counts in (wins, expected)]
    kept = slice(None, None if pooled[1][-1] > 5 else -1)
    observed, wanted = (counts[kept] for counts in pooled)
    assert stats.chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue > 0.001


def test_one_offer_is_certain_and_none_is_no_error() -> None:
    assert first_places(draws([3.0], [9.0])).tolist() == [1.0]
    assert first_places(draws([], [])).tolist() == []


def test_ten_thousand_equal_offers_are_equally_probable() -> None:
    np.testing.assert_allclose(first_places(draws(np.full(10_000, 0.2), np.full(10_000, 0.1))), 1e-4, rtol=1e-9)


def test_ten_thousand_learned_offers_sum_to_one() -> None:
    first = first_places(learned(10_000, 6, 1000))
    assert first.sum() == pytest.approx(1, abs=1e-9)
    assert (first >= 0).all()


parts = st.tuples(st.floats(-1000, 1000), st.floats(-11, 7).map(np.exp))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(parts, min_size=1, max_size=40), st.randoms(use_true_random=False))
def test_any_set_gives_probabilities_that_move_with_their_offers(pairs: list, random: object) -> None:
    contest = draws(*zip(*pairs, strict=True))
    first = first_places(contest)
    assert (first >= 0).all()
    assert first.sum() == pytest.approx(1, abs=1e-9)
    moved = list(range(len(pairs)))
    random.shuffle(moved)  # type: ignore[attr-defined]
    # the sums are the same but for their order: some hundred roundings
    np.testing.assert_allclose(first_places(contest.at(np.array(moved))), first[moved], atol=1e-10)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(parts, min_size=1, max_size=10), parts, st.integers(2, 5))
def test_equal_offers_are_equally_probable(others: list, same: tuple, times: int) -> None:
    first = first_places(draws(*zip(*others, *[same] * times, strict=True)))
    np.testing.assert_allclose(first[-times:], first[-1], rtol=1e-9, atol=1e-300)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(parts, min_size=2, max_size=12), st.floats(-10, 10), st.floats(-5, 5).map(np.exp))
def test_only_differences_in_units_of_the_deviations_matter(pairs: list, shift: float, unit: float) -> None:
    contest = draws(*zip(*pairs, strict=True))
    moved = draws((contest.mean + shift) * unit, contest.sd * unit)
    # a mean of 1000 keeps 1e-13, which is 1e-8 of the smallest deviation
    np.testing.assert_allclose(first_places(moved), first_places(contest), atol=2 * TOLERANCE)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(parts, min_size=2, max_size=12), st.floats(-6, 3).map(np.exp))
def test_a_higher_mean_makes_an_offer_more_probable(pairs: list, by: float) -> None:
    contest = draws(*zip(*pairs, strict=True))
    higher = draws(np.append(contest.mean[:-1], contest.mean[-1] + by * contest.sd[-1]), contest.sd)
    assert first_places(higher)[-1] >= first_places(contest)[-1] - 2 * TOLERANCE
