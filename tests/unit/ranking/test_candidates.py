import itertools

import pytest

from offer_ranking.ranking.candidates import Candidates, DuplicateOfferError, Offer

OFFERS = [Offer("b", "2", 1.0), Offer("a", None, 5.0), Offer("c", "7")]


def test_every_order_of_the_same_offers_is_the_same_set() -> None:
    sets = [Candidates.of(order) for order in itertools.permutations(OFFERS)]
    assert len(set(sets)) == 1
    assert sets[0].ids == ("a", "b", "c")
    assert sets[0].etags == (None, "2", "7")
    assert sets[0].priorities.tolist() == [5.0, 1.0, 0.0]


def test_an_offer_that_stands_twice_is_named() -> None:
    with pytest.raises(DuplicateOfferError) as refused:
        Candidates.of([*OFFERS, Offer("b")])
    assert refused.value.offer_id == "b"


def test_sets_with_other_offers_differ() -> None:
    assert Candidates.of(OFFERS) != Candidates.of(OFFERS[:2])
    assert Candidates.of(OFFERS) != ("a", "b", "c")
