from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from offer_ranking.measuring.backfill import Work, backfill, cost
from offer_ranking.measuring.map_run import MapRun, Objects, none_listed

STARTED = datetime(2026, 11, 25, 12, tzinfo=UTC)


GIVEN = {"datasetId": "d"}


def run(listed: int = 0) -> MapRun:
    return MapRun("b", GIVEN, "running", STARTED, objects=none_listed() | {"listed": listed})


def test_a_backfill_that_has_just_begun_shows_zeros() -> None:
    shown = backfill(run(), Work())
    assert shown["progress"] == {
        "objects": {"listed": 0, "done": 0, "failed": 0, "pending": 0},
        "counted": 0, "unreadable": 0, "bytes": 0, "seconds": 0,
    }  # fmt: skip
    assert (shown["startedAt"], shown["endedAt"], shown["error"]) == ("2026-11-25T12:00:00.000Z", None, None)
    assert shown["cost"]["usd"] < 0.0001


def test_a_backfill_that_failed_says_when_and_by_what_name() -> None:
    objects = Objects(listed=3, done=1, failed=2, pending=0)
    ended = MapRun("b", GIVEN, "failed", STARTED, STARTED + timedelta(hours=1), "States.Timeout", objects)
    shown = backfill(ended, Work(counted=1, bytes=10, milliseconds=1500))
    assert (shown["status"], shown["endedAt"], shown["error"]) == (
        "failed",
        "2026-11-25T13:00:00.000Z",
        "States.Timeout",
    )
    assert shown["progress"]["objects"] == objects
    assert (shown["id"], shown["datasetId"]) == ("b", "d")
    assert (shown["progress"]["counted"], shown["progress"]["seconds"]) == (1, 1.5)


def test_the_cost_is_the_sum_of_quantities_at_prices() -> None:
    hour = 3600 * 1000
    work = Work(batches=20, counted=1000, milliseconds=hour, megabyte_milliseconds=hour * 2048)
    found = cost(run(listed=2000), work)
    assert found["usd"] == pytest.approx(sum(part["quantity"] * part["usdPerUnit"] for part in found["parts"]))
    by_unit = {part["unit"]: part["usd"] for part in found["parts"]}
    assert by_unit["GB-second"] == pytest.approx(7200 * 0.0000166667)
    assert by_unit["transition"] == pytest.approx(82 * 0.000025)
    assert by_unit["write"] == pytest.approx((1000 + 60 + 2) * 0.000005)


def test_what_is_known_already_costs_next_to_nothing() -> None:
    """A second backfill of a million objects reads the ledger, and counts nothing."""
    again = cost(
        run(listed=1_000_000),
        Work(batches=10_000, milliseconds=10_000 * 200, megabyte_milliseconds=10_000 * 200 * 2048),
    )
    assert again["usd"] < 1.5
