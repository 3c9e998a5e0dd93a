"""Two thousand histories; `make soak` runs fifty times as many."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEEDS = 2000
_AT_ONCE = 250


def simulation(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, since measuring coverage there would take twice the time."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"} | variables
    command = [sys.executable, "-m", "tests.simulation", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("first", range(0, SEEDS, _AT_ONCE))
def test_nothing_is_lost_and_nothing_counted_twice_whatever_happens(first: int) -> None:
    done = simulation("--seeds", f"{first}-{first + _AT_ONCE - 1}", "--jobs", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 lost and 0 double" in done.stdout


def test_a_seed_is_a_history() -> None:
    first, second = (simulation("--seed", "7", "-v", PYTHONHASHSEED=one).stdout for one in ("1", "2"))
    assert first == second
    assert first.count("\n") > 100
