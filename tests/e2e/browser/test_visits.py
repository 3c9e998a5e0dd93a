"""Hundreds of visits in a real browser: what the model has counted is what the pages did, offer by offer."""

from __future__ import annotations

import random
from collections import Counter

from tests.e2e.browser.chromium import Street, Visitor
from tests.e2e.browser.shop import Shop
from tests.e2e.conftest import Caller

VISITORS, VISITS = 50, 10  # of each
OFFERS = ("spring", "summer", "autumn", "winter", "members")
AUDIENCES = ((), ("gold",), ("new",), ("gold", "new"))
MOST_CLICKS = 3  # of one offer that a visitor may teach in a day
MODEL = {"type": "personalized", "audiences": ["gold", "new"]}


def clicks(visitor: Visitor, number: int, rng: random.Random, clicked: Counter[str]) -> None:
    """Of the offers on the page, each is liked by a third."""
    offer = visitor.offers("display")[number]
    if rng.random() < 1 / 3 and clicked[offer] < MOST_CLICKS:
        visitor.click(number)
        clicked[offer] += 1


def test_500_visits_are_counted_as_the_pages_logged_them(outside: Street, admin: Caller) -> None:
    shop = Shop.opened(admin, OFFERS, decisions=2, model=MODEL, audiences={"members": ["gold"]})
    rng = random.Random(11)
    displays, interacts = Counter[str](), Counter[str]()

    for n in range(VISITORS):
        audiences, send, show = AUDIENCES[n % 4], ("fetch", "beacon")[n % 2], ("first", "all")[n // 4 % 2]
        with outside.visitor() as visitor:
            clicked = Counter[str]()
            for _ in range(VISITS):
                visitor.visit(**shop.asked(), scope=shop.scopes, audience=audiences, send=send, show=show)
                assert visitor.scopes() == [*shop.scopes]
                clicks(visitor, 0, rng, clicked)
                displays.update(visitor.offers("display"))
                interacts.update(visitor.offers("interact"))
            assert ("members" in visitor.offers("display")) <= ("gold" in audiences)
            assert visitor.trouble() == []

    assert displays.keys() == set(OFFERS)
    logged = {offer: (displays[offer], interacts[offer]) for offer in OFFERS}
    assert shop.learned(displays.total() + interacts.total()) == logged
