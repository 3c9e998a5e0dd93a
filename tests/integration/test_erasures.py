from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.collecting.erasure import Sought
from offer_ranking.events.person import Identity
from offer_ranking.measuring.erasure import Left, Work
from offer_ranking.storage.erasable_objects import S3ErasableObjects
from offer_ranking.storage.erasures import ErasureWork, SoughtPeople

ADA = Identity("", "ada")
NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.fixture
def s3(client: Callable[[str], Any]) -> Any:
    found = client("s3")
    found.put_bucket_versioning(Bucket="datasets", VersioningConfiguration={"Status": "Enabled"})
    return found


def test_an_object_is_replaced_only_while_it_is_the_one_that_was_read(s3: Any, tmp_path: Path) -> None:
    objects, content, anew = S3ErasableObjects(s3, "datasets"), tmp_path / "content", tmp_path / "anew"
    anew.write_bytes(b"anew")
    s3.put_object(Bucket="datasets", Key="a b+%20/ü", Body=b"first", ContentType="text/plain", Metadata={"of": "shop"})
    first = objects.read("a b+%20/ü", content)
    assert first is not None
    assert (content.read_bytes(), first.erasure_id) == (b"first", "")
    s3.put_object(Bucket="datasets", Key="a b+%20/ü", Body=b"second")
    assert not objects.replace("a b+%20/ü", first, anew, "e1")
    second = objects.read("a b+%20/ü", content)
    assert second is not None
    assert content.read_bytes() == b"second"
    assert objects.replace("a b+%20/ü", second, anew, "e1")
    third = objects.read("a b+%20/ü", content)
    assert third is not None
    assert (content.read_bytes(), third.erasure_id) == (b"anew", "e1")
    s3.delete_object(Bucket="datasets", Key="a b+%20/ü")
    assert not objects.replace("a b+%20/ü", third, anew, "e1")
    assert objects.read("a b+%20/ü", content) is None


def test_what_is_said_of_an_object_is_said_again(s3: Any, tmp_path: Path) -> None:
    objects, content = S3ErasableObjects(s3, "datasets"), tmp_path / "content"
    s3.put_object(Bucket="datasets", Key="a", Body=b"1", ContentType="text/plain", Metadata={"of": "shop"})
    lying = objects.read("a", content)
    assert lying is not None
    assert objects.replace("a", lying, content, "e1")
    head = s3.head_object(Bucket="datasets", Key="a")
    assert (head["ContentType"], head["Metadata"]) == ("text/plain", {"of": "shop", "erasure": "e1"})


def test_only_older_versions_of_the_very_key_are_deleted(s3: Any) -> None:
    objects = S3ErasableObjects(s3, "datasets")
    for body in (b"1", b"2", b"3"):
        for key in ("a", "a.json", "a/b", "b"):
            s3.put_object(Bucket="datasets", Key=key, Body=body)
    assert objects.delete_older("a") == 2
    assert objects.delete_older("a") == objects.delete_older("never was") == 0
    left = s3.list_object_versions(Bucket="datasets")["Versions"]
    assert {key: sum(one["Key"] == key for one in left) for key in ("a", "a.json", "a/b", "b")} == {
        "a": 1, "a.json": 3, "a/b": 3, "b": 3,
    }  # fmt: skip
    assert s3.get_object(Bucket="datasets", Key="a")["Body"].read() == b"3"


def test_whom_an_erasure_looks_for_is_remembered_until_it_is_forgotten(client: Callable[[str], Any]) -> None:
    people = SoughtPeople(client("dynamodb"), "Caps")
    anyone, somebody = Sought.of([ADA], ["v1", "v2"]), Sought.of([ADA._replace(namespace="Email"), ADA])
    people.put("one", anyone, NOW)
    people.put("other", somebody, NOW)
    assert (people.get("one"), people.get("other")) == (anyone, somebody)
    item = client("dynamodb").get_item(TableName="Caps", Key={"pk": {"S": "erasure one"}})["Item"]
    assert int(item["expiresAt"]["N"]) == NOW.timestamp() + 14 * 86_400
    people.forget("one")
    people.forget("one")
    with pytest.raises(NotFoundError):
        people.get("one")
    assert people.get("other") == somebody


def test_what_was_done_adds_up_and_what_was_left_is_told_once(client: Callable[[str], Any]) -> None:
    work = ErasureWork(client("dynamodb"), "Ledger")
    assert (work.of("one"), work.left("one")) == (Work(), [])
    work.add("one", Work(3, 1, 2))
    work.add("one", Work(2, 1, 0))
    work.add("other", Work(1, 1, 1))
    assert work.of("one") == Work(5, 2, 2)
    for _ in range(2):
        work.leave("one", Left("z/ü.zip", "format-zip"))
        work.leave("one", Left("a", "too-large"))
    work.leave("other", Left("b", "forbidden"))
    longest = "z/" + "z" * 1022
    work.leave("one", Left(longest, "archived"))
    assert work.left("one") == [Left("a", "too-large"), Left(longest, "archived"), Left("z/ü.zip", "format-zip")]
