"""One ranking of K offers, by us and by others: each a call that is given a number nobody has seen before."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import vowpalwabbit
from mabwiser.mab import MAB, LearningPolicy
from river import bandit, proba

from offer_ranking.learning.cell import Cell
from offer_ranking.ranking.ranking import rank
from tests.benchmarks.ranking import models

if TYPE_CHECKING:
    from offer_ranking.learning.snapshot import Snapshot

Call = Callable[[int], object]


def contenders(size: int) -> dict[str, Call]:
    """All of them, having learned from the same counts."""
    auto = models.fitted(models.counts(size, is_personalized=False), is_personalized=False)
    personalized = models.fitted(models.counts(size, is_personalized=True), is_personalized=True)
    return {
        "numpy kernel": _kernel(auto),
        "auto-optimization": _ours(size, auto, Cell()),
        "personalized": _ours(size, personalized, models.CELLS[-1]),
        "mabwiser": _mabwiser(auto),
        "river": _river(auto),
        "Vowpal Wabbit SquareCB": _squarecb(size),
    }


def _ours(size: int, snapshot: Snapshot, cell: Cell) -> Call:
    """A set of candidates that was seen before: order, scores, propensities and seed come back as arrays."""
    candidates = models.candidates(size)
    return lambda seed: rank(candidates, snapshot, cell=cell, seed=seed)


def _kernel(snapshot: Snapshot) -> Call:
    """The least that Thompson sampling can be in NumPy."""
    alpha, beta = snapshot.rates.alpha, snapshot.rates.beta
    return lambda seed: np.argsort(np.random.default_rng(seed).beta(alpha, beta))[::-1]


def _mabwiser(snapshot: Snapshot) -> Call:
    """Its expectations of all arms, not sorted."""
    library = MAB(list(range(len(snapshot.impressions))), LearningPolicy.ThompsonSampling(), seed=1)
    n, c = snapshot.impressions.astype(int), snapshot.conversions.astype(int)
    decisions = np.concatenate([np.repeat(np.arange(len(n)), n - c), np.repeat(np.arange(len(n)), c)])
    library.fit(decisions, np.repeat([0, 1], [(n - c).sum(), c.sum()]))
    return lambda _: library.predict_expectations()


def _river(snapshot: Snapshot) -> Call:
    """A pull: the first offer only, which is all that it gives."""
    library = bandit.ThompsonSampling(reward_obj=proba.Beta(), seed=1)
    arms = list(range(len(snapshot.impressions)))
    for arm, n, c in zip(arms, snapshot.impressions.tolist(), snapshot.conversions.tolist(), strict=True):
        library._rewards[arm].alpha += int(c)
        library._rewards[arm].beta += int(n - c)
    return lambda _: library.pull(arms)


def _squarecb(size: int) -> Call:
    """Its probabilities of all offers, not sorted."""
    library = vowpalwabbit.Workspace("--cb_explore_adf --squarecb -q co --quiet")
    lines = ["shared |c " + " ".join(models.AUDIENCES), *(f"|o {name}" for name in models.names(size))]
    for offer in range(min(size, 50)):
        library.learn([lines[0], f"0:-1:0.1 {lines[1 + offer]}", *lines[1 : 1 + offer], *lines[2 + offer :]])
    return lambda _: library.predict(lines)
