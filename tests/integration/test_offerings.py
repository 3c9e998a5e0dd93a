"""What is offered by a datastream, kept at hand while the store is away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from offer_ranking.catalog.datastream import Datastream
from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.datastreams import Datastreams
from offer_ranking.storage.decisions import Decisions
from offer_ranking.storage.offerings import Offerings
from tests.integration.test_catalog_stores import change, dataset
from tests.support.decisions import a_datastream, a_decision

Client = Callable[[str], Any]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Breakable:
    """Datastreams that can be away."""

    def __init__(self, store: Datastreams) -> None:
        self.store, self.is_away, self.reads = store, False, 0

    def get(self, id: str) -> Datastream:  # noqa: A002
        self.reads += 1
        if self.is_away:
            raise EndpointConnectionError(endpoint_url="the store")
        return self.store.get(id)


@pytest.fixture
def datastreams(client: Client) -> Breakable:
    Datasets(client("dynamodb"), "Catalog").create(dataset(), change("create", 1), None)
    decisions = Decisions(client("dynamodb"), "Catalog")
    for name in ("hero", "footer"):
        decisions.create(a_decision(name), change("create", 1), None)
    store = Datastreams(client("dynamodb"), "Catalog")
    store.create(a_datastream(decision_ids=("footer", "hero")), change("create", 1), None)
    return Breakable(store)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def offerings(client: Client, datastreams: Breakable, clock: Clock) -> Offerings:
    return Offerings(datastreams, Decisions(client("dynamodb"), "Catalog"), clock=clock)


def test_a_datastream_is_read_with_its_decisions_once_in_two_seconds(
    offerings: Offerings, datastreams: Breakable, clock: Clock
) -> None:
    assert list(offerings.get("w").by_name) == ["footer", "hero"]
    clock.now = 1.9
    offerings.get("w")
    assert datastreams.reads == 1
    clock.now = 2.0
    offerings.get("w")
    assert datastreams.reads == 2


def test_while_the_store_is_away_what_was_read_last_is_offered(
    offerings: Offerings, datastreams: Breakable, clock: Clock
) -> None:
    before = offerings.get("w")
    clock.now, datastreams.is_away = 10.0, True
    assert offerings.get("w") is before
    with pytest.raises(EndpointConnectionError):
        offerings.get("another")


def test_a_datastream_that_is_gone_is_gone(offerings: Offerings, datastreams: Breakable, clock: Clock) -> None:
    offerings.get("w")
    datastreams.store.delete(datastreams.store.get("w"), change("delete", 2))
    clock.now = 2.0
    with pytest.raises(NotFoundError):
        offerings.get("w")


def test_only_so_many_are_kept(offerings: Offerings, datastreams: Breakable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offerings, "most", 1)
    datastreams.store.create(a_datastream("x"), change("create", 1), None)
    for asked in ("w", "x", "w"):
        offerings.get(asked)
    assert datastreams.reads == 3
