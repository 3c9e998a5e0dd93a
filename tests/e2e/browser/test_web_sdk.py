"""Adobe's Web SDK, unmodified, in a real browser: what pages get, what events teach, and that nothing goes wrong."""

from __future__ import annotations

import pytest

from tests.e2e.browser.chromium import FIRST_PARTY, SHOP, THIRD_PARTY, Visitor
from tests.e2e.browser.shop import Shop
from tests.e2e.conftest import Caller

EDGES = pytest.mark.parametrize("edge", [THIRD_PARTY, FIRST_PARTY])


@pytest.fixture
def shop(admin: Caller) -> Shop:
    return Shop.opened(admin)


def test_a_decision_scope_is_answered_and_what_is_shown_is_learned(visitor: Visitor, shop: Shop) -> None:
    visitor.visit(**shop.asked(), scope=shop.scopes)

    assert visitor.scopes() == [*shop.scopes]
    assert visitor.offers("display") == ["summer"]
    assert shop.learned(1) == {"summer": (1, 0)}
    assert visitor.trouble() == []


def test_a_surface_is_answered_and_what_is_shown_is_learned(visitor: Visitor, shop: Shop) -> None:
    visitor.visit(**shop.asked(), surface=shop.surfaces)

    assert visitor.scopes() == [*shop.surfaces]
    assert visitor.offers("display") == ["summer"]
    assert shop.learned(1) == {"summer": (1, 0)}
    assert visitor.trouble() == []


def test_all_offers_of_two_decisions_shown_by_one_event_are_learned(visitor: Visitor, admin: Caller) -> None:
    shop = Shop.opened(admin, ("spring", "summer", "autumn"), decisions=2)
    visitor.visit(**shop.asked(), scope=shop.scopes, show="all")

    assert visitor.scopes() == [*shop.scopes]
    assert len(visitor.calls("/interact")) == 2
    assert shop.learned(6) == {"spring": (2, 0), "summer": (2, 0), "autumn": (2, 0)}
    assert visitor.trouble() == []


@pytest.mark.parametrize(("send", "path"), [("fetch", "/interact"), ("beacon", "/collect")])
def test_a_click_is_learned(visitor: Visitor, shop: Shop, send: str, path: str) -> None:
    visitor.visit(**shop.asked(), scope=shop.scopes, send=send)
    visitor.click()

    assert shop.learned(2) == {"summer": (1, 1)}
    assert visitor.calls()[-1].path.endswith(path)
    assert visitor.trouble() == []


def test_what_was_shown_is_learned_when_the_page_tells_only_as_it_is_left(visitor: Visitor, shop: Shop) -> None:
    visitor.visit(**shop.asked(), scope=shop.scopes, send="unload")
    assert visitor.offers("display") == []
    visitor.leave()

    assert visitor.offers("display") == ["summer"]
    assert shop.learned(1) == {"summer": (1, 0)}
    assert visitor.trouble() == []


@pytest.mark.parametrize("auto", ["no", "yes"])
def test_what_the_sdk_renders_and_tracks_by_itself_is_learned(visitor: Visitor, admin: Caller, auto: str) -> None:
    shop = Shop.opened(admin, style="AJO")
    visitor.visit(**shop.asked(), surface=shop.surfaces, render="apply", auto=auto)
    visitor.page.get_by_role("button", name="summer").click()

    assert (visitor.offers("display"), visitor.offers("interact")) == (["summer"], ["summer"])
    assert shop.learned(2) == {"summer": (1, 1)}
    assert visitor.trouble() == []


def test_of_offers_in_one_box_the_one_that_was_clicked_is_learned(visitor: Visitor, admin: Caller) -> None:
    shop = Shop.opened(admin, ("spring", "summer", "autumn"), style="AJO")
    visitor.visit(**shop.asked(), surface=shop.surfaces, render="apply")
    visitor.page.get_by_role("button", name="autumn").click()

    assert visitor.offers("interact") == ["autumn"]
    assert shop.learned(4) == {"spring": (1, 0), "summer": (1, 0), "autumn": (1, 1)}
    assert visitor.trouble() == []


def test_the_pages_own_view_and_surface_hold_nothing_and_are_no_error(visitor: Visitor, shop: Shop) -> None:
    visitor.visit(**shop.asked(), scope=shop.scopes, auto="yes")

    asked = visitor.calls("/interact")[0].body["events"][0]["query"]["personalization"]
    assert asked["decisionScopes"] == [*shop.scopes, "__view__"]
    assert asked["surfaces"] == [f"web://{SHOP}/"]
    assert visitor.scopes() == [*shop.scopes]
    assert visitor.trouble() == []


