"""Definitions made past the console, and events as a shop sends them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from infra.local.client import Client
from infra.local.system import System
from tests.e2e import world

SCHEMA = world.SCHEMA
DAYS = 4


@dataclass(frozen=True, slots=True)
class Shop:
    """A machine's view of the same system."""

    system: System
    admin: Client
    ranker: Client

    @classmethod
    @contextlib.contextmanager
    def of(cls, system: System) -> Iterator[Self]:
        clients = system.issuer.clients
        with (
            Client.of(system.url, "admin", clients["admin"].secret) as admin,
            Client.of(system.url, "ranker", clients["ranker"].secret) as ranker,
        ):
            yield cls(system, admin, ranker)

    def dataset(self, name: str, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.admin.post("/datasets", {"name": name, "schema": SCHEMA, **more})
        return made

    def model(self, name: str, dataset: str, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = self.admin.post(
            "/models", {"name": name, "type": "auto-optimization", "datasetIds": [dataset], **more}
        )
        return made

    def live(self, name: str, dataset: str, **more: Any) -> dict[str, Any]:
        made = self.model(name, dataset, **more)
        self.admin.post(f"/models/{made['id']}/activate")
        return made

    def put(self, dataset: dict[str, Any], name: str, lines: bytes) -> None:
        """An object of events into a dataset."""
        key = f"{dataset['prefix']}{name}"
        self.system.aws("s3").put_object(Bucket=dataset["bucket"], Key=key, Body=lines)

    def visits(self, model: str, offers: Sequence[str], *, each: int, **asked: Any) -> bytes:
        """Rankings shown on each of some days until now; a third of the first offer's are clicked, few of others."""
        lines = []
        now = datetime.now(UTC)
        for day in range(DAYS):
            at = (now - timedelta(days=DAYS - 1 - day)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            requests = [{"offers": [{"id": one} for one in offers], "count": 1, **asked}] * each
            rankings = self.ranker.post(f"/models/{model}/rankings/batch", {"requests": requests})["rankings"]
            for number, ranking in enumerate(rankings):
                shown = ranking["offers"][0]["id"]
                clicks = number % (3 if shown == offers[0] else 20) == 0
                lines += [_event(ranking, shown, kind, at) for kind in ("display", "interact")[: 1 + clicks]]
        return "".join(json.dumps(line) + "\n" for line in lines).encode()

    def learned(self, model: str, impressions: int) -> dict[str, Any]:
        """The report of a model, once it has so many impressions and has learned from them."""

        def ask() -> dict[str, Any] | None:
            report: dict[str, Any] = self.admin.get(f"/models/{model}/report?days=30")
            is_known = report["totals"]["impressions"] >= impressions and report["snapshotVersion"]
            return report if is_known else None

        return world.within(20, ask)


def _event(ranking: dict[str, Any], offer: str, kind: str, at: str) -> dict[str, Any]:
    shown = {**ranking["proposition"], "items": [{"id": offer}]}
    return {
        "_id": f"{ranking['rankingId']}-{kind}",
        "timestamp": at,
        "eventType": f"decisioning.proposition{kind.capitalize()}",
        "_experience": {"decisioning": {"propositionEventType": {kind: 1}, "propositions": [shown]}},
    }
