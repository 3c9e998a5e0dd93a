"""What is remembered between the askers of a decision never shows in what they are given."""

from __future__ import annotations

from datetime import timedelta

from offer_ranking.catalog.decision import Decision
from offer_ranking.ranking import decided
from offer_ranking.ranking.decided import Asker, decide
from tests.support.decisions import NOW, a_decision, an_offer

NOW_MS = int(NOW.timestamp() * 1000)


def given(decision: Decision, *audiences: str, now_ms: int = NOW_MS, without: tuple[str, ...] = ()) -> list[str]:
    found = decide(decision, None, Asker(audiences), now_ms=now_ms, count=30, without=without)
    return [offer.id for offer in found.offers]


def test_everybody_is_given_all_of_an_open_decision_but_what_is_left_out() -> None:
    decision = a_decision("s", an_offer("a", priority=1), an_offer("b", priority=2))
    for _ in range(2):
        assert given(decision) == given(decision, "gold") == ["b", "a"]
        assert given(decision, without=("b",)) == ["a"]


def test_where_one_offer_has_a_condition_it_is_looked_at_for_every_asker() -> None:
    later = NOW + timedelta(days=1)
    for condition in ({"audiences_any": ("gold",)}, {"starts_at": later}, {"ends_at": later}):
        decision = a_decision("s", an_offer("a", priority=1), an_offer("b", priority=2, **condition))
        shown_now = [given(decision), given(decision, "gold"), given(decision, now_ms=NOW_MS + 2 * 86_400_000)]
        assert sorted(map(tuple, shown_now)) != [("b", "a")] * 3
        assert [given(decision), given(decision, "gold"), given(decision, now_ms=NOW_MS + 2 * 86_400_000)] == shown_now


def test_a_decision_of_the_same_name_is_not_taken_for_another() -> None:
    first, second = (a_decision("s", an_offer(name)) for name in ("a", "b"))
    assert (given(first), given(second), given(first)) == (["a"], ["b"], ["a"])


def test_no_more_are_remembered_than_are_kept() -> None:
    decisions = [a_decision(f"s{n}", an_offer("a")) for n in range(decided._KEPT + 10)]
    for decision in decisions:
        assert given(decision) == ["a"]
    assert len(decided._open._kept) <= decided._KEPT
