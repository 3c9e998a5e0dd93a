"""Datasets, decisions, offers and datastreams: created, edited, looked into, tried out."""

from __future__ import annotations

import itertools
import json
import os

from playwright.sync_api import expect

from offer_ranking.catalog.door_request import DoorRequest
from offer_ranking.storage.door_log import DoorLog
from tests.e2e import world
from tests.e2e.browser.console.events import Shop
from tests.e2e.browser.console.person import Person

FALLBACK = {"id": "none", "etag": "1", "format": "text/plain", "content": "-"}


def test_a_dataset_is_created_over_a_schema_of_ones_own_and_a_mapping_and_edited(manager: Person, shop: Shop) -> None:
    manager.menu("Datasets")
    manager.page.get_by_role("link", name="Create").first.click()
    manager.field("Name").fill("Flat rows")
    manager.option("A schema of your own").check()
    manager.field("XDM schema, as JSON").fill(json.dumps({"title": "Rows", "allOf": []}))
    manager.field("Mapping, as JSON").fill("{broken")
    manager.button("Save").click()
    expect(manager.field("Mapping, as JSON")).to_have_attribute("aria-invalid", "true")
    manager.field("Mapping, as JSON").fill('{"offer": "columns.offer_id"}')
    manager.button("Save").click()
    manager.heading("Flat rows").wait_for()
    expect(manager.page.get_by_text("Not eligible")).to_be_visible()
    expect(manager.page.get_by_text("offer = columns.offer_id")).to_be_visible()

    manager.link("Edit").click()
    manager.option("Experience events with proposition interactions").check()
    manager.field("Description").fill("From the warehouse")
    manager.button("Save").click()
    manager.heading("Flat rows").wait_for()
    expect(manager.page.get_by_text("Eligible", exact=True)).to_be_visible()
    made = shop.admin.get(f"/datasets/{manager.id()}")
    assert (made["eligible"], made["description"], made["mapping"]) == (
        True,
        "From the warehouse",
        {"offer": "columns.offer_id"},
    )


def test_an_overlapping_location_is_told_at_its_field(manager: Person, shop: Shop) -> None:
    other = shop.dataset("There already")
    manager.go("datasets/new")
    manager.field("Name").fill("Over it")
    manager.option("A bucket of yours").check()
    manager.field("Bucket").fill(other["bucket"])
    manager.field("Prefix").fill(other["prefix"])
    manager.button("Save").click()
    expect(manager.page.get_by_role("alert")).to_contain_text("overlap")
    manager.trouble.clear()  # the browser tells of the 409


def test_lines_are_accounted_for_and_refused_ones_told_with_their_reasons(manager: Person, shop: Shop) -> None:
    dataset = shop.dataset("Of mixed worth")
    shop.live("Reads it", dataset["id"])
    nameless = json.dumps({**world.event("display", "a"), "timestamp": None})
    shop.put(dataset, "mixed.jsonl", world.lines(a=(12, 3)) + b"{broken\n" + nameless.encode() + b"\n")
    manager.go(f"datasets/{dataset['id']}")
    expect(manager.page.get_by_text("17 lines were read")).to_be_visible(timeout=20_000)
    became = {row["Became"]: row["Lines"] for row in manager.table("Event accounting")}
    assert became == {
        "counted": "15",
        "duplicate": "0",
        "other": "0",
        "late": "0",
        "refused: malformed": "1",
        "refused: time-missing": "1",
    }
    manager.button("Check a sample").click()
    expect(manager.page.get_by_text("12 displays, 3 clicks")).to_be_visible()

    manager.link("Accounting").click()
    (row,) = manager.table("Objects")
    assert (row["Received"], row["Counted"]) == ("17", "15")
    manager.link("Refused lines").click()
    assert {row["Reason"].split("\n")[0] for row in manager.table("Refused lines")} == {"malformed", "time-missing"}
    manager.choice("Reason").select_option("malformed")
    expect(manager.page.get_by_role("table", name="Refused lines").locator("tbody tr")).to_have_count(1)


def test_a_backfill_is_started_and_followed_to_its_end(manager: Person, shop: Shop) -> None:
    dataset = shop.dataset("Of old")
    shop.put(dataset, "old.jsonl", world.lines(a=(5, 1)))
    manager.go(f"datasets/{dataset['id']}")
    manager.button("Start a backfill").click()
    manager.dialog().get_by_role("button", name="Start").click()
    expect(manager.page.get_by_text("succeeded")).to_be_visible(timeout=60_000)
    expect(manager.page.get_by_text("1 of 1 objects done")).to_be_visible()


def test_a_dataset_in_use_is_not_deleted_and_one_that_is_free_is(manager: Person, shop: Shop) -> None:
    used, free = shop.dataset("In use"), shop.dataset("Free")
    model = shop.model("Its user", used["id"])
    manager.go(f"datasets/{used['id']}")
    manager.button("Delete").click()
    manager.dialog().get_by_role("button", name="Delete").click()
    expect(manager.dialog().get_by_role("alert")).to_contain_text(model["id"])
    manager.trouble.clear()  # the browser tells of the 409
    manager.page.keyboard.press("Escape")
    manager.go(f"datasets/{free['id']}")
    manager.heading("Free").wait_for()
    manager.button("Delete").click()
    manager.dialog().get_by_role("button", name="Delete").click()
    manager.heading("Datasets").wait_for()
    expect(manager.link("Free")).to_have_count(0)


