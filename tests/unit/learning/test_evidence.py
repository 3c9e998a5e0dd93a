import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offer_ranking.catalog.settings import Settings
from offer_ranking.counting.counts import CONVERSION, IMPRESSION, Counts, Key
from offer_ranking.learning.evidence import Evidence
from tests.support.learned import evidence_of

NOW = 500_000  # hours since 1970
EVER = Settings(window_days=None)


def table(*rows: tuple[int, str, int, int]) -> Counts:
    """Rows of (age in hours, offer, kind, count)."""
    return Counts.of(
        [Key(hour=NOW - age, offer=offer, kind=kind) for age, offer, kind, _ in rows],
        [row[3] for row in rows],
    )


def test_counts_are_summed_over_everything_but_the_offer() -> None:
    counts = Counts.of(
        [
            Key(hour=NOW, offer="b", cell="x"),
            Key(hour=NOW - 9, offer="b", cell="y", position=3),
            Key(hour=NOW, offer="b", kind=CONVERSION, model="m"),
            Key(hour=NOW, offer="a", traffic="random"),
        ],
        [10, 5, 2, 7],
    )
    evidence = evidence_of(counts, EVER, NOW)
    assert evidence.versions.offers == ("a", "b")
    assert evidence.impressions.tolist() == [7, 15]
    assert evidence.conversions.tolist() == [0, 2]
    assert evidence.repaired == 0


def test_hours_older_than_the_window_drop_out_and_the_boundary_stays() -> None:
    counts = table((48, "in", IMPRESSION, 3), (49, "in", IMPRESSION, 4), (49, "out", IMPRESSION, 5))
    evidence = evidence_of(counts, Settings(window_days=2), NOW)
    assert evidence.versions.offers == ("in",)
    assert evidence.impressions.tolist() == [3]
    assert evidence_of(counts, EVER, NOW).versions.offers == ("in", "out")


def test_a_count_is_worth_half_after_one_half_life() -> None:
    counts = table(
        (0, "a", IMPRESSION, 8),
        (72, "a", IMPRESSION, 8),
        (144, "a", CONVERSION, 4),
        (144, "a", IMPRESSION, 8),
    )
    evidence = evidence_of(counts, Settings(window_days=None, half_life_days=3), NOW)
    assert evidence.impressions.tolist() == [8 + 4 + 2]
    assert evidence.conversions.tolist() == [1]


def test_hours_in_the_future_count_in_full() -> None:
    evidence = evidence_of(table((-30, "a", IMPRESSION, 6)), Settings(half_life_days=1), NOW)
    assert evidence.impressions.tolist() == [6]


def test_faulty_counts_become_possible_and_are_counted_as_repaired() -> None:
    offers = ["over", "negative", "nan", "infinite", "sound"]
    evidence = Evidence.cleaned(offers, [5, -3, np.nan, np.inf, 9], [7, -1, 2, 1, 3])
    assert evidence.versions.offers == tuple(sorted(offers))
    by_offer = dict(
        zip(evidence.versions.offers, zip(evidence.impressions, evidence.conversions, strict=True), strict=True)
    )
    assert by_offer == {
        "over": (5, 5),
        "negative": (0, 0),
        "nan": (0, 0),
        "infinite": (0, 0),
        "sound": (9, 3),
    }
    # over: c; negative: n, c; nan: n, c; infinite: n, c
    assert evidence.repaired == 7


def test_decay_alone_repairs_nothing() -> None:
    rows = [(age, "a", kind, 1) for age in range(2000) for kind in (IMPRESSION, CONVERSION)]
    evidence = evidence_of(table(*rows), Settings(window_days=None, half_life_days=1.7), NOW)
    assert evidence.repaired == 0
    assert evidence.conversions[0] == pytest.approx(evidence.impressions[0])


@settings(derandomize=True, deadline=None)
@given(
    st.dictionaries(st.text(max_size=3), st.tuples(st.floats(), st.floats()), max_size=20),
)
def test_whatever_is_told_conversions_lie_between_zero_and_impressions(told: dict) -> None:
    evidence = Evidence.cleaned(list(told), [n for n, _ in told.values()], [c for _, c in told.values()])
    assert (evidence.conversions >= 0).all()
    assert (evidence.conversions <= evidence.impressions).all()
    assert np.isfinite(evidence.impressions).all()
    assert list(evidence.versions.offers) == sorted(told)


