"""How an object's state becomes part of the counts, where others are faster, it is too large, or was read before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from offer_ranking.counting import protocol
from offer_ranking.counting.aggregate import Pointer
from offer_ranking.counting.engine import count_object
from offer_ranking.counting.ledger import Reading, Row, State
from offer_ranking.counting.protocol import Counting, MergeRaceError, Place
from tests.support.fakes import FakeFiles, FakeLedger, FakeObjects

SHOWN = {"propositionEventType": {"display": 1}, "propositions": [{"id": "p", "items": [{"id": "o1"}]}]}
LINE = json.dumps({"_id": "e", "timestamp": "2026-11-24T22:05:12Z", "_experience": {"decisioning": SHOWN}}).encode()


class LostRaces(FakeLedger):
    """Another merge is faster, the first `lost` times."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost = lost
        self.tried = 0

    def advance(self, before: Pointer, after: Pointer, rows: Sequence[Row]) -> bool:
        self.tried += 1
        return self.tried > self.lost and super().advance(before, after, rows)


class KeepsRows(FakeLedger):
    """Remembers which objects were merged at once."""

    def __init__(self) -> None:
        super().__init__()
        self.merged: list[list[str]] = []

    def advance(self, before: Pointer, after: Pointer, rows: Sequence[Row]) -> bool:
        self.merged.append([row.key for row in rows])
        return super().advance(before, after, rows)


def counting(ledger: FakeLedger, *keys: str) -> Counting:
    objects = FakeObjects()
    for key in keys:
        objects.put("bucket", f"in/{key}", LINE)
    return Counting(ledger, objects, FakeFiles(), count_object)


def place(key: str) -> Place:
    return Place("d", "bucket", "in/", key)


def test_a_merge_that_loses_is_tried_again_and_one_that_always_loses_gives_up() -> None:
    for lost, merges in ((0, True), (3, True), (39, True), (40, False), (1000, False)):
        ledger = LostRaces(lost)
        one = counting(ledger, "a")
        one.count(place("a"))
        if merges:
            assert one.merge("d", ["a"])
            assert ledger.tried == lost + 1
        else:
            with pytest.raises(MergeRaceError):
                one.merge("d", ["a"])
            assert ledger.tried == 40


def test_a_merge_takes_as_many_objects_as_have_so_many_offers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line may hold thousands: ninety objects of ranked lists, merged as if each line had one, took 2 GB and more."""
    monkeypatch.setattr(protocol, "OFFERS_MERGED_AT_ONCE", 4)
    ledger, objects = KeepsRows(), FakeObjects()
    one = Counting(ledger, objects, FakeFiles(), count_object)
    sizes = {"a": 2, "b": 2, "c": 3, "d": 9, "e": 1}
    for key, size in sizes.items():
        objects.put("bucket", f"in/{key}", LINE.replace(b'{"id": "o1"}', items(size)))
        one.count(place(key))
    assert one.merge("d", list(sizes))
    assert ledger.merged == [["a", "b"], ["c"], ["d"], ["e"]]
    objects.put("bucket", "in/a", LINE)
    objects.put("bucket", "in/e", LINE.replace(b'"o1"', b'"o2"'))
    for key in "ae":
        one.count(place(key))
    assert one.merge("d", ["a", "e"])
    assert ledger.merged[4:] == [["a"], ["e"]], "what an object counted as is read too"


def items(count: int) -> bytes:
    return b", ".join(b'{"id": "o%d"}' % n for n in range(count))


def test_an_object_that_is_too_large_is_bad_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeObjects, "head", lambda *_: protocol_found(protocol.LARGEST_OBJECT + 1))
    reading = counting(FakeLedger(), "a").count(place("a"))
    assert (reading.state, reading.reason, reading.version) == (State.BAD, "too-large", "v")
    monkeypatch.setattr(FakeObjects, "head", lambda *_: protocol_found(protocol.LARGEST_OBJECT))
    monkeypatch.setattr(FakeObjects, "download", lambda *call: bool(call[-1].write_bytes(LINE)))
    assert counting(FakeLedger(), "a").count(place("a")).state is State.LIVE


def protocol_found(size: int) -> Any:
    from offer_ranking.counting.ledger import Found  # noqa: PLC0415 - beside its one use

    return Found("v", size)


def test_what_was_read_before_is_not_read_again_and_says_the_same() -> None:
    read: list[Path] = []

    def once(path: Path, *more: Any) -> Any:
        read.append(path)
        return count_object(path, *more)

    objects = FakeObjects()
    objects.put("bucket", "in/a", LINE)
    one = Counting(FakeLedger(), objects, FakeFiles(), once)
    first, second = one.count(place("a")), one.count(place("a"))
    assert first == second
    assert second.accounting is not None
    assert second.accounting.counted == 1
    assert len(read) == 1


def test_unknown_are_objects_of_another_version_and_those_never_seen() -> None:
    one = counting(FakeLedger(), "a", "b")
    known: Reading = one.count(place("a"))
    assert known.version is not None
    assert one.unknown("d", {place("a"): known.version, place("b"): "x"}) == [place("b")]
    assert one.unknown("d", {place("a"): "another", place("b"): "x"}) == [place("a"), place("b")]
