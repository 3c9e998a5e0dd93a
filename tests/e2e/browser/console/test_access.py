"""The console for everybody: by keyboard alone, by screen reader, in the dark, on a phone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.e2e.browser.console.conftest import Entering
from tests.e2e.browser.console.events import Shop
from tests.e2e.browser.console.person import GUEST, Person


@pytest.fixture(scope="module")
def pages(shop: Shop) -> list[str]:
    """The address of every page, each with something on it."""
    dataset = shop.dataset("Accessible events", description="for all")
    shop.dataset("Not eligible", schema={"allOf": []})
    about = {"type": "personalized", "audiences": ["gold"], "contextKeys": ["device"], "settings": {"randomShare": 0.5}}
    model = shop.live("Accessible", dataset["id"], **about)["id"]
    asked = {"audiences": ["gold"], "context": {"device": "phone"}}
    shop.put(dataset, "a.jsonl", shop.visits(model, ["spring", "autumn"], each=60, **asked) + b"{broken\n")
    shop.learned(model, 240)
    offer = {"id": "spring", "etag": "1", "format": "text/html", "content": "<b>spring</b>"}
    fallback = {"id": "none", "etag": "1", "format": "text/plain", "content": "-"}
    decision = shop.admin.post(
        "/decisions", {"name": "home", "modelId": model, "offers": [offer], "fallback": fallback}
    )["id"]
    stream = {"name": "web", "orgId": "o@AdobeOrg", "datasetId": dataset["id"], "decisionIds": [decision]}
    datastream = shop.admin.post("/datastreams", stream)["id"]
    ids = {"models": model, "datasets": dataset["id"], "decisions": decision, "datastreams": datastream}
    return [
        *(f"models/{model}{part}" for part in ("", "/readiness", "/receipt", "/comparison", "/definition", "/history")),
        *(f"datasets/{dataset['id']}/{part}" for part in ("objects", "refused")),
        *(path for kind, id_ in ids.items() for path in (kind, f"{kind}/new", f"{kind}/{id_}", f"{kind}/{id_}/edit")),
        "nowhere",
    ]


def settled(person: Person) -> None:
    person.page.get_by_role("heading", level=1).wait_for()
    expect(person.page.locator(".waiting, .canvas:not(:has(canvas))")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
def test_axe_core_finds_nothing_on_any_page(entering: Entering, pages: list[str], scheme: str, width: int) -> None:
    context: dict[str, Any] = {
        "color_scheme": scheme,
        "viewport": {"width": width, "height": 900},
        "reduced_motion": "reduce",
    }
    found: dict[str, list[str]] = {}
    with entering(**context) as person:
        person.button("Sign in").wait_for()
        found["welcome"] = person.violations()
        person.sign_in()
        for path in pages:
            person.go(path)
            settled(person)
            person.page.locator("details").evaluate_all("all => all.forEach(one => { one.open = true; })")
            found[path] = person.violations()
    assert {path: some for path, some in found.items() if some} == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_core_finds_nothing_in_questions_and_refusals(entering: Entering, pages: list[str], scheme: str) -> None:
    with entering(color_scheme=scheme, reduced_motion="reduce") as person:
        person.sign_in()
        person.go(pages[0])
        for name in ("Deactivate", "Duplicate", "Delete"):
            person.button(name).click()
            assert person.violations() == [], name
            person.page.keyboard.press("Escape")
        person.go("models/new")
        person.button("Save").click()
        person.page.get_by_role("alert").wait_for()
        assert person.violations() == []
        person.go("decisions/new")
        person.button("Add an offer").click()
        assert person.violations() == []
        person.trouble.clear()  # the browser tells of the 422
    with entering(color_scheme=scheme) as guest:
        guest.sign_in(GUEST)
        assert guest.violations() == []


def reach(person: Person, name: str, role: str = "button") -> None:
    """Go by the tab key to what has this name, in the dialog where there is one."""
    within = person.dialog() if person.dialog().count() else person.page
    named = re.compile(rf"^\s*{re.escape(name)}", re.IGNORECASE)
    wanted = within.get_by_role(role, name=named).first  # type: ignore[arg-type]
    wanted.wait_for()
    for _ in range(80):
        if wanted.evaluate("one => one === document.activeElement"):
            return
        person.page.keyboard.press("Tab")
    raise AssertionError(f"{name} is not reached by the keyboard")


def press(person: Person, name: str, role: str = "button", key: str = "Enter") -> None:
    reach(person, name, role)
    person.page.keyboard.press(key)


def write(person: Person, name: str, text: str) -> None:
    reach(person, name, "textbox")
    person.page.keyboard.press("ControlOrMeta+a")
    person.page.keyboard.type(text)


def test_a_model_is_created_activated_and_deactivated_by_keyboard_alone(entering: Entering, shop: Shop) -> None:
    shop.dataset("Without a mouse")
    with entering() as person:
        page, keys = person.page, person.page.keyboard
        press(person, "Sign in")
        press(person, "manager@local")
        press(person, "Skip to the content", "link")
        press(person, "Create AI model", "link")
        expect(person.heading("Create AI model")).to_be_focused()
        write(person, "Name", "By keyboard")
        press(person, "Without a mouse", "checkbox", "Space")
        press(person, "Save and activate")
        expect(person.heading("By keyboard")).to_be_focused()
        expect(page.get_by_text("Live", exact=True)).to_be_visible()
        press(person, "Deactivate")
        expect(person.dialog()).to_be_visible()
        keys.press("Escape")
        expect(person.dialog()).to_have_count(0)
        expect(person.button("Deactivate")).to_be_focused()
        keys.press("Enter")
        expect(person.dialog()).to_be_visible()
        press(person, "Deactivate")
        expect(page.get_by_text("Draft", exact=True)).to_be_visible()
        press(person, "What if?", "link")
        reach(person, "A fixed order", "radio")
        keys.press("ArrowDown")
        expect(person.option("Pure chance")).to_be_checked()


def test_dataset_decision_and_datastream_are_created_edited_and_deleted_by_keyboard_alone(manager: Person) -> None:
    press(manager, "Datasets", "link")
    manager.heading("Datasets").wait_for()
    press(manager, "Create dataset", "link")
    write(manager, "Name", "Typed rows")
    press(manager, "Save")
    expect(manager.heading("Typed rows")).to_be_focused()

    press(manager, "Decisions", "link")
    manager.heading("Decisions").wait_for()
    press(manager, "Create decision", "link")
    write(manager, "Name", "typed-hero")
    press(manager, "Add an offer")
    expect(manager.dialog()).to_be_visible()
    write(manager, "Id", "spring")
    write(manager, "Content", "<b>spring</b>")
    press(manager, "Id", "textbox")
    expect(manager.dialog()).to_have_count(0)
    write(manager, "Content", "<i>Welcome</i>")
    press(manager, "Save")
    expect(manager.heading("typed-hero")).to_be_focused()

    press(manager, "Datastreams", "link")
    manager.heading("Datastreams").wait_for()
    press(manager, "Create datastream", "link")
    write(manager, "Name", "Typed shop")
    write(manager, "Organisation id", "1234567890@AdobeOrg")
    reach(manager, "Dataset", "combobox")
    manager.page.keyboard.type("Typed rows")
    press(manager, "typed-hero", "checkbox", "Space")
    press(manager, "Save")
    expect(manager.heading("Typed shop")).to_be_focused()
    press(manager, "Edit", "link")
    write(manager, "Name", "Renamed shop")
    press(manager, "Save")
    expect(manager.heading("Renamed shop")).to_be_focused()
    press(manager, "Delete")
    expect(manager.dialog()).to_be_visible()
    press(manager, "Delete")
    expect(manager.heading("Datastreams")).to_be_focused()
    expect(manager.link("Renamed shop")).to_have_count(0)


def test_a_page_reads_well_at_twice_the_text_size(manager: Person, pages: list[str]) -> None:
    manager.page.set_viewport_size({"width": 720, "height": 900})
    for path in pages:
        manager.go(path)
        settled(manager)
        manager.page.evaluate("document.documentElement.style.fontSize = '200%'")
        spare = manager.page.evaluate("innerWidth - document.documentElement.scrollWidth")
        assert spare >= 0, f"{path} is wider than the screen by {-spare} pixels"
