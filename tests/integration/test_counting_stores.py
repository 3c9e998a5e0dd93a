"""What the ledger and the files of the counting promise, whatever AWS they run on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.aggregate import Aggregate, Day, Pointer
from offer_ranking.counting.counts import Key
from offer_ranking.counting.dataset_counts import DatasetCounts
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.engine import count_object
from offer_ranking.counting.hint import Fit, LookAt, Merge, Sweep
from offer_ranking.counting.index import DayIndex, Holder, Index
from offer_ranking.counting.ledger import CountFiles, Found, Ledger, Listed, Reading, Row, State
from offer_ranking.counting.protocol import Counting, Place
from offer_ranking.counting.refused import RefusedLine
from offer_ranking.storage.count_files import S3CountFiles
from offer_ranking.storage.hints import Hints, UnreadableHintError, read_hint
from offer_ranking.storage.ledger import DynamoLedger
from offer_ranking.storage.objects import S3Objects
from tests.support.system import display

Client = Callable[[str], Any]


@pytest.fixture
def ledger(client: Client) -> Ledger:
    return DynamoLedger(client("dynamodb"), "Ledger")


@pytest.fixture
def files(client: Client) -> CountFiles:
    return S3CountFiles(client("s3"), "state")


def live(counted: str) -> Reading:
    return Reading(State.LIVE, "v", counted, accounting=Accounting.of(counted=2, refused={"malformed": 1}))


BAD = Reading(State.BAD, "v", "name", "gzip-corrupt")
GONE = Reading(State.DELETED)


def test_generations_rise(ledger: Ledger) -> None:
    assert [ledger.next_generation("d", "k") for _ in range(3)] == [1, 2, 3]
    assert ledger.next_generation("d", "other") == 1


def test_whoever_began_to_read_later_has_the_last_word(ledger: Ledger) -> None:
    early, late = ledger.next_generation("d", "k"), ledger.next_generation("d", "k")
    assert ledger.settle("d", "k", late, live("new"))
    assert not ledger.settle("d", "k", early, live("old"))
    assert ledger.rows("d", ["k"]) == [Row("d", "k", live("new"), None)]


def test_a_settled_row_is_dirty_until_the_aggregate_holds_it(ledger: Ledger) -> None:
    ledger.settle("d", "k", ledger.next_generation("d", "k"), live("x"))
    (row,) = ledger.dirty("d", 10)
    assert row == Row("d", "k", live("x"), None)
    assert ledger.pointer("d") == Pointer("d")
    assert ledger.advance(Pointer("d"), Pointer("d", 1, "file"), [row])
    assert ledger.dirty("d", 10) == []
    assert ledger.rows("d", ["k"]) == [Row("d", "k", live("x"), "x")]
    assert ledger.pointer("d") == Pointer("d", 1, "file")


def test_a_deleted_object_is_dirty_until_it_is_taken_out(ledger: Ledger) -> None:
    ledger.settle("d", "k", ledger.next_generation("d", "k"), live("x"))
    ledger.advance(Pointer("d"), Pointer("d", 1, "file"), ledger.rows("d", ["k"]))
    ledger.settle("d", "k", ledger.next_generation("d", "k"), Reading(State.DELETED))
    (row,) = ledger.dirty("d", 10)
    assert row == Row("d", "k", GONE, "x")
    assert ledger.advance(Pointer("d", 1, "file"), Pointer("d", 2, "file2"), [row])
    assert ledger.rows("d", ["k"]) == [Row("d", "k", GONE, None)]


def test_of_two_merges_one_moves_the_pointer(ledger: Ledger) -> None:
    for key in ("a", "b"):
        ledger.settle("d", key, ledger.next_generation("d", key), live(key))
    a, b = ledger.rows("d", ["a"]), ledger.rows("d", ["b"])
    assert ledger.advance(Pointer("d"), Pointer("d", 1, "one"), a)
    assert not ledger.advance(Pointer("d"), Pointer("d", 1, "other"), b)
    assert ledger.pointer("d").name == "one"
    assert [row.key for row in ledger.dirty("d", 10)] == ["b"]


def test_a_merge_of_a_row_that_changed_meanwhile_applies_nothing(ledger: Ledger) -> None:
    ledger.settle("d", "k", ledger.next_generation("d", "k"), live("x"))
    rows = ledger.rows("d", ["k"])
    ledger.settle("d", "k", ledger.next_generation("d", "k"), live("y"))
    assert not ledger.advance(Pointer("d"), Pointer("d", 1, "file"), rows)
    assert ledger.pointer("d") == Pointer("d")
    assert ledger.rows("d", ["k"]) == [Row("d", "k", live("y"), None)]


def test_a_mark_is_taken_only_from_a_row_that_is_as_it_was_seen(ledger: Ledger) -> None:
    ledger.settle("d", "k", ledger.next_generation("d", "k"), GONE)
    ledger.clean(Row("d", "k", live("x"), "x"))
    assert len(ledger.dirty("d", 10)) == 1
    ledger.clean(Row("d", "k", GONE, None))
    assert ledger.dirty("d", 10) == []


def test_a_merge_that_another_one_has_made_already_applies_nothing(ledger: Ledger) -> None:
    ledger.settle("d", "k", ledger.next_generation("d", "k"), live("x"))
    stale = ledger.rows("d", ["k"])
    assert ledger.advance(Pointer("d"), Pointer("d", 1, "one"), stale)
    assert not ledger.advance(Pointer("d", 1, "one"), Pointer("d", 2, "two"), stale)
    assert ledger.pointer("d") == Pointer("d", 1, "one")


def test_an_object_that_cannot_be_read_counts_as_nothing_and_says_why(ledger: Ledger) -> None:
    ledger.settle("d", "k", ledger.next_generation("d", "k"), BAD)
    (row,) = ledger.rows("d", ["k"])
    assert row.reading == BAD
    assert row.counted is None


def test_more_rows_than_one_call_takes_are_read(ledger: Ledger) -> None:
    keys = [f"k{n:03d}" for n in range(120)]
    for key in keys:
        ledger.settle("d", key, 1, live(key))
    assert sorted(row.key for row in ledger.rows("d", keys)) == keys
    assert len(ledger.dirty("d", 50)) == 50


def test_rows_are_read_in_the_order_of_keys_between_two_of_them(ledger: Ledger) -> None:
    for key in ("b", "a", "d", "c", "ä", "a/b"):
        ledger.settle("d", key, 1, live(key))
    ledger.settle("e", "c", 1, live("c"))
    assert ledger.advance(Pointer("d"), Pointer("d", 1, "one"), ledger.rows("d", ["a"]))
    assert [row.key for row in ledger.between("d", "", None)] == ["a", "a/b", "b", "c", "d", "ä"]
    assert [row.key for row in ledger.between("d", "a", "c")] == ["a/b", "b", "c"]
    assert [row.key for row in ledger.between("d", "a", None, 2)] == ["a/b", "b"]


def delta_of(*keys: Key) -> Delta:
    return Delta.tallied(
        keys,
        hour=[key.hour for key in keys],
        key=range(len(keys)),
        line=range(1, len(keys) + 1),
        group=range(len(keys)),
        accounting=Accounting.of(counted=len(keys)),
    )


def test_files_are_written_once_and_read_back(files: CountFiles) -> None:
    delta = delta_of(Key(24, "a"), Key(30, "b"))
    assert files.accounting("d/k/v") is None
    for _ in range(2):
        files.put_delta("d/k/v", delta)
    assert files.accounting("d/k/v") == delta.accounting
    assert files.delta("d/k/v").to_bytes() == delta.to_bytes()
    names = [files.put_day("d", day, 7, delta.counts) for day in (1, 1, 2)]
    assert names[0] == names[1] != names[2]
    assert files.days(names) == [delta.counts] * 3
    hours = delta.identities.hour
    index = DayIndex(Index.of(hours, delta.identities.key, hours * 0, [Holder("k", "d/k/v")]), {31: "another file"})
    for hour in (None, 6):
        assert files.index(files.put_index("d", 1, hour, 7, index)).to_bytes() == index.to_bytes()
    aggregate = Aggregate(delta.accounting, {1: Day(names[0], None), 2: Day(None, "index")})
    assert files.aggregate(files.put_aggregate("d", 7, aggregate)) == aggregate


def test_refused_lines_are_kept_beside_their_delta(files: CountFiles) -> None:
    lines = [RefusedLine(3, "no-id", '{"ä": 1}'), RefusedLine(9, "malformed", "")]
    assert files.refused("d/k/v") == []
    files.put_refused("d/k/v", lines)
    assert files.refused("d/k/v") == lines


def test_what_earlier_generations_wrote_is_found_and_deleted(files: CountFiles) -> None:
    counts = delta_of(Key(24, "a")).counts
    old, new = files.put_day("d", 1, 7, counts), files.put_day("d", 1, 8, counts)
    other = files.put_day("e", 1, 7, counts)
    aggregate = files.put_aggregate("d", 7, Aggregate())
    assert sorted(files.written_before("d", 8)) == sorted([old, aggregate])
    files.delete([old, aggregate])
    files.delete([])
    assert files.written_before("d", 9) == [new]
    assert files.days([new, other]) == [counts] * 2


@pytest.mark.parametrize("key", ["a+b.json", "a%20b.json", "a b/../c.json", "ä.json", "x" * 900])
def test_objects_are_read_as_they_stand_whatever_their_key(client: Client, tmp_path: Path, key: str) -> None:
    s3, objects, target = client("s3"), S3Objects(client("s3")), tmp_path / "target"
    assert objects.head("datasets", key) is None
    s3.put_object(Bucket="datasets", Key=key, Body=b"one")
    found = objects.head("datasets", key)
    assert found is not None
    assert objects.download("datasets", key, found, target)
    assert target.read_bytes() == b"one"
    s3.put_object(Bucket="datasets", Key=key, Body=b"two")
    assert not objects.download("datasets", key, found, target)
    assert objects.listing("datasets", "", None, 10) == [Listed(key, objects.head("datasets", key).version)]
    assert objects.listing("datasets", "", key, 10) == []
    assert objects.beginning("datasets", key, 2) == b"tw"
    s3.delete_object(Bucket="datasets", Key=key)
    assert objects.head("datasets", key) is None
    assert not objects.download("datasets", key, Found('"x"'), target)
    assert objects.beginning("datasets", key, 2) == b""


def test_hints_come_back_as_they_were_sent(client: Client) -> None:
    sqs = client("sqs")
    urls = {name: sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("objects", "fits")}
    hints = Hints(sqs, objects_queue=urls["objects"], fits_queue=urls["fits"])
    hints.look_at("b", [f"k{n}" for n in range(12)])
    hints.sweep("d", "after")
    hints.merge("d")
    hints.fit("m", window_moved=True)
    sent: list[Any] = []
    while messages := sqs.receive_message(QueueUrl=urls["objects"], MaxNumberOfMessages=10).get("Messages"):
        sent += [read_hint(message["Body"]) for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=urls["objects"], ReceiptHandle=message["ReceiptHandle"])
    assert {one for one in sent if isinstance(one, LookAt)} == {LookAt("b", f"k{n}") for n in range(12)}
    assert {one for one in sent if not isinstance(one, LookAt)} == {Sweep("d", "after"), Merge("d")}
    (fit,) = sqs.receive_message(QueueUrl=urls["fits"], WaitTimeSeconds=3)["Messages"]
    assert read_hint(fit["Body"]) == Fit("m", window_moved=True)


@pytest.mark.parametrize("body", ["", "no", "[]", "{}", '{"fit": {}}', '{"source": "aws.s3"}', "[" * 10_000])
def test_what_is_no_hint_is_told(body: str) -> None:
    with pytest.raises(UnreadableHintError):
        read_hint(body)


def test_counts_follow_the_objects_through_every_change(client: Client) -> None:
    ledger, files, s3 = DynamoLedger(client("dynamodb"), "Ledger"), S3CountFiles(client("s3"), "state"), client("s3")
    counting = Counting(ledger, S3Objects(s3), files, count_object)

    def put(key: str, *offers: str) -> None:
        lines = "\n".join(json.dumps(display(offer)) for offer in offers)
        s3.put_object(Bucket="datasets", Key=f"d/{key}", Body=gzip.compress(lines.encode(), mtime=0))

    def look(*keys: str) -> bool:
        for key in keys:
            counting.count(Place("d", "datasets", "d/", key))
        return counting.merge("d", keys)

    def counted() -> dict[str, int]:
        counts = DatasetCounts.of(["d"], ledger, files).since(None)
        return {key.offer: n for key, n in counts.items()}

    put("1", "a", "a", "b")
    put("2", "b")
    assert look("1", "2")
    assert counted() == {"a": 2, "b": 2}
    assert not look("1", "2")
    put("1", "c")
    assert look("1")
    assert counted() == {"b": 1, "c": 1}
    s3.delete_object(Bucket="datasets", Key="d/2")
    assert look("2")
    assert counted() == {"c": 1}
    s3.put_object(Bucket="datasets", Key="d/1", Body=b"PAR1")
    assert look("1")
    assert counted() == {}
    assert DatasetCounts.of(["d"], ledger, files).accounting.received == 0


def test_objects_are_listed_with_their_times_and_sizes_over_all_pages(client: Client) -> None:
    s3 = client("s3")
    for n in range(5):
        s3.put_object(Bucket="datasets", Key=f"written/{n}", Body=b"x" * n)
    s3.put_object(Bucket="datasets", Key="writtem/0", Body=b"beside")
    found, are_all = S3Objects(s3).written("datasets", "written/", 5)
    assert are_all
    assert [(one.key, one.size) for one in found] == [(f"written/{n}", n) for n in range(5)]
    head = s3.head_object(Bucket="datasets", Key="written/3")
    assert found[3].version == head["ETag"]
    assert 0 <= found[3].at - head["LastModified"].timestamp() < 1, "which tells whole seconds"
    assert S3Objects(s3).written("datasets", "written/", 4) == (found[:4], False)
    assert S3Objects(s3).written("datasets", "none/", 4) == ([], True)

    class Paging:
        """S3 with pages of two."""

        def list_objects_v2(self, **question: Any) -> Any:
            return s3.list_objects_v2(**question, MaxKeys=2)

    assert S3Objects(Paging()).written("datasets", "written/", 5) == (found, True)  # type: ignore[arg-type]
    assert S3Objects(Paging()).written("datasets", "written/", 3) == (found[:3], False)  # type: ignore[arg-type]
