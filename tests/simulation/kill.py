"""`python -m tests.simulation.kill`: counts are exact though workers are killed, over a real server process.

Each worker is a process of its own that runs the real handler over the real queues. It is forked from this one, where
everything is imported already, so that to start it again takes a moment; and it is killed with SIGKILL, at a random
moment of a batch.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import importlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local import ROOT
from infra.local.emulator import CREDENTIALS, Emulator
from infra.local.runtime import Context
from infra.local.template import REGION, Template
from infra.redrive import move
from offer_ranking.catalog.change import Change
from offer_ranking.catalog.dataset import NewDataset, define_dataset
from offer_ranking.catalog.lifecycle import Action
from offer_ranking.catalog.model import ModelType, NewModel, define_model, move_model
from offer_ranking.catalog.settings import Settings
from offer_ranking.counting.dataset_counts import DatasetCounts
from offer_ranking.storage.count_files import S3CountFiles
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.ledger import DynamoLedger
from offer_ranking.storage.models import Models
from tests.oracle import plain_counter
from tests.simulation.history import differences
from tests.simulation.lines import LINES, plain_line

_STORAGE = "Storage"
_VISIBILITY_SECONDS = 2  # long enough for most batches, and soon over when a worker was killed
_LONGEST_SECONDS = 0.8  # from the beginning of a batch to the kill
_REST_SECONDS = 120
_QUIET_SECONDS = 3  # longer than a hint to fit is delayed, which the server does not count
_KEYS = 30
_NOW = datetime(2026, 9, 21, tzinfo=UTC)


def main() -> int:
    """0 when the counts are exact after so many kills in the middle of a batch."""
    parser = argparse.ArgumentParser(prog="tests.simulation.kill", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=Path, default=Path(os.devnull), help="takes what workers say")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, _deployed(Path(folder)) as place:
        trial = Trial(place, random.Random(given.seed), given.log)
        started = time.monotonic()
        try:
            trial.run(given.kills, given.workers)
            problems = trial.problems()
        finally:
            trial.end()
    seconds = time.monotonic() - started
    print(f"{given.kills} kills in mid-count of {given.workers} workers, {trial.written} objects, {seconds:.0f} s")
    print(*(problems or ["0 lost and 0 double"]), sep="\n")
    return int(bool(problems))


@dataclass(frozen=True)
class Place:
    """A server with the storage of the template, a dataset, and a live model that learns from it."""

    emulator: Emulator
    outputs: Mapping[str, str]
    dataset_id: str
    model_id: str
    prefix: str

    def client(self, service: str) -> Any:
        return self.emulator.client(service)


@contextlib.contextmanager
def _deployed(folder: Path) -> Iterator[Place]:
    template = Template.read(
        ROOT / "template.yaml", {"OidcIssuer": "http://127.0.0.1", "EdgeUrl": "http://127.0.0.1/ee"}
    )
    with Emulator.on(0, folder / "emulator.log") as emulator:
        outputs = emulator.create(_STORAGE, template.nested_stack(_STORAGE))
        function = template.with_outputs({_STORAGE: outputs}).functions()["RefreshRankings"]
        place = {"AWS_ENDPOINT_URL": emulator.endpoint, "AWS_DEFAULT_REGION": REGION, "AWS_REGION": REGION}
        os.environ.update({**CREDENTIALS, **place, **function.environment, "POWERTOOLS_METRICS_DISABLED": "true"})
        sqs = emulator.client("sqs")
        for queue in ("ObjectsUrl", "FitsUrl"):
            visibility = {"VisibilityTimeout": str(_VISIBILITY_SECONDS)}
            sqs.set_queue_attributes(QueueUrl=outputs[queue], Attributes=visibility)
        yield _with_catalog(emulator, outputs)


def _with_catalog(emulator: Emulator, outputs: Mapping[str, str]) -> Place:
    table, bucket = outputs["CatalogName"], outputs["DatasetsName"]
    dynamodb = emulator.client("dynamodb")

    def change(action: str, version: int) -> Change:
        return Change(action=action, who="test", at=_NOW, version=version, before=None, after=None)

    new = NewDataset(name="events", schema_="experience-event-proposition-interactions")
    dataset = define_dataset(new, id="d", now=_NOW, managed_bucket=bucket, buckets=frozenset({bucket}))
    Datasets(dynamodb, table).create(dataset, change("create", 1), None)
    forever = Settings(window_days=None)  # the simulated days are not today's
    new_model = NewModel(name="m", type=ModelType.AUTO_OPTIMIZATION, dataset_ids=(dataset.id,), settings=forever)
    draft = define_model(new_model, id="m", now=_NOW)
    Models(dynamodb, table).create(draft, change("create", 1), None)
    Models(dynamodb, table).save(draft, move_model(draft, Action.ACTIVATE, now=_NOW), change("activate", 2))
    return Place(emulator, outputs, dataset.id, draft.id, dataset.prefix)


class Worker:
    """A process that works on the queues until it is killed, or whoever started it is gone."""

    def __init__(self, queues: list[str], log: Path) -> None:
        handler = importlib.import_module("functions.refresh_rankings.handler")
        self._said, says = os.pipe()
        os.set_blocking(self._said, False)
        self.is_busy = False
        parent = os.getpid()
        self._pid = os.fork()
        if self._pid == 0:
            try:
                _work(handler, queues, says, parent, log)
            finally:
                os._exit(1)
        os.close(says)

    def look(self) -> bool:
        """Whether it is in the middle of a batch."""
        with contextlib.suppress(BlockingIOError):
            while said := os.read(self._said, 4096):
                self.is_busy = said.endswith(b"(")
        return self.is_busy

    def kill(self) -> bool:
        """Whether it was in the middle of a batch."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        was_busy = self.look()
        os.close(self._said)
        return was_busy


