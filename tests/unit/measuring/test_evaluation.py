from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from offer_ranking.measuring.evaluation import Evaluation, Moments, Policy, evaluation
from offer_ranking.measuring.log import Contest, Log, Record
from offer_ranking.measuring.reward_model import FoldCounts, RewardModel
from offer_ranking.measuring.target import PriorityPolicy, uniform

Array = NDArray[np.float64]
AB = Contest(("a", "b"))
ABC = Contest(("a", "b", "c"), ("loyal",), (("device", "mobile"),))


def evaluate(log: Log, target: Policy, rewards: RewardModel | None = None) -> Evaluation:
    counts = FoldCounts()
    counts.add(log)
    return evaluation(Moments.of(log, target, rewards or counts.model()))


def fixed(**shares: float) -> Policy:
    """A policy that shows offers with given probabilities, whatever is asked."""
    return lambda contest: np.array([shares[offer] for offer in contest.offers])


def wrong_rewards() -> RewardModel:
    return RewardModel({"a": 0, "b": 1, "c": 2}, np.array([[0.9, 0.05, 0.3, 0.5], [0.2, 0.7, 0.99, 0.1]]))


def worlds(records: int, serving: Array, rates: Array, contest: Contest) -> Iterator[tuple[float, Log]]:
    """Every log that can be, with its probability."""
    outcomes = [
        (served * (rate if converted else 1 - rate), offer, served, float(converted))
        for offer, (served, rate) in enumerate(zip(serving, rates, strict=True))
        for converted in (False, True)
    ]
    for world in itertools.product(outcomes, repeat=records):
        rows = [
            Record(str(place), contest, offer, served, reward) for place, (_, offer, served, reward) in enumerate(world)
        ]
        yield math.prod(one[0] for one in world), Log.of(rows)


SERVING, RATES = np.array([0.7, 0.3]), np.array([0.25, 0.6])
TARGET = fixed(a=0.1, b=0.9)
TRUTH = 0.1 * 0.25 + 0.9 * 0.6


def expected(of: Callable[[Log], float], records: int = 3) -> float:
    return math.fsum(chance * of(log) for chance, log in worlds(records, SERVING, RATES, AB))


def test_inverse_propensity_is_unbiased_over_all_logs_that_can_be() -> None:
    value = expected(lambda log: evaluate(log, TARGET)["inversePropensity"]["value"] or 0.0)
    assert value == pytest.approx(TRUTH, abs=1e-12)


def test_doubly_robust_is_unbiased_with_rates_that_were_learned_from_the_other_half_of_the_log() -> None:
    folds = Log.of([Record(str(place), AB, 0, 0.7, 0.0) for place in range(4)]).fold
    assert set(folds.tolist()) == {0, 1}, "both halves are there"
    value = expected(lambda log: evaluate(log, TARGET)["doublyRobust"]["value"] or 0.0, records=4)
    assert value == pytest.approx(TRUTH, abs=1e-12)


def test_doubly_robust_is_unbiased_with_a_wrong_reward_model() -> None:
    value = expected(lambda log: evaluate(log, TARGET, wrong_rewards())["doublyRobust"]["value"] or 0.0)
    assert value == pytest.approx(TRUTH, abs=1e-12)


def test_doubly_robust_is_unbiased_with_wrong_propensities_when_the_reward_model_is_right() -> None:
    right = RewardModel({"a": 0, "b": 1}, np.array([[*RATES, 0.5]] * 2))

    def value(log: Log) -> float:
        return evaluate(replace(log, propensity=np.full(len(log), 0.5)), TARGET, right)["doublyRobust"]["value"] or 0.0

    assert expected(value) == pytest.approx(TRUTH, abs=1e-12)
    biased = expected(
        lambda log: (
            evaluate(replace(log, propensity=np.full(len(log), 0.5)), TARGET)["inversePropensity"]["value"] or 0.0
        )
    )
    assert abs(biased - TRUTH) > 0.05


def test_the_variance_behind_an_interval_is_unbiased_too() -> None:
    """The squared standard error of a mean of n, averaged over all logs, is its variance over all logs."""

    def parts(log: Log) -> tuple[float, float]:
        found = evaluate(log, TARGET)["inversePropensity"]
        assert found["value"] is not None
        assert found["interval"] is not None
        return found["value"], ((found["interval"][1] - found["value"]) / 1.959963984540054) ** 2

    mean = expected(lambda log: parts(log)[0])
    spread = expected(lambda log: (parts(log)[0] - mean) ** 2)
    assert expected(lambda log: parts(log)[1]) == pytest.approx(spread, rel=1e-12)


def made_log(records: int = 400, seed: int = 3) -> Log:
    rng = np.random.default_rng(seed)
    shares, rates = np.array([0.5, 0.3, 0.2]), np.array([0.3, 0.5, 0.2])
    rows = []
    for place in range(records):
        contest = (ABC, Contest(("a", "b", "c")))[place % 2]
        chosen = int(rng.choice(3, p=shares))
        rows.append(Record(str(place), contest, chosen, shares[chosen], float(rng.random() < rates[chosen])))
    return Log.of(rows)


