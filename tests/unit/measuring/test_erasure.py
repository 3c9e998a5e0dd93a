from __future__ import annotations

from datetime import UTC, datetime

import pytest

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.dataset import Dataset
from offer_ranking.measuring.erasure import Left, Work, erasure
from offer_ranking.measuring.map_run import MapRun, Objects, Status

NOW = datetime(2026, 11, 28, tzinfo=UTC)
REQUEST = Change(action="erase", who="ada", at=NOW, version=1, before=None, after=None)


def dataset(bucket: str) -> Dataset:
    return Dataset(
        id=bucket, name=bucket, description=None, bucket=bucket, prefix="shop/", field_groups=(), version=1,
        created_at=NOW, updated_at=NOW,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("status", "failed", "left", "bucket", "expected"),
    [
        ("running", 0, (), "ours", "running"),
        ("running", 1, (Left("k", "format-zip"),), "theirs", "running"),
        ("succeeded", 0, (), "ours", "succeeded"),
        ("succeeded", 1, (), "ours", "incomplete"),
        ("succeeded", 0, (Left("k", "format-zip"),), "ours", "incomplete"),
        ("succeeded", 0, (), "theirs", "incomplete"),
        ("failed", 0, (), "ours", "failed"),
    ],
)
def test_an_erasure_is_whole_only_when_nothing_was_left(
    status: Status, failed: int, left: tuple[Left, ...], bucket: str, expected: str
) -> None:
    objects = Objects(listed=3, done=3 - failed, failed=failed, pending=0)
    run = MapRun("e", {}, status, NOW, NOW, objects=objects)
    found = erasure(REQUEST, run, Work(5, 2, 2), bucket="ours", left=left, datasets=[dataset(bucket)])
    assert found["status"] == expected
    assert [(one["bucket"], one["place"], one["reason"]) for one in found["notErased"]] == [
        *([("theirs", "shop/", "another-bucket")] if bucket == "theirs" else []),
        *(("ours", one.key, one.reason) for one in left),
    ]
    assert (found["who"], found["requestedAt"], found["endedAt"]) == ("ada", *["2026-11-28T00:00:00.000Z"] * 2)
    assert (found["lines"], found["rewritten"], found["versions"]) == (5, 2, 2)
    assert found["objects"] == objects
