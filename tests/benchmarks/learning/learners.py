"""Every learner by the name that tables show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.learning.ours import Product
from tests.benchmarks.learning.peers import BetaOne, Mabwiser, Mixed, River, Waiting
from tests.benchmarks.learning.squarecb import SquareCb

if TYPE_CHECKING:
    from tests.benchmarks.learning.simulate import Learner
    from tests.benchmarks.learning.squarecb import Tuning
    from tests.benchmarks.learning.worlds import World

# A pull of river costs microseconds an offer in Python: of large worlds it runs fewer seeds.
_RIVER_PULLS = 400


def seeds_of(learner: str, world: World, seeds: int, squarecb_seeds: int) -> int:
    """How many of the seeds a learner runs, the first ones."""
    few = {"river": _RIVER_PULLS // world.offers, "squarecb": squarecb_seeds}
    return min(seeds, few.get(learner, seeds))


def made(learner: str, world: World, seed: int, *, random_share: float, tuning: Tuning | None) -> Learner:
    """A learner that has seen nothing yet. The product gives the random share itself."""
    match learner:
        case "product":
            return Product(world, random_share=random_share, half_life=world.half_life)
        case "product, plain":
            return Product(world, random_share=random_share)
        case "product for everybody":
            return Product(world, random_share=random_share, is_personalized=False)
    peer = _peer(learner, world, seed, tuning)
    return Mixed(peer, world.offers, random_share) if random_share else peer


def _peer(learner: str, world: World, seed: int, tuning: Tuning | None) -> Learner:
    cells, offers = len(world.cells.names), world.offers
    match learner:
        case "mabwiser":
            return Mabwiser(offers, seed)
        case "mabwiser, waiting":
            return Waiting(Mabwiser(offers, seed))
        case "river":
            return River(offers, seed)
        case "per-audience Beta(1,1)" | "global Beta(1,1)":
            return BetaOne(cells, offers, everybody=learner.startswith("global"))
        case "squarecb" if tuning:
            return SquareCb(world, tuning, seed)
    raise ValueError(learner)
