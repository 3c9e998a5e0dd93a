from __future__ import annotations

import json
from math import ceil
from typing import Any

import numpy as np
import pytest

from offer_ranking.catalog.lifecycle import Action
from offer_ranking.catalog.model import Model, move_model
from offer_ranking.catalog.settings import Settings
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import CONVERSION, HOURS_PER_DAY, Counts, Key
from offer_ranking.measuring import readiness as readiness_module
from offer_ranking.measuring.lift import LEAST_CONVERSIONS, Arm, half_width, log_ratio
from offer_ranking.measuring.readiness import Experiment, readiness
from tests.support.models import a_model

TODAY = 20_000
NOW = TODAY * HOURS_PER_DAY + 9


def ready(
    rows: dict[Key, int], *asked: str, model: Model | None = None, accounting: Accounting | None = None
) -> dict[str, Any]:
    counts = Counts.of(rows.keys(), rows.values())
    accounting = accounting or Accounting.of(counted=sum(rows.values()))
    found = readiness(counts, accounting, model=model or a_model(), asked=asked, as_of="now", hour=NOW)
    json.dumps(found, allow_nan=False)
    return dict(found)


def daily(days: int, impressions: int, conversions: int, offer: str = "a") -> dict[Key, int]:
    """On each of so many whole days before today, at its noon."""
    hours = [(TODAY - day) * HOURS_PER_DAY + 12 for day in range(1, days + 1)]
    shown = {Key(hour, offer): impressions for hour in hours}
    return shown | {Key(hour, offer, kind=CONVERSION): conversions for hour in hours}


# A power of 80 % in 4,000 worlds has a standard error of 0.63 %; four of them, and as much again for what the normal
# approximation leaves out with hundreds of conversions.
@pytest.mark.parametrize(
    ("lift", "share", "rate", "per_day"),
    [(0.2, 0.05, 0.02, 90_000), (0.2, 0.2, 0.1, 10_000), (0.1, 0.05, 0.05, 90_000), (0.05, 0.5, 0.2, 90_000),
     (0.2, 0.5, 0.3, 240)],
)  # fmt: skip
def test_on_the_promised_day_the_lift_is_seen_in_80_percent_of_worlds(
    lift: float, share: float, rate: float, per_day: float
) -> None:
    days = Experiment(per_day, share, rate).days_until(lift)
    assert days is not None
    rng = np.random.default_rng(7)
    hours = ceil(24 * days)
    shown = rng.poisson(per_day / 24 * np.minimum(24 * days - np.arange(hours), 1), (4000, hours))
    m = rng.binomial(shown, share)
    n = shown - m
    ratio = log_ratio(Arm(n, rng.binomial(n, rate * (1 + lift))), Arm(m, rng.binomial(m, rate)))
    is_seen = ratio.is_enough & (ratio.estimate > half_width(ratio.information))
    assert is_seen.mean() == pytest.approx(0.8, abs=8 * 0.0063)


def test_a_smaller_lift_a_smaller_share_and_less_traffic_take_longer() -> None:
    usual = Experiment(100_000, 0.05, 0.02)
    days = [usual.days_until(lift) for lift in (0.2, 0.1, 0.05)]
    assert days == sorted(days)  # type: ignore[type-var]
    assert Experiment(100_000, 0.01, 0.02).days_until(0.1) > days[1]  # type: ignore[operator]
    assert Experiment(50_000, 0.05, 0.02).days_until(0.1) == pytest.approx(2 * days[1], rel=1e-3)  # type: ignore[operator]


def test_no_day_is_promised_before_there_is_an_interval() -> None:
    days = Experiment(1000, 0.05, 0.02).days_until(20.0)
    assert days == pytest.approx(LEAST_CONVERSIONS / (1000 * 0.05 * 0.02))


@pytest.mark.parametrize("experiment", [Experiment(0, 0.05, 0.02), Experiment(9, 0.05, 0), Experiment(9, 0.05, 0.9)])
def test_nothing_is_promised_without_traffic_or_for_a_lift_that_cannot_be(experiment: Experiment) -> None:
    assert experiment.days_until(0.2) is None


def test_a_model_with_events_is_ready_and_has_a_day_for_each_lift() -> None:
    found = ready(daily(20, 1000, 30))
    assert (found["ready"], found["notes"]) == (True, [])
    assert found["totals"] == {"impressions": 20_000, "conversions": 600, "conversionRate": 0.03}
    assert (found["impressionsPerDay"], found["baseRate"], found["randomShare"]) == (1000, 0.03, 0.05)
    expected = {one["lift"]: one["days"] for one in found["expectedDays"]}
    assert expected == {lift: Experiment(1000, 0.05, 0.03).days_until(lift) for lift in (0.05, 0.1, 0.2)}


def test_without_events_nothing_is_ready_and_nothing_promised() -> None:
    found = ready({}, "x")
    assert not found["ready"]
    assert found["notes"] == [
        "There are no impressions to learn from: every ranking will be random.",
        "Offer 'x' has no events.",
        "There is no traffic: it cannot be said when a lift would be seen.",
    ]
    assert (found["impressionsPerDay"], found["baseRate"]) == (None, None)
    assert [one["days"] for one in found["expectedDays"]] == [None] * 3


