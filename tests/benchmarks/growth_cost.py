"""What one new object costs, by how many lie there already: requests and bytes of counting, merging and fitting.

A stream of 10 objects an hour with 100 events each, and one more of that kind, an hour into a day or at its end; the
model's window is 30 days. Real protocol, files and fit, over stores in memory that count. A call of the ledger or of
the catalog is one request of DynamoDB. Run: python tests/benchmarks/growth_cost.py
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]

from offer_ranking.catalog.lifecycle import Action  # noqa: E402 - the path above comes first
from offer_ranking.catalog.model import ModelType, NewModel, define_model, move_model  # noqa: E402
from offer_ranking.counting.accounting import Accounting  # noqa: E402
from offer_ranking.counting.counts import Key  # noqa: E402
from offer_ranking.counting.delta import Delta  # noqa: E402
from offer_ranking.counting.protocol import MERGED_AT_ONCE, Counting, Place  # noqa: E402
from offer_ranking.learning.training import Outcome, Trainer  # noqa: E402
from offer_ranking.storage.count_files import S3CountFiles  # noqa: E402
from offer_ranking.storage.objects import S3Objects  # noqa: E402
from offer_ranking.storage.snapshots import S3Snapshots  # noqa: E402
from tests.benchmarks.counting.metered import Metered, MeteredS3  # noqa: E402
from tests.support.fakes import FakeLedger, FakeModels  # noqa: E402

SIZES = (10, 1_000, 10_000)
AN_HOUR, EVENTS, BYTES = 10, 100, 20_000  # objects, and their events and bytes
TODAY = datetime(2026, 6, 1, tzinfo=UTC)
_LEDGER = ("next_generation", "settle", "dirty", "rows", "between", "pointer", "advance", "clean")
_PARTS = ("reads", "kB read", "writes", "kB written", "table calls", "CPU ms")


class World:
    """A dataset, and one live model that learns from it."""

    def __init__(self) -> None:
        self.s3 = MeteredS3()
        tally: Counter[str] = self.s3.tally
        s3: Any = self.s3
        self._rng = np.random.default_rng(20_251_124)
        self._deltas: dict[bytes, Delta] = {}
        self._number = 0
        ledger: Any = Metered(FakeLedger(), _LEDGER, tally)
        files = S3CountFiles(s3, "state")
        model = define_model(
            NewModel(name="m", type=ModelType.AUTO_OPTIMIZATION, dataset_ids=("d",)), id="m", now=TODAY
        )
        models: Any = Metered(
            FakeModels(move_model(model, Action.ACTIVATE, now=TODAY)), ("get", "publish", "trained"), tally
        )
        self.counting = Counting(ledger, S3Objects(s3), files, self._count)
        self.trainer = Trainer(models, ledger, files, S3Snapshots(s3, "state"))

    def _count(self, path: Path, _mapping: object) -> Any:
        return SimpleNamespace(delta=self._deltas[path.read_bytes().strip()], refused=())

    def put(self, hour: int) -> str:
        """A new object with events of one hour (hours since 1970); its key."""
        self._number += 1
        drawn = self._rng.integers(0, (200, 12, 10), (EVENTS, 3))
        keys = [
            Key(hour, f"offer-{offer}", model="m", traffic="model", cell=f"{cell}", kind=int(kind == 0), position=1)
            for offer, cell, kind in drawn.tolist()
        ]  # fmt: skip
        distinct = sorted(set(keys))
        delta = Delta.tallied(
            distinct,
            hour=np.full(EVENTS, hour),
            key=self._rng.integers(0, 2**64, EVENTS, np.uint64),
            line=np.arange(1, EVENTS + 1),
            group=[distinct.index(key) for key in keys],
            accounting=Accounting.of(counted=EVENTS),
        )
        content = str(self._number).encode()
        self._deltas[content] = delta
        key = f"{self._number:06d}.jsonl.gz"
        self.s3.content["b", key] = content.ljust(BYTES)
        return key

    def stream(self, objects: int, until: datetime) -> None:
        """So many objects before a moment, counted and merged."""
        end = int(until.timestamp()) // 3600
        start = end - -(-objects // AN_HOUR)
        keys = [self.put(start + number // AN_HOUR) for number in range(objects)]
        for first in range(0, objects, MERGED_AT_ONCE):
            some = keys[first : first + MERGED_AT_ONCE]
            for key in some:
                self.counting.count(Place("d", "b", "", key))
            self.counting.merge("d", some)

    def one_more(self, now: datetime) -> dict[str, list[float]]:
        """What it takes to count and merge one more object, and to fit the model after it."""
        self.trainer.train("m", now=now - timedelta(minutes=1), request_id="", window_moved=True)
        key = self.put(int(now.timestamp()) // 3600)
        self.s3.tally.clear()
        start = time.process_time()
        self.counting.count(Place("d", "b", "", key))
        self.counting.merge("d", [key])
        merged = self._taken(start)
        start = time.process_time()
        if self.trainer.train("m", now=now, request_id="") is not Outcome.PUBLISHED:
            raise SystemExit("the model was not fitted")
        return {"count and merge": merged, "fit": self._taken(start)}

    def _taken(self, start: float) -> list[float]:
        cpu = 1000 * (time.process_time() - start)
        tally = self.s3.tally
        kilobytes = {way: tally[f"bytes {way}"] / 1000 for way in ("read", "written")}
        taken = [tally["reads"], kilobytes["read"], tally["writes"], kilobytes["written"], tally["table calls"], cpu]
        tally.clear()
        return taken


def main() -> None:
    print(f"| one more of | objects there | | {' | '.join(_PARTS)} |\n| --- {'| --- ' * (2 + len(_PARTS))}|")
    for moment, hours in (("an hour into the day", 1), ("at the end of the day", 23)):
        for size in SIZES:
            today = AN_HOUR * hours
            world = World()
            world.stream(max(0, size - today), TODAY)
            world.stream(today, TODAY + timedelta(hours=hours))
            for step, taken in world.one_more(TODAY + timedelta(hours=hours, minutes=30)).items():
                figures = " | ".join(f"{one:.0f}" for one in taken)
                print(f"| {moment} | {max(size, today)} | {step} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
