"""CPU of importing rank_offers with its clients, as a ratio to importing only what it stands on.

Fresh processes, one of each in turn, so that a drift of the machine's speed meets both alike.
    python tests/benchmarks/import_cost.py
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile

RUNS = 21
LIMIT = 1.25
ENVIRONMENT = {
    "CATALOG_TABLE": "c", "TOKEN_KEYS_TABLE": "k", "STATE_BUCKET": "s", "OIDC_ISSUER": "https://issuer.test",
    "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x",
    "PYDANTIC_DISABLE_PLUGINS": "true",  # as in the template
}  # fmt: skip
# `import pydantic` alone loads next to nothing: it is lazy. Its BaseModel is what every user of it pays for.
FOUNDATION = """
import boto3, numpy
from pydantic import BaseModel
from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
boto3.client("dynamodb")
"""
HANDLER = "import functions.rank_offers.handler"


def cpu(code: str, cache: str) -> float:
    """Seconds of CPU, user and system, of a fresh process that runs the code, its bytecode compiled before."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= ENVIRONMENT | {"PYTHONPYCACHEPREFIX": cache}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        cpu(FOUNDATION, cache), cpu(HANDLER, cache)
        pairs = [(cpu(FOUNDATION, cache), cpu(HANDLER, cache)) for _ in range(RUNS)]
    ratios = [handler / foundation for foundation, handler in pairs]
    print("| | CPU ms, median | min | max |\n| --- | --- | --- | --- |")
    for name, values in zip(("foundation", "rank_offers"), zip(*pairs, strict=True), strict=True):
        low, middle, high = (1000 * f(values) for f in (min, statistics.median, max))
        print(f"| {name} | {middle:.0f} | {low:.0f} | {high:.0f} |")
    print(f"| ratio (limit {LIMIT}) | {statistics.median(ratios):.3f} | {min(ratios):.3f} | {max(ratios):.3f} |")


if __name__ == "__main__":
    main()