def test_estimates_are_what_plain_loops_make_of_their_formulas() -> None:
    log, target, rewards = made_log(), fixed(a=0.2, b=0.2, c=0.6), wrong_rewards()
    found = evaluate(log, target, rewards)
    shares = [0.2, 0.2, 0.6]
    w = [shares[c] / p for c, p in zip(log.chosen, log.propensity, strict=True)]
    r = log.reward.tolist()
    n = len(r)
    q = rewards.rates.tolist()
    d = [
        sum(share * q[f][offer] for offer, share in enumerate(shares)) + w[i] * (r[i] - q[f][log.chosen[i]])
        for i, f in enumerate(log.fold.tolist())
    ]
    ips = sum(a * b for a, b in zip(w, r, strict=True)) / n
    snips = ips * n / sum(w)
    earned = sum(r) / n

    def half_width(influence: list[float]) -> float:
        return 1.959963984540054 * math.sqrt(sum(x * x for x in influence) / (n - 1) / n)

    cases = {
        "inversePropensity": (ips, [a * b - ips for a, b in zip(w, r, strict=True)]),
        "selfNormalised": (snips, [a * (b - snips) * n / sum(w) for a, b in zip(w, r, strict=True)]),
        "doublyRobust": (sum(d) / n, [one - sum(d) / n for one in d]),
    }
    for name, (value, influence) in cases.items():
        one = found[name]  # type: ignore[literal-required]
        assert one["value"] == pytest.approx(value, rel=1e-12)
        assert one["interval"][1] - value == pytest.approx(half_width(influence), rel=1e-9)
        ratio = value / earned
        assert one["ratio"] == pytest.approx(ratio, rel=1e-12)
        of_ratio = [(own - ratio * (reward - earned)) / earned for own, reward in zip(influence, r, strict=True)]
        assert ratio - one["ratioInterval"][0] == pytest.approx(half_width(of_ratio), rel=1e-9)
    assert found["logging"]["value"] == pytest.approx(earned)
    assert found["effectiveSampleSize"] == pytest.approx(sum(w) ** 2 / sum(x * x for x in w))
    converted = [x for x, reward in zip(w, r, strict=True) if reward]
    assert found["effectiveConversions"] == pytest.approx(sum(converted) ** 2 / sum(x * x for x in converted))
    assert found["largestWeight"] == max(w)
    assert found["records"] == n


def test_a_policy_judged_by_its_own_log_earned_what_it_earned() -> None:
    log = made_log()
    found = evaluate(log, fixed(a=0.5, b=0.3, c=0.2))
    assert found["inversePropensity"]["value"] == found["selfNormalised"]["value"] == found["logging"]["value"]
    assert found["inversePropensity"]["ratio"] == 1.0
    assert found["inversePropensity"]["ratioInterval"] == [1.0, 1.0]
    assert found["meanWeight"] == {"value": 1.0, "interval": [1.0, 1.0]}
    assert found["effectiveSampleSize"] == len(log)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """In 1,000 logs of 2,000 records. A binomial of 1,000 at 0.95 has a deviation of 6.9; four of them are allowed."""
    shares, rates = np.array([0.4, 0.3, 0.2, 0.1]), np.array([0.05, 0.1, 0.2, 0.3])
    offers = Contest(("a", "b", "c", "d"))
    target, logs, size = np.array([0.1, 0.2, 0.3, 0.4]), 1000, 2000
    value, earned = float(target @ rates), float(shares @ rates)
    rng = np.random.default_rng(20)
    held = dict.fromkeys(("inversePropensity", "selfNormalised", "doublyRobust"), 0)
    held_ratio = held.copy()
    for _ in range(logs):
        chosen = rng.choice(4, size, p=shares)
        reward = (rng.random(size) < rates[chosen]).astype(float)
        zeros = np.zeros(size, np.intp)
        fold = np.arange(size) % 2
        found = evaluate(Log((offers,), zeros, chosen, shares[chosen], reward, fold), lambda _: target)
        for name in held:
            one = found[name]  # type: ignore[literal-required]
            held[name] += one["interval"][0] <= value <= one["interval"][1]
            held_ratio[name] += one["ratioInterval"][0] <= value / earned <= one["ratioInterval"][1]
    for count in (*held.values(), *held_ratio.values()):
        assert abs(count - 0.95 * logs) <= 4 * math.sqrt(logs * 0.95 * 0.05)


def test_parts_of_a_log_add_up_to_the_whole() -> None:
    rows = [Record(str(n), AB, n % 2, 0.4 + 0.2 * (n % 2), float(n % 3 == 0)) for n in range(50)]
    whole, parts = Log.of(rows), [Log.of(rows[:17]), Log.of(rows[17:])]
    counts, alone = FoldCounts(), FoldCounts()
    for part in parts:
        counts.add(part)
    alone.add(whole)
    np.testing.assert_array_equal(counts.model().rates, alone.model().rates)
    total = Moments.zero()
    for part in parts:
        total += Moments.of(part, uniform, counts.model())
    of_whole = Moments.of(whole, uniform, alone.model())
    np.testing.assert_allclose(total.sums, of_whole.sums, rtol=1e-12)
    np.testing.assert_allclose(total.products, of_whole.products, rtol=1e-12)
    assert (total.records, total.largest_weight) == (of_whole.records, of_whole.largest_weight)


