from __future__ import annotations

import pytest
from botocore.exceptions import ReadTimeoutError

from offer_ranking.catalog.model import Model, SnapshotPointer
from offer_ranking.catalog.settings import Settings
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.ranking.served import Source
from offer_ranking.storage.serving import AGAIN_SECONDS, FRESH_SECONDS, Serving
from tests.support.learned import a_model, fitted, shown


def pointer(version: int) -> SnapshotPointer:
    return SnapshotPointer(
        version=version, as_of=a_model().created_at, key=str(version), sha256="h", trained_on={}, settings=Settings()
    )


class Store:
    """One model and its snapshots, of which each has been fitted."""

    def __init__(self) -> None:
        self.model = a_model(snapshot=pointer(2))
        self.fault: Exception | None = None
        self.reads = 0

    def get(self, model_id: str) -> Model:
        assert model_id == "m"
        self.reads += 1
        if self.fault is not None:
            raise self.fault
        return self.model


class Snapshots:
    def get(self, pointer: SnapshotPointer) -> Snapshot:
        return fitted(shown({"a": (100, 5)}), version=pointer.version)


@pytest.fixture
def now() -> list[float]:
    return [0.0]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def serving(store: Store, now: list[float]) -> Serving:
    return Serving(store, Snapshots(), clock=lambda: now[0])


@pytest.mark.parametrize("said", [None, 1])
def test_a_store_that_tells_of_no_snapshot_or_of_an_older_one_is_not_believed(
    serving: Serving, store: Store, now: list[float], said: int | None
) -> None:
    assert serving.serve("m").snapshot is not None
    store.model = a_model(snapshot=None if said is None else pointer(said))
    now[0] += FRESH_SECONDS
    served = serving.serve("m")
    assert served.snapshot is not None
    assert (served.source, served.snapshot.version) == (Source.FRESH, 2)


def test_while_the_store_is_away_it_is_asked_every_five_seconds_and_is_back_at_once(
    serving: Serving, store: Store, now: list[float]
) -> None:
    serving.serve("m")
    store.fault = ReadTimeoutError(endpoint_url="https://store.test")
    sources = []
    for _ in range(10):
        now[0] += FRESH_SECONDS
        sources.append(serving.serve("m").source)
    assert set(sources) == {Source.STALE}
    assert store.reads == 1 + 10 / AGAIN_SECONDS
    store.fault = None
    now[0] += AGAIN_SECONDS
    assert serving.serve("m").source is Source.FRESH


def test_with_nothing_at_hand_the_store_is_asked_every_second(serving: Serving, store: Store, now: list[float]) -> None:
    store.fault = ReadTimeoutError(endpoint_url="https://store.test")
    assert serving.serve("m").source is Source.FALLBACK
    store.fault = None
    now[0] += FRESH_SECONDS
    assert serving.serve("m").source is Source.FRESH