def late(age: int, offer: str, count: int, lag: int) -> tuple[Key, int]:
    return Key(hour=NOW - age, offer=offer, kind=CONVERSION, lag=lag), count


def delayed(*more: tuple[Key, int]) -> Counts:
    """An old offer whose conversions took five hours, and 1,000 impressions of others that are 0, 4 and 5 hours old."""
    rows = [(Key(hour=NOW - 200, offer="old"), 10_000), late(200, "old", 1000, 5)]
    rows += [(Key(hour=NOW - age, offer=f"new {age}"), 1000) for age in (0, 4, 5)]
    keys, counts = zip(*rows, *more, strict=True)
    return Counts.of(keys, counts)


def shown(counts: Counts) -> dict[str, float]:
    evidence = evidence_of(counts, EVER, NOW)
    return dict(zip(evidence.versions.offers, evidence.impressions.tolist(), strict=True))


def test_impressions_count_as_far_as_their_conversions_had_time_to_come() -> None:
    # all conversions took five hours, but for ten that are supposed to have come at once
    told = shown(delayed())
    arrived = 1 - 1000 / 1010
    assert told == {
        "old": 10_000,
        "new 0": pytest.approx(1000 * arrived),
        "new 4": pytest.approx(1000 * arrived),
        "new 5": 1000,
    }


def test_a_conversion_that_has_come_has_an_impression_that_counts() -> None:
    counts = delayed(late(0, "new 0", 40, 0))
    evidence = evidence_of(counts, EVER, NOW)
    row = evidence.versions.offers.index("new 0")
    assert evidence.conversions[row] == 40 <= evidence.impressions[row] <= 1000
    assert evidence.repaired == 0


def test_where_no_conversion_is_late_every_impression_counts() -> None:
    counts = table(
        (0, "a", IMPRESSION, 8), (0, "b", IMPRESSION, 3), (90, "b", IMPRESSION, 30), (90, "b", CONVERSION, 5)
    )
    assert shown(counts) == {"a": 8, "b": 33}


def test_delay_and_decay_weigh_together() -> None:
    evidence = evidence_of(delayed(), Settings(window_days=None, half_life_days=200 / 24), NOW)
    old = evidence.versions.offers.index("old")
    assert (evidence.impressions[old], evidence.conversions[old]) == (5000, 500)


def test_young_impressions_of_a_delayed_world_do_not_look_like_failures() -> None:
    # 2 % convert, ten hours later on average; the offer is shown 2,000 times an hour since 8 hours, others for long
    rng = np.random.default_rng(5)
    keys, counts = [], []
    for offer, oldest, an_hour in (("old", 400, 500), ("young", 8, 2000)):
        for age in range(oldest):
            lags = rng.geometric(0.1, rng.binomial(an_hour, 0.02)) - 1
            found, number = np.unique(lags[lags <= age], return_counts=True)
            keys += [Key(NOW - age, offer), *(Key(NOW - age, offer, kind=CONVERSION, lag=int(lag)) for lag in found)]
            counts += [an_hour, *number.tolist()]
    evidence = evidence_of(Counts.of(keys, counts), EVER, NOW)
    young = evidence.versions.offers.index("young")
    came, n = evidence.conversions[young], evidence.impressions[young]
    # the conversions that came are Poisson; what was to be expected is known to 1 % from 4,000 others
    assert came / n == pytest.approx(0.02, abs=0.02 * (4 / np.sqrt(came) + 0.03))
    assert came / 16_000 < 0.02 * (1 - 4 / np.sqrt(0.02 * 16_000)), "without the correction it looks worse"


def test_versions_of_an_offer_are_evidence_apart() -> None:
    counts = Counts.of(
        [Key(NOW - 9, "a", "1"), Key(NOW - 2, "a", "2"), Key(NOW - 1, "a"), Key(NOW, "b")], [50, 3, 4, 5]
    )
    evidence = evidence_of(counts, EVER, NOW)
    assert list(zip(evidence.versions.offers, evidence.versions.etags, strict=True)) == [
        ("a", "1"), ("a", "2"), ("b", "")
    ]  # fmt: skip
    assert evidence.impressions.tolist() == [50, 7, 5]


def test_no_counts_are_no_evidence() -> None:
    assert evidence_of(Counts.zero(), EVER, NOW).versions.offers == ()
