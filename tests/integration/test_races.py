"""Thirty-two writers try twice each on all that is written on a condition; `make soak` lets them try 200 times."""

from __future__ import annotations

import pytest

from infra.local.emulator import Emulator
from tests.simulation import races


@pytest.mark.parametrize("name", races.RACES)
def test_no_update_is_lost_when_32_write_at_once(emulator: Emulator, name: str) -> None:
    assert races.run(name, emulator, writers=32, writes=2) > 0
