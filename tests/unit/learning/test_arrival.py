from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offer_ranking.counting.counts import CONVERSION, IMPRESSION, Counts, Key
from offer_ranking.learning import arrival as module
from offer_ranking.learning.arrival import Arrival

NOW = 500_000


def table(conversions: dict[tuple[int, int], int]) -> Counts:
    """Conversions by (age of the impression in hours, lag), and an impression of each age."""
    keys = [Key(NOW - age, "a", kind=CONVERSION, lag=lag) for age, lag in conversions]
    shown = [Key(NOW - age, "a", kind=IMPRESSION) for age in {age for age, _ in conversions}]
    return Counts.of([*keys, *shown], [*conversions.values(), *[1] * len(shown)])


def product(conversions: dict[tuple[int, int], int], lag: int) -> float:
    """G(l) written from its formula, one conversion after another."""
    share = 1.0
    for k in range(lag + 1, max(lag for _, lag in conversions) + 1):
        d = sum(n for (_, lag), n in conversions.items() if lag == k)
        at_risk = sum(n for (age, lag), n in conversions.items() if lag <= k <= max(age, lag))
        share *= 1 - d / (at_risk + module._PROMPT)
    return share


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.dictionaries(st.tuples(st.integers(0, 30), st.integers(0, 20)), st.integers(1, 500), min_size=1, max_size=40))
def test_the_share_is_the_product_over_reversed_time(conversions: dict[tuple[int, int], int]) -> None:
    conversions = {(max(age, lag), lag): n for (age, lag), n in conversions.items()}
    arrival = Arrival.learned(table(conversions), NOW)
    told = arrival.by(np.arange(25))
    np.testing.assert_allclose(told, [product(conversions, lag) for lag in range(25)], rtol=1e-12)
    assert (np.diff(told) >= -1e-15).all()
    assert told[-1] == 1


def test_where_nothing_is_late_all_is_there_at_once() -> None:
    for counts in (Counts.zero(), table({(3, 0): 50, (90, 0): 10})):
        assert Arrival.learned(counts, NOW).by(np.array([0, 5])).tolist() == [1, 1]
    assert Arrival.at_once().by(np.array([0, 10**6])).tolist() == [1, 1]


def test_counts_that_are_negative_say_nothing() -> None:
    assert Arrival.learned(table({(9, 4): -5}), NOW).by(np.array([0])).tolist() == [1]


def test_a_conversion_from_the_future_is_as_old_as_its_lag() -> None:
    future = Arrival.learned(table({(-3, 2): 40, (50, 0): 40}), NOW)
    present = Arrival.learned(table({(2, 2): 40, (50, 0): 40}), NOW)
    assert future.share.tolist() == present.share.tolist()


def test_lags_without_end_are_taken_for_sixty_days() -> None:
    arrival = Arrival.learned(table({(10**6, 10**6): 5, (100, 0): 5}), NOW)
    assert len(arrival.share) == 24 * 60 + 1


@pytest.mark.parametrize("oldest", [40, 80, 300])
def test_the_share_converges_to_the_true_one_although_long_lags_are_cut_off(oldest: int) -> None:
    # lags are geometric, 20 hours on average; an impression is up to `oldest` hours old, and shows no longer lags
    rng, stays, number = np.random.default_rng(oldest), 0.95, 400_000
    age, lag = rng.integers(0, oldest + 1, number), rng.geometric(1 - stays, number) - 1
    came = lag <= age
    pairs, counts = np.unique(np.stack([age, lag])[:, came], axis=1, return_counts=True)
    conversions = {(int(a), int(k)): int(n) for (a, k), n in zip(pairs.T, counts, strict=True)}
    learned = Arrival.learned(table(conversions), NOW)
    longest = len(learned.share) - 1
    lags = np.arange(longest + 1)
    # what came within the longest lag that can be seen is all that can be known
    true = (1 - stays ** (lags + 1)) / (1 - stays ** (longest + 1))
    of_lag = np.bincount(lag[came], minlength=longest + 1)
    at_risk = np.array([np.sum((lag <= k) & (age >= k) & came) for k in lags])
    later = [slice(k + 1, None) for k in lags]
    # Greenwood's variance of a product limit, and what ten prompt conversions more shift it by
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.nan_to_num(of_lag / (at_risk * (at_risk - of_lag)), posinf=0.0)
        shift = np.nan_to_num(of_lag * module._PROMPT / (at_risk * (at_risk - of_lag)), posinf=0.0)
    seen = at_risk > 200  # at the far end single conversions decide
    tolerance = np.array([true[k] * (5 * np.sqrt(variance[later[k]].sum()) + shift[later[k]].sum()) for k in lags])
    assert (np.abs(learned.share - true) <= tolerance + 1e-3)[seen].all()
    naive = of_lag.cumsum() / of_lag.sum()
    if oldest < 100:  # the share among those that came is no estimate of it
        assert np.max(naive - true) > 5 * np.abs(learned.share - true)[seen].max()
        assert np.max(naive - true) > 0.1