def test_a_decision_is_created_with_its_offers_and_edited(manager: Person, shop: Shop) -> None:
    model = shop.model("Ranks the home page", shop.dataset("For decisions")["id"])
    manager.go("decisions/new")
    manager.field("Name").fill("home")
    manager.choice("AI model").select_option(model["id"])
    for name in ("spring", "autumn"):
        manager.button("Add an offer").click()
        dialog = manager.dialog()
        dialog.get_by_label("Id").fill(name)
        dialog.get_by_label("Content").fill(f"<b>{name}</b>")
        dialog.get_by_label("Characteristics").fill("campaign: 7")
        dialog.get_by_role("button", name="Add", exact=True).last.click()
        expect(dialog).to_have_count(0)
    manager.button("Edit offer autumn").click()
    manager.dialog().get_by_label("Priority").fill("5")
    manager.dialog().get_by_label("Shown from").fill("2026-01-01T08:00")
    manager.dialog().get_by_label("An audience").fill("gold")
    manager.dialog().get_by_label("An audience").press("Enter")
    manager.button("Keep the changes").click()
    manager.field("Surface").fill("no surface")
    manager.field("Content").fill("<i>Welcome</i>")
    manager.button("Save").click()
    expect(manager.field("Surface")).to_have_attribute("aria-invalid", "true")
    manager.field("Surface").fill("")
    manager.button("Save").click()
    manager.heading("home").wait_for()
    made = shop.admin.get(f"/decisions/{manager.id()}")
    spring, autumn = made["offers"]
    assert (spring["id"], spring["content"], spring["characteristics"]) == (
        "spring",
        "<b>spring</b>",
        {"campaign": "7"},
    )
    assert (autumn["priority"], autumn["audiencesAny"], autumn["startsAt"][:8]) == (5, ["gold"], "2026-01-")
    assert (made["modelId"], made["fallback"]["content"]) == (model["id"], "<i>Welcome</i>")

    manager.link("Edit").click()
    manager.button("Edit offer spring").click()
    manager.dialog().get_by_label("Content").fill("<b>new</b>")
    manager.button("Keep the changes").click()
    manager.button("Remove offer autumn").click()
    manager.button("Save").click()
    manager.heading("home").wait_for()
    (changed,) = shop.admin.get(f"/decisions/{manager.id()}")["offers"]
    assert changed["content"] == "<b>new</b>"
    assert changed["etag"] != spring["etag"], "other content is another version, whose evidence begins anew"
    manager.trouble.clear()  # the browser tells of the 422


def test_enter_in_the_dialog_of_an_offer_keeps_the_offer_and_does_not_send_the_decision(manager: Person) -> None:
    keys, sent = manager.page.keyboard, list[str]()
    manager.page.on("request", lambda request: sent.append(request.method))
    manager.go("decisions/new")
    manager.button("Add an offer").focus()
    keys.press("Enter")
    offer = manager.dialog().get_by_label("Id")
    offer.focus()
    keys.press("Enter")
    expect(manager.dialog().get_by_role("alert")).to_contain_text("id: must not be empty")
    manager.dialog().get_by_label("Content").fill("<b>spring</b>")
    offer.fill("spring")
    keys.press("Enter")
    expect(manager.dialog()).to_have_count(0)
    expect(manager.button("Add an offer")).to_be_focused()
    (row,) = manager.table("Offers")
    assert row["Offer"].split("\n")[0] == "spring"
    assert "POST" not in sent


def test_a_characteristic_that_is_no_name_and_value_is_told_at_its_field(manager: Person, shop: Shop) -> None:
    given = {"id": "none", "etag": "1", "format": "text/plain", "content": "-"}
    awkward = {"at:night": "two\nlines"}
    offer = {**given, "id": "spring", "characteristics": awkward}
    body = {"name": "Of characteristics", "offers": [offer], "fallback": {**given, "characteristics": awkward}}
    decision = shop.admin.post("/decisions", body)["id"]
    manager.go(f"decisions/{decision}/edit")
    manager.button("Edit offer spring").click()
    of_offer = manager.dialog().get_by_label("Characteristics")
    for wrong in ("campaign 7", ": 7", "campaign: 7\ncampaign: 8"):
        of_offer.fill(wrong)
        manager.button("Keep the changes").click()
        expect(manager.dialog().get_by_role("alert")).to_contain_text("characteristics")
        expect(of_offer).to_have_attribute("aria-invalid", "true")
    of_offer.fill("campaign: 7\n\n link : https://a.test/ ")
    manager.button("Keep the changes").click()
    expect(manager.dialog()).to_have_count(0)

    of_fallback = manager.page.get_by_label("Characteristics")
    untouched = of_fallback.input_value()
    of_fallback.fill("campaign 7")
    manager.button("Save").click()
    expect(of_fallback).to_have_attribute("aria-invalid", "true")
    of_fallback.fill(untouched)
    manager.field("Content").fill("changed")
    manager.button("Save").click()
    manager.heading("Of characteristics").wait_for()
    made = shop.admin.get(f"/decisions/{decision}")
    assert made["offers"][0]["characteristics"] == {"campaign": "7", "link": "https://a.test/"}
    assert (made["fallback"]["content"], made["fallback"]["characteristics"]) == ("changed", awkward)


