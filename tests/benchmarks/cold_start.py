"""CPU of a cold start: each function's handler imported in a fresh process, clients and all, as Lambda does it.

As a ratio to a bare handler with the same dependencies: one that imports from libraries what the function's modules
import from them, and makes the same AWS clients. For comparison, `rank_offers` beside no more than what it stands on:
boto3 with a DynamoDB client, NumPy, pydantic's BaseModel, Powertools. One of each in turn, so that a drift of the
machine's speed meets all alike.

    python tests/benchmarks/cold_start.py [pairs]
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAIRS = 11
LIMIT = 1.25
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]

from tests.support.aws import ENVIRONMENT  # noqa: E402 - the path above comes first

# `import pydantic` alone loads next to nothing: it is lazy. Its BaseModel is what every user of it pays for.
FOUNDATION = """
import boto3, numpy
from pydantic import BaseModel
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
boto3.client("dynamodb")
"""
# Prints the bare handler's code: what the modules import when they are imported, and the clients that they make.
PROBE = """
import ast, sys
from pathlib import Path
import boto3
made, client = [], boto3.client
boto3.client = lambda service, **given: (made.append(service), client(service, **given))[1]
import functions.{name}.handler
ours = [m for n, m in sys.modules.items() if n.split(".")[0] in ("offer_ranking", "functions") and m.__file__]
own = ("offer_ranking", "functions", "__future__")
lines = {{}}
for module in ours:
    for node in ast.parse(Path(module.__file__).read_text()).body:
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module.split(".")[0] not in own):
            lines[ast.unparse(node)] = None
print(*lines, *(f"boto3.client({{one!r}})" for one in made), sep=chr(10))
print("def lambda_handler(event, context): return {{}}")
"""


def run(code: str, cache: str) -> tuple[float, str]:
    """CPU seconds, user and system, of a fresh process that runs the code, bytecode compiled before; and its output."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= ENVIRONMENT | {"PYTHONPATH": f"{ROOT / 'shared'}:{ROOT}", "PYTHONPYCACHEPREFIX": cache}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, "-c", code], check=True, env=environment, stdout=subprocess.PIPE, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime), done.stdout


def compared(handler: str, other: str, cache: str, pairs: int) -> tuple[list[float], list[float]]:
    """CPU seconds of each, in turn."""
    run(handler, cache), run(other, cache)
    found = [(run(handler, cache)[0], run(other, cache)[0]) for _ in range(pairs)]
    return [mine for mine, _ in found], [its for _, its in found]


def main() -> int:
    """Print the table; 1 where a function's start is above the limit."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    missed = False
    print(f"| function | CPU ms, median | bare | ratio (limit {LIMIT}) | least | greatest |")
    print("| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as cache:
        names = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
        bare = {name: run(PROBE.format(name=name), cache)[1] for name in names}
        rows = [(name, name, bare[name]) for name in names] + [("rank_offers, foundation", "rank_offers", FOUNDATION)]
        for title, name, other in rows:
            mine, its = compared(f"import functions.{name}.handler", other, cache, pairs)
            ratios = [a / b for a, b in zip(mine, its, strict=True)]
            ratio = statistics.median(ratios)
            missed |= ratio > LIMIT and other is not FOUNDATION
            figures = f"{1000 * statistics.median(mine):.0f} | {1000 * statistics.median(its):.0f} | {ratio:.3f}"
            print(f"| {title} | {figures} | {min(ratios):.3f} | {max(ratios):.3f} |", flush=True)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
