"""What becomes of a batch of messages, as Lambda's event source mappings handle it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from infra.local.queues import Poller
from infra.local.runtime import LocalFunction
from infra.local.template import Function, QueueSource


class FakeQueue:
    """Gives its messages once, and notes which are deleted."""

    def __init__(self, *ids: str) -> None:
        self._waiting = [{"MessageId": one, "ReceiptHandle": f"handle-{one}", "Body": one} for one in ids]
        self.deleted: list[str] = []

    def receive_message(self, *, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:  # noqa: N803 - boto3's name
        assert MaxNumberOfMessages <= 10
        found, self._waiting = self._waiting[:MaxNumberOfMessages], self._waiting[MaxNumberOfMessages:]
        return {"Messages": found} if found else {}

    def delete_message_batch(self, *, Entries: list[dict[str, str]], **_: Any) -> None:  # noqa: N803 - boto3's name
        assert len(Entries) <= 10
        self.deleted += [entry["ReceiptHandle"].removeprefix("handle-") for entry in Entries]


def delivered(
    queue: FakeQueue,
    handler: Callable[[dict[str, Any], Any], Any],
    *,
    partial: bool = True,
    batch: int = 10,
    window: int = 0,
) -> None:
    function = LocalFunction(Function("Refresh", ("m", "h"), {}, 10, 128), handler, threading.Lock())
    Poller(QueueSource("arn:aws:sqs:us-east-1:0:q", "Refresh", batch, window, partial), function, queue)._deliver("url")


def failing(*ids: str) -> Callable[[dict[str, Any], Any], Any]:
    return lambda _event, _context: {"batchItemFailures": [{"itemIdentifier": one} for one in ids]}


@pytest.mark.parametrize(
    ("handler", "deleted"),
    [
        (failing(), ["a", "b", "c"]),
        (failing("b"), ["a", "c"]),
        (failing("a", "b", "c"), []),
        (failing("never sent"), []),
        (lambda _event, _context: None, ["a", "b", "c"]),
        (lambda _event, _context: 1 / 0, []),
    ],
    ids=["none", "one", "all", "an unknown one", "nothing said", "an exception"],
)
def test_only_messages_that_did_not_fail_are_deleted(handler: Any, deleted: list[str]) -> None:
    queue = FakeQueue("a", "b", "c")
    delivered(queue, handler)

    assert queue.deleted == deleted


def test_without_partial_failures_a_batch_is_done_with_as_a_whole() -> None:
    queue = FakeQueue("a", "b")
    delivered(queue, failing("a"), partial=False)

    assert queue.deleted == ["a", "b"]


def test_a_handler_gets_records_as_lambda_gives_them() -> None:
    seen: list[Mapping[str, Any]] = []
    delivered(FakeQueue("a"), lambda event, _context: seen.append(event))

    (record,) = seen[0]["Records"]
    assert (record["messageId"], record["body"], record["eventSource"]) == ("a", "a", "aws:sqs")


@pytest.mark.parametrize(("batch", "window", "sizes"), [(10, 0, [10, 10, 5]), (1000, 1, [25]), (12, 1, [12, 12, 1])])
def test_a_window_gathers_what_waits_into_one_batch(batch: int, window: int, sizes: list[int]) -> None:
    queue = FakeQueue(*map(str, range(25)))
    seen: list[int] = []
    for _ in sizes:
        delivered(queue, lambda event, _context: seen.append(len(event["Records"])), batch=batch, window=window)

    assert seen == sizes
    assert sorted(queue.deleted, key=int) == list(map(str, range(25)))
