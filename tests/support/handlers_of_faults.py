"""Every `except` on the way from an object to a snapshot has been executed by the tests that just ran.

Coverage counts lines, and a handler of faults is few of them: a total of 97 % may miss every one.
Reads the coverage data of the run: `python -m tests.support.handlers_of_faults`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import coverage

ROOT = Path(__file__).parents[2]
WATCHED = (
    "shared/offer_ranking/counting",
    "shared/offer_ranking/learning",
    "shared/offer_ranking/storage",
    "functions/refresh_rankings",
)


def handlers(source: str) -> Iterator[tuple[int, range]]:
    """Line of each `except`, and the lines of the first statement behind it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            first = node.body[0]
            yield node.lineno, range(first.lineno, (first.end_lineno or first.lineno) + 1)


def main() -> int:
    """Print those that were not executed; 1 when there are any."""
    data = coverage.CoverageData(str(ROOT / ".coverage"))
    data.read()
    seen = missed = 0
    for folder in WATCHED:
        for file in sorted((ROOT / folder).rglob("*.py")):
            executed = set(data.lines(str(file)) or ())
            for line, statement in handlers(file.read_text(encoding="utf-8")):
                seen += 1
                if executed.isdisjoint(statement):
                    missed += 1
                    sys.stderr.write(f"{file.relative_to(ROOT)}:{line}: no test comes here\n")
    sys.stdout.write(f"{seen - missed} of {seen} handlers of faults executed\n")
    return 1 if missed or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
