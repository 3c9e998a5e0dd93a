"""Five million events, 0.5 % of them copies that lie in any object: our counts against DuckDB's COUNT(DISTINCT).

The objects are counted one by one and merged in batches, in a shuffled order; then some are exported again under other
names, which must change nothing. Run: python tests/benchmarks/counting_distinct.py
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]

from tests.benchmarks.counting.distinct import Dataset, differences, distinct, written  # noqa: E402 - the path first

AT_ONCE = 7  # objects that are merged together


def main() -> int:
    """Print the table; the exit code is 1 when any count differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=5_000_000)
    parser.add_argument("--objects", type=int, default=50)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        paths = written(Path(name), given.events, given.objects)
        dataset = Dataset.empty()
        shuffled = random.Random(1).sample(paths, len(paths))
        start = time.process_time()
        for first in range(0, len(shuffled), AT_ONCE):
            dataset.take({path.name: path.read_bytes() for path in shuffled[first : first + AT_ONCE]})
        seconds = time.process_time() - start
        counted, accounting = dataset.counted()
        expected, lines = distinct(paths)
        dataset.take({f"again/{path.name}": path.read_bytes() for path in paths[:5]})
        after, accounting_after = dataset.counted()
    wrong, changed = differences(counted, expected), differences(after, counted)
    print("| | lines | distinct events | groups | differences |\n| --- | --- | --- | --- | --- |")
    print(f"| COUNT(DISTINCT) over {len(paths)} objects | {lines} | {sum(expected.values())} | {len(expected)} | |")
    print(f"| ours | {accounting.received} | {sum(counted.values())} | {len(counted)} | {len(wrong)} |")
    print(
        f"| ours, 5 objects exported again | {accounting_after.received} | {sum(after.values())} | {len(after)} | "
        f"{len(changed)} |"
    )
    print(
        f"\n{accounting.received} received = {accounting.counted} counted + {accounting.duplicate} duplicate; "
        f"{accounting.received / seconds / 1000:.0f} thousand events a CPU second, merges included."
    )
    is_accounted = accounting.counted == sum(expected.values()) and accounting.received == lines
    return 0 if is_accounted and not wrong and not changed else 1


if __name__ == "__main__":
    sys.exit(main())
