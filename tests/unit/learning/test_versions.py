from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from offer_ranking.counting.counts import CONVERSION, Counts, Key
from offer_ranking.learning.versions import Versions

HOUR = 500_000


def named(*rows: tuple[str, str, int]) -> tuple[Versions, list[tuple[str, str]]]:
    """The versions of (offer, etag, hour), and of each row in the order of the counts the version it belongs to."""
    counts = Counts.of([Key(HOUR + hour, offer, etag) for offer, etag, hour in rows])
    versions, rows_of = Versions.named_in(counts)
    return versions, [(versions.offers[row], versions.etags[row]) for row in rows_of.tolist()]


def pairs(versions: Versions) -> list[tuple[str, str]]:
    return list(zip(versions.offers, versions.etags, strict=True))


def test_offers_without_etags_have_one_version_each() -> None:
    versions, belongs = named(("b", "", 0), ("a", "", 3), ("b", "", 5))
    assert pairs(versions) == [("a", ""), ("b", "")]
    assert belongs == [("b", ""), ("a", ""), ("b", "")]
    assert versions.ids == ("a", "b")


def test_another_etag_is_another_version() -> None:
    versions, belongs = named(("a", "1", 0), ("a", "2", 3), ("a", "1", 5))
    assert pairs(versions) == [("a", "1"), ("a", "2")]
    assert belongs == [("a", "1"), ("a", "2"), ("a", "1")]
    assert versions.started.tolist() == [HOUR, HOUR + 3]
    assert versions.ids == ("a",)


def test_a_row_without_an_etag_belongs_to_the_version_in_force() -> None:
    _, belongs = named(("a", "", 1), ("a", "x", 2), ("a", "", 2), ("a", "", 4), ("a", "w", 5), ("a", "", 9))
    assert [etag for _, etag in belongs] == ["x", "x", "x", "x", "w", "w"]


def test_a_candidate_without_an_etag_is_the_newest_version() -> None:
    versions, _ = named(("a", "9", 0), ("a", "1", 3), ("b", "", 0))
    rows = versions.rows(["a", "a", "a", "b", "c"], [None, "9", "1", None, None])
    assert [pairs(versions)[row] for row in rows[:4]] == [("a", "1"), ("a", "9"), ("a", "1"), ("b", "")]
    assert rows[4] == len(versions)


def test_a_candidate_with_an_etag_that_no_event_names_is_not_known() -> None:
    versions, _ = named(("a", "1", 0))
    assert versions.rows(["a", "zz"], ["2", "1"]).tolist() == [1, 1]


def test_a_candidate_with_an_etag_of_an_offer_that_never_had_one_is_that_offer() -> None:
    versions, _ = named(("a", "", 0), ("b", "1", 0))
    assert versions.rows(["a", "b"], ["7", "1"]).tolist() == [0, 1]


def test_conversions_name_versions_as_impressions_do() -> None:
    counts = Counts.of([Key(HOUR, "a", "1"), Key(HOUR + 2, "a", "2", kind=CONVERSION, lag=3), Key(HOUR + 3, "a")])
    versions, belongs = Versions.named_in(counts)
    assert pairs(versions) == [("a", "1"), ("a", "2")]
    assert belongs.tolist() == [0, 1, 1]


def test_no_counts_name_no_versions() -> None:
    versions, rows = Versions.named_in(Counts.zero())
    assert (len(versions), len(rows), versions.ids) == (0, 0, ())
    assert versions.rows(["a", "b"], [None, "1"]).tolist() == [0, 0]
    assert Versions.of([]).rows([], []).tolist() == []


class Plain:
    """The same rules over dictionaries, one row at a time."""

    def __init__(self, rows: list[tuple[str, str, int]]) -> None:
        has_named = {offer for offer, etag, _ in rows if etag}
        self.started: dict[tuple[str, str], int] = {}
        for offer, etag, hour in rows:
            if etag or offer not in has_named:
                self.started[offer, etag] = min(hour, self.started.get((offer, etag), hour))

    def of_row(self, offer: str, etag: str, hour: int) -> tuple[str, str]:
        if (offer, etag) in self.started:
            return offer, etag
        mine = sorted((start, name) for (of, name), start in self.started.items() if of == offer)
        before = [pair for pair in mine if pair[0] <= hour]
        return offer, (before[-1] if before else mine[0])[1]

    def of_candidate(self, offer: str, etag: str | None) -> tuple[str, str] | None:
        mine = sorted((start, name) for (of, name), start in self.started.items() if of == offer)
        if not mine:
            return None
        if etag is None or mine[-1][1] == "":
            return offer, mine[-1][1]
        return (offer, etag) if (offer, etag) in self.started else None


some_rows = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "1", "2", "3"]), st.integers(-3, 5)))
some_candidates = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([None, "1", "2", "9"])))


@settings(max_examples=500, deadline=None, derandomize=True)
@given(some_rows, some_candidates)
def test_versions_agree_with_the_rules_written_plainly(
    rows: list[tuple[str, str, int]], candidates: list[tuple[str, str | None]]
) -> None:
    plain = Plain(rows)
    counts = Counts.of([Key(hour, offer, etag) for offer, etag, hour in rows])
    versions, belongs = Versions.named_in(counts)
    assert pairs(versions) == sorted(plain.started)
    assert dict(zip(pairs(versions), versions.started.tolist(), strict=True)) == plain.started
    for (key, _), row in zip(counts.items(), belongs.tolist(), strict=True):
        assert pairs(versions)[row] == plain.of_row(key.offer, key.etag, key.hour)
    found = versions.rows([offer for offer, _ in candidates], [etag for _, etag in candidates])
    for (offer, etag), row in zip(candidates, found.tolist(), strict=True):
        assert [*pairs(versions), None][row] == plain.of_candidate(offer, etag)
