"""From a click at the edge to a ranking that has learned from it, on this machine with everything running on it.

A visitor a time asks, displays, clicks; then the rank API is asked until its snapshot holds the click. Needs the
emulator (`make demo` makes it). Run: python tests/benchmarks/click_latency.py
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]

from infra.local.client import Client  # noqa: E402 - the path above comes first
from infra.local.emulator import executable  # noqa: E402
from infra.local.storefront import SHOP, opened  # noqa: E402
from infra.local.system import System, running  # noqa: E402
from offer_ranking.learning.snapshot import Snapshot  # noqa: E402

_POLL_SECONDS = 0.02
_PATIENCE_SECONDS = 60


def event(kind: str, proposition: dict[str, Any]) -> dict[str, Any]:
    """What the Web SDK sends of the first offer."""
    shown = {key: proposition[key] for key in ("id", "scope", "scopeDetails")}
    shown["items"] = [{"id": proposition["items"][0]["id"]}]
    decisioning = {"propositions": [shown], "propositionEventType": {kind: 1}}
    return {"xdm": {"eventType": f"decisioning.proposition{kind.title()}", "_experience": {"decisioning": decisioning}}}


class Learned:
    """What a ranking knows: conversions in the snapshot that it is made from."""

    def __init__(self, system: System, ranker: Client, model: str) -> None:
        self._s3 = system.aws("s3")
        self._ranker = ranker
        self._model = model
        (self._bucket,) = [one["Name"] for one in self._s3.list_buckets()["Buckets"] if "state" in one["Name"].lower()]
        self._conversions: dict[int, int] = {}

    def conversions(self) -> int:
        ranking = self._ranker.post(f"/models/{self._model}/rankings", {"offers": [{"id": "summer"}]})
        if ranking["snapshot"] is None:
            return 0
        version = ranking["snapshot"]["version"]
        if version not in self._conversions:
            self._conversions |= self._read(version)
        return self._conversions[version]

    def _read(self, version: int) -> dict[int, int]:
        listed = self._s3.list_objects_v2(Bucket=self._bucket, Prefix=f"snapshots/{self._model}/")["Contents"]
        for item in sorted(listed, key=lambda one: one["LastModified"], reverse=True):
            found = Snapshot.from_bytes(self._s3.get_object(Bucket=self._bucket, Key=item["Key"])["Body"].read())
            if found.version == version:
                return {version: round(float(found.conversions.sum()))}
        raise LookupError(version)


def click(system: System, number: int, asked: Mapping[str, str], learned: Learned) -> float:
    """The visitor of this number, from 0; the seconds from the click until a ranking knows of it."""
    transport = httpx.HTTPTransport(local_address=f"127.8.{number // 250}.{number % 250 + 1}")
    headers = {"Origin": f"https://{SHOP}"}
    with httpx.Client(transport=transport, base_url=f"{system.url}/ee/v1", headers=headers, timeout=60) as http:
        named = {"configId": asked["datastream"]}
        query = {"personalization": {"decisionScopes": [asked["scope"]]}}
        answer = http.post("/interact", json={"events": [{"xdm": {}, "query": query}]}, params=named).json()
        (proposition,) = next(one for one in answer["handle"] if one["type"] == "personalization:decisions")["payload"]
        http.post("/collect", json={"events": [event("display", proposition)]}, params=named).raise_for_status()
        started = time.monotonic()
        http.post("/collect", json={"events": [event("interact", proposition)]}, params=named).raise_for_status()
    while (took := time.monotonic() - started) < _PATIENCE_SECONDS:
        if learned.conversions() > number:
            return took
        time.sleep(_POLL_SECONDS)
    raise TimeoutError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clicks", type=int, default=100)
    given = parser.parse_args()
    if not executable().exists():
        print(f"Not measured: there is no emulator at {executable()}.")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "functions.log").open("w") as log, running(folder=folder, log=log) as system:
            model, asked = opened(system)
            secret = system.issuer.clients["ranker"].secret
            with Client.of(system.url, "ranker", secret) as ranker:
                learned = Learned(system, ranker, model)
                took = sorted(click(system, number, asked, learned) for number in range(given.clicks))
    median, last = statistics.median(took), took[round(0.99 * (len(took) - 1))]
    print(f"{len(took)} clicks: learned after {median:.2f} s (median), {last:.2f} s (p99), {took[-1]:.2f} s at most")


if __name__ == "__main__":
    main()
