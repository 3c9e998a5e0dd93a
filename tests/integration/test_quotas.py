"""The counter that environments share, in memory and in DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from offer_ranking.ranking.quota import WINDOW_SECONDS, QuotaUnavailableError, SharedCounter
from offer_ranking.storage.quotas import DynamoQuotas
from tests.support.quotas import FakeCounter

Client = Callable[[str], Any]


@pytest.fixture(params=["fake", "real"])
def counter(request: pytest.FixtureRequest, client: Client) -> SharedCounter:
    return FakeCounter() if request.param == "fake" else DynamoQuotas(client("dynamodb"), "Caps")


def test_all_that_was_told_of_a_client_and_window_adds_up(counter: SharedCounter) -> None:
    assert [counter.add("c", 7, n) for n in (3, 4)] == [3, 7]
    assert counter.add("d", 7, 1) == 1
    assert counter.add("c", 8, 2) == 2


@pytest.mark.parametrize("client_id", ["arn:aws:sts::1:assumed-role/r", "x" * 5000, "\ud800 half of a pair"])
def test_whatever_a_client_is_called_it_is_counted(counter: SharedCounter, client_id: str) -> None:
    assert [counter.add(client_id, 1, 1) for _ in range(2)] == [1, 2]


def test_what_is_stored_goes_away_and_names_no_client(client: Client) -> None:
    DynamoQuotas(client("dynamodb"), "Caps").add("some client", 100, 1)
    (item,) = client("dynamodb").scan(TableName="Caps")["Items"]
    assert "some client" not in repr(item)
    assert int(item["expiresAt"]["N"]) == 101 * WINDOW_SECONDS + 3600


@pytest.mark.parametrize(
    "fault",
    [ClientError({"Error": {"Code": "ThrottlingException"}}, "UpdateItem"), ReadTimeoutError(endpoint_url="x")],
)
def test_a_table_that_is_away_says_so(client: Client, monkeypatch: pytest.MonkeyPatch, fault: Exception) -> None:
    table = client("dynamodb")
    away = FakeCounter()
    away.away = True

    def fail(**_: Any) -> None:
        raise fault

    monkeypatch.setattr(table, "update_item", fail)
    for counter in (away, DynamoQuotas(table, "Caps")):
        with pytest.raises(QuotaUnavailableError):
            counter.add("c", 1, 1)
