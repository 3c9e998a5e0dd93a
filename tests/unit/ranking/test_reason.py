from __future__ import annotations

import re

import pytest

from offer_ranking.learning.cell import Cell
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.ranking.candidates import Candidates, Offer
from offer_ranking.ranking.policy import policy_of
from offer_ranking.ranking.ranking import rank
from offer_ranking.ranking.reason import reason
from tests.support.learned import a_model, fitted, personalized, shown

GOLD = Cell(("gold",))
PAIRS = {"apple": (4000, 400), "banana": (4000, 410), "cherry": (90, 8), "date": (5, 0)}
FIELD = Candidates.of(Offer(offer) for offer in (*PAIRS, "elder"))


def learned(**settings: object) -> Snapshot:
    return fitted(shown(PAIRS), a_model(settings={"random_share": 0.25, **settings}))


def reasons(snapshot: Snapshot | None, field: Candidates = FIELD, times: int = 300) -> list[tuple[str, str, str]]:
    """(first offer, traffic, reason) of many requests."""
    rankings = [rank(field, snapshot, seed=seed, cell=GOLD) for seed in range(times)]
    return [(field.ids[one.order[0]], one.traffic_type, reason(one, field, snapshot)) for one in rankings]


@pytest.mark.parametrize("kind", ["nothing learned", "for everybody", "personalized"])
def test_a_reason_is_one_sentence_that_names_the_first_offer(kind: str) -> None:
    snapshot = {
        "nothing learned": None,
        "for everybody": learned(),
        "personalized": fitted(shown(PAIRS, cell=GOLD) + shown(PAIRS), personalized(settings={"random_share": 0.3})),
    }[kind]
    for first, _, text in reasons(snapshot):
        assert f"“{first}”" in text
        assert text.endswith(".")
        assert "\n" not in text
        assert not any(f"“{other}”" in text for other in FIELD.ids if other != first)
        assert not re.search(r"posterior|thompson|logit|sampl|propensit|\bnan\b|\binf\b", text, re.IGNORECASE)


def test_random_traffic_says_so_with_its_share() -> None:
    for _, traffic, text in reasons(learned()):
        assert ("25 % of traffic that is ranked at random" in text) == (traffic == "random")


def test_before_anything_was_learned_chance_is_the_reason() -> None:
    assert all("Nothing had been learned yet" in text for *_, text in reasons(None))


def test_an_only_offer_is_first_since_it_is_the_only_one() -> None:
    field = Candidates.of([Offer("apple")])
    for snapshot in (None, learned()):
        assert all("only offer" in text for *_, text in reasons(snapshot, field, 5))


def test_what_was_seen_of_an_offer_is_told_and_a_new_one_is_called_new() -> None:
    told = {first: text for first, traffic, text in reasons(learned(), times=3000) if traffic != "random"}
    assert "10 % of 4,000 impressions in the last 30 days converted" in told["apple"]
    assert "8.9 % of 90 impressions" in told["cherry"]
    assert "it is new" in told["elder"]
    ever = {first: text for first, traffic, text in reasons(learned(window_days=None)) if traffic != "random"}
    assert "10 % of 4,000 impressions converted" in ever["apple"]


def test_how_often_it_comes_first_is_its_propensity() -> None:
    snapshot = learned()
    told = policy_of(snapshot, FIELD, GOLD).propensities
    for first, traffic, text in reasons(snapshot):
        if traffic == "random":
            continue
        (percent,) = re.findall(r"first in ([\d.]+) %", text)
        assert float(percent) == pytest.approx(100 * told[FIELD.ids.index(first)], rel=0.06)


def test_an_offer_that_comes_first_less_often_than_by_chance_is_said_to_be_not_ruled_out() -> None:
    snapshot, told = learned(), set()
    for seed in range(3000):
        one = rank(FIELD, snapshot, seed=seed)
        is_said = "cannot be ruled out" in reason(one, FIELD, snapshot)
        assert is_said == (one.traffic_type != "random" and one.propensities[0] < 1 / len(FIELD))
        told.add(is_said)
    assert told == {True, False}


def test_an_offer_that_is_surely_best_is_said_to_be() -> None:
    snapshot = fitted(shown({"apple": (9000, 900), "banana": (9000, 90)}))
    field = Candidates.of([Offer("apple"), Offer("banana")])
    told = {text for first, traffic, text in reasons(snapshot, field) if (first, traffic) == ("apple", "noncontextual")}
    assert len(told) == 1
    assert "most probably the best" in told.pop()


@pytest.mark.parametrize(
    ("part", "text"),
    [(1.0, "100 %"), (0.834, "83 %"), (0.0312, "3.1 %"), (0.00042, "0.042 %")],
)
def test_a_rate_is_told_with_two_digits(part: float, text: str) -> None:
    snapshot = fitted(shown({"apple": (10**6, round(10**6 * part)), "banana": (10**6, 1000)}))
    field = Candidates.of([Offer("apple"), Offer("banana")])
    told = [one for first, traffic, one in reasons(snapshot, field, 3000) if first == "apple" and traffic != "random"]
    if told:
        assert f" {text} of 1,000,000 impressions" in told[0]
