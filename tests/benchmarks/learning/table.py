"""Runs become tables: regrets, their ratios to a peer's over paired seeds, and whether each bound is held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from tests.benchmarks.learning.simulate import Outcome
    from tests.benchmarks.learning.worlds import Bound, World

    Array = NDArray[np.float64]
    Runs = Mapping[int, Outcome]  # by seed

_RESAMPLES = 2_000


class Ratio(NamedTuple):
    """A ratio of two averages (or percentiles) with its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Verdict:
    """A bound beside what was found: missed only where two standard errors do not reach it."""

    bound: Bound
    found: Ratio
    seeds: int

    @property
    def word(self) -> Literal["held", "held, within error", "missed"]:
        excess = self.found.value - self.bound.ratio
        if self.bound.statistic == "clicks":
            excess = -excess
        if excess <= 0:
            return "held"
        return "held, within error" if excess <= 2 * self.found.error else "missed"


def ratio_of_means(ours: Array, theirs: Array) -> Ratio:
    """Means of paired runs, by the delta method: both fluctuate, and together (Cochran, "Sampling Techniques", 6.5)."""
    value = float(ours.mean() / theirs.mean())
    residuals = ours - value * theirs
    error = residuals.std(ddof=1) / np.sqrt(len(ours)) / theirs.mean() if len(ours) > 1 else np.inf
    return Ratio(value, float(error))


def ratio_of_p95(ours: Array, theirs: Array) -> Ratio:
    """95th percentiles of paired runs; the error by drawing pairs anew (bootstrap), always the same draws."""
    rows = np.random.default_rng(0).integers(len(ours), size=(_RESAMPLES, len(ours)))
    again = np.percentile(ours[rows], 95, axis=1) / np.percentile(theirs[rows], 95, axis=1)
    return Ratio(float(np.percentile(ours, 95) / np.percentile(theirs, 95)), float(again.std(ddof=1)))


def verdict(bound: Bound, runs: Mapping[str, Runs]) -> Verdict:
    """Judge one bound over the seeds that both have run."""
    if bound.statistic == "clicks":
        clicks, uniform = (_column(runs[bound.learner], part) for part in ("clicks", "uniform"))
        return Verdict(bound, ratio_of_means(clicks, uniform), len(clicks))
    seeds = sorted(runs[bound.learner].keys() & runs[bound.peer].keys())
    ours, theirs = (np.array([runs[name][seed].regret for seed in seeds]) for name in (bound.learner, bound.peer))
    ratio = ratio_of_p95 if bound.statistic == "p95" else ratio_of_means
    return Verdict(bound, ratio(ours, theirs), len(seeds))


def regrets(world: World, runs: Mapping[str, Runs]) -> Iterator[str]:
    """One line a learner; in worlds that are judged by clicks, these as a multiple of uniform order's too."""
    in_clicks = any(bound.statistic == "clicks" for bound in world.bounds)
    yield f"| | seeds | mean regret | standard error | p95 | max |{' clicks / uniform |' if in_clicks else ''}"
    yield "| --- " * (6 + in_clicks) + "|"
    for name, by_seed in runs.items():
        values = _column(by_seed, "regret")
        error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
        spread = f"{np.percentile(values, 95):.1f} | {values.max():.1f}"
        gain = ratio_of_means(_column(by_seed, "clicks"), _column(by_seed, "uniform"))
        clicks = f" {gain.value:.4f} +- {gain.error:.4f} |" if in_clicks else ""
        yield f"| {name} | {len(values)} | {values.mean():.1f} | {error:.1f} | {spread} |{clicks}"
    best, uniform = (_column(runs["product"], part) for part in ("best", "uniform"))
    yield f"| uniform order | {len(best)} | {(best - uniform).mean():.1f} | | | |{' 1 |' if in_clicks else ''}"
    if in_clicks:
        yield f"| oracle | {len(best)} | 0 | | | | {best.mean() / uniform.mean():.4f} |"


def verdicts(judged: list[Verdict]) -> Iterator[str]:
    """One line a bound."""
    yield "| ratio | found | standard error | paired seeds | bound | |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for one in judged:
        bound, statistic = one.bound, {"mean": "", "p95": ", p95", "clicks": ", clicks"}[one.bound.statistic]
        sign = ">=" if bound.statistic == "clicks" else "<="
        found = f"{one.found.value:.3f} | {one.found.error:.3f} | {one.seeds}"
        yield f"| {bound.learner} / {bound.peer}{statistic} | {found} | {sign} {bound.ratio:g} | {one.word} |"


def _column(by_seed: Runs, part: str) -> Array:
    return np.array([getattr(outcome, part) for outcome in by_seed.values()])
