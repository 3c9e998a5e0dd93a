"""Races for what was counted, and for what was learned of it."""

from __future__ import annotations

from dataclasses import replace

from offer_ranking.counting.aggregate import Pointer
from offer_ranking.counting.ledger import Reading, State
from offer_ranking.storage.ledger import DynamoLedger
from offer_ranking.storage.snapshots import S3Snapshots
from tests.simulation.races.field import Field
from tests.support.learned import fitted, shown


def ledger_rows(field: Field) -> int:
    """One object is read by all: numbers are drawn once, and the last one drawn has the last word."""
    ledger = DynamoLedger(field.dynamodb, "Ledger")

    def attempt(writer: int, n: int) -> dict[int, str]:
        early, late = (ledger.next_generation("d", "k") for _ in range(2))
        said = {late: f"{writer} {n} late", early: f"{writer} {n} early"}  # who began first comes last
        for generation, what in said.items():
            ledger.settle("d", "k", generation, Reading(State.LIVE, "v", what))
        return said

    won = [one for said in field.race(attempt) for one in said.items()]
    assert sorted(generation for generation, _ in won) == list(range(1, 2 * field.tries + 1))
    (row,) = ledger.rows("d", ["k"])
    assert row.counted == dict(won)[2 * field.tries]
    return len(won) // 2


def aggregate(field: Field) -> int:
    """All merge the same row, which some of them change: the pointer takes one step at a time."""
    ledger = DynamoLedger(field.dynamodb, "Ledger")
    ledger.settle("d", "k", ledger.next_generation("d", "k"), Reading(State.LIVE, "v", "first"))

    def attempt(writer: int, n: int) -> tuple[int, str, str | None] | None:
        said = f"{writer} {n}"
        if writer % 8 == 0:
            ledger.settle("d", "k", ledger.next_generation("d", "k"), Reading(State.LIVE, "v", said))
        before, rows = ledger.pointer("d"), ledger.rows("d", ["k"])
        after = Pointer("d", before.generation + 1, said)
        return (after.generation, said, rows[0].counted) if ledger.advance(before, after, rows) else None

    won = {generation: (said, counted) for generation, said, counted in field.race(attempt)}
    assert sorted(won) == list(range(1, len(won) + 1))
    (row,) = ledger.rows("d", ["k"])
    assert (ledger.pointer("d").name, row.applied) == won[len(won)]
    assert bool(ledger.dirty("d", 9)) == (row.counted != row.applied)
    return len(won)


def snapshots(field: Field) -> int:
    """Each version is put by all, each with other content: the first one stays."""
    store = S3Snapshots(field.s3, "state")
    learned = [fitted(shown({"a": (100 + writer, 1), "b": (100, 1)})) for writer in range(field.writers)]

    def attempt(writer: int, n: int) -> tuple[int, int] | None:
        pointer, is_ours = store.put(replace(learned[writer], version=n + 1))
        assert store.get(pointer).version == n + 1
        return (n + 1, writer) if is_ours else None

    won = field.race(attempt)
    assert sorted(version for version, _ in won) == list(range(1, field.writes + 1))
    for version, writer in won:
        assert store.version("m", version).impressions.tolist() == learned[writer].impressions.tolist()
    return len(won)
