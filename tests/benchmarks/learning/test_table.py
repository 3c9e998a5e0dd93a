"""What the tables claim of runs: the statistics behind `held` and `missed`, and that late news comes late, once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.benchmarks.learning.simulate import Outcome, Told, run
from tests.benchmarks.learning.table import ratio_of_means, ratio_of_p95, verdict
from tests.benchmarks.learning.worlds import WORLDS, Bound
from tests.benchmarks.reporting.report import Report


def _pairs(seed: int, pairs: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shared = rng.gamma(4, 25, pairs)
    return 0.5 * shared + rng.gamma(2, 5, pairs), shared + rng.gamma(2, 5, pairs)


def test_the_error_of_a_ratio_is_how_much_it_varies_from_one_set_of_pairs_to_the_next() -> None:
    ratios = [ratio_of_means(*_pairs(seed, 60)) for seed in range(2_000)]
    varied = np.std([ratio.value for ratio in ratios])
    # a deviation of 2,000 values is known to 1.6 % (one sigma); the delta method errs by order 1 / 60
    assert np.mean([ratio.error for ratio in ratios]) == pytest.approx(varied, rel=0.08)


def test_a_ratio_of_equal_runs_is_one_and_certain() -> None:
    ours, _ = _pairs(1, 20)
    assert ratio_of_means(ours, ours) == pytest.approx((1.0, 0.0), abs=1e-12)
    assert ratio_of_p95(ours, ours) == pytest.approx((1.0, 0.0), abs=1e-12)


@pytest.mark.parametrize(
    ("regrets", "word"),
    [([40, 42, 41, 39], "held"), ([20, 120, 60, 84], "held, within error"), ([80, 82, 81, 79], "missed")],
)
def test_a_bound_is_missed_only_beyond_two_standard_errors(regrets: list[float], word: str) -> None:
    runs = {"product": _runs(regrets), "peer": _runs([100.0] * 4)}
    assert verdict(Bound("peer", 0.6), runs).word == word


def test_only_seeds_that_both_have_run_are_compared() -> None:
    runs = {"product": _runs([40, 42, 41, 39, 1_000, 1_000]), "peer": _runs([100.0] * 4)}
    judged = verdict(Bound("peer", 0.6), runs)
    assert (judged.seeds, judged.word) == (4, "held")


def test_clicks_are_judged_by_what_they_fall_short_of() -> None:
    runs = {"product": {seed: Outcome(0.0, 140.0 + seed, 150.0, 100.0) for seed in range(4)}}
    assert verdict(Bound("uniform", 1.36, statistic="clicks"), runs).word == "held"
    assert verdict(Bound("uniform", 1.50, statistic="clicks"), runs).word == "missed"


class _Listener:
    """Shows the first offer, and remembers what it was told when."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, Told]] = []

    def choose(self, cells: np.ndarray, rng: np.random.Generator) -> np.ndarray:  # noqa: ARG002 - it does not draw
        return np.zeros(len(cells), np.intp)

    def learn(self, told: list[Told], now: int) -> None:
        self.heard += [(now, one) for one in told]


@pytest.mark.parametrize(("late_impressions", "late_conversions"), [(0, 0), (5, 5), (0, 5)])
def test_every_batch_is_told_once_and_as_late_as_the_world_says(late_impressions: int, late_conversions: int) -> None:
    world = replace(
        WORLDS["geometric-10"],
        impressions=20_000,
        late_impressions=late_impressions,
        late_conversions=late_conversions,
    )
    listener = _Listener()
    run(world, listener, 1)
    shown = {one.hour: now for now, one in listener.heard if one.impressions.any()}
    converted = {one.hour: now for now, one in listener.heard if one.conversions.any()}
    assert shown == {hour: hour + 1 + late_impressions for hour in range(20 - late_impressions)}
    assert all(now == hour + 1 + late_conversions for hour, now in converted.items())
    assert sum(int(one.impressions.sum()) for _, one in listener.heard) == 1_000 * (20 - late_impressions)
    assert {one.lag for _, one in listener.heard if one.conversions.any()} == {late_conversions - late_impressions}


def test_runs_of_one_seed_meet_the_same_world_whoever_is_served() -> None:
    world = replace(WORLDS["audiences-20"], impressions=5_000)
    first, second = (run(world, _Listener(), 7) for _ in range(2))
    other = run(world, _Listener(), 8)
    assert first == second
    assert first.best != other.best


def test_a_section_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    report = Report(tmp_path / "results" / "table.md", "# Head\n\nWhat this is.")
    report.put("one", ["first"])
    report.put("two", ["| a |", "| --- |"])
    report.put("one", ["anew"])
    text = (tmp_path / "results" / "table.md").read_text(encoding="utf-8")
    assert text == "# Head\n\nWhat this is.\n\n## one\n\nanew\n\n## two\n\n| a |\n| --- |\n"


def _runs(regrets: list[float]) -> dict[int, Outcome]:
    return {seed: Outcome(regret, 0.0, 0.0, 0.0) for seed, regret in enumerate(regrets)}
