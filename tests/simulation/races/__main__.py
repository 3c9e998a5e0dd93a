"""`python -m tests.simulation.races`: every race in full, and how many writes happened of those that were tried."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from infra.local.emulator import Emulator
from tests.simulation.races import RACES, run
from tests.support.aws import set_environment


def main() -> int:
    """0 when nothing was lost."""
    parser = argparse.ArgumentParser(prog="tests.simulation.races", description=__doc__)
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--writes", type=int, default=200)
    given = parser.parse_args()
    set_environment()
    with tempfile.TemporaryDirectory() as folder, Emulator.on(0, Path(folder) / "log") as emulator:
        for name in RACES:
            started = time.monotonic()
            won = run(name, emulator, given.writers, given.writes)
            took = time.monotonic() - started
            print(f"{name}: {won:,} of {given.writers * given.writes:,} happened, 0 lost, {took:.0f} s", flush=True)
    print("0 lost updates")
    return 0


if __name__ == "__main__":
    sys.exit(main())
