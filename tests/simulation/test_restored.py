"""Sixteen environments are restored from one image; `make soak` restores a thousand."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.support.template import ROOT

ENVIRONMENTS = 16


def test_restored_environments_make_nothing_alike() -> None:
    """In a process of its own: what has ranked before is no image."""
    command = [sys.executable, "-m", "tests.simulation.restored", "--environments", str(ENVIRONMENTS)]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'shared'}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert set(json.loads(done.stdout.splitlines()[-1].partition("ones: ")[2]).values()) == {0}
