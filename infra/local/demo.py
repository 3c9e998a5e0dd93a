"""`python -m infra.local.demo`: a shop whose visitors teach a model which offers sell. Ends by itself.

Everything goes the way of any client: definitions and rankings over HTTP, events as objects in S3. After every round
the shop waits until its events are counted and learned, so the same seed shows the same visitors the same offers.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from infra.local.client import Client, RefusedError
from infra.local.emulator import StartError
from infra.local.intrinsics import UnresolvedError
from infra.local.outcome import Outcome, Round, plot, show
from infra.local.shop import Shop, Visits, events, gzipped_lines, rounds
from infra.local.system import FOLDER, System, running

VISITS = 200_000
ROUND = 10_000
SEED = 1
_BATCH = 100  # rankings a call, the most that the API takes
_UNMETERED = {"RankingsPerSecondPerClient": "0"}  # all its visitors come by one client, as fast as may be
_PATIENCE_SECONDS = 60
_POLL_SECONDS = 0.05
_Found = TypeVar("_Found")


class DemoError(Exception):
    """The demo cannot go on, in one sentence."""


@dataclass(slots=True)
class Learner:
    """The model that the shop asks, and what the shop knows of its learning."""

    admin: Client
    ranker: Client
    s3: Any
    dataset: Mapping[str, Any]
    model: str
    impressions: int = 0
    generation: int = 0
    snapshot: int = 0
    report: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def create(cls, system: System, admin: Client, ranker: Client) -> Learner:
        """A dataset and a live model over it."""
        dataset = admin.post(
            "/datasets", {"name": "Events of the shop", "schema": "experience-event-proposition-interactions"}
        )
        model = admin.post(
            "/models", {"name": "What sells", "type": "auto-optimization", "datasetIds": [dataset["id"]]}
        )
        admin.post(f"/models/{model['id']}/activate")
        return cls(admin, ranker, system.aws("s3"), dataset, model["id"])

    def rank(self, shop: Shop, visits: Visits, done: Callable[[int], None]) -> list[dict[str, Any]]:
        """A ranking for each visit, by a snapshot not older than the newest that was waited for."""
        rankings: list[dict[str, Any]] = []
        offers = [{"id": offer} for offer in shop.offers]
        for start in range(0, len(visits.seeds), _BATCH):
            requests = [{"offers": offers, "count": 1, "seed": seed} for seed in visits.seeds[start : start + _BATCH]]
            batch = _awaited("the newest snapshot to be ranked by", partial(self._ranked, requests))
            rankings += batch
            done(len(batch))
        return rankings

    def _ranked(self, requests: list[dict[str, Any]]) -> list[dict[str, Any]] | None:
        batch: list[dict[str, Any]] = self.ranker.post(f"/models/{self.model}/rankings/batch", {"requests": requests})[
            "rankings"
        ]
        first = batch[0]  # a batch is ranked by one snapshot
        version = first["snapshot"]["version"] if first["snapshot"] else 0
        # On a busy machine the store may seem away for a moment, and events of a fallback teach nothing: ask again.
        return batch if version >= self.snapshot and first["source"] != "fallback" else None

    def teach(self, name: str, lines: bytes, impressions: int) -> None:
        """Put an object of events into the dataset, and wait until the model has learned from it."""
        self.s3.put_object(Bucket=self.dataset["bucket"], Key=f"{self.dataset['prefix']}{name}", Body=lines)
        self.impressions += impressions
        self.report = _awaited("the events to be counted", self._counted)
        # One object, one generation of the dataset's counts: a snapshot of a later one has learned from it.
        known = _awaited("the model to learn", self._learned)
        self.generation, self.snapshot = known["trainedOn"][self.dataset["id"]], known["version"]

    def _counted(self) -> dict[str, Any] | None:
        report: dict[str, Any] = self.admin.get(f"/models/{self.model}/report?days=all")
        return report if report["totals"]["impressions"] >= self.impressions else None

    def _learned(self) -> dict[str, Any] | None:
        snapshot: dict[str, Any] | None = self.admin.get(f"/models/{self.model}")["snapshot"]
        return snapshot if snapshot and snapshot["trainedOn"].get(self.dataset["id"], 0) > self.generation else None


def _awaited(what: str, ask: Callable[[], _Found | None]) -> _Found:
    until = time.monotonic() + _PATIENCE_SECONDS
    while (found := ask()) is None:
        if time.monotonic() > until:
            raise DemoError(f"Waited {_PATIENCE_SECONDS} seconds for {what}; the handlers' log may say why.")
        time.sleep(_POLL_SECONDS)
    return found


def play(system: System, shop: Shop, visits: int, seed: int, console: Console) -> Outcome:
    """Play the shop, and return what came of it. Raises DemoError, RefusedError."""
    clients = system.issuer.clients
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with (
        Client.of(system.url, "admin", clients["admin"].secret) as admin,
        Client.of(system.url, "ranker", clients["ranker"].secret) as ranker,
        Progress(*columns, console=console) as progress,
    ):
        learner = Learner.create(system, admin, ranker)
        bar = progress.add_task("visits, in random order", total=visits)
        played: list[Round] = []
        for number, some in enumerate(rounds(visits, min(ROUND, max(1, visits // 4)), seed)):
            rankings = learner.rank(shop, some, lambda n: progress.advance(bar, n))
            shown = [ranking["offers"][0]["id"] for ranking in rankings]
            converted = some.convinced(shop, shown)
            lines = gzipped_lines(events(rankings, converted))
            learner.teach(f"visits-{number:03d}.jsonl.gz", lines, len(shown))
            played.append(Round(len(shown), sum(converted), shop.rate_of(shown)))
            progress.update(
                bar, description=f"visits, by now {played[-1].true_rate / shop.random_rate:.2f} x random order"
            )
    return Outcome(shop, played, learner.report)


def main() -> int:
    """Run the demo; the exit code is 0 when it came to its end."""
    parser = argparse.ArgumentParser(prog="infra.local.demo", description=__doc__)
    parser.add_argument("--visits", type=int, default=VISITS, help="how many visitors come")
    parser.add_argument("--seed", type=int, default=SEED, help="which visitors come")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="takes the plot and the logs")
    given = parser.parse_args()
    if given.visits < 1:
        parser.error("--visits must be at least 1")
    console = Console()
    folder: Path = given.folder
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / "demo.log").open("w") as log, running(folder=folder, log=log, parameters=_UNMETERED) as system:
            console.print(
                f"A shop with 34 offers opens; nobody knows yet what sells. Watch it learn at {system.url}/console/",
                soft_wrap=True,
            )
            outcome = play(system, Shop.open_bandit_men(), given.visits, given.seed, console)
        plot(outcome, folder / "demo.svg")
        show(outcome, folder / "demo.svg", console)
    except (
        DemoError,
        StartError,
        UnresolvedError,
        RefusedError,
        httpx.HTTPError,
        BotoCoreError,
        ClientError,
    ) as error:
        print(f"The demo failed: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("The demo was interrupted.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
