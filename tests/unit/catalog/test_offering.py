from __future__ import annotations

from offer_ranking.catalog.decision import Scope
from offer_ranking.catalog.offering import Offering
from tests.support.decisions import a_datastream, a_decision


def test_a_decision_is_found_by_its_name_its_pair_and_its_surface() -> None:
    hero = a_decision("hero", activity_id="a", placement_id="p", surface="web://shop.example/#hero")
    footer = a_decision("footer")
    offering = Offering.of(a_datastream(), [hero, footer])
    assert offering.by_name == {"hero": hero, "footer": footer}
    assert offering.by_scope == {Scope("a", "p"): hero}
    assert offering.by_surface == {"web://shop.example/#hero": hero}


def test_of_two_decisions_of_one_surface_the_first_is_asked_for() -> None:
    first, second = (a_decision(name, surface="web://shop.example/") for name in ("first", "second"))
    assert Offering.of(a_datastream(), [first, second]).by_surface["web://shop.example/"] is first
