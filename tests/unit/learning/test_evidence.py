import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offer_ranking.catalog.settings import Settings
from offer_ranking.counting.counts import CONVERSION, IMPRESSION, Counts, Key
from offer_ranking.learning.evidence import Evidence, evidence_of

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
            Key(hour=NOW, offer="b", kind=CONVERSION, model="m", lag=2),
            Key(hour=NOW, offer="a", traffic="random"),
        ],
        [10, 5, 2, 7],
    )
    evidence = evidence_of(counts, EVER, NOW)
    assert evidence.offers == ("a", "b")
    assert evidence.impressions.tolist() == [7, 15]
    assert evidence.conversions.tolist() == [0, 2]
    assert evidence.repaired == 0


def test_hours_older_than_the_window_drop_out_and_the_boundary_stays() -> None:
    counts = table((48, "in", IMPRESSION, 3), (49, "in", IMPRESSION, 4), (49, "out", IMPRESSION, 5))
    evidence = evidence_of(counts, Settings(window_days=2), NOW)
    assert evidence.offers == ("in",)
    assert evidence.impressions.tolist() == [3]
    assert evidence_of(counts, EVER, NOW).offers == ("in", "out")


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
    assert evidence.offers == tuple(sorted(offers))
    by_offer = dict(zip(evidence.offers, zip(evidence.impressions, evidence.conversions, strict=True), strict=True))
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
    assert list(evidence.offers) == sorted(told)


def test_no_counts_are_no_evidence() -> None:
    assert evidence_of(Counts.zero(), EVER, NOW).offers == ()
