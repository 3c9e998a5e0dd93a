from __future__ import annotations

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import CONVERSION, Counts, Key
from offer_ranking.counting.ledger import Reading, State
from offer_ranking.measuring.dataset_summary import DatasetSummary, dataset_summary, objects_in
from tests.support.fakes import FakeLedger

NEW, BOTH = '{"a":["new"]}', '{"a":["loyal","new"]}'
PHONE, DESK = '{"c":{"device":"phone"}}', '{"a":["new"],"c":{"device":"desk","lang":"he"}}'
HOUR = 24 * 20_000  # 2024-10-04T00:00Z


def summed(counts: dict[Key, int]) -> DatasetSummary:
    return dataset_summary(
        Counts.of(counts.keys(), counts.values()), objects=3, as_of="2024-10-05T00:00:00.000Z", days=14
    )


def test_a_dataset_without_events_has_nothing_to_tell() -> None:
    found = summed({})
    assert (found["displays"], found["interacts"], found["offers"], found["lastEventAt"]) == (0, 0, 0, None)
    assert (found["audiences"], found["contextKeys"], found["objects"]) == ([], [], 3)


def test_displays_interacts_and_offers_are_counted_and_the_last_hour_is_an_interacts_own() -> None:
    shown = Key(HOUR, "a")
    clicked = shown._replace(kind=CONVERSION, lag=5)
    found = summed({shown: 100, clicked: 7, Key(HOUR + 2, "b"): 20})
    assert (found["displays"], found["interacts"], found["offers"]) == (120, 7, 2)
    assert found["lastEventAt"] == "2024-10-04T05:00:00.000Z"


def test_audiences_and_context_keys_have_their_displays_most_first() -> None:
    cells = {NEW: 10, BOTH: 5, PHONE: 3, DESK: 1, "": 99, "[": 50}
    interacts = {Key(HOUR, "a", cell='{"a":["only clicked"]}', kind=CONVERSION): 9}
    found = summed({Key(HOUR, "a", cell=cell): displays for cell, displays in cells.items()} | interacts)
    assert found["audiences"] == [{"value": "new", "displays": 16}, {"value": "loyal", "displays": 5}]
    assert found["contextKeys"] == [
        {"key": "device", "values": 2, "displays": 4},
        {"key": "lang", "values": 1, "displays": 1},
    ]


def test_of_many_audiences_those_with_the_most_displays_are_told() -> None:
    found = summed({Key(HOUR, "a", cell=f'{{"a":["{n}"]}}'): n for n in range(1, 301)})
    assert [one["displays"] for one in found["audiences"]] == list(range(300, 100, -1))


def test_deleted_objects_are_no_objects_and_others_are_counted_to_a_thousand() -> None:
    ledger = FakeLedger()
    for n in range(1200):
        state = State.DELETED if n < 300 else State.BAD if n == 300 else State.LIVE
        key = f"{n:04}"
        reading = Reading(state, "v", "v", None, Accounting.zero())
        ledger.settle("d", key, ledger.next_generation("d", key), reading)
    ledger.next_generation("e", "being read")
    assert objects_in("d", ledger) == 700
    assert objects_in("e", ledger) == 1
    assert objects_in("none", ledger) == 0
