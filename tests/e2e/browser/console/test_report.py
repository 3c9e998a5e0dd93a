"""What the model's page tells: the API's own figures, as they come, with the table behind each chart."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.console.conftest import Entering
from tests.e2e.browser.console.events import DAYS, Shop
from tests.e2e.browser.console.person import MANAGER, READER, Person

OFFERS = ("spring", "summer", "autumn")
CHARTS = ("Lift over time", "Conversion rate over time", "Share of traffic over time", "Share of each offer over time")


@pytest.fixture(scope="module")
def taught(shop: Shop) -> dict[str, Any]:
    """A personalized model that has seen four days."""
    dataset = shop.dataset("Events with audiences")
    settings = {"randomShare": 0.5}
    about = {"type": "personalized", "audiences": ["gold"], "contextKeys": ["device"], "settings": settings}
    model = shop.live("Who likes what", dataset["id"], **about)
    shop.put(dataset, "untrained.jsonl", shop.visits(model["id"], OFFERS, each=50))
    shop.learned(model["id"], 50 * DAYS)
    gold = {"audiences": ["gold"], "context": {"device": "phone"}}
    shop.put(dataset, "gold.jsonl", shop.visits(model["id"], OFFERS, each=100, **gold))
    shop.learned(model["id"], 150 * DAYS)
    shop.put(dataset, "all.jsonl", shop.visits(model["id"], OFFERS, each=100))
    shop.learned(model["id"], 250 * DAYS)
    return {**model, "dataset": dataset}


def percent(value: float) -> str:
    size = abs(100 * value)
    digits = 0 if size >= 100 else 1 if size >= 10 else 2
    return f"{100 * value:.{digits}f} %".replace("-", "\N{MINUS SIGN}")


def signed(value: float | None) -> str:
    return "\N{EN DASH}" if value is None else ("+" if value > 0 else "") + percent(value)


def test_the_page_has_the_figures_of_the_report(manager: Person, shop: Shop, taught: dict[str, Any]) -> None:
    manager.go(f"models/{taught['id']}")
    report = shop.admin.get(f"/models/{taught['id']}/report?days=30")
    offers = {row["Offer"]: row for row in manager.table("Rates per offer")}
    for one in report["offers"]:
        row = offers[one["id"]]
        assert (row["Displays"], row["Conversions"]) == (str(one["impressions"]), str(one["conversions"]))
        assert (row["Rate"], row["Lowest"]) == (percent(one["conversionRate"]), percent(one["interval"][0]))
    lift = manager.page.locator(".cards div", has_text="Lift over random")
    expect(lift).to_contain_text(percent(report["lift"]["value"]))
    audiences = {row["Audience"]: row for row in manager.table("Per audience")}
    assert audiences.keys() == {"gold", "In none of them"}
    assert int(audiences["gold"]["Displays"]) == report["audiences"][0]["impressions"]
    expect(manager.page.get_by_text("Gain of personalizing")).to_be_visible()


def test_each_chart_is_drawn_and_has_its_table(manager: Person, shop: Shop, taught: dict[str, Any]) -> None:
    manager.go(f"models/{taught['id']}")
    report = shop.admin.get(f"/models/{taught['id']}/report?days=30")
    points = report["trafficOverTime"]["points"]
    expect(manager.page.locator(".chart canvas")).to_have_count(len(CHARTS))
    for name in CHARTS:
        manager.page.get_by_text(f"Table of “{name}”").click()
        assert len(manager.table(name)) == len(points) == DAYS
    drawn = manager.table("Lift over time")
    assert points[-1]["lift"] == report["lift"]
    for row, point in zip(drawn, reversed(points), strict=True):
        low, high = point["lift"]["interval"] or (None, None)
        told = [row[name] for name in ("Lift", "Lift, lowest", "Lift, highest")]
        assert told == [signed(value) for value in (point["lift"]["value"], low, high)]
    shares = manager.table("Share of each offer over time")[0]
    assert shares[report["trafficOverTime"]["offers"][0]] == percent(points[-1]["shares"][0])


def test_what_is_shown_is_downloaded_as_csv(manager: Person, taught: dict[str, Any], tmp_path: Path) -> None:
    manager.go(f"models/{taught['id']}")
    with manager.page.expect_download() as download:
        manager.button("Download CSV: Rates per offer").click()
    file = tmp_path / download.value.suggested_filename
    download.value.save_as(file)
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    assert file.name == "rates-per-offer.csv"
    assert {row["Offer"] for row in rows} == set(OFFERS)
    assert sum(int(row["Displays"]) for row in rows) == 250 * DAYS


def test_the_page_follows_events_by_itself_and_rests_while_nobody_looks(manager: Person, shop: Shop) -> None:
    dataset = shop.dataset("Followed")
    model = shop.live("Follows", dataset["id"])
    manager.go(f"models/{model['id']}")
    displays = manager.page.locator(".cards div", has_text="Displays").first
    shop.put(dataset, "1.jsonl", shop.visits(model["id"], OFFERS, each=10))
    expect(displays).to_contain_text("40", timeout=15_000)

    asked: list[str] = []
    manager.page.on("request", lambda request: asked.append(request.url))
    hide = """hidden => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    manager.page.evaluate(hide, True)
    manager.page.wait_for_timeout(4000)  # what was under way ends
    asked.clear()
    manager.page.wait_for_timeout(7000)
    assert asked == []
    shop.put(dataset, "2.jsonl", shop.visits(model["id"], OFFERS, each=10))
    shop.learned(model["id"], 80)
    manager.page.evaluate(hide, False)
    expect(displays).to_contain_text("80")
    shop.put(dataset, "3.jsonl", shop.visits(model["id"], OFFERS, each=10))
    expect(manager.page.get_by_text("Offers shown since this page was opened").first).to_be_visible(timeout=15_000)


