from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.special import lambertw

from offer_ranking.measuring.lift import CONFIDENCE, ETA, LEAST_CONVERSIONS, Arm, half_width, lift, log_ratio

WORLDS, LOOKS = 2000, 100


class Watched:
    """Worlds whose arms grow by a batch at each look, so many of them in each stratum."""

    def __init__(self, seed: int, *, looks_a_stratum: int = 5) -> None:
        self.looks_a_stratum = looks_a_stratum
        self.rng = np.random.default_rng(seed)
        self.tallies = np.zeros(
            (4, WORLDS, LOOKS // looks_a_stratum)
        )  # impressions and conversions of the model, of the random share
        self.expected = np.zeros(
            (2, WORLDS, LOOKS // looks_a_stratum)
        )  # conversions, had every batch earned just its rate
        self.ever_outside = np.zeros(WORLDS, np.bool_)

    def look(self, batch: int, impressions: float, share: float, rates: tuple[float | np.ndarray, float]) -> None:
        """A batch of about so many impressions comes in; then it is seen which intervals do not hold the truth."""
        stratum = batch // self.looks_a_stratum
        shown = self.rng.poisson(impressions, WORLDS)
        random = self.rng.binomial(shown, share)
        for arm, (n, rate) in enumerate(zip((shown - random, random), rates, strict=True)):
            self.tallies[2 * arm, :, stratum] += n
            self.tallies[2 * arm + 1, :, stratum] += self.rng.binomial(n, rate)
            self.expected[arm, :, stratum] += n * rate
        n, c, m, d = self.tallies[:, :, : stratum + 1]
        ratio = log_ratio(Arm(n, c), Arm(m, d))
        truth = log_ratio(
            Arm(n, self.expected[0, :, : stratum + 1]), Arm(m, self.expected[1, :, : stratum + 1])
        ).estimate
        enough = ratio.is_enough
        miss = np.abs(ratio.estimate[enough] - truth[enough]) > half_width(ratio.information[enough])
        self.ever_outside[enough] |= miss


def sizes(rate: float, share: float, conversions: float = 1500.0) -> np.ndarray:
    """Batches from the first events on: the random share gains a tenth of a conversion, later a hundred at a time."""
    grown = np.geomspace(0.1, 100, LOOKS)
    return grown * conversions / grown.sum() / (rate * share)


# 5 % of 2,000 worlds are 100. The boundary is crossed at some time in an endless watch with at most 5 %, in a hundred
# looks with about 3 %: were that 3.3 %, more than 100 would be seen with probability 4e-5 (binomial tail).
@pytest.mark.parametrize("share", [0.05, 0.2])
@pytest.mark.parametrize("rate", [0.005, 0.02, 0.1])
def test_without_lift_0_is_excluded_ever_in_at_most_5_percent_of_worlds(rate: float, share: float) -> None:
    worlds = Watched(seed=int(1000 * rate + 100 * share))
    for batch, impressions in enumerate(sizes(rate, share)):
        worlds.look(batch, impressions, share, (rate, rate))
    assert 0 < worlds.ever_outside.mean() <= 0.05


def test_strata_of_a_few_impressions_exclude_0_no_more_often() -> None:
    worlds = Watched(seed=6, looks_a_stratum=1)
    for batch in range(LOOKS):
        worlds.look(batch, 40, 0.2, (0.3, 0.3))
    assert worlds.ever_outside.mean() <= 0.05


def test_seasons_and_a_changed_random_share_are_not_taken_for_lift() -> None:
    worlds = Watched(seed=1)
    season = np.linspace(0.5, 2, LOOKS // 5)
    for batch in range(LOOKS):
        share = 0.05 if batch < LOOKS / 2 else 0.4
        rate = 0.05 * season[batch // 5]
        worlds.look(batch, 3000, share, (rate, rate))
    assert worlds.ever_outside.mean() <= 0.05
    n, c, m, d = worlds.tallies.sum(axis=2)
    assert ((c / n) / (d / m) - 1).mean() < -0.1, "summed over all they are"


def test_while_a_model_learns_the_lift_pooled_so_far_is_within() -> None:
    worlds = Watched(seed=2)
    for batch, impressions in enumerate(sizes(0.02, 0.05)):
        learned = 1 + 0.5 * batch / LOOKS
        worlds.look(batch, impressions, 0.05, (0.02 * learned, 0.02))
    assert worlds.ever_outside.mean() <= 0.05


def test_the_lift_is_within_though_a_models_rate_follows_its_own_luck() -> None:
    worlds = Watched(seed=5)
    for batch, impressions in enumerate(sizes(0.02, 0.05)):
        is_lucky = worlds.tallies[1].sum(axis=1) > worlds.expected[0].sum(axis=1)
        worlds.look(batch, impressions, 0.05, (np.where(is_lucky, 0.03, 0.02), 0.02))
    assert worlds.ever_outside.mean() <= 0.05


def test_a_lift_of_20_percent_is_found_and_told_right() -> None:
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(200):
        n, m = np.full(30, 19_000), np.full(30, 1000)
        told = lift(Arm(n, rng.binomial(n, 0.024)), Arm(m, rng.binomial(m, 0.02)))
        assert told["interval"] is not None
        found += told["interval"][0] > 0
        assert told["interval"][0] < told["value"] < told["interval"][1]  # type: ignore[operator]
    # The random share's 600 conversions make I = 577: the estimate is 0.182 +- 0.042, the half width 0.135, so it is
    # found with probability 0.87; 200 worlds, four standard errors of 2.4 %.
    assert found / 200 > 0.87 - 4 * 0.024


def test_the_variance_is_that_of_the_estimates() -> None:
    rng = np.random.default_rng(4)
    n, m = np.array([900, 500, 4000]), np.array([100, 500, 60])
    rates = np.array([0.3, 0.1, 0.5])
    arms = [Arm(np.broadcast_to(one, (WORLDS, 3)), rng.binomial(one, rates, (WORLDS, 3))) for one in (n, m)]
    ratio = log_ratio(*arms)
    # a variance of 2,000 normal values has the relative standard error sqrt(2 / 2000) = 3.2 %; five of them
    assert np.var(ratio.estimate) * np.mean(ratio.information) == pytest.approx(1, abs=0.16)


def test_in_one_stratum_it_is_the_plain_ratio_with_its_variance() -> None:
    ratio = log_ratio(Arm(np.array([1000.0]), np.array([60.0])), Arm(np.array([500.0]), np.array([20.0])))
    assert ratio.estimate == pytest.approx(np.log(0.06 / 0.04))
    assert 1 / ratio.information == pytest.approx(1 / 60 - 1 / 1000 + 1 / 20 - 1 / 500)


def test_strata_in_which_one_arm_was_not_shown_say_nothing() -> None:
    alone = lift(Arm(np.array([1000.0]), np.array([60.0])), Arm(np.array([500.0]), np.array([25.0])))
    n, c = np.array([1000.0, 0.0, 700.0]), np.array([60.0, 0.0, 600.0])
    m, d = np.array([500.0, 90.0, 0.0]), np.array([25.0, 80.0, 0.0])
    assert lift(Arm(n, c), Arm(m, d)) == alone


def test_the_interval_is_narrowest_for_a_lift_of_15_percent() -> None:
    alpha = 1 - CONFIDENCE
    w = -float(lambertw(-(alpha**2) / np.e, -1).real)  # w - ln w = 1 - 2 ln alpha
    information = w / np.log(1.15) ** 2
    assert pytest.approx(information / (w - 1), rel=1e-3) == ETA
    assert half_width(information) == pytest.approx(np.log(1.15), rel=1e-5)


@pytest.mark.parametrize(
    ("arm", "other", "value"),
    [
        (([], []), ([], []), None),
        (([0], [0]), ([0], [0]), None),
        (([100], [0]), ([100], [0]), None),
        (([100], [0]), ([100], [30]), -1.0),
        (([100], [30]), ([100], [0]), None),
        (([100], [30]), ([0], [0]), None),
        (([0], [0]), ([100], [30]), None),
        (([0], [5]), ([0], [7]), None),
        (([100], [100]), ([100], [100]), 0.0),
        (([50], [90]), ([100], [100]), 0.0),
        (([-5], [-5]), ([100], [30]), None),
    ],
)
def test_what_is_not_enough_has_no_interval_and_is_still_json(
    arm: tuple[list[int], list[int]], other: tuple[list[int], list[int]], value: float | None
) -> None:
    told = lift(Arm(*np.array(arm, np.float64)), Arm(*np.array(other, np.float64)))
    assert (told["value"], told["interval"], told["enoughData"]) == (value, None, False)
    json.dumps(told, allow_nan=False)


def test_there_is_an_interval_from_the_least_number_of_events_of_each_kind_on() -> None:
    least = LEAST_CONVERSIONS
    for conversions, impressions, enough in ((least, 2 * least, True), (least - 1, 90, False), (90, 89 + least, False)):
        rare = Arm(np.array([float(impressions)]), np.array([float(conversions)]))
        usual = Arm(np.array([1000.0]), np.array([100.0]))
        for told in (lift(rare, usual), lift(usual, rare)):
            assert told["enoughData"] == enough
            assert (told["interval"] is not None) == enough
