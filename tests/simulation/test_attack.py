"""The attack of `attack.py` a fifth as large: as many attacks a visit, and as many visits a source."""

from __future__ import annotations

import pytest

from tests.simulation.attack import CAPPED, SIGNED, UNSIGNED, WORLDS, Shop, Size

SMALL = Size(visits=4000, attacks=200, sources=4, between_fits=200)


@pytest.mark.parametrize("seed", range(2))
def test_capped_by_source_a_flood_of_real_clicks_does_not_lift_the_worst_of_ten_offers(seed: int) -> None:
    assert Shop(*WORLDS[CAPPED], SMALL, seed).run() <= 0.10


@pytest.mark.parametrize("world", [UNSIGNED, SIGNED])
def test_without_caps_it_does(world: str) -> None:
    assert Shop(*WORLDS[world], SMALL, 1).run() > 0.25