def test_offers_asked_for_and_those_with_conversions_only_are_told() -> None:
    found = ready(daily(14, 1000, 30) | {Key(NOW - 30, "b", kind=CONVERSION): 2}, "c", "a")
    assert [(one["id"], one["impressions"], one["conversions"]) for one in found["offers"]] == [
        ("a", 14_000, 420), ("b", 0, 2),
    ]  # fmt: skip
    assert found["offersWithoutImpressions"] == ["b", "c"]
    assert found["notes"] == ["Offer 'b' has conversions only.", "Offer 'c' has no events."]
    assert found["ready"]


def test_of_more_offers_than_a_model_ranks_the_most_shown_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {Key(NOW - 1, f"o{n}"): 10 + n for n in range(5)} | {Key(NOW - 1, "z", kind=CONVERSION): 2}
    whole = ready(rows, "o0", "x")
    monkeypatch.setattr(readiness_module, "MOST_OFFERS", 3)
    found = ready(rows, "o0", "x")
    assert [one["id"] for one in found["offers"]] == ["o2", "o3", "o4"]
    assert found["totals"] == whole["totals"]
    assert found["offersWithoutImpressions"] == ["x"], "o0 was shown, though it is not told of"


@pytest.mark.parametrize("character", ["\U0001f34c", "\\"])
def test_of_offers_with_long_ids_as_many_are_told_as_an_answer_holds(character: str) -> None:
    """An id without impressions stands in it three times, once as Python writes it; Lambda answers with 6,291,556."""
    rows = {Key(NOW - 1, f"{n:04}" + 400 * character, kind=CONVERSION): 1 for n in range(2000)}
    rows |= {Key(NOW - 1, "z"): 1}
    found = ready(rows)
    assert len(json.dumps(json.dumps(found))) < 6_291_556
    assert 200 < len(found["offersWithoutImpressions"]) < 2000
    assert len(found["offers"]) == len(found["offersWithoutImpressions"]) + 1
    assert found["offers"][-1]["id"] == "z", "the only one shown"
    assert found["totals"] == {"impressions": 1, "conversions": 2000, "conversionRate": 2000}


def test_only_the_models_window_is_learned_from_but_traffic_is_of_14_days() -> None:
    model = a_model(settings=Settings(window_days=2))
    found = ready(daily(14, 1000, 30), model=model)
    assert (found["windowDays"], found["totals"]["impressions"]) == (2, 2000)  # from the hour two days ago on
    assert found["impressionsPerDay"] == 1000
    assert ready(daily(40, 1000, 30), model=a_model(settings=Settings(window_days=None)))["totals"][
        "impressions"
    ] == 40_000  # fmt: skip


def test_traffic_is_of_whole_days_since_the_first_event() -> None:
    found = ready(daily(3, 900, 30) | {Key(NOW, "a"): 10_000})
    assert found["impressionsPerDay"] == 900
    assert found["notes"] == [
        "The present traffic is known from 3 whole days only, the first of which may have been cut short."
    ]


def test_traffic_that_began_today_is_taken_for_a_day() -> None:
    found = ready({Key(NOW, "a"): 500, Key(NOW, "a", kind=CONVERSION): 20})
    assert found["impressionsPerDay"] == 500
    assert found["notes"] == ["The first impressions are of today, which is taken for a whole day of traffic."]
    assert found["ready"]


def test_traffic_that_ended_promises_nothing() -> None:
    old = (TODAY - 20) * HOURS_PER_DAY
    found = ready({Key(old, "a"): 500, Key(old, "a", kind=CONVERSION): 20})
    assert (found["impressionsPerDay"], found["expectedDays"][2]["days"]) == (0, None)
    assert found["notes"] == [
        "There were no impressions in the last 14 days: it cannot be said when a lift would be seen."
    ]


def test_refused_and_late_lines_are_told_with_their_number() -> None:
    accounting = Accounting.of(counted=5, late=1, refused={"no-id": 2, "no-time": 1})
    found = ready(daily(14, 1000, 30), accounting=accounting)
    assert found["accounting"]["refused"] == {"no-id": 2, "no-time": 1}
    assert found["notes"] == [
        "2 lines were refused: no-id.", "1 line was refused: no-time.", "1 line was too late to count.",
    ]  # fmt: skip


def test_more_conversions_than_impressions_are_remarked_and_break_nothing() -> None:
    found = ready(daily(14, 10, 30))
    assert found["notes"] == ["There are more conversions than impressions: displays may be missing from the events."]
    assert (found["baseRate"], found["expectedDays"][0]["days"]) == (1.0, None)


def test_without_conversions_a_model_is_not_ready() -> None:
    found = ready(daily(14, 10, 0))
    assert not found["ready"]
    assert found["notes"] == ["There are no conversions to learn from: no offer is yet better than another."]


def test_an_archived_model_is_not_ready() -> None:
    archived = move_model(a_model(), Action.ARCHIVE, now=a_model().created_at)
    found = ready(daily(14, 1000, 30), model=archived)
    assert not found["ready"]
    assert found["notes"] == ["The model is archived; duplicate it to rank with it again."]
