"""Models that have learned something, of any size: what is ranked with, and refitted, in the benchmark."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import numpy as np

from offer_ranking.catalog.model import Model, ModelType, NewModel, define_model
from offer_ranking.counting.counts import CONVERSION, IMPRESSION, Counts, Key
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.fit import fit
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.ranking.candidates import Candidates, Offer

AUDIENCES = tuple(f"audience-{number}" for number in range(5))
CELLS = tuple(
    Cell(tuple(audience for audience, is_in in zip(AUDIENCES, bits, strict=True) if is_in))
    for bits in product((False, True), repeat=5)
)
AS_OF = 500_000 * 3600.0
_PAIRS = 64_000  # of offer and cell, about; so many are enough to learn from, and quick to make


def names(size: int) -> list[str]:
    return [f"offer-{number:05}" for number in range(size)]


def candidates(size: int) -> Candidates:
    return Candidates.of(map(Offer, names(size)))


def model(*, is_personalized: bool) -> Model:
    kind = ModelType.PERSONALIZED if is_personalized else ModelType.AUTO_OPTIMIZATION
    new = NewModel(name="bench", type=kind, dataset_ids=("bench",), audiences=AUDIENCES if is_personalized else ())
    return define_model(new, id="bench", now=datetime.fromtimestamp(AS_OF, UTC))


def counts(size: int, *, is_personalized: bool, hours: int = 1) -> Counts:
    """Up to 3,000 impressions an offer, hour and cell, rates from Beta(4, 196)."""
    world = np.random.default_rng(20_260_101)
    rates = world.beta(4, 196, size)
    cells = CELLS if is_personalized else (Cell(),)
    seen = min(len(cells), max(_PAIRS // size, 1))
    keys, numbers = list[Key](), list[int]()
    for offer, rate in zip(names(size), rates.tolist(), strict=True):
        for cell in world.choice(len(cells), seen, replace=False).tolist():
            for hour in range(hours):
                impressions = int(world.integers(0, 3000 // (seen * hours) + 1))
                key = Key(int(AS_OF // 3600) - hour - 1, offer, model="bench", cell=cells[cell].text)
                keys += [key, key._replace(kind=CONVERSION)]
                numbers += [impressions, int(world.binomial(impressions, rate))]
    assert keys[0].kind == IMPRESSION
    return Counts.of(keys, numbers)


def fitted(counted: Counts, *, is_personalized: bool, version: int = 1) -> Snapshot:
    learned = fit(
        counted, model(is_personalized=is_personalized), version=version, as_of=AS_OF, trained_on={"bench": version}
    )
    assert isinstance(learned, Snapshot)
    return learned
