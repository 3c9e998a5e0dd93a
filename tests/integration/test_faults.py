"""What the adapters do when AWS conflicts, throttles, or has done already what it is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from offer_ranking.catalog.errors import ContentionError
from offer_ranking.counting.counts import Counts
from offer_ranking.storage.count_files import S3CountFiles
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.objects import S3Objects
from offer_ranking.storage.snapshots import S3Snapshots
from offer_ranking.storage.transaction import Write, commit
from tests.integration.test_snapshots import snapshot

Client = Callable[[str], Any]


class Faulty:
    """A client whose named call fails with each of some errors before it is made."""

    def __init__(self, client: Any, call: str, *errors: Exception) -> None:
        self._client = client
        self._call = call
        self.errors = list(errors)

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name != self._call:
            return real

        def called(**arguments: Any) -> Any:
            if self.errors:
                raise self.errors.pop(0)
            return real(**arguments)

        return called


def error(code: str, status: int = 400, **more: Any) -> dict[str, Any]:
    return {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}


def cancelled(client: Any, *codes: str) -> Exception:
    reasons = [{"Code": code} for code in codes]
    answer = error("TransactionCanceledException", CancellationReasons=reasons)
    return client.exceptions.TransactionCanceledException(answer, "TransactWriteItems")


def write() -> Write:
    item = {"pk": {"S": "p"}, "sk": {"S": "s"}}
    return Write({"Put": {"TableName": "Catalog", "Item": item}}, lambda _: AssertionError("there is no condition"))


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the transaction would have waited between its attempts."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


def test_a_transaction_that_conflicts_or_is_under_way_is_tried_again(client: Client, waited: list[float]) -> None:
    real = client("dynamodb")
    under_way = real.exceptions.TransactionInProgressException(error("TransactionInProgressException"), "")
    faulty = Faulty(real, "transact_write_items", under_way, cancelled(real, "TransactionConflict"))
    commit(faulty, [write()])
    assert faulty.errors == []
    assert len(waited) == 2
    assert "Item" in real.get_item(TableName="Catalog", Key={"pk": {"S": "p"}, "sk": {"S": "s"}})


def test_a_transaction_that_always_conflicts_says_so_and_is_never_taken_for_done(
    client: Client, waited: list[float]
) -> None:
    real = client("dynamodb")
    faulty = Faulty(real, "transact_write_items", *[cancelled(real, "None", "TransactionConflict") for _ in range(50)])
    with pytest.raises(ContentionError):
        commit(faulty, [write(), write()])
    assert "Item" not in real.get_item(TableName="Catalog", Key={"pk": {"S": "p"}, "sk": {"S": "s"}})
    assert all(pause <= 1 for pause in waited)


def test_a_transaction_that_is_refused_for_another_reason_is_not_tried_again(client: Client) -> None:
    real = client("dynamodb")
    faulty = Faulty(real, "transact_write_items", cancelled(real, "ValidationError"), cancelled(real, "None"))
    with pytest.raises(ClientError):
        commit(faulty, [write()])
    assert len(faulty.errors) == 1


def test_a_dataset_that_was_deleted_is_not_noted_as_discovered(client: Client) -> None:
    dynamodb = client("dynamodb")
    Datasets(dynamodb, "Catalog").discovered("gone")
    assert "Item" not in dynamodb.get_item(TableName="Catalog", Key={"pk": {"S": "dataset"}, "sk": {"S": "gone"}})


DENIED = error("AccessDenied", 403)
SLOW = error("SlowDown", 503)
CALLS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "a snapshot": ("put_object", lambda s3: S3Snapshots(s3, "state").put(snapshot())),
    "a file of counts": ("put_object", lambda s3: S3CountFiles(s3, "state").put_day("d", 1, 1, Counts.zero())),
    "an accounting": ("get_object", lambda s3: S3CountFiles(s3, "state").accounting("d/k/v")),
    "an object's version": ("head_object", lambda s3: S3Objects(s3).head("datasets", "k")),
    "an object's beginning": ("get_object", lambda s3: S3Objects(s3).beginning("datasets", "k", 9)),
}


@pytest.mark.parametrize("answer", [DENIED, SLOW], ids=["denied", "slow"])
@pytest.mark.parametrize("what", CALLS)
def test_what_aws_refuses_is_told_and_never_taken_for_absent_or_done(
    client: Client, what: str, answer: dict[str, Any]
) -> None:
    call, use = CALLS[what]
    with pytest.raises(ClientError):
        use(Faulty(client("s3"), call, ClientError(answer, call)))


def test_files_that_s3_would_not_delete_are_told(client: Client) -> None:
    real = client("s3")

    class Keeps:
        def delete_objects(self, **_: Any) -> Any:
            return {"Errors": [{"Key": "x", "Code": "InternalError"}]}

    assert real
    with pytest.raises(ConnectionError, match="1 of 1"):
        S3CountFiles(Keeps(), "state").delete(["x"])
