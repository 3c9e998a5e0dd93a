"""The stores of the simulation keep the very contracts that the adapters keep."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from offer_ranking.catalog.model import SnapshotPointer, Training, TrainingStatus
from offer_ranking.catalog.settings import Settings
from offer_ranking.counting.aggregate import Pointer
from offer_ranking.counting.ledger import CountFiles, Found, Ledger, Listed, Reading, State
from tests.integration import test_counting_stores, test_snapshots
from tests.simulation.stage import a_model
from tests.support.fakes import FakeFiles, FakeLedger, FakeModels, FakeObjects, FakeSnapshots, TidiedError

_KEPT = {
    name: test
    for contract in (test_counting_stores, test_snapshots)
    for name, test in vars(contract).items()
    if name.startswith("test_") and {"ledger", "files", "snapshots"} & set(inspect.signature(test).parameters)
}
globals().update(_KEPT)
NOW = datetime(2026, 9, 21, tzinfo=UTC)


@pytest.fixture
def ledger() -> Ledger:
    return FakeLedger()


@pytest.fixture
def files() -> CountFiles:
    return FakeFiles()


@pytest.fixture
def snapshots() -> FakeSnapshots:
    return FakeSnapshots()


def test_the_contract_is_found() -> None:
    assert len(_KEPT) > 15


def test_the_index_of_dirty_rows_lags_behind_and_the_rows_do_not() -> None:
    now = [0.0]
    ledger = FakeLedger(lambda: now[0], lambda: 5.0)
    ledger.settle("d", "k", ledger.next_generation("d", "k"), Reading(State.LIVE, "v", "x"))
    assert ledger.dirty("d", 10) == []
    rows = ledger.rows("d", ["k"])
    now[0] = 5.0
    assert ledger.dirty("d", 10) == rows
    assert ledger.advance(Pointer("d"), Pointer("d", 1, "one"), rows)
    assert ledger.dirty("d", 10) == rows
    assert ledger.rows("d", ["k"])[0].applied == "x"
    now[0] = 10.0
    assert ledger.dirty("d", 10) == []


@pytest.mark.parametrize("unique", [False, True], ids=["by content", "by overwrite"])
def test_objects_are_read_as_they_stand(tmp_path: Path, *, unique: bool) -> None:
    objects, target = FakeObjects(unique=unique), tmp_path / "target"
    assert objects.head("b", "k") is None
    objects.put("b", "k", b"one")
    found = objects.head("b", "k")
    assert found is not None
    assert objects.download("b", "k", found, target)
    assert target.read_bytes() == b"one"
    objects.put("b", "k", b"two")
    assert not objects.download("b", "k", found, target)
    objects.put("b", "k", b"one")
    assert objects.download("b", "k", found, target) != unique
    now = objects.head("b", "k")
    assert now is not None
    assert objects.listing("b", "", None, 10) == [Listed("k", now.version)]
    assert objects.listing("b", "", "k", 10) == []
    objects.remove("b", "k")
    assert objects.head("b", "k") is None
    assert not objects.download("b", "k", Found("x"), target)


def test_a_listing_is_in_the_order_of_code_points_page_after_page() -> None:
    objects = FakeObjects()
    for key in ("p/\U0001f600", "p/b", "p/\ue000", "p/a/x", "q/a"):
        objects.put("b", key, b"")
    keys = [one.key for one in objects.listing("b", "p/", None, 10)]
    assert keys == ["p/a/x", "p/b", "p/\ue000", "p/\U0001f600"]
    assert [one.key for one in objects.listing("b", "p/", "p/b", 1)] == ["p/\ue000"]


def test_a_snapshot_is_published_only_after_the_one_before() -> None:
    models = FakeModels(a_model("m", "a"))
    done = Training(status=TrainingStatus.SUCCESS, at=NOW)

    def pointer(version: int) -> SnapshotPointer:
        learned: Any = {"trained_on": {"a": 1}, "settings": Settings()}
        return SnapshotPointer(version=version, as_of=NOW, key="k", sha256="s", **learned)

    assert not models.publish("m", pointer(2), done)
    assert models.publish("m", pointer(1), done)
    assert not models.publish("m", pointer(1), done)
    assert models.publish("m", pointer(2), done)
    assert not models.publish("gone", pointer(1), done)
    assert models.trained(models.get("m"), done)
    assert not models.trained(a_model("m", "a"), done)
    assert not models.trained(a_model("gone", "a"), done)


def test_a_file_that_was_deleted_is_told_from_one_that_never_was() -> None:
    files = FakeFiles()
    files.delete(["old"])
    with pytest.raises(TidiedError):
        files.index("old")
    with pytest.raises(FileNotFoundError):
        files.index("never")
