"""The worlds that learners are let loose in: true rates by seed, who comes, what is told when, and the bounds.

A world has C cells and K offers. Rates of personalized worlds are logistic: intercept of the world + what an offer is
worth to everybody + what each attribute of a cell changes about it, both normal and drawn anew for every seed. The
scales were chosen so that the regrets of per-audience and of global Beta(1,1) come near those that the bounds were
set against (941 and 1981, 2934 and 1792, 940 and 305, 3912 and 4821 in the order of the worlds below), and are fixed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TYPE_CHECKING, Literal

import numpy as np

from infra.local.shop import Shop

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Draw = Callable[[np.random.Generator], "Array"]


@dataclass(frozen=True)
class Cells:
    """Whom requests come from.

    Args:
        names: the audiences of each cell, C of them.
        shares: of the requests, (C,), sum 1.
        features: one column an audience, (C, F), without intercept.

    """

    names: tuple[tuple[str, ...], ...]
    shares: Array
    features: Array

    @classmethod
    def everybody(cls) -> Cells:
        return cls(((),), np.ones(1), np.zeros((1, 0)))

    @classmethod
    def exclusive(cls, number: int) -> Cells:
        """Every request is in just one audience, each as often."""
        return cls(tuple((f"a{n}",) for n in range(number)), np.full(number, 1 / number), np.eye(number))

    @classmethod
    def attributes(cls, number: int) -> Cells:
        """Independent yes and no, each of probability one half."""
        features = np.array(list(product((0.0, 1.0), repeat=number)))
        names = tuple(tuple(f"a{n}" for n in np.flatnonzero(row)) for row in features)
        return cls(names, np.full(len(names), 1 / len(names)), features)

    @property
    def audiences(self) -> tuple[str, ...]:
        return tuple(f"a{n}" for n in range(self.features.shape[1]))


@dataclass(frozen=True)
class Bound:
    """A ratio of `learner` to `peer` that is not to be exceeded (for clicks: not to be fallen short of)."""

    peer: str
    ratio: float
    learner: str = "product"
    statistic: Literal["mean", "p95", "clicks"] = "mean"


@dataclass(frozen=True)
class World:
    """Rates are of shape (phases, C, K); the phases follow each other and are equally long.

    Args:
        late_impressions: batches after which impressions are told, 0 for before the next batch; conversions alike.
        half_life: of the learner named `product`, in impressions.
        learners: whose regret is shown, by the names that `learners.py` knows.
        shares: random shares to run at.

    """

    name: str
    says: str
    offers: int
    draw: Draw
    learners: tuple[str, ...]
    bounds: tuple[Bound, ...]
    cells: Cells = field(default_factory=Cells.everybody)
    impressions: int = 100_000
    batch: int = 1_000
    late_impressions: int = 0
    late_conversions: int = 0
    half_life: float | None = None
    shares: tuple[float, ...] = (0.0, 0.05)


def _fixed(rates: Array) -> Draw:
    return lambda _: rates[None, None, :]


def _beta(offers: int) -> Draw:
    return lambda rng: rng.beta(4, 196, offers)[None, None, :]


def _logistic(cells: Cells, offers: int, *, intercept: float, offer_sd: float, attribute_sd: float) -> Draw:
    """Draw rates of shape (1, C, K); an attribute's effect is centred, so that it moves offers against each other."""

    def draw(rng: np.random.Generator) -> Array:
        worth = rng.normal(0, offer_sd, offers)
        effects = rng.normal(0, attribute_sd, (cells.features.shape[1], offers))
        centred = cells.features - cells.features.mean(axis=0)
        logits: Array = intercept + worth + centred @ effects
        return 1 / (1 + np.exp(-logits))[None]

    return draw


_GEOMETRIC = np.geomspace(0.005, 0.05, 10)
_ONE_NINE_NINETY = np.concatenate([[0.05], np.full(9, 0.035), np.geomspace(0.005, 0.025, 90)])
_PEERS = ("product", "mabwiser", "river")
_PERSONAL = ("product", "product for everybody", "per-audience Beta(1,1)", "global Beta(1,1)", "squarecb")


