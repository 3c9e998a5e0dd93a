"""What a store of snapshots keeps: one content a version, for ever. The adapter and the fake are held to it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest
from botocore.exceptions import ClientError

from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.catalog.model import SnapshotPointer
from offer_ranking.counting.counts import Counts, Key
from offer_ranking.learning.snapshot import CorruptSnapshotError, Snapshot
from offer_ranking.storage.snapshots import S3Snapshots
from tests.support.learned import fitted, personalized

NOW = datetime(2026, 9, 21, tzinfo=UTC)


class Store(Protocol):
    """Both stores."""

    def put(self, snapshot: Snapshot) -> tuple[SnapshotPointer, bool]: ...

    def get(self, pointer: SnapshotPointer) -> Snapshot: ...

    def version(self, model_id: str, version: int) -> Snapshot: ...


@pytest.fixture
def snapshots(client: Callable[[str], Any]) -> Store:
    return S3Snapshots(client("s3"), "state")


def snapshot(version: int = 1, *, model: str = "m", times: int = 3) -> Snapshot:
    definition = personalized(id=model, settings={"window_days": None})
    counts = Counts.of([Key(1, "a"), Key(1, "b")], [times, 1])
    return fitted(counts, definition, version=version, as_of=NOW.timestamp())


def test_a_snapshot_is_found_by_its_pointer_and_by_its_number(snapshots: Store) -> None:
    put = snapshot()
    pointer, is_ours = snapshots.put(put)
    assert is_ours
    assert snapshots.get(pointer).to_bytes() == snapshots.version("m", 1).to_bytes() == put.to_bytes()
    assert (pointer.version, pointer.as_of, pointer.trained_on) == (1, NOW, {"d": 4})
    assert (pointer.settings, pointer.audiences, pointer.context_keys) == (
        put.settings,
        put.audiences,
        put.context_keys,
    )


def test_the_same_snapshot_put_twice_is_ours_both_times(snapshots: Store) -> None:
    assert snapshots.put(snapshot()) == snapshots.put(snapshot())


def test_a_version_keeps_the_content_that_it_got_first(snapshots: Store) -> None:
    first, _ = snapshots.put(snapshot(times=3))
    second, is_ours = snapshots.put(snapshot(times=9))
    assert not is_ours
    assert second == first
    assert snapshots.version("m", 1).impressions.tolist() == [3, 1]


def test_versions_and_models_do_not_touch_each_other(snapshots: Store) -> None:
    pointers = [snapshots.put(one)[0] for one in (snapshot(1), snapshot(2, times=5), snapshot(1, model="n", times=7))]
    assert [snapshots.get(pointer).impressions[0] for pointer in pointers] == [3, 5, 7]


@pytest.mark.parametrize(("model", "version"), [("m", 2), ("other", 1)])
def test_a_version_that_is_not_there_is_not_found(snapshots: Store, model: str, version: int) -> None:
    snapshots.put(snapshot())
    with pytest.raises(NotFoundError):
        snapshots.version(model, version)


def test_a_pointer_with_another_hash_is_not_believed(snapshots: Store) -> None:
    pointer, _ = snapshots.put(snapshot())
    with pytest.raises(CorruptSnapshotError):
        snapshots.get(pointer.model_copy(update={"sha256": "0" * 64}))


def test_bytes_that_are_no_snapshot_are_corrupt_by_number_too_and_stand_in_no_fits_way(
    client: Callable[[str], Any],
) -> None:
    s3 = client("s3")
    store = S3Snapshots(s3, "state")
    pointer, _ = store.put(snapshot())
    s3.put_object(Bucket="state", Key=pointer.key, Body=b"damaged")
    with pytest.raises(CorruptSnapshotError):
        store.version("m", 1)
    assert store.put(snapshot()) == (pointer, True)
    assert store.get(pointer).to_bytes() == snapshot().to_bytes()


class Answers:
    """An S3 that refuses what it is asked with one code."""

    def __init__(self, code: str) -> None:
        self._code = code

    def get_object(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": self._code, "Message": ""}}, "GetObject")


def test_what_may_not_be_listed_is_answered_as_forbidden_and_read_as_not_there() -> None:
    refused: Any = Answers("AccessDenied")
    with pytest.raises(NotFoundError):
        S3Snapshots(refused, "state").version("m", 1)


def test_a_store_that_is_slow_is_not_taken_for_empty() -> None:
    slow: Any = Answers("SlowDown")
    with pytest.raises(ClientError):
        S3Snapshots(slow, "state").version("m", 1)