def test_a_datastream_is_created_copied_tried_out_and_its_requests_told(manager: Person, shop: Shop) -> None:
    dataset = shop.dataset("Of the web")
    model = shop.live("Ranks the web", dataset["id"])
    offer = {"id": "spring", "etag": "1", "format": "text/html", "content": "<b>spring</b>"}
    shop.admin.post("/decisions", {"name": "hero", "modelId": model["id"], "offers": [offer], "fallback": FALLBACK})
    manager.go("datastreams/new")
    manager.field("Name").fill("Web shop")
    manager.field("Organisation id").fill("not allowed!")
    manager.choice("Dataset").select_option(dataset["id"])
    manager.option("hero").check()
    manager.button("Save").click()
    expect(manager.field("Organisation id")).to_have_attribute("aria-invalid", "true")
    manager.field("Organisation id").fill("1234567890@AdobeOrg")
    manager.button("Save").click()
    manager.heading("Web shop").wait_for()
    snippet = manager.page.get_by_label("Snippet")
    expect(snippet).to_contain_text(f'datastreamId: "{manager.id()}"')
    expect(snippet).to_contain_text(f'edgeDomain: "{manager.url.removeprefix("http://")}"')
    expect(snippet).to_contain_text('edgeBasePath: "ee"')
    manager.button("Copy").click()
    expect(manager.page.get_by_role("status").filter(has_text="Copied")).to_have_count(1)

    manager.button("Send a test query").click()
    expect(manager.page.get_by_text(f"add {manager.url} to them")).to_be_visible()
    manager.link("Edit").click()
    manager.field("Origins, one a line").fill(manager.url)
    manager.button("Save").click()
    manager.heading("Web shop").wait_for()

    def answers() -> bool | None:  # the door remembers a datastream for a moment
        manager.button("Send a test query").click()
        manager.page.get_by_text("The whole answer").or_(manager.page.get_by_text("Refused")).first.wait_for()
        return manager.page.get_by_text("It answers").is_visible() or None

    assert world.within(15, answers)
    expect(manager.page.get_by_text("1 of 1 decision.")).to_be_visible()
    expect(manager.page.get_by_text("spring").first).to_be_visible()
    manager.trouble.clear()  # the browser tells of the 422 and of the 403


def test_a_test_query_asks_for_each_decision_once_and_tells_priorities_as_numbers(manager: Person, shop: Shop) -> None:
    offer = {"id": "spring", "etag": "1", "format": "text/html", "content": "<b>spring</b>", "priority": 7}
    body = {"name": "by priority", "surface": "web://shop.test/#hero", "offers": [offer], "fallback": FALLBACK}
    decision = shop.admin.post("/decisions", body)["id"]
    stream = {"orgId": "o@AdobeOrg", "datasetId": shop.dataset("Of tests")["id"], "decisionIds": [decision]}
    datastream = shop.admin.post("/datastreams", {"name": "Tested", "origins": [manager.url], **stream})["id"]
    manager.go(f"datastreams/{datastream}")
    manager.button("Send a test query").click()
    expect(manager.page.get_by_text("1 of 1 decision.")).to_be_visible()
    expect(manager.page.get_by_text("score 7", exact=True)).to_have_count(1)


def test_the_last_requests_of_a_datastream_are_told_with_why_not(manager: Person, shop: Shop) -> None:
    dataset = shop.dataset("Of the door")
    stream = {"name": "Asked often", "orgId": "o@AdobeOrg", "datasetId": dataset["id"]}
    datastream = shop.admin.post("/datastreams", stream)["id"]
    manager.go(f"datastreams/{datastream}")
    expect(manager.page.get_by_text("Nothing has come in yet.")).to_be_visible()
    taken = DoorRequest(
        at="2026-11-28T10:00:00.000Z",
        route="v1/collect",
        status=204,
        events=5,
        stored=5,
        untrusted=2,
        capped=1,
        propositions=0,
        problem=None,
    )
    refused: DoorRequest = {**taken, "at": "2026-11-28T10:00:01.000Z", "status": 403, "problem": "Origin: not allowed"}
    log = DoorLog(shop.system.aws("dynamodb"), os.environ["CAPS_TABLE"], clock=itertools.count(step=60).__next__)
    for request in (taken, refused):
        log.note(datastream, request)
    expect(manager.page.get_by_text("2 without a valid token")).to_be_visible(timeout=15_000)
    second, first = manager.table("Last requests")
    assert (first["Events"], first["Untrusted"], first["Capped"]) == ("5", "2", "1")
    assert first["Why not"] == "2 without a valid token; 1 above the cap of a visitor or address"
    assert (second["Answer"], second["Why not"]) == ("403", "Origin: not allowed")
