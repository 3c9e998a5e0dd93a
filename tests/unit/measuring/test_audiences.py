from __future__ import annotations

import pytest
from scipy import stats

from offer_ranking.counting.counts import CONVERSION, Counts, Key
from offer_ranking.measuring.audiences import AudienceReport, audience_reports
from offer_ranking.measuring.history import History, Membership
from offer_ranking.measuring.traffic import OwnTraffic
from tests.support.models import a_model

NEW, LOYAL = '{"a":["new"]}', '{"a":["loyal"]}'
BOTH, NEITHER, PHONE = '{"a":["loyal","new"]}', '{"a":["other"]}', '{"c":{"device":"phone"}}'


def rows(cell: str, random: tuple[int, int], model: tuple[int, int], hour: int = 1) -> dict[Key, int]:
    found = {}
    for traffic, (impressions, conversions) in (("random", random), ("contextual", model)):
        key = Key(hour, "a", model="m", traffic=traffic, cell=cell)
        found |= {key: impressions, key._replace(kind=CONVERSION): conversions}
    return found


def reports(*parts: dict[Key, int]) -> dict[str | None, AudienceReport]:
    counts = Counts.total(Counts.of(part.keys(), part.values()) for part in parts)
    membership = Membership(("new", "loyal"))
    history = History.of([counts], a_model(), membership)
    return {one["audience"]: one for one in audience_reports(OwnTraffic.of(counts, "m"), history, membership)}


def test_who_is_in_several_audiences_counts_in_each_and_who_is_in_none_in_the_last_row() -> None:
    cells = (NEW, LOYAL, BOTH, NEITHER, PHONE, "")
    found = reports(*(rows(cell, (0, 0), (10**place, 0)) for place, cell in enumerate(cells)))
    shown = [(audience, one["impressions"]) for audience, one in found.items()]
    assert shown == [("new", 101), ("loyal", 110), (None, 111_000)]


def test_what_is_no_cell_and_what_another_model_ranked_is_in_no_row() -> None:
    foreign = {Key(1, "a", model="other", cell=NEW): 5}
    assert [one["impressions"] for one in reports(rows("[", (1, 0), (9, 1)), foreign).values()] == [0, 0, 0]


def test_lift_within_an_audience_does_not_mix_it_with_others() -> None:
    # Loyal people convert ten times as often whatever they see; in each audience the model gains 20 %.
    found = reports(rows(LOYAL, (1000, 500), (3000, 1800)), rows(NEW, (9000, 450), (3000, 180)))
    assert found["loyal"]["lift"]["value"] == pytest.approx(0.2)
    assert found["new"]["lift"]["value"] == pytest.approx(0.2)


def test_hours_are_compared_within_an_audience_too() -> None:
    found = reports(rows(NEW, (100, 10), (900, 108)), rows(NEW, (900, 450), (100, 60), hour=2))
    assert found["new"]["lift"]["value"] == pytest.approx(0.2)


def test_an_audiences_rate_has_a_credible_interval() -> None:
    one = reports(rows(NEW, (100, 5), (900, 45)))["new"]
    assert one["conversionRate"] == 0.05
    # that of Jeffreys' prior; 2e-4 of the probability is what the integration promises
    low, high = stats.beta.cdf(one["interval"], 50.5, 950.5)
    assert (low, high) == pytest.approx((0.025, 0.975), abs=2e-4)


def test_an_audience_without_events_has_a_row_that_says_so() -> None:
    one = reports(rows(NEW, (100, 5), (900, 45)))["loyal"]
    assert (one["impressions"], one["conversionRate"], one["lift"]["enoughData"]) == (0, None, False)