def test_without_records_nothing_is_said() -> None:
    found = evaluate(Log.of(()), uniform)
    nothing = {"value": None, "interval": None, "ratio": None, "ratioInterval": None}
    assert found["inversePropensity"] == found["selfNormalised"] == found["doublyRobust"] == nothing
    assert found["logging"] == {"value": None, "interval": None}
    assert found["records"] == 0
    assert found["largestWeight"] is None
    assert not found["enoughData"]


def test_one_record_has_a_value_and_no_interval() -> None:
    found = evaluate(Log.of([Record("r", AB, 0, 0.5, 1.0)]), uniform)
    assert found["inversePropensity"] == {"value": 1.0, "interval": None, "ratio": 1.0, "ratioInterval": None}


def test_a_target_that_shows_nothing_of_the_log_has_no_self_normalised_value() -> None:
    found = evaluate(Log.of([Record(str(n), AB, 0, 0.5, 1.0) for n in range(9)]), PriorityPolicy(("b",)))
    assert found["selfNormalised"]["value"] is None
    assert found["inversePropensity"]["value"] == 0.0
    assert found["effectiveSampleSize"] == 0.0
    assert found["meanWeight"]["value"] == 0.0


@pytest.mark.parametrize(
    ("records", "conversions", "enough"), [(99, 50, False), (100, 9, False), (100, 10, True), (0, 0, False)]
)
def test_enough_is_a_hundred_effective_records_and_ten_effective_conversions(
    records: int, conversions: int, enough: bool
) -> None:
    log = Log.of([Record(str(n), AB, n % 2, 0.5, float(n < conversions)) for n in range(records)])
    assert evaluate(log, uniform)["enoughData"] is enough


def test_a_weight_is_told_and_never_clipped() -> None:
    rows = [Record(str(n), AB, 0, 0.99, 1.0) for n in range(500)] + [Record("rare", AB, 1, 1e-6, 1.0)]
    found = evaluate(Log.of(rows), uniform)
    assert found["largestWeight"] == pytest.approx(0.5e6)
    assert found["inversePropensity"]["value"] == pytest.approx((500 * 0.5 / 0.99 + 0.5e6) / 501)
    assert found["effectiveSampleSize"] < 1.1
    assert not found["enoughData"]


def test_rates_come_from_the_other_half_of_the_log() -> None:
    rows = [Record(str(n), AB, n % 2, 0.5, float(n % 2)) for n in range(400)]
    log = Log.of(rows)
    counts = FoldCounts()
    counts.add(log)
    changed = FoldCounts()
    changed.add(replace(log, reward=np.where(log.fold == 0, 1 - log.reward, log.reward)))
    before, after = counts.model().rates, changed.model().rates
    np.testing.assert_array_equal(before[0], after[0])
    assert np.abs(before[1] - after[1]).max() > 0.5


def test_an_offer_that_no_record_showed_is_guessed_by_the_prior() -> None:
    model = RewardModel.of(("a", "b"), np.array([[1000.0, 0.0]] * 2), np.array([[20.0, 0.0]] * 2))
    rates = model.of_offers(("z", "b", "a"))
    assert rates.shape == (2, 3)
    np.testing.assert_allclose(rates[:, 0], 0.02)
    np.testing.assert_array_equal(rates[:, 0], rates[:, 1])


def test_priority_shows_the_first_of_its_order_that_is_a_candidate() -> None:
    policy = PriorityPolicy(("c", "a"))
    assert policy(ABC).tolist() == [0.0, 0.0, 1.0]
    assert policy(AB).tolist() == [1.0, 0.0]
    assert policy(Contest(("x", "y"))).tolist() == [1.0, 0.0], "offers that it does not name follow by id"


@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.floats(1e-9, 1), st.booleans(), st.sampled_from([0, 1])),
        min_size=0,
        max_size=30,
    )
)
def test_whatever_the_log_no_number_is_nan(rows: list[tuple[int, float, bool, int]]) -> None:
    contests = (ABC, Contest(("a", "b", "c")))
    records = (Record(str(n), contests[c], o, p, float(r)) for n, (o, p, r, c) in enumerate(rows))
    found = evaluate(Log.of(records), fixed(a=0.0, b=0.25, c=0.75))

    def numbers(value: object) -> Iterator[float]:
        if isinstance(value, dict):
            for one in value.values():
                yield from numbers(one)
        elif isinstance(value, list):
            for one in value:
                yield from numbers(one)
        elif isinstance(value, float):
            yield value

    assert all(math.isfinite(number) for number in numbers(found))
