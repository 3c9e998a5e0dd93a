"""The product as a learner: counts as they are stored, its own fit, its own policy for many requests at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import chisquare

from offer_ranking.catalog.model import Model, ModelType, NewModel, define_model
from offer_ranking.catalog.settings import Settings
from offer_ranking.counting.counts import CONVERSION, HOURS_PER_DAY, IMPRESSION, Counts, Key
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.fit import fit
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.policy import Policy, policy_of
from offer_ranking.ranking.ranking import rank
from tests.benchmarks.learning.simulate import Told, run
from tests.benchmarks.learning.worlds import WORLDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tests.benchmarks.learning.worlds import World

    Rows = NDArray[np.intp]

_SECONDS_PER_HOUR = 3600
_EXACT, _FREQUENT = 2_000, 200_000


class Product:
    """Serves by `policy_of` a snapshot that `fit` makes of all that was told. One batch lasts one hour.

    Args:
        world: its cells are the product's, its offers the candidates.
        random_share: also what a personalized model gives to noncontextual traffic.
        half_life: in impressions.
        is_personalized: whether it looks at cells; by default where the world has some.

    """

    def __init__(
        self, world: World, *, random_share: float, half_life: float | None = None, is_personalized: bool | None = None
    ) -> None:
        audiences = world.cells.audiences if is_personalized in {None, True} else ()
        self._model = _model(audiences, random_share, half_life and half_life / world.batch / HOURS_PER_DAY)
        self._cells = [Cell(tuple(sorted(names)) if audiences else ()) for names in world.cells.names]
        self._cell_texts = [cell.text for cell in self._cells]
        self.candidates = Candidates.of(Offer(f"offer-{number:05}") for number in range(world.offers))
        self._counts = Counts.zero()
        self.snapshot: Snapshot | None = None

    def choose(self, cells: Rows, rng: np.random.Generator) -> Rows:
        shown = np.empty(len(cells), np.intp)
        for number in np.unique(cells).tolist():
            requests = np.flatnonzero(cells == number)
            shown[requests] = firsts(self.policy(number), len(requests), rng)
        return shown

    def policy(self, cell: int) -> Policy:
        return policy_of(self.snapshot, self.candidates, self._cells[cell])

    def cell(self, number: int) -> Cell:
        return self._cells[number]

    def learn(self, told: list[Told], now: int) -> None:
        """Fit at the end of the hour that has just been told of."""
        self._counts = Counts.total([self._counts, *(self._counted(one) for one in told)])
        learned = fit(
            self._counts,
            self._model,
            version=now,
            as_of=float(now * _SECONDS_PER_HOUR - 1),
            trained_on={"world": now},
        )
        if isinstance(learned, Snapshot):
            self.snapshot = learned

    def _counted(self, told: Told) -> Counts:
        rows = list(self._rows(told))
        return Counts.of([key for key, _ in rows], [count for _, count in rows])

    def _rows(self, told: Told) -> Iterator[tuple[Key, int]]:
        for kind, counts in ((IMPRESSION, told.impressions), (CONVERSION, told.conversions)):
            lag = told.lag if kind == CONVERSION else 0
            for cell, offer in zip(*(part.tolist() for part in counts.nonzero()), strict=True):
                told_of = {"model": self._model.id, "cell": self._cell_texts[cell], "kind": kind, "lag": lag}
                yield Key(told.hour, self.candidates.ids[offer], **told_of), int(counts[cell, offer])


def firsts(policy: Policy, requests: int, rng: np.random.Generator) -> Rows:
    """Draw who is first in each of many requests: what `rank` does, an arm at a time, shape (requests,)."""
    shares = np.array([arm.share for arm in policy.arms])
    arms = rng.choice(len(shares), requests, p=shares / shares.sum())
    candidates = len(policy.propensities)
    shown = np.empty(requests, np.intp)
    for number, arm in enumerate(policy.arms):
        served = np.flatnonzero(arms == number)
        if arm.draws is None:
            shown[served] = rng.integers(candidates, size=len(served))
        else:
            drawn = rng.standard_normal((len(served), candidates))
            shown[served] = (arm.draws.mean + arm.draws.sd * drawn).argmax(axis=1)
    return shown


def assert_same_policy() -> None:
    """Hold `firsts` to `rank`: draw by draw for one request at a time, and in how often each offer comes first."""
    for name in ("geometric-10", "attributes-20"):
        world = WORLDS[name]
        product = Product(world, random_share=0.05)
        _run_a_little(world, product)
        cell, policy = product.cell(len(world.cells.names) - 1), product.policy(len(world.cells.names) - 1)
        assert len(policy.arms) > 1
        for seed in range(_EXACT):
            rng = np.random.default_rng(seed)
            arm = policy.arm(rng.random())
            ranking = rank(product.candidates, product.snapshot, cell=cell, seed=seed)
            if arm.draws is not None:
                drawn = arm.draws.mean + arm.draws.sd * rng.standard_normal(world.offers)
                assert np.array_equal(ranking.order, np.argsort(-drawn)), seed
        counted = np.bincount(firsts(policy, _FREQUENT, np.random.default_rng(1)), minlength=world.offers)
        # a fixed seed, so that this is no matter of luck; 0.001 is where the product's own frequencies are refused
        assert chisquare(counted, _FREQUENT * policy.propensities).pvalue > 0.001, counted


def _run_a_little(world: World, product: Product) -> None:
    run(replace(world, impressions=10 * world.batch), product, 1)


def _model(audiences: tuple[str, ...], random_share: float, half_life_days: float | None) -> Model:
    """Make a model whose settings may be such as people cannot choose: a random share of 0, to compare with peers."""
    kind = ModelType.PERSONALIZED if audiences else ModelType.AUTO_OPTIMIZATION
    new = NewModel(name="world", type=kind, dataset_ids=("world",), audiences=audiences)
    settings = Settings(window_days=None, half_life_days=half_life_days).model_copy(
        update={"random_share": random_share}
    )
    model = define_model(new, id="world", now=datetime.fromtimestamp(0, UTC))
    return model.model_copy(update={"settings": settings})
