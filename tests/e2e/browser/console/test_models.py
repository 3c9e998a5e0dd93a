"""AI models, from the first click of somebody who has never seen an API to a report with the right figures."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Route, expect

from tests.e2e import world
from tests.e2e.browser.console.conftest import Entering
from tests.e2e.browser.console.events import Shop
from tests.e2e.browser.console.person import READER, Person

# "STRASSE" in letters of full width; ß folds to ss.
FULL_WIDTH = "".join(chr(ord(letter) + 0xFEE0) for letter in "STRASSE")


def test_the_empty_list_leads_to_a_dataset_a_model_events_and_the_right_figures(manager: Person, shop: Shop) -> None:
    page = manager.page
    expect(page.get_by_role("heading", name="No AI model yet")).to_be_visible()
    manager.link("Create a dataset").click()
    manager.field("Name").fill("Events of the shop")
    manager.button("Save").click()
    manager.heading("Events of the shop").wait_for()
    dataset = shop.admin.get(f"/datasets/{manager.id()}")

    manager.menu("AI models")
    manager.link("Create an AI model").click()
    manager.field("Name").fill("What sells")
    expect(page.get_by_text("This name is free.")).to_be_visible()
    manager.option("Events of the shop").check()
    expect(page.get_by_text("0 in the last 14 days")).to_have_count(2)
    manager.button("Save and activate").click()
    manager.heading("What sells").wait_for()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    expect(page.get_by_text("No events yet")).to_be_visible()

    shop.put(dataset, "first.jsonl", world.lines(spring=(200, 30), autumn=(100, 5)))
    expect(page.get_by_role("table", name="Rates per offer").get_by_text("spring")).to_be_visible()
    spring, autumn = manager.table("Rates per offer")
    assert (spring["Offer"], spring["Displays"], spring["Conversions"], spring["Rate"]) == (
        "spring",
        "200",
        "30",
        "15.0 %",
    )
    assert (autumn["Offer"], autumn["Displays"], autumn["Conversions"], autumn["Rate"]) == (
        "autumn",
        "100",
        "5",
        "5.00 %",
    )
    counted = {row["Became"]: row["Lines"] for row in manager.table("Event accounting")}
    assert counted["counted"] == "335"

    manager.menu("AI models")
    expect(page.get_by_role("row", name=re.compile("What sells")).get_by_text("11.7 %")).to_be_visible()
    (row,) = manager.table("AI models")
    assert (row["Displays"], row["Conversions"], row["Status"], row["Training"]) == ("300", "35", "Live", "Learned")


def test_a_taken_name_is_told_while_it_is_typed_and_refused_when_it_is_sent(manager: Person, shop: Shop) -> None:
    dataset = shop.dataset("For names")
    shop.model("Straße", dataset["id"])
    manager.go("models/new")
    manager.field("Name").fill(FULL_WIDTH)
    manager.option("For names").check()
    manager.button("Save").click()
    expect(manager.page.get_by_role("alert")).to_contain_text("The name is taken")
    manager.page.get_by_role("alert").get_by_role("button").click()
    expect(manager.field("Name")).to_be_focused()
    expect(manager.field("Name")).to_have_attribute("aria-invalid", "true")
    manager.field("Name").fill("straße")
    expect(manager.page.get_by_text("Another AI model has this name.")).to_be_visible()
    manager.field("Name").fill("Avenue")
    manager.button("Save").click()
    manager.heading("Avenue").wait_for()
    expect(manager.page.get_by_text("Draft", exact=True)).to_be_visible()
    manager.trouble.clear()  # the browser tells of the 409


def test_a_taken_name_is_found_on_whatever_page_of_the_list_it_stands(manager: Person) -> None:
    def answer(route: Route) -> None:
        is_last = "start=second" in route.request.url
        results = [{"id": "other", "name": "ΟΔΟΣ" if is_last else "ΟΔΟΣ 0"}]
        body = {"results": results, "count": 1, "total": 2, "next": None if is_last else "second"}
        route.fulfill(body=json.dumps(body))

    manager.go("models/new")
    manager.page.route("**/models?*name=*", answer)
    manager.field("Name").fill("οδος")
    expect(manager.page.get_by_text("Another AI model has this name.")).to_be_visible()
    manager.field("Name").fill("οδο")
    expect(manager.page.get_by_text("This name is free.")).to_be_visible()


def test_only_eligible_datasets_can_be_chosen_and_the_others_say_why(manager: Person, shop: Shop) -> None:
    profiles = {"title": "People", "allOf": [{"$ref": "https://ns.adobe.com/xdm/context/profile"}]}
    shop.dataset("People", schema=profiles)
    manager.go("models/new")
    expect(manager.option("People")).to_be_disabled()
    expect(manager.page.get_by_text("Cannot be chosen: The schema lacks the field group")).to_be_visible()


def test_audiences_are_picked_from_what_was_seen_or_typed(manager: Person, shop: Shop) -> None:
    dataset = shop.dataset("With audiences")
    first = shop.live("Teacher", dataset["id"], type="personalized", audiences=["gold"], contextKeys=["device"])
    seen = {"audiences": ["gold"], "context": {"device": "phone"}}
    shop.put(dataset, "a.jsonl", shop.visits(first["id"], ["a", "b"], each=20, **seen))
    shop.learned(first["id"], 80)
    manager.go("models/new")
    manager.field("Name").fill("For whom")
    manager.option("Personalized").check()
    manager.option("With audiences").check()
    expect(manager.page.get_by_text("80 in the last 14 days")).to_be_visible()
    expect(manager.page.get_by_text("80 displays", exact=True)).to_be_visible()
    manager.option("gold").check()
    manager.option("device").check()
    manager.field("Another audience").fill("new visitors")
    manager.field("Another audience").press("Enter")
    manager.button("Save").click()
    manager.heading("For whom").wait_for()
    made = shop.admin.get(f"/models/{manager.id()}")
    assert (made["audiences"], made["contextKeys"]) == (["gold", "new visitors"], ["device"])


def test_settings_are_kept_to_the_digit_and_a_wrong_one_is_told_at_its_field(manager: Person, shop: Shop) -> None:
    shop.dataset("For settings")
    manager.go("models/new")
    manager.field("Name").fill("Set")
    manager.option("For settings").check()
    manager.page.get_by_text("Settings", exact=True).click()
    manager.field("Random share, in percent").fill("70")
    manager.field("Window, in days").fill("")
    manager.button("Save").click()
    share = manager.field("Random share, in percent")
    expect(share).to_have_attribute("aria-invalid", "true")
    share.fill("7")
    manager.button("Save").click()
    manager.heading("Set").wait_for()
    settings = shop.admin.get(f"/models/{manager.id()}")["settings"]
    assert settings == {"windowDays": None, "halfLifeDays": None, "randomShare": 0.07, "exploration": 1.0}
    manager.trouble.clear()  # the browser tells of the 422


def test_an_edit_overtaken_by_another_offers_to_reload_or_to_overwrite(manager: Person, shop: Shop) -> None:
    model = shop.model("Edited twice", shop.dataset("For edits")["id"], description="first")
    for choice, expected in (("Reload, drop mine", "theirs"), ("Overwrite with mine", "mine")):
        manager.go(f"models/{model['id']}/edit")
        manager.field("Description").fill("mine")
        now = shop.admin.http.get(f"/models/{model['id']}")
        theirs = "theirs" if now.json()["description"] != "theirs" else "theirs again"
        headers = {"If-Match": now.headers["ETag"]}
        shop.admin.http.patch(
            f"/models/{model['id']}", json={"description": theirs}, headers=headers
        ).raise_for_status()
        manager.button("Save").click()
        expect(manager.dialog()).to_contain_text("Somebody else has edited this meanwhile")
        expect(manager.dialog()).to_contain_text(theirs)
        manager.button(choice).click()
        if choice.startswith("Reload"):
            expect(manager.field("Description")).to_have_value("theirs")
            manager.button("Save").click()
        manager.heading("Edited twice").wait_for()
        assert shop.admin.get(f"/models/{model['id']}")["description"] == expected
    manager.trouble.clear()  # the browser tells of each 412


def test_a_model_goes_through_its_life_each_step_confirmed(manager: Person, shop: Shop) -> None:
    model = shop.live("Alive", shop.dataset("For lives")["id"])
    page = manager.page
    manager.go(f"models/{model['id']}")
    manager.button("Delete").click()
    manager.dialog().get_by_role("button", name="Delete").click()
    expect(manager.dialog().get_by_role("alert")).to_contain_text("deactivate")
    page.keyboard.press("Escape")
    expect(manager.button("Delete")).to_be_focused()

    for step, after in (("Deactivate", "Draft"), ("Archive", "Archived")):
        manager.button(step).click()
        manager.dialog().get_by_role("button", name=step).click()
        expect(page.get_by_text(after, exact=True)).to_be_visible()
    expect(manager.button("Activate")).to_have_count(0)
    expect(manager.link("Edit")).to_have_count(0)

    manager.button("Duplicate").click()
    manager.dialog().get_by_label("Name of the copy").fill("Alive again")
    manager.dialog().get_by_role("button", name="Duplicate").click()
    manager.heading("Alive again").wait_for()
    manager.button("Delete").click()
    manager.dialog().get_by_role("button", name="Delete").click()
    manager.heading("AI models").wait_for()
    expect(manager.link("Alive again")).to_have_count(0)
    expect(manager.link("Alive")).to_be_visible()
    manager.trouble.clear()  # the browser tells of the 409


def test_a_model_that_a_decision_uses_is_not_deleted_and_says_by_what(manager: Person, shop: Shop) -> None:
    model = shop.model("Used", shop.dataset("For use")["id"])
    fallback = {"id": "none", "etag": "1", "format": "text/plain", "content": "-"}
    decision = shop.admin.post(
        "/decisions", {"name": "User", "modelId": model["id"], "offers": [], "fallback": fallback}
    )
    manager.go(f"models/{model['id']}")
    manager.button("Delete").click()
    manager.dialog().get_by_role("button", name="Delete").click()
    expect(manager.dialog().get_by_role("alert")).to_contain_text(decision["id"])
    manager.trouble.clear()  # the browser tells of the 409


def test_the_list_is_searched_filtered_sorted_and_paged(manager: Person, shop: Shop) -> None:
    dataset = shop.dataset("For lists")["id"]
    for number in range(30):
        kind = {"type": "personalized"} if number == 7 else {}
        shop.model(f"Listed {number:02}", dataset, **kind)
    page = manager.page
    manager.menu("AI models")
    manager.field("Name").fill("LISTED")
    expect(page.get_by_text("25 shown, 30 in all")).to_be_visible()
    manager.button("Name").click()
    expect(page.get_by_role("table").locator("tbody tr").first).to_contain_text("Listed 00")
    manager.button("Next page").click()
    expect(page.get_by_role("table").locator("tbody tr").first).to_contain_text("Listed 25")
    manager.choice("Type").select_option("personalized")
    expect(page.get_by_role("table").locator("tbody tr")).to_have_count(1)
    expect(manager.link("Listed 07")).to_be_visible()
    manager.choice("Type").select_option("")
    manager.choice("Status").select_option("live")
    expect(page.get_by_text("No AI model matches.")).to_be_visible()
    page.reload()  # what was chosen is in the address
    expect(page.get_by_text("No AI model matches.")).to_be_visible()
    expect(manager.field("Name")).to_have_value("LISTED")


@pytest.mark.parametrize("kind", ["AI models", "Datasets"])
def test_the_search_box_and_the_address_stay_together(manager: Person, shop: Shop, kind: str) -> None:
    dataset = shop.dataset(f"Boxed in {kind}")["id"]
    shop.model(f"Boxed in {kind}", dataset)
    page, box = manager.page, manager.field("Name")
    manager.menu(kind)
    rows = page.get_by_role("table").locator("tbody tr")
    everything = page.url
    box.press_sequentially("boxed in", delay=120)  # settles now and then on the way
    expect(page).to_have_url(re.compile(r"\?name=boxed\+in$"))
    expect(box).to_have_value("boxed in")
    manager.link(f"Boxed in {kind}").click()
    manager.heading(f"Boxed in {kind}").wait_for()
    page.go_back()
    expect(box).to_have_value("boxed in")
    manager.menu(kind)  # the list, without a name
    expect(box).to_have_value("")
    expect(page).to_have_url(everything)
    box.press_sequentially("no such")
    page.goto(f"{everything}?name=boxed")  # before it has settled
    expect(box).to_have_value("boxed")
    page.wait_for_timeout(500)
    expect(page).to_have_url(f"{everything}?name=boxed")
    expect(rows.filter(has_text=f"Boxed in {kind}")).to_have_count(1)


def test_a_new_page_does_not_take_the_focus_from_whoever_types_already(manager: Person) -> None:
    manager.page.evaluate(
        """() => new MutationObserver((_, observer) => {
          if (document.querySelector("h1")?.textContent !== "Datasets") return;
          observer.disconnect();
          document.querySelector("[type=search]").focus();  // the page is there, and not painted yet
        }).observe(document.body, { childList: true, subtree: true })"""
    )
    manager.menu("Datasets")
    box = manager.field("Name")
    expect(box).to_be_focused()
    manager.page.evaluate("() => new Promise((done) => setTimeout(done, 200))")  # some paintings later
    expect(box).to_be_focused()


def test_what_stands_in_an_address_stays_one_step_of_the_path_that_is_asked_for(manager: Person) -> None:
    asked: list[str] = []
    manager.page.on("request", lambda request: asked.append(request.url))
    for kind, what in (("models", "AI model"), ("datasets", "Dataset"), ("decisions", "Decision")):
        for step in ("a%3Fname%3Db", "..%2Fmodels"):
            manager.go(f"{kind}/{step}")
            expect(manager.page.get_by_role("alert")).to_be_visible()
            manager.heading(what).wait_for()
            assert f"{manager.url}/{kind}/{step}" in asked
            manager.go(f"{kind}/{step}/edit")
            expect(manager.heading(f"Edit {what if what == 'AI model' else what.lower()}")).to_be_visible()
            expect(manager.page.get_by_role("alert")).to_be_visible()
            assert asked.count(f"{manager.url}/{kind}/{step}") == 2
    manager.go("models/%2e%2e")
    manager.heading("There is no such page").wait_for()
    manager.trouble.clear()  # the browser tells of each 404


def test_who_may_only_read_is_offered_nothing_else(entering: Entering, shop: Shop) -> None:
    model = shop.model("To be read", shop.dataset("For readers")["id"])
    with entering() as reader:
        reader.sign_in(READER)
        expect(reader.link("To be read")).to_be_visible()
        expect(reader.link("Create AI model")).to_have_count(0)
        reader.go(f"models/{model['id']}")
        reader.heading("To be read").wait_for()
        for verb in ("Activate", "Duplicate", "Archive", "Delete"):
            expect(reader.button(verb)).to_have_count(0)
        for part in ("Readiness", "Definition", "History", "Why this offer?"):
            reader.link(part).click()
            expect(reader.link(part)).to_have_attribute("aria-current", "page")
        expect(reader.button("Explain")).to_be_visible()


def test_who_may_only_read_is_led_to_no_form_and_told_whom_to_ask(entering: Entering, shop: Shop) -> None:
    dataset = shop.dataset("Not to be edited")["id"]
    ask = "Ask somebody in ranking-managers to"
    nothing = json.dumps({"results": [], "count": 0, "total": 0, "next": None})
    with entering() as reader:
        reader.page.route(
            re.compile(r"/(model|dataset|decision|datastream)s\?"), lambda route: route.fulfill(body=nothing)
        )
        reader.sign_in(READER)
        for path, what in {
            "models": "create a dataset and an AI model over it",
            "datasets": "create a dataset",
            "decisions": "create a decision",
            "datastreams": "create a datastream",
        }.items():
            reader.go(path)
            expect(reader.page.get_by_text(f"{ask} {what}.")).to_be_visible()
            expect(reader.page.get_by_role("link", name="Create")).to_have_count(0)
            reader.go(f"{path}/new")
            expect(reader.page.get_by_text("You may look at this, and not change it")).to_be_visible()
            expect(reader.page.get_by_role("textbox")).to_have_count(0)
        reader.go(f"datasets/{dataset}/edit")
        expect(reader.page.get_by_text("You may look at this, and not change it")).to_be_visible()
