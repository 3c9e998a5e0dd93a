"""How fast objects are counted: against a native program, the same loop in orjson, and a bare read of Parquet.

Every contender counts the same file in a fresh process on one core, in turns; the figures are CPU seconds. Then the
memory of counting an object of 500,000 events, in each format. Run: python tests/benchmarks/counting_speed.py
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.benchmarks.counting import native  # noqa: E402 - the path above comes first
from tests.benchmarks.counting.offer_events import World, write_gzip, write_parquet, write_zstd  # noqa: E402

CONTENDERS = ROOT / "tests" / "benchmarks" / "counting" / "contenders.py"
Figures = dict[str, Any]


class Race:
    """Contenders in turns on one core. `cache` takes bytecode, so that no start pays for compiling."""

    def __init__(self, cache: Path) -> None:
        self._environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._environment["PYTHONPYCACHEPREFIX"] = str(cache)

    def run(self, contender: str | Path, file: Path) -> Figures:
        command = [sys.executable, CONTENDERS, contender] if isinstance(contender, str) else [contender]
        done = subprocess.run([*command, file], env=self._environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"{contender} failed on {file.name}: {done.stderr[-2_000:]}")
        figures: Figures = json.loads(done.stdout)
        return {"call": figures["seconds"]} | figures

    def rounds(self, entries: dict[str, tuple[str | Path, Path]], repeats: int) -> dict[str, list[Figures]]:
        """The figures of each entry, one a round; a first round, which warms caches, is not among them."""
        runs: dict[str, list[Figures]] = {name: [] for name in entries}
        for number in range(repeats + 1):
            for name, (contender, file) in entries.items():
                figures = self.run(contender, file)
                if number:
                    runs[name].append(figures)
        return runs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=250_000, help="of the object that the race is about")
    parser.add_argument("--large", type=int, default=500_000, help="events of the objects whose memory is measured")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        race = Race(folder / "bytecode")
        lines = write_gzip(World().lines(given.events), folder / "events.jsonl.gz")
        _speed(race, folder, lines, given.repeats)
        _memory(race, folder, given.large)


def _speed(race: Race, folder: Path, lines: Path, repeats: int) -> None:
    nested = write_parquet(lines, folder / "nested.parquet")
    flat = write_parquet(lines, folder / "flat.parquet", flat=True)
    entries: dict[str, tuple[str | Path, Path]] = {"ours, gzip": ("ours", lines)}
    if program := native.built(folder):
        entries["native: ISA-L, simdjson"] = (program, lines)
    if importlib.util.find_spec("orjson"):
        entries["the loop in orjson, isal"] = ("orjson-isal", lines)
        entries["the loop in orjson, gzip of the standard library"] = ("orjson-standard-gzip", lines)
    else:
        print("No orjson in this run: it is not installed.")
    entries |= {
        "ours, nested Parquet": ("ours", nested),
        "DuckDB, bare read, nested": ("duckdb-nested", nested),
        "ours, flat Parquet": ("ours", flat),
        "DuckDB, bare read, flat": ("duckdb-flat", flat),
    }
    runs = race.rounds(entries, repeats)
    _check({name: figures[0] for name, figures in runs.items() if figures[0]["counted"]})
    print("\nThousand events a CPU second, medians: of the whole process, imports included; of the call alone.\n")
    print("| | whole process | least, most | call alone | peak MB |\n| --- | --- | --- | --- | --- |")
    for name, figures in runs.items():
        whole, call = ([one["lines"] / one[part] / 1000 for one in figures] for part in ("seconds", "call"))
        print(
            f"| {name} | {statistics.median(whole):.0f} | {min(whole):.0f}, {max(whole):.0f} | "
            f"{statistics.median(call):.0f} | {max(one['peak_mb'] for one in figures):.0f} |"
        )
    print(
        "\n| ratio of rates, median of the rounds | whole process | call alone | to reach |\n| --- | --- | --- | --- |"
    )
    for ours, other, least in (
        ("ours, gzip", "native: ISA-L, simdjson", 1 / 3),
        ("ours, gzip", "the loop in orjson, isal", 1.7),
        ("ours, gzip", "the loop in orjson, gzip of the standard library", 1.7),
        ("ours, nested Parquet", "DuckDB, bare read, nested", 0.08),
        ("ours, flat Parquet", "DuckDB, bare read, flat", None),
    ):
        if other in runs:
            ratios = [_ratio(runs[ours], runs[other], part) for part in ("seconds", "call")]
            print(f"| {ours} / {other} | {ratios[0]:.3f} | {ratios[1]:.3f} | {f'{least:.3f}' if least else ''} |")


def _ratio(ours: list[Figures], other: list[Figures], part: str) -> float:
    return statistics.median(theirs[part] / mine[part] for mine, theirs in zip(ours, other, strict=True))


def _check(found: dict[str, Figures]) -> None:
    """All who count have counted the same lines."""
    counted = {(figures["lines"], figures["counted"]) for figures in found.values()}
    keys = {figures["keys"] for name, figures in found.items() if not name.startswith("native")}
    if len(counted) != 1 or len(keys) != 1:
        raise SystemExit(f"The contenders have not counted the same: {found}")
    print(f"All counted {counted.pop()[1]} lines of the same file to {keys.pop()} keys.")


def _memory(race: Race, folder: Path, events: int) -> None:
    lines = write_gzip(World().lines(events), folder / "large.jsonl.gz")
    files = {
        "gzip": lines,
        "zstd": write_zstd(World().lines(events), folder / "large.jsonl.zst"),
        "nested Parquet": write_parquet(lines, folder / "large-nested.parquet"),
        "flat Parquet": write_parquet(lines, folder / "large-flat.parquet", flat=True),
    }
    print(
        f"\n| object of {events} events | MB | peak MB of counting it (to reach: 400) | thousand events a CPU second |"
    )
    print("| --- | --- | --- | --- |")
    for name, file in files.items():
        figures = race.run("ours", file)
        rate = figures["lines"] / figures["seconds"] / 1000
        print(f"| {name} | {file.stat().st_size / 1e6:.0f} | {figures['peak_mb']:.0f} | {rate:.0f} |")


if __name__ == "__main__":
    main()