def _personalized(
    name: str, says: str, cells: Cells, offers: int, bounds: Mapping[str, float], **scales: float
) -> World:
    return World(
        name,
        says,
        offers,
        _logistic(cells, offers, **scales),
        _PERSONAL,
        tuple(Bound(peer, ratio) for peer, ratio in bounds.items()),
        cells,
    )


_AUTO = (
    World(
        "geometric-10",
        "10 offers, rates 0.5 to 5 %, geometric",
        10,
        _fixed(_GEOMETRIC),
        _PEERS,
        (Bound("mabwiser", 0.80), Bound("mabwiser", 1.0, statistic="p95")),
    ),
    World(
        "one-nine-ninety",
        "100 offers: one at 5 %, nine at 3.5 %, ninety at 0.5 to 2.5 %, geometric",
        100,
        _fixed(_ONE_NINE_NINETY),
        _PEERS[:2],
        (Bound("mabwiser", 0.55),),
    ),
    World("beta-100", "100 offers, rates from Beta(4, 196)", 100, _beta(100), _PEERS[:2], (Bound("mabwiser", 0.45),)),
    World(
        "beta-1000", "1,000 offers, rates from Beta(4, 196)", 1000, _beta(1000), _PEERS[:2], (Bound("mabwiser", 0.80),)
    ),
    World(
        "late-events",
        "geometric-10, all of a batch told 5 batches late",
        10,
        _fixed(_GEOMETRIC),
        _PEERS[:2],
        (Bound("mabwiser", 1.0),),
        late_impressions=5,
        late_conversions=5,
    ),
    World(
        "late-conversions",
        "geometric-10, impressions told at once and conversions 5 batches late; `mabwiser` sees failures first and "
        "successes added later, `mabwiser, waiting` is told of neither until both are known",
        10,
        _fixed(_GEOMETRIC),
        ("product", "mabwiser", "mabwiser, waiting"),
        (Bound("mabwiser", 1.0), Bound("mabwiser, waiting", 1.0)),
        late_conversions=5,
    ),
    World(
        "swap",
        "200,000 impressions of 10 offers, rates 0.5 to 5 % reversed half-way; the product with a half-life of 25,000 "
        "impressions, and plain",
        10,
        lambda _: np.stack([_GEOMETRIC, _GEOMETRIC[::-1]])[:, None, :],
        ("product", "product, plain", "mabwiser"),
        (Bound("product, plain", 0.42),),
        impressions=200_000,
        half_life=25_000,
    ),
)

_FIVE, _BITS = Cells.exclusive(5), Cells.attributes(5)
_PERSONALIZED = (
    _personalized(
        "audiences-20",
        "5 exclusive audiences, 20 offers",
        _FIVE,
        20,
        {"per-audience Beta(1,1)": 0.60, "squarecb": 1.0},
        intercept=-4.0,
        offer_sd=0.45,
        attribute_sd=0.55,
    ),
    _personalized(
        "attributes-20",
        "five independent yes-or-no attributes, 32 cells, 20 offers",
        _BITS,
        20,
        {"per-audience Beta(1,1)": 0.22, "squarecb": 1.0},
        intercept=-3.5,
        offer_sd=0.4,
        attribute_sd=0.3,
    ),
    _personalized(
        "nothing-20",
        "5 exclusive audiences that mean nothing, 20 offers",
        _FIVE,
        20,
        {"product for everybody": 1.0, "global Beta(1,1)": 1.0, "squarecb": 1.0},
        intercept=-3.8,
        offer_sd=0.5,
        attribute_sd=0.0,
    ),
    _personalized(
        "audiences-100",
        "5 exclusive audiences, 100 offers",
        _FIVE,
        100,
        {"per-audience Beta(1,1)": 0.45, "squarecb": 1.0},
        intercept=-3.8,
        offer_sd=0.4,
        attribute_sd=0.5,
    ),
)

_OPEN_BANDIT = World(
    "open-bandit",
    "the 34 offers of the Open Bandit men campaign, 1,000,000 visits; clicks as a multiple of uniform order's",
    34,
    _fixed(Shop.open_bandit_men().rates),
    _PEERS[:2],
    (Bound("uniform", 1.36, statistic="clicks"),),
    impressions=1_000_000,
    batch=10_000,
)

WORLDS = {world.name: world for world in (*_AUTO, *_PERSONALIZED, _OPEN_BANDIT)}
