"""The native program that counting is measured against: compiled where a compiler and its libraries are there."""

from __future__ import annotations

import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "native" / "count_events.cpp"
# Newer releases of simdjson than Debian 12's were no faster on these lines.
NEEDS = "g++, libsimdjson-dev and libisal-dev"


def built(folder: Path) -> Path | None:
    """The program; None, and a line that says why, where it cannot be built."""
    program = folder / "count_events"
    command = ["g++", "-std=c++20", "-O3", "-march=native", "-DNDEBUG", SOURCE, "-lsimdjson", "-lisal", "-o", program]
    try:
        compiled = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        print(f"No native limit in this run: there is no g++ (it needs {NEEDS}).")
        return None
    if compiled.returncode:
        reason = next((line for line in compiled.stderr.splitlines() if "error" in line), "the compiler failed")
        print(f"No native limit in this run: {reason.strip()} (it needs {NEEDS}).")
        return None
    return program
