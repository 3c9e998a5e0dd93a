"""What goes wrong is told in the place where it matters, with what to do about it; and nobody's text does anything."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Dialog, Route, expect

from tests.e2e.browser.console.conftest import Entering
from tests.e2e.browser.console.events import Shop
from tests.e2e.browser.console.person import GUEST, MANAGER, Person

HOSTILE = [
    "<img src=x onerror=alert(1)><script>alert(2)</script>",
    "${alert(1)} {{7*7}} &lt;b&gt; %3Cb%3E",
    "\u202eמבצע אביב\u202c عرض الربيع",
    "🎁👩\u200d👩\u200d👧🇺🇳 e\u0301\u0301\u0301",
    '=HYPERLINK("https://evil.example")',
    "x" * 255,
    "長" * 255,
]


def test_an_account_without_permission_is_told_what_to_ask_for(entering: Entering) -> None:
    with entering() as guest:
        guest.sign_in(GUEST)
        alert = guest.page.get_by_role("alert")
        expect(alert).to_contain_text("may see nothing here yet")
        expect(alert).to_contain_text("ranking-readers")
        expect(guest.button("Sign in again")).to_be_visible()


def test_who_gives_up_signing_in_or_is_sent_back_with_an_error_can_try_again(entering: Entering) -> None:
    with entering() as person:
        person.page.goto(f"{person.url}/console/?error=access_denied&state=forged")
        expect(person.page.get_by_role("alert")).to_contain_text("You could not be signed in")
        person.button("Try again").click()
        expect(person.button("Sign in")).to_be_visible()


def test_endpoints_with_a_query_of_their_own_keep_it_and_leaving_is_spelled_for_any_issuer(
    entering: Entering,
) -> None:
    def answer(route: Route) -> None:
        told = route.fetch().json()
        queried = {name: f"{told[name]}?tenant=7" for name in ("authorizationEndpoint", "endSessionEndpoint")}
        route.fulfill(json={**told, **queried})

    asked: list[str] = []
    with entering() as person:
        person.page.route("**/configuration.json", answer)
        person.page.reload()
        person.page.on("request", lambda request: asked.append(request.url))
        person.sign_in()
        person.button("Sign out").click()
        person.button("Sign in").wait_for()
        began = next(parse_qs(urlsplit(url).query) for url in asked if "/oauth2/authorize?" in url)
        left = next(parse_qs(urlsplit(url).query) for url in asked if "/logout?" in url)
        home = f"{person.url}/console/"
        assert (began["tenant"], began["redirect_uri"]) == (["7"], [home])
        assert left == {
            "tenant": ["7"], "client_id": ["console"], "logout_uri": [home], "post_logout_redirect_uri": [home],
        }  # fmt: skip


def test_a_code_that_somebody_else_began_to_ask_for_is_not_taken(entering: Entering) -> None:
    with entering() as person:
        sent: list[str] = []
        person.page.on("request", lambda request: sent.append(request.url))
        person.page.goto(f"{person.url}/console/?code=stolen&state=forged")
        expect(person.page.get_by_role("alert")).to_contain_text("You could not be signed in")
        assert not [url for url in sent if url.endswith("/oauth2/token")]
        assert "stolen" not in person.page.url


def test_an_expired_token_leads_to_signing_in_and_back_with_what_was_typed(manager: Person, shop: Shop) -> None:
    shop.dataset("For the expired")
    expired = shop.system.issuer.person_token(MANAGER, groups=("ranking-managers",), expires_in=-60)
    manager.go("models/new")
    manager.field("Name").fill("Typed before")
    manager.option("For the expired").check()
    manager.page.get_by_text("This name is free.").wait_for()  # so nothing but Save is sent with what has expired
    manager.page.evaluate("token => sessionStorage.setItem('offer-ranking.token', token)", expired)
    manager.button("Save").click()
    expect(manager.dialog()).to_contain_text("Your sign-in has ended")
    manager.button("Sign in again").click()
    manager.button(MANAGER).click()
    expect(manager.field("Name")).to_have_value("Typed before")
    expect(manager.option("For the expired")).to_be_checked()
    manager.button("Save").click()
    manager.heading("Typed before").wait_for()
    manager.trouble.clear()  # the browser tells of the 401


@pytest.mark.parametrize(
    "body", ["<html>Bad gateway</html>", json.dumps({"title": "Try again in a moment", "status": 503})]
)
def test_an_api_that_fails_is_told_and_tried_again(manager: Person, body: str) -> None:
    failing = True

    def answer(route: Route) -> None:
        if failing:
            route.fulfill(status=503, body=body)
        else:
            route.continue_()

    manager.page.route("**/datasets?**", answer)
    manager.page.get_by_role("link", name="Datasets").click()
    alert = manager.page.get_by_role("alert")
    expect(alert).to_contain_text("again in a moment")
    failing = False
    alert.get_by_role("button", name="Try again").click()
    expect(alert).to_have_count(0)
    expect(manager.heading("Datasets")).to_be_visible()
    manager.trouble.clear()  # the browser tells of the 503


def test_an_api_that_is_slow_is_waited_for_and_that_is_told(manager: Person) -> None:
    def late(route: Route) -> None:
        manager.page.wait_for_timeout(3000)
        route.continue_()

    manager.page.route("**/datasets?**", late)
    manager.page.get_by_role("link", name="Datasets").click()
    expect(manager.page.get_by_role("status").filter(has_text="loading")).to_be_visible()
    expect(manager.page.get_by_text("This takes longer than usual")).to_be_visible()
    expect(manager.page.get_by_text("This takes longer than usual")).to_have_count(0)


def test_a_figure_that_cannot_be_refreshed_stays_and_says_so(manager: Person, shop: Shop) -> None:
    model = shop.live("Kept on the screen", shop.dataset("Kept")["id"])
    manager.go(f"models/{model['id']}")
    expect(manager.page.get_by_text("Refreshes by itself")).to_be_visible()
    manager.page.route("**/report?**", lambda route: route.abort())
    expect(manager.page.get_by_text("Report could not be refreshed")).to_be_visible(timeout=15_000)
    expect(manager.page.locator(".cards")).to_be_visible()
    manager.trouble.clear()  # the browser tells of requests that came to nothing


def test_a_tab_from_before_a_deployment_says_so_and_loads_the_new_version_with_what_was_typed(
    manager: Person, shop: Shop
) -> None:
    model = shop.live("Deployed over", shop.dataset("Deployed over")["id"])
    shop.put(shop.admin.get(f"/datasets/{model['datasetIds'][0]}"), "a.jsonl", shop.visits(model["id"], ["a"], each=5))
    shop.learned(model["id"], 20)
    page, gone = manager.page, re.compile(r"/(datasets/list|vendor/uplot)\.js$")
    manager.go("models/new")
    manager.field("Name").fill("Typed before")
    page.route(gone, lambda route: route.fulfill(status=404))
    page.get_by_role("link", name="Datasets", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("There may be a new version")
    page.unroute(gone)
    manager.button("Load it anew").click()
    manager.heading("Datasets").wait_for()

    page.route(gone, lambda route: route.fulfill(status=404))
    manager.go(f"models/{model['id']}")
    expect(page.get_by_role("alert").first).to_contain_text("The chart could not be loaded")
    page.unroute(gone)
    manager.button("Load it anew").first.click()
    expect(page.locator(".chart canvas")).to_have_count(4)
    manager.go("models/new")
    expect(manager.field("Name")).to_have_value("Typed before")
    manager.trouble.clear()  # the browser tells of each 404


def test_a_page_that_is_offline_says_so_keeps_what_was_typed_and_goes_on(manager: Person, shop: Shop) -> None:
    shop.dataset("For the offline")
    manager.go("models/new")
    manager.field("Name").fill("Typed offline")
    manager.option("For the offline").check()
    manager.page.context.set_offline(True)
    expect(manager.page.get_by_text("You are offline")).to_be_visible()
    manager.button("Save").click()
    expect(manager.page.get_by_role("alert")).to_contain_text("This device is offline")
    manager.page.context.set_offline(False)
    expect(manager.page.get_by_text("You are offline")).to_have_count(0)
    manager.button("Save").click()
    manager.heading("Typed offline").wait_for()
    manager.trouble.clear()  # the browser tells of the request that failed


def test_a_form_that_is_sent_again_after_an_answer_was_lost_makes_one_thing(manager: Person, shop: Shop) -> None:
    shop.dataset("For the lost")

    def lose(route: Route) -> None:
        route.fetch()  # the API has done it, and nobody hears of it
        route.abort()

    manager.go("models/new")
    manager.field("Name").fill("Made once")
    manager.option("For the lost").check()
    manager.page.route("**/models", lose, times=1)
    manager.button("Save").click()
    expect(manager.page.get_by_role("alert")).to_be_visible()
    manager.button("Save").click()
    manager.heading("Made once").wait_for()
    manager.trouble.clear()  # the browser tells of the request that failed


@pytest.mark.parametrize("number", range(len(HOSTILE)))
def test_names_are_shown_as_text_everywhere(manager: Person, shop: Shop, number: int) -> None:
    name = HOSTILE[number]
    dataset = shop.dataset(name, description=name)
    model = shop.live(name, dataset["id"], description=name, type="personalized", audiences=[name[:200]])
    offer = {"id": name, "etag": "1", "format": "text/html", "content": name, "audiencesAny": [name]}
    fallback = {"id": f"{name[:200]} not", "etag": "1", "format": "text/html", "content": name}
    decision = shop.admin.post(
        "/decisions", {"name": name, "modelId": model["id"], "offers": [offer], "fallback": fallback}
    )
    stream = {"name": name, "orgId": "o@AdobeOrg", "datasetId": dataset["id"], "decisionIds": [decision["id"]]}
    datastream = shop.admin.post("/datastreams", stream)
    shop.put(dataset, "a.jsonl", shop.visits(model["id"], [name], each=2))
    shop.learned(model["id"], 8)
    alerted: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        alerted.append(dialog.message)
        dialog.dismiss()

    manager.page.on("dialog", dismiss)
    made = {"models": model, "datasets": dataset, "decisions": decision, "datastreams": datastream}
    ids = {kind: one["id"] for kind, one in made.items()}
    paths = [
        *(path for kind, id_ in ids.items() for path in (kind, f"{kind}/{id_}", f"{kind}/{id_}/edit")),
        *(f"models/{model['id']}/{part}" for part in ("readiness", "definition", "history")),
    ]
    manager.page.set_viewport_size({"width": 375, "height": 800})
    for path in paths:
        manager.go(path)
        shown = manager.page.locator(".name", has_text=name).or_(manager.page.locator("input"))
        shown.first.wait_for()
        assert manager.page.locator("img[src=x], script:not([src])").count() == 0, path
        spare = manager.page.evaluate("innerWidth - document.documentElement.scrollWidth")
        assert spare >= 0, f"{path} is wider than the screen by {-spare} pixels"
    assert alerted == []