def test_a_page_may_ask_for_its_scopes_only(visitor: Visitor, shop: Shop) -> None:
    visitor.visit(**shop.asked(), scope=shop.scopes, view="no")

    assert visitor.scopes() == [*shop.scopes]
    assert visitor.trouble() == []


@pytest.mark.parametrize("claims", ["xdm", "data"])
def test_audiences_decide_who_may_see_an_offer(visitor: Visitor, admin: Caller, claims: str) -> None:
    shop = Shop.opened(admin, ("members",), audiences={"members": ["gold"]})

    visitor.visit(**shop.asked(), scope=shop.scopes)
    assert visitor.offers("display") == ["welcome"]
    visitor.visit(**shop.asked(), scope=shop.scopes, audience=["new", "gold"], claims=claims)
    assert visitor.offers("display") == ["members"]
    assert visitor.trouble() == []


def test_nothing_is_asked_before_a_consent_that_is_pending_is_given(visitor: Visitor, shop: Shop) -> None:
    visitor.open(**shop.asked(), scope=shop.scopes, consent="pending")
    visitor.consent("in")
    visitor.page.evaluate("shopReady")

    assert [call.path for call in visitor.calls()][:2] == ["/ee/v1/privacy/set-consent", "/ee/v1/interact"]
    assert visitor.scopes() == [*shop.scopes]
    assert visitor.trouble() == []


def test_who_does_not_consent_is_not_asked_about_again(visitor: Visitor, shop: Shop) -> None:
    visitor.open(**shop.asked(), scope=shop.scopes, consent="pending")
    visitor.consent("out")
    visitor.page.evaluate("shopReady")
    visitor.visit(**shop.asked(), scope=shop.scopes, consent="pending")

    assert visitor.scopes() == []
    assert [call.path for call in visitor.calls()] == ["/ee/v1/privacy/set-consent"]
    assert visitor.trouble() == []


def test_who_takes_consent_back_is_left_alone_until_it_is_given_again(visitor: Visitor, shop: Shop) -> None:
    visitor.visit(**shop.asked(), scope=shop.scopes)
    visitor.consent("out")
    so_far = len(visitor.calls())
    visitor.visit(**shop.asked(), scope=shop.scopes)
    assert (visitor.scopes(), len(visitor.calls())) == ([], so_far)

    visitor.consent("in")
    visitor.visit(**shop.asked(), scope=shop.scopes)
    assert visitor.scopes() == [*shop.scopes]
    assert visitor.trouble() == []


@EDGES
def test_who_returns_is_known_again(visitor: Visitor, shop: Shop, edge: str) -> None:
    visitor.visit(**shop.asked(edge), scope=shop.scopes)
    first = visitor.ecid()
    visitor.visit(**shop.asked(edge), scope=shop.scopes)

    assert visitor.ecid() == first
    told = {one["id"] for call in visitor.calls("/interact") for one in call.payloads("identity:result")}
    assert told == {first}
    assert visitor.trouble() == []


def test_a_third_party_edge_knows_by_what_the_page_says_of_its_cookies(visitor: Visitor, shop: Shop) -> None:
    visitor.visit(**shop.asked(THIRD_PARTY), scope=shop.scopes)

    _, display = visitor.calls("/interact")
    assert "cookie" not in display.headers
    assert [one["key"] for one in display.body["meta"]["state"]["entries"]] == ["kndctr_shop_AdobeOrg_identity"]


def test_a_first_party_edge_knows_by_cookie(visitor: Visitor, shop: Shop) -> None:
    visitor.visit(**shop.asked(FIRST_PARTY), scope=shop.scopes)

    _, display = visitor.calls("/interact")
    assert "kndctr_shop_AdobeOrg_identity=" in display.headers["cookie"]
    assert "entries" not in display.body["meta"]["state"]


@EDGES
def test_who_the_visitor_is_may_be_asked_first(visitor: Visitor, shop: Shop, edge: str) -> None:
    visitor.visit(**shop.asked(edge), ask="no")
    first = visitor.ecid()
    assert [call.path for call in visitor.calls()] == ["/ee/v1/identity/acquire"]

    visitor.visit(**shop.asked(edge), scope=shop.scopes)
    assert visitor.ecid() == first
    assert visitor.trouble() == []