def _work(handler: Any, queues: list[str], says: int, parent: int, log: Path) -> None:
    with log.open("a") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sqs = handler.hints._client  # its own since the fork: nobody has used it before
    while os.getppid() == parent:
        for url in queues:
            try:
                _batch(handler, sqs, url, says)
            except (BotoCoreError, ClientError):  # what was received comes again
                time.sleep(0.1)
            os.write(says, b")")


def _batch(handler: Any, sqs: Any, url: str, says: int) -> None:
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=random.randint(1, 10)).get("Messages", [])
    if not messages:
        time.sleep(0.01)
        return
    os.write(says, b"(")
    records = [{"messageId": one["MessageId"], "body": one["Body"]} for one in messages]
    context = Context("refresh_rankings", memory_limit_in_mb=2048, deadline=time.monotonic() + 120)
    failures = handler.lambda_handler({"Records": records}, context)["batchItemFailures"]
    failed = {one["itemIdentifier"] for one in failures}
    done = [one["ReceiptHandle"] for one in messages if one["MessageId"] not in failed]
    if done:
        entries = [{"Id": str(n), "ReceiptHandle": receipt} for n, receipt in enumerate(done)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)


@dataclass
class Trial:
    """Objects come, change and go while workers are killed."""

    place: Place
    draw: random.Random
    log: Path
    workers: list[Worker] = field(default_factory=list)
    lying: dict[str, bytes] = field(default_factory=dict)
    written: int = 0

    def run(self, kills: int, workers: int) -> None:
        queues = [self.place.outputs["ObjectsUrl"], self.place.outputs["FitsUrl"]]
        self._s3, self._sqs = self.place.client("s3"), self.place.client("sqs")
        self.workers += [Worker(queues, self.log) for _ in range(workers)]
        while kills:
            for _ in range(self.draw.randint(1, 4)):
                self._change()
            one = self.draw.randrange(len(self.workers))
            until = time.monotonic() + _VISIBILITY_SECONDS
            while not self.workers[one].look() and time.monotonic() < until:
                time.sleep(0.002)
            time.sleep(self.draw.uniform(0, _LONGEST_SECONDS))
            kills -= self.workers[one].kill()
            self.workers[one] = Worker(queues, self.log)
        self._come_to_rest(queues)

    def _change(self) -> None:
        key = f"{self.place.prefix}{self.draw.randrange(_KEYS):02}"
        bucket = self.place.outputs["DatasetsName"]
        if key in self.lying and self.draw.random() < 0.2:
            self._s3.delete_object(Bucket=bucket, Key=key)
            del self.lying[key]
            return
        own = [plain_line(self.draw.randrange(10_000)) for _ in range(self.draw.randint(0, 100))]
        data = b"\n".join(own + self.draw.choices(LINES, k=self.draw.randint(0, 10)))
        packed = gzip.compress(data, 1) if self.draw.random() < 0.7 else data
        self._s3.put_object(Bucket=bucket, Key=key, Body=packed)
        self.lying[key] = data
        self.written += 1

    def _come_to_rest(self, queues: list[str]) -> None:
        """Wait until nothing waits, and nobody works. Kills give whole batches back, some of them too often."""
        objects, fits = queues
        set_aside = self.place.outputs["DeadLettersUrl"]
        quiet_since, until = time.monotonic(), time.monotonic() + _REST_SECONDS
        while time.monotonic() - quiet_since < _QUIET_SECONDS:
            if time.monotonic() > until:
                raise TimeoutError(f"the queues were not empty within {_REST_SECONDS} s")
            is_quiet = not any(worker.look() for worker in self.workers)
            if self._holds(set_aside):
                is_quiet = False
                move(self._sqs, set_aside, objects=objects, fits=fits)
            if not is_quiet or any(map(self._holds, queues)):
                quiet_since = time.monotonic()
            time.sleep(0.1)

    def _holds(self, queue: str) -> bool:
        names = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]
        found = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
        return any(int(n) for n in found.values())

    def problems(self) -> list[str]:
        """What is wrong with the counts, the accounting or the snapshot."""
        outputs, dataset_id = self.place.outputs, self.place.dataset_id
        ledger = DynamoLedger(self.place.client("dynamodb"), outputs["LedgerName"])
        found = DatasetCounts.of([dataset_id], ledger, S3CountFiles(self.place.client("s3"), outputs["StateName"]))
        counts, ends = plain_counter.count_dataset(self.lying)
        surplus = {tuple(key): n for key, n in found.since(None).items()}
        for key, n in counts.items():
            surplus[key] = surplus.get(key, 0) - n
        problems = differences(surplus)
        if found.accounting.to_json() != ends:
            problems.append(f"accounts for {found.accounting.to_json()} instead of {ends}")
        model = Models(self.place.client("dynamodb"), outputs["CatalogName"]).get(self.place.model_id)
        if model.snapshot is None or model.snapshot.trained_on != found.generations:
            problems.append(f"has learned from {model.snapshot}, not {found.generations}")
        return problems

    def end(self) -> None:
        for worker in self.workers:
            worker.kill()


if __name__ == "__main__":
    sys.exit(main())
