"""The largest personalized model that must fit: 50 audiences, 100,000 observed cells, 100 offers.

Cells are sparse: profiles are in each audience by chance, usual audiences and rare ones, and most cells have few
impressions. The fit runs in a fresh process, which reads the counts from a file: its CPU seconds (to reach: 10) and the
most memory that the process ever held (to reach: 1 GB). Run: python tests/benchmarks/personalized_scale.py
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]

from offer_ranking.catalog.model import Model, ModelType, NewModel, define_model  # noqa: E402 - the path first
from offer_ranking.counting.counts import CONVERSION, IMPRESSION, Counts  # noqa: E402
from offer_ranking.counting.text import Text  # noqa: E402
from offer_ranking.learning.cell import Cell  # noqa: E402
from offer_ranking.learning.fit import fit  # noqa: E402
from offer_ranking.learning.snapshot import Snapshot  # noqa: E402

AUDIENCES = tuple(f"audience-{number:02}" for number in range(50))
SECONDS, MEGABYTES = 10.0, 1000.0
_HOUR = 500_000
_ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL")}


def main() -> int:
    """Print the table; the exit code is 1 when the fit takes more than it may."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, default=100_000)
    parser.add_argument("--offers", type=int, default=100)
    parser.add_argument("--impressions", type=int, default=3_000_000)
    parser.add_argument("--file", type=Path, help="fit the counts of this file, and say what that took")
    given = parser.parse_args()
    if given.file:
        print(json.dumps(fitted(given.file)))
        return 0
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "counts"
        counts = sparse(given.cells, given.offers, given.impressions)
        file.write_bytes(counts.to_bytes())
        found = _in_fresh_process(file)
    print("| cells | offers | rows of counts | impressions | fit, CPU s | reading, CPU s | peak MB | features |")
    print("| --- " * 8 + "|")
    cells = len(counts.cell.words)
    total = int(counts.count[counts.kind == IMPRESSION].sum())
    print(
        f"| {cells} | {given.offers} | {len(counts)} | {total} | {found['fit']:.2f} (<= {SECONDS:g}) | "
        f"{found['reading']:.2f} | {found['peak_mb']:.0f} (<= {MEGABYTES:g}) | {found['features']} |"
    )
    return 0 if found["fit"] <= SECONDS and found["peak_mb"] <= MEGABYTES else 1


def sparse(cells: int, offers: int, impressions: int) -> Counts:
    """Impressions of so many distinct cells, each at least once; logits move with the audiences, by offer."""
    world = np.random.default_rng(20_260_101)
    usual = world.beta(0.6, 2.5, len(AUDIENCES))
    member = np.zeros((0, len(AUDIENCES)), np.bool_)
    while len(member) < cells:
        drawn = world.random((2 * cells, len(AUDIENCES))) < usual
        member = np.unique(np.concatenate([member, drawn]), axis=0)
    member = member[world.permutation(len(member))[:cells]]
    popularity = 1 / (1 + np.arange(cells)) ** 0.7
    extra = world.choice(cells, max(impressions - cells, 0), p=popularity / popularity.sum())
    cell = np.concatenate([np.arange(cells), extra])
    offer = world.integers(offers, size=len(cell))
    effect = world.normal(0, 0.3, (len(AUDIENCES), offers))
    logit = world.normal(-4, 0.5, offers)[offer] + (member @ effect)[cell, offer]
    converted = world.random(len(cell)) < 1 / (1 + np.exp(-logit))
    texts = [Cell(tuple(AUDIENCES[n] for n in np.flatnonzero(row))).text for row in member]
    return _table(texts, [f"offer-{n:03}" for n in range(offers)], cell, offer, converted)


def _table(texts: list[str], names: list[str], cell: Any, offer: Any, converted: Any) -> Counts:
    rows = len(cell) + int(converted.sum())
    cells, offers = (np.concatenate([column, column[converted]]) for column in (cell, offer))
    kind = np.repeat([IMPRESSION, CONVERSION], [len(cell), rows - len(cell)])
    same = np.zeros(rows, np.int64)
    return Counts.from_columns(
        hour=np.full(rows, _HOUR),
        offer=Text.coded(offers, names),
        etag=Text.coded(same, [""]),
        model=Text.coded(same, ["scale"]),
        traffic=Text.coded(same, [""]),
        cell=Text.coded(cells, texts),
        kind=kind,
        position=same,
        lag=same,
        count=np.ones(rows, np.int64),
    )


def _in_fresh_process(file: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--file", str(file)]
    done = subprocess.run(command, env=os.environ | _ONE_THREAD, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr[-2_000:])
    found: dict[str, float] = json.loads(done.stdout)
    return found


def fitted(file: Path) -> dict[str, float]:
    """CPU seconds and peak memory of this process."""
    start = time.process_time()
    counts = Counts.from_bytes(file.read_bytes())
    read = time.process_time()
    learned = fit(counts, _model(), version=1, as_of=_HOUR * 3600.0, trained_on={"scale": 1})
    done = time.process_time()
    assert isinstance(learned, Snapshot)
    assert learned.tastes
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)
    features = len(learned.tastes.features)
    return {"fit": done - read, "reading": read - start, "peak_mb": peak * 1.048576, "features": features}


def _model() -> Model:
    new = NewModel(name="scale", type=ModelType.PERSONALIZED, dataset_ids=("scale",), audiences=AUDIENCES)
    return define_model(new, id="scale", now=datetime.fromtimestamp(_HOUR * 3600, UTC))


if __name__ == "__main__":
    sys.exit(main())
