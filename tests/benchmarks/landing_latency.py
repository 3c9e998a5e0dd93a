"""From an object put to a snapshot that has learned from it, on this machine with everything running on it.

A stream of 5 objects a second for two minutes: median and 99th percentile. Then higher rates, until what was put is no
longer learned as fast as it comes. Needs the emulator (`make demo` makes it). Run: python
tests/benchmarks/landing_latency.py
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import sys
import tempfile
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]

from infra.local.client import Client  # noqa: E402 - the path above comes first
from infra.local.emulator import executable  # noqa: E402
from infra.local.system import System, running  # noqa: E402
from offer_ranking.learning.snapshot import Snapshot  # noqa: E402

OFFERS = 30
EVENTS = 20  # of an object
_POLL_SECONDS = 0.05
_DRAIN_SECONDS = 60
_KEEPS_UP_SECONDS = 5.0  # of objects may wait at the end of a stream that is kept up with


@dataclass(slots=True)
class Landings:
    """When objects were put, and when a snapshot held them. The n-th object is of offer n mod 30, 20 impressions each.

    So a snapshot's impressions of an offer say how many of the offer's objects it has learned from.
    """

    put: list[float] = field(default_factory=list)
    learned: list[float | None] = field(default_factory=list)

    def starts(self) -> int:
        """The number of an object that is put now."""
        self.put.append(time.monotonic())
        self.learned.append(None)
        return len(self.put) - 1

    def found(self, snapshot: Snapshot, at: float) -> None:
        for name, impressions in zip(snapshot.versions.offers, snapshot.impressions.tolist(), strict=True):
            offer = int(name.rpartition("-")[2])
            for number in range(offer, min(len(self.put), offer + OFFERS * round(impressions / EVENTS)), OFFERS):
                if self.learned[number] is None:
                    self.learned[number] = at

    @property
    def waiting(self) -> int:
        return sum(at is None for at in self.learned)


class Watch:
    """Reads every snapshot of a model as soon as there is one."""

    def __init__(self, system: System, model_id: str, landings: Landings) -> None:
        self._s3 = system.aws("s3")
        self._prefix = f"snapshots/{model_id}/"
        buckets = [bucket["Name"] for bucket in self._s3.list_buckets()["Buckets"]]
        (self._bucket,) = [name for name in buckets if name != system.datasets_bucket and "state" in name.lower()]
        self._landings = landings
        self._last = ""
        self.snapshots = 0

    def run(self, stop: threading.Event) -> None:
        while not stop.wait(_POLL_SECONDS):
            self.look()

    def look(self) -> None:
        answer = self._s3.list_objects_v2(
            Bucket=self._bucket, Prefix=self._prefix, StartAfter=self._last or self._prefix
        )
        for item in answer.get("Contents", []):
            data = self._s3.get_object(Bucket=self._bucket, Key=item["Key"])["Body"].read()
            self._landings.found(Snapshot.from_bytes(data), time.monotonic())
            self._last = item["Key"]
            self.snapshots += 1


def lines(offer: int) -> bytes:
    """The lines of one object, as a team's own pipeline writes them."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    shown = {"scope": "home", "items": [{"id": f"offer-{offer}"}]}
    events = [
        {
            "_id": str(uuid.uuid4()),
            "timestamp": now,
            "eventType": "decisioning.propositionDisplay",
            "_experience": {"decisioning": {"propositions": [{"id": str(uuid.uuid4()), **shown}]}},
        }
        for _ in range(EVENTS)
    ]
    return gzip.compress("".join(json.dumps(event) + "\n" for event in events).encode(), 1)


def stream(system: System, admin: Client, rate: float, seconds: float) -> tuple[Landings, int, int]:
    """Put objects at this rate into a dataset of its own, and wait for all; landings, how many waited, snapshots."""
    schema = "experience-event-proposition-interactions"
    dataset = admin.post("/datasets", {"name": f"landing {uuid.uuid4()}", "schema": schema})
    body = {"name": f"landing {uuid.uuid4()}", "type": "auto-optimization", "datasetIds": [dataset["id"]]}
    model_id = admin.post("/models", body)["id"]
    admin.post(f"/models/{model_id}/activate")
    landings, stop, s3 = Landings(), threading.Event(), system.aws("s3")
    watch = Watch(system, model_id, landings)
    watcher = threading.Thread(target=watch.run, args=(stop,))

    def put(number: int) -> None:
        key = f"{dataset['prefix']}{number:06d}.jsonl.gz"
        s3.put_object(Bucket=dataset["bucket"], Key=key, Body=lines(number % OFFERS))

    watcher.start()
    with ThreadPoolExecutor(4) as putting:
        start = time.monotonic()
        for number in range(round(rate * seconds)):
            time.sleep(max(0.0, start + number / rate - time.monotonic()))
            putting.submit(put, landings.starts())
        waiting = landings.waiting
        until = time.monotonic() + _DRAIN_SECONDS
        while landings.waiting and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
    stop.set()
    watcher.join()
    admin.post(f"/models/{model_id}/deactivate")
    return landings, waiting, watch.snapshots


def row(rate: float, landings: Landings, waiting: int, snapshots: int) -> bool:
    """Print it; whether the stream was kept up with."""
    pairs = zip(landings.put, landings.learned, strict=True)
    took = sorted((_DRAIN_SECONDS if learned is None else learned - put) for put, learned in pairs)
    kept = landings.waiting == 0 and waiting <= _KEEPS_UP_SECONDS * rate
    print(
        f"| {rate:g} | {len(took)} | {statistics.median(took):.2f} | {took[int(0.99 * (len(took) - 1))]:.2f} | "
        f"{took[-1]:.2f} | {waiting} | {landings.waiting} | {snapshots} | {'yes' if kept else 'no'} |",
        flush=True,
    )
    return kept


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, default=5.0, help="objects a second of the long stream")
    parser.add_argument("--seconds", type=float, default=120.0, help="of the long stream")
    parser.add_argument("--step", type=float, default=20.0, help="seconds of each higher rate")
    parser.add_argument("--most", type=float, default=160.0, help="the highest rate that is tried")
    given = parser.parse_args()
    if not executable().exists():
        print(f"Not measured: there is no emulator at {executable()}.")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "functions.log").open("w") as log, running(folder=folder, log=log) as system:
            secret = system.issuer.clients["admin"].secret
            with Client.of(system.url, "admin", secret) as admin:
                stream(system, admin, 2.0, 3.0)  # warm
                print("| objects a second | objects | seconds until learned, median | 99th percentile | most ", end="")
                print("| waiting at the end of the stream | never | snapshots | kept up |")
                print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
                kept = row(given.rate, *stream(system, admin, given.rate, given.seconds))
                rate, highest = given.rate, given.rate if kept else 0.0
                while kept and rate < given.most:
                    rate *= 1.5
                    kept = row(rate, *stream(system, admin, rate, given.step))
                    highest = rate if kept else highest
    print(f"\nHighest rate kept up with: {highest:g} objects a second of {EVENTS} events each.")


if __name__ == "__main__":
    main()
