from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from offer_ranking.learning.draws import Draws
from offer_ranking.learning.places import positions
from offer_ranking.learning.race import first_places

MOST_PLACES = 10  # of a request
TOLERANCE = 1e-6  # of each probability, as `positions` promises


def made_up(seed: int, offers: int) -> Draws:
    """Deviations of every size, near each other and far from it."""
    rng = np.random.default_rng([7, seed])
    sd = 10 ** rng.uniform(-3, 0, offers)
    return Draws(rng.normal(0, 0.3 if seed % 2 else 0.01, offers), sd)


CONTESTS = {
    **{f"{k} made up, {seed}": made_up(seed, k) for seed, k in enumerate((2, 3, 10, 20, 34, 50, 100))},
    "10 equal": Draws(np.zeros(10), np.ones(10)),
    "100 equal": Draws(np.full(100, 0.3), np.full(100, 0.02)),
    "one sharp among nine wide": Draws(np.append(0.28, np.full(9, 0.25)), np.append(1e-6, np.full(9, 0.05))),
}


@pytest.mark.parametrize("name", CONTESTS)
def test_every_place_has_somebody_and_everybody_has_a_place(name: str) -> None:
    contest = CONTESTS[name]
    asked = len(contest) if len(contest) <= 50 else MOST_PLACES
    places = positions(contest, asked)
    assert places.shape == (asked, len(contest))
    assert (places >= 0).all()
    np.testing.assert_allclose(places[0], first_places(contest), atol=2 * TOLERANCE)
    # as many terms as there are offers, each as exact as that
    np.testing.assert_allclose(places.sum(axis=1), 1, atol=len(contest) * TOLERANCE)
    if asked == len(contest):
        np.testing.assert_allclose(places.sum(axis=0), 1, atol=len(contest) * TOLERANCE)


@pytest.mark.parametrize("name", CONTESTS)
def test_fewer_places_are_the_first_ones_of_all(name: str) -> None:
    contest = CONTESTS[name]
    asked = min(MOST_PLACES, len(contest))
    # fewer terms of the same polynomials
    np.testing.assert_allclose(positions(contest, 2), positions(contest, asked)[:2], atol=1e-12)


def test_the_last_place_is_the_first_of_the_mirrored_contest() -> None:
    contest = made_up(4, 20)
    mirrored = Draws(-contest.mean, contest.sd)
    np.testing.assert_allclose(positions(contest, 20)[-1], first_places(mirrored), atol=2 * TOLERANCE)


def test_equal_offers_are_equally_probable_at_every_place() -> None:
    np.testing.assert_allclose(positions(CONTESTS["100 equal"], 10), 0.01, atol=TOLERANCE)


def test_draws_take_each_place_as_often_as_is_said() -> None:
    contest, rng, times = made_up(5, 8), np.random.default_rng(3), 400_000
    drawn = contest.mean + contest.sd * rng.standard_normal((times, 8))
    order = np.argsort(-drawn, axis=1)
    told = positions(contest, 8)
    for place in range(8):
        taken, expected = np.bincount(order[:, place], minlength=8), times * told[place]
        frequent = expected > 5
        assert taken[~frequent].sum() < 50
        share = taken[frequent].sum() / expected[frequent].sum()
        assert stats.chisquare(taken[frequent], expected[frequent] * share).pvalue > 0.001


def test_one_offer_has_the_one_place() -> None:
    np.testing.assert_allclose(positions(Draws(np.array([0.2]), np.array([0.1])), 1), [[1.0]], atol=TOLERANCE)
