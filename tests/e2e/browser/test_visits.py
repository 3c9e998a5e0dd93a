"""Hundreds of visits in a real browser: the model has counted what the pages did, and learned who likes what."""

from __future__ import annotations

import random
from collections import Counter

from tests.e2e.browser.chromium import Street, Visitor
from tests.e2e.browser.shop import Shop
from tests.e2e.conftest import Caller
from tests.e2e.world import within

VISITORS, VISITS = 50, 10  # of each
OFFERS = ("spring", "summer", "autumn", "winter", "members")
AUDIENCES = ((), ("gold",), ("new",), ("gold", "new"))
LIKED = {("gold",): "summer", ("new",): "winter"}  # by whom
MOST_CLICKS = 2  # of one offer that an address may teach in a day
MODEL = {"type": "personalized", "audiences": ["gold", "new"]}


def clicks(visitor: Visitor, number: int, rng: random.Random, clicked: Counter[str], liked: str | None) -> None:
    """Click on an offer of the page, most probably on the one that is liked."""
    offer = visitor.offers("display")[number]
    if rng.random() < (0.9 if offer == liked else 0.05) and clicked[offer] < MOST_CLICKS:
        visitor.click(number)
        clicked[offer] += 1


def first_of(ranker: Caller, shop: Shop, audiences: tuple[str, ...]) -> str:
    """The offer that most probably comes first for somebody of these audiences."""
    asked = {"offers": [{"id": offer, "etag": "1"} for offer in OFFERS], "audiences": audiences}
    ranked = ranker.post(f"/models/{shop.model_id}/rankings", asked).json()["offers"]
    return str(max(ranked, key=lambda offer: offer["propensity"])["id"])


def test_500_visits_are_counted_as_the_pages_logged_them_and_two_audiences_see_what_they_like(
    outside: Street, admin: Caller, ranker: Caller
) -> None:
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
                clicks(visitor, rng.randrange(len(visitor.offers("display"))), rng, clicked, LIKED.get(audiences))
                displays.update(visitor.offers("display"))
                interacts.update(visitor.offers("interact"))
            assert ("members" in visitor.offers("display")) <= ("gold" in audiences)
            assert visitor.trouble() == []

    assert displays.keys() == set(OFFERS)
    logged = {offer: (displays[offer], interacts[offer]) for offer in OFFERS}
    assert shop.learned(displays.total() + interacts.total()) == logged
    within(60, lambda: True if all(first_of(ranker, shop, who) == offer for who, offer in LIKED.items()) else None)
