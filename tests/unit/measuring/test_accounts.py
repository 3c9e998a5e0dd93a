from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.ledger import Reading, State
from offer_ranking.counting.refused import RefusedLine
from offer_ranking.measuring import accounts
from offer_ranking.measuring.accounts import ObjectState, Place, object_accounts, refused_lines
from tests.support.fakes import FakeFiles, FakeLedger

NOW = datetime(2026, 11, 25, tzinfo=UTC)
DATASET = Dataset(
    id="d",
    name="events",
    description=None,
    bucket="bucket",
    prefix="events/",
    field_groups=(),
    version=1,
    created_at=NOW,
    updated_at=NOW,
)
START = Place(key="", begun="", line=0)


class World:
    """A ledger and the files beside it."""

    def __init__(self) -> None:
        self.ledger = FakeLedger()
        self.files = FakeFiles()

    def read(self, key: str, *reasons: str, counted: int = 1, text: str = "") -> None:
        """An object was read; one line, which ends with `text`, is refused for each reason, the first on line 2."""
        refused = {reason: reasons.count(reason) for reason in reasons}
        lines = [RefusedLine(n + 2, reason, f"{key} {n}{text}") for n, reason in enumerate(reasons)]
        self.files.put_refused(f"delta of {key}", lines)
        accounting = Accounting.of(counted=counted, refused=refused)
        self.settle(key, Reading(State.LIVE, "v1", f"delta of {key}", accounting=accounting))

    def settle(self, key: str, reading: Reading) -> None:
        generation = self.ledger.next_generation("d", key)
        self.ledger.settle("d", key, generation, reading)

    def objects(self, *, state: ObjectState | None = None, limit: int = 100) -> list[list[str]]:
        """Keys, page by page."""
        pages, after = [], ""
        while True:
            shown, last = object_accounts(DATASET, self.ledger, state=state, after=after, limit=limit)
            pages.append([one["key"].removeprefix("events/") for one in shown])
            if last is None:
                return pages
            after = last

    def refused(self, *, reason: str | None = None, limit: int = 100) -> list[list[tuple[str, int]]]:
        """Objects and lines, page by page."""
        pages, start = [], START
        while True:
            shown, last = refused_lines(DATASET, self.ledger, self.files, reason=reason, start=start, limit=limit)
            pages.append([(one["object"].removeprefix("events/"), one["line"]) for one in shown])
            if last is None:
                return pages
            start = last


@pytest.fixture
def world() -> World:
    return World()


def test_an_object_is_shown_by_its_whole_key_with_what_became_of_its_lines(world: World) -> None:
    world.read("a", "no-id", "no-id", "malformed", counted=7)
    (account,), last = object_accounts(DATASET, world.ledger, state=None, after="", limit=10)
    assert last is None
    assert account == {
        "key": "events/a", "state": "live", "reason": None, "received": 10, "counted": 7, "duplicate": 0, "other": 0,
        "late": 0, "refused": {"malformed": 1, "no-id": 2},
    }  # fmt: skip


def test_objects_come_in_pages_in_the_order_of_their_keys_each_once(world: World) -> None:
    for key in ("c", "a", "e", "b", "d"):
        world.read(key)
    assert world.objects(limit=2) == [["a", "b"], ["c", "d"], ["e"]]
    assert world.objects(limit=5) == [["a", "b", "c", "d", "e"]]
    assert World().objects() == [[]]


def test_objects_in_one_state_are_found_among_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_ROWS", 3)
    for n in range(8):
        world.read(f"{n}")
    world.settle("4", Reading(State.BAD, "v2", "delta", reason="gzip-corrupt"))
    world.settle("6", Reading(State.DELETED))
    world.ledger.next_generation("d", "9")
    assert [key for page in world.objects(state="bad") for key in page] == ["4"]
    assert [key for page in world.objects(state="deleted") for key in page] == ["6"]
    assert [key for page in world.objects(state="unread") for key in page] == ["9"]
    assert [len(page) for page in world.objects(state="live", limit=2)] == [2, 2, 1, 1]
    (bad,), _ = object_accounts(DATASET, world.ledger, state="bad", after="3", limit=10)
    assert (bad["reason"], bad["received"]) == ("gzip-corrupt", 0)


def test_refused_lines_come_in_pages_that_end_within_an_object_too(world: World) -> None:
    world.read("a", "no-id", "malformed", "no-id")
    world.read("b")
    world.read("c", "malformed")
    every = [("a", 2), ("a", 3), ("a", 4), ("c", 2)]
    for limit in (1, 2, 3, 4, 5):
        pages = world.refused(limit=limit)
        assert [line for page in pages for line in page] == every
        assert all(len(page) <= limit for page in pages)
    assert world.refused(limit=4) == [every]


def test_a_page_of_large_refused_lines_ends_before_it_outgrows_an_answer(world: World) -> None:
    """Lambda writes an emoji in 14 bytes and answers with 6,291,556."""
    for key in "0123456789":
        world.read(key, *100 * ["no-id"], text=990 * "\U0001f34c")
    pages = world.refused(limit=1000)
    assert [line for page in pages for line in page] == [(key, n + 2) for key in "0123456789" for n in range(100)]
    assert 3 <= len(pages) <= 5
    shown, _ = refused_lines(DATASET, world.ledger, world.files, reason=None, start=START, limit=1000)
    assert len(json.dumps(json.dumps(shown))) < 6_291_556


def test_refused_lines_are_found_by_their_reason(world: World) -> None:
    world.read("a", "no-id", "malformed", "no-id")
    world.read("b", "malformed")
    world.read("c", "no-id")
    assert world.refused(reason="no-id") == [[("a", 2), ("a", 4), ("c", 2)]]
    assert world.refused(reason="no-id", limit=1) == [[("a", 2)], [("a", 4)], [("c", 2)]]
    assert world.refused(reason="capped") == [[]]


def test_no_page_reads_more_than_it_may(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "_FILES", 2)
    monkeypatch.setattr(accounts, "_ROWS", 4)
    for n in range(9):
        world.read(f"{n}", *(["no-id"] if n % 2 else []))
    assert world.refused() == [[("1", 2), ("3", 2)], [("5", 2), ("7", 2)], []]


def test_lines_of_an_object_that_is_gone_or_was_replaced_meanwhile_are_not_shown(world: World) -> None:
    world.read("a", "no-id", "no-id")
    world.read("b", "no-id")
    shown, last = refused_lines(DATASET, world.ledger, world.files, reason=None, start=START, limit=1)
    assert (shown[0]["line"], last) == (2, Place(key="", begun="a", line=2))
    world.settle("a", Reading(State.DELETED))
    shown, last = refused_lines(DATASET, world.ledger, world.files, reason=None, start=last or START, limit=1)
    assert ([one["object"] for one in shown], last) == (["events/b"], None)