def test_readiness_says_what_there_is_and_how_long_a_lift_takes(
    manager: Person, shop: Shop, taught: dict[str, Any]
) -> None:
    manager.go(f"models/{taught['id']}/readiness")
    expect(manager.page.get_by_text("There are impressions and conversions to learn from.")).to_be_visible()
    ready = shop.admin.get(f"/models/{taught['id']}/readiness")
    assert len(manager.table("When a lift would be seen")) == len(ready["expectedDays"])
    found = {row["Offer"]: int(row["Impressions"]) for row in manager.table("Events found per offer")}
    assert found == {one["id"]: one["impressions"] for one in ready["offers"]}


def test_what_another_policy_would_have_earned_is_compared(manager: Person, taught: dict[str, Any]) -> None:
    manager.go(f"models/{taught['id']}/comparison")
    manager.option("Pure chance").check()
    manager.button("Compare").click()
    rows = manager.table("Comparison with another policy")
    assert [row["Estimated by"] for row in rows] == ["Doubly robust", "Self-normalised weights", "Inverse propensity"]
    assert rows[0]["Rate"].endswith("%")
    manager.option("A fixed order").check()
    manager.field("Order of the offers, one a line, first the first").fill("")
    manager.button("Compare").click()
    expect(manager.page.get_by_role("alert")).to_be_visible()
    manager.field("Order of the offers, one a line, first the first").fill("spring\nsummer")
    manager.button("Compare").click()
    expect(manager.page.get_by_role("alert")).to_have_count(0)
    manager.trouble.clear()  # the browser tells of the 422


@pytest.mark.parametrize("who", [MANAGER, READER])
def test_everybody_who_may_read_is_told_why_an_offer_comes_first(
    entering: Entering, shop: Shop, taught: dict[str, Any], who: str
) -> None:
    asked = {
        "offers": [{"id": "spring"}, {"id": "autumn"}],
        "audiences": ["gold"],
        "context": {"device": "phone"},
        "seed": 7,
    }
    with entering() as person:
        person.sign_in(who).go(f"models/{taught['id']}/receipt")
        person.field("Offers, one a line").fill("spring\nautumn")
        person.field("Audiences, one a line").fill("gold")
        person.field("Context, as JSON").fill('{"device": "phone"}')
        person.field("Seed").fill("7")
        person.button("Explain").click()
        expect(person.page.get_by_text("Why it comes first")).to_be_visible()
        shown = person.table("The ranking, repeated")
        ranking = shop.ranker.post(f"/models/{taught['id']}/rankings", asked)
        assert [row["Offer"] for row in shown] == [one["id"] for one in ranking["offers"]]

        earlier = shop.ranker.post(f"/models/{taught['id']}/rankings", {**asked, "seed": 8})
        person.field("Or the answer to an earlier ranking, as JSON").fill(json.dumps(earlier))
        person.button("Explain").click()
        expect(person.page.get_by_text("Seed 8,")).to_be_visible()


def test_without_offers_and_seed_all_that_the_model_knows_is_ranked_and_explained(
    manager: Person, taught: dict[str, Any]
) -> None:
    manager.go(f"models/{taught['id']}/receipt")
    manager.button("Explain").click()
    expect(manager.page.get_by_text("Why it comes first")).to_be_visible()
    assert {"spring", "autumn"} <= {row["Offer"] for row in manager.table("The ranking, repeated")}


def test_history_tells_who_changed_what(manager: Person, shop: Shop, taught: dict[str, Any]) -> None:
    model = shop.model("Changed", taught["dataset"]["id"])
    manager.go(f"models/{model['id']}/edit")
    manager.field("Description").fill("now with words")
    manager.button("Save").click()
    manager.heading("Changed").wait_for()
    manager.link("History").click()
    newest = manager.page.locator(".history li").first
    expect(newest).to_contain_text("description")
    expect(newest).to_contain_text("now with words")
