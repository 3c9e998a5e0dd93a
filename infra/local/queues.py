"""Lambda's event source mappings and EventBridge's scheduler on one machine: a thread each."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.local.runtime import LocalFunction
from infra.local.template import REGION, QueueSource, Schedule

_LOG = logging.getLogger(__name__)
_AT_ONCE = 10  # the most that a call receives or deletes
_LONG_POLL_SECONDS = 1  # a message is delivered at once all the same; this bounds how long stopping takes
_AFTER_FAILURE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Poller:
    """Feeds a function from a queue until told to stop. `client` is SQS's."""

    source: QueueSource
    function: LocalFunction
    client: Any

    def run(self, stop: threading.Event) -> None:
        """Receive, call, delete what was done; the rest comes again after the queue's visibility timeout."""
        url = self.client.get_queue_url(QueueName=self.source.queue_arn.rpartition(":")[2])["QueueUrl"]
        while not stop.is_set():
            try:
                self._deliver(url)
            except (BotoCoreError, ClientError):
                if stop.wait(_AFTER_FAILURE_SECONDS):
                    return
                _LOG.exception("the queue %s could not be read", url)

    def _deliver(self, url: str) -> None:
        messages = self._gathered(url)
        if not messages:
            return
        try:
            answer = self.function.invoke({"Records": [self._record(message) for message in messages]})
        except Exception:  # noqa: BLE001 - whatever a handler raises fails its batch, not its poller
            _LOG.exception("%s failed on a batch of %s", self.function.function.name, len(messages))
            return
        failed = self._failed(answer, {message["MessageId"] for message in messages})
        done = [message for message in messages if message["MessageId"] not in failed]
        for start in range(0, len(done), _AT_ONCE):
            some = enumerate(done[start : start + _AT_ONCE])
            entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in some]
            self.client.delete_message_batch(QueueUrl=url, Entries=entries)

    def _gathered(self, url: str) -> list[dict[str, Any]]:
        """A batch. With a window, what waits behind the first messages too; but nobody waits for what may yet come."""
        messages = self._received(url, self.source.batch_size, _LONG_POLL_SECONDS)
        while messages and self.source.window_seconds and len(messages) < self.source.batch_size:
            more = self._received(url, self.source.batch_size - len(messages), 0)
            if not more:
                break
            messages += more
        return messages

    def _received(self, url: str, at_most: int, wait_seconds: int) -> list[dict[str, Any]]:
        answer = self.client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(_AT_ONCE, at_most),
            WaitTimeSeconds=wait_seconds,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def _record(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """A message as Lambda hands it on."""
        return {
            "messageId": message["MessageId"],
            "receiptHandle": message["ReceiptHandle"],
            "body": message["Body"],
            "attributes": message.get("Attributes", {}),
            "messageAttributes": message.get("MessageAttributes", {}),
            "md5OfBody": message.get("MD5OfBody", ""),
            "eventSource": "aws:sqs",
            "eventSourceARN": self.source.queue_arn,
            "awsRegion": REGION,
        }

    def _failed(self, answer: Any, all_ids: set[str]) -> set[str]:  # noqa: ANN401 - JSON
        """Which messages to give again; all of them when the answer names one that was not in the batch."""
        if not self.source.partial_failures or not answer:
            return set()
        failed = {one.get("itemIdentifier") for one in answer.get("batchItemFailures") or []}
        return failed if all_ids.issuperset(failed) else all_ids


def run_schedule(schedule: Schedule, function: LocalFunction, stop: threading.Event) -> None:
    """Call the function at its rate until told to stop."""
    while not stop.wait(schedule.every_seconds):
        try:
            function.invoke(json.loads(schedule.input))
        except Exception:  # noqa: BLE001 - whatever a handler raises, the next hour comes
            _LOG.exception("%s failed on its schedule", function.function.name)


def started(jobs: Iterable[tuple[str, Any]], stop: threading.Event) -> list[threading.Thread]:
    """Start a thread for each (name, what to run with `stop`)."""
    threads = [threading.Thread(target=job, args=(stop,), name=name, daemon=True) for name, job in jobs]
    for thread in threads:
        thread.start()
    return threads
