from __future__ import annotations

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import CONVERSION, Counts, Key
from offer_ranking.measuring.report import report

ROWS = {
    Key(1, "a", model="m", traffic="random"): 10,
    Key(1, "a", model="m", traffic="random", kind=CONVERSION): 1,
    Key(2, "a", model="m", traffic="noncontextual"): 30,
    Key(2, "b", model="m", traffic="noncontextual", kind=CONVERSION): 2,
    Key(2, "b", model="other", traffic="random"): 100,
    Key(3, "b"): 60,
}
COUNTS = Counts.of(ROWS.keys(), ROWS.values())


def made(counts: Counts) -> dict[str, object]:
    accounting = Accounting.of(counted=203, refused={"no-id": 2})
    return dict(report(counts, accounting, model_id="m", as_of="now", snapshot_version=3))


def test_totals_hold_every_event_and_traffic_only_the_models_own() -> None:
    found = made(COUNTS)
    assert found["totals"] == {"impressions": 200, "conversions": 3, "conversionRate": 3 / 200}
    assert found["traffic"] == {
        "random": {"impressions": 10, "conversions": 1, "conversionRate": 0.1},
        "model": {"impressions": 30, "conversions": 2, "conversionRate": 2 / 30},
    }


def test_each_offer_has_its_rate_share_and_an_interval_around_what_is_believed() -> None:
    a, b = made(COUNTS)["offers"]  # type: ignore[misc]
    assert (a["id"], a["impressions"], a["conversions"], a["share"]) == ("a", 40, 1, 0.2)
    assert b["conversionRate"] == 2 / 160
    assert 0 < a["interval"][0] < 1 / 40 < a["interval"][1] < 1


def test_accounting_is_passed_on_whole() -> None:
    assert made(COUNTS)["accounting"] == {
        "received": 205, "counted": 203, "duplicate": 0, "other": 0, "late": 0, "refused": {"no-id": 2},
    }  # fmt: skip


def test_nothing_is_reported_of_nothing() -> None:
    found = made(Counts.zero())
    assert found["offers"] == []
    assert found["totals"] == {"impressions": 0, "conversions": 0, "conversionRate": None}


def test_a_conversion_without_an_impression_breaks_nothing() -> None:
    counts = Counts.of([Key(1, "a", kind=CONVERSION)], [5])
    (only,) = made(counts)["offers"]  # type: ignore[misc]
    assert only["conversionRate"] is None
