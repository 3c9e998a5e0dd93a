"""What the simulator's silence is worth: it finds each of eight wrong protocols, and nothing wrong with a right one."""

from __future__ import annotations

import pytest

from tests.simulation.wrong import RIGHT, WRONG

BOUND = 1500  # seeds; the first five take a handful, the last three some tens


@pytest.mark.parametrize("protocol", WRONG)
def test_a_wrong_protocol_is_found(protocol: str) -> None:
    assert any(WRONG[protocol](seed) for seed in range(BOUND))


def test_a_right_one_is_not() -> None:
    assert not any(RIGHT(seed) for seed in range(300))
