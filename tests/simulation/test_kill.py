"""Fifty workers are killed in mid-count over a real server; `make soak` kills a thousand."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.emulator import executable

ROOT = Path(__file__).parents[2]
KILLS = 50


def test_counts_are_exact_after_kills_in_mid_count() -> None:
    if not executable().exists():
        pytest.skip(f"there is no emulator at {executable()}: run `make test`, or set EMULATOR")
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.simulation.kill", "--kills", str(KILLS)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 lost and 0 double" in done.stdout
