from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.counting.ledger import Found
from offer_ranking.events.proposition import proposition_of
from offer_ranking.events.token import Token, TokenKey, TokenKeys
from offer_ranking.learning.cell import Cell
from offer_ranking.measuring.log import Contest
from offer_ranking.measuring.own_log import Bounds, OwnLog, own_log
from tests.support.fakes import FakeObjects
from tests.support.system import display

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ISSUED = 1_764_021_912_000
KEYS = TokenKeys(TokenKey("k", b"k" * 32))
UNEVEN = (("b", 0.5), ("a", 0.3), ("c", 0.2))


def dataset(name: str = "d", **fields: Any) -> Dataset:
    return Dataset(
        id=name, name=name, description=None, bucket="bucket", prefix=f"{name}/", field_groups=(), version=1,
        created_at=NOW, updated_at=NOW, **fields,
    )  # fmt: skip


def served(name: str, offers: tuple[tuple[str, float], ...] = UNEVEN, **fields: Any) -> Token:
    known = {"issued_ms": ISSUED, "model": "m", "snapshot_version": 2, "traffic_type": "contextual", "cell": ""}
    return Token(proposition=name, offers=offers, **known | fields)


def event(token: Token, kind: str = "display", *items: str) -> dict[str, Any]:
    """An event of the items that are named, else of the first offer."""
    proposition = proposition_of(token, scope="s", step="aiModel", algorithm="x", etags={}, keys=KEYS)
    shown = [{"id": item} for item in items or (token.offers[0][0],)]
    return display("unused", kind=kind, **{**proposition, "items": shown})


def text(*events: dict[str, Any] | str) -> bytes:
    return "".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in events).encode()


def read(objects: FakeObjects, /, *datasets: Dataset, **bounds: int) -> OwnLog:
    return own_log("m", datasets or (dataset(),), objects, Bounds(**bounds))


def of(*events: dict[str, Any] | str) -> OwnLog:
    objects = FakeObjects()
    objects.put("bucket", "d/1.json", text(*events))
    return read(objects)


def test_a_displayed_proposition_is_a_record_and_its_interact_the_reward() -> None:
    one, two = served("p1"), served("p2", issued_ms=ISSUED + 5000)
    found = of(event(one), event(two), event(two, "interact"))
    log = found.log
    assert log.contests == (Contest(("a", "b", "c")),)
    assert log.contest.tolist() == [0, 0]
    assert log.chosen.tolist() == [1, 1], "b came first, the second of the sorted offers"
    assert log.propensity.tolist() == [0.5, 0.5]
    assert log.reward.tolist() == [0.0, 1.0]
    assert (found.first_ms, found.last_ms) == (ISSUED, ISSUED + 5000)
    assert (found.objects, found.unreadable, found.incomplete, found.is_whole) == (1, 0, 0, True)


def test_copies_of_displays_and_interacts_are_one_record() -> None:
    one = served("p")
    objects = FakeObjects()
    objects.put("bucket", "d/1.json", text(event(one), event(one), event(one, "interact")))
    objects.put("bucket", "d/2.json", text(event(one, "interact"), event(one)))
    found = read(objects)
    assert found.log.reward.tolist() == [1.0]


def test_an_interact_may_lie_before_its_display_and_in_another_object() -> None:
    one = served("p")
    objects = FakeObjects()
    objects.put("bucket", "d/1.json", text(event(one, "interact")))
    objects.put("bucket", "d/2.json.gz", gzip.compress(text(event(one))))
    assert read(objects).log.reward.tolist() == [1.0]


@pytest.mark.parametrize(
    "events",
    [
        [event(served("p"), "display", "a")],  # the first offer was not displayed
        [event(served("p"), "interact")],  # nor here
        [event(served("p", model="other"))],
        [display("b")],  # no token
        [event(served("p")) | {"data": {"__adobe": {"ajo": {"dryRun": True}}}}],
        ["{", "[]", '"WzEs"', '{"WzEs": 1}'],
        [],
    ],
    ids=["another offer", "only an interact", "another model", "no token", "dry run", "no events", "empty"],
)
def test_what_is_no_display_of_the_first_offer_of_this_model_is_no_record(events: list[Any]) -> None:
    found = of(*events)
    assert len(found.log) == found.incomplete == 0
    assert found.first_ms is None


def test_an_interact_with_another_offer_is_no_reward() -> None:
    one = served("p")
    assert of(event(one, "display", "b", "a"), event(one, "interact", "a")).log.reward.tolist() == [0.0]


@pytest.mark.parametrize(
    "token",
    [
        served("p", (("a", 0.5), ("b", 0.3))),  # cut by a count
        served("p", (("a", 0.999997),)),
        served("p", (("a", 0.5), ("a", 0.5))),
        served("p", (("a", 0.0), ("b", 1.0))),
        served("p", cell="no cell"),
    ],
    ids=["cut", "just below", "twice", "impossible", "cell"],
)
def test_a_proposition_of_unknown_candidates_is_told_and_left_out(token: Token) -> None:
    found = of(event(token), event(token), event(token, "interact"))
    assert (len(found.log), found.incomplete) == (0, 1)


def test_rounded_propensities_of_thirty_offers_are_complete() -> None:
    offers = tuple((f"o{n:02}", 1 / 30) for n in range(30))
    assert len(of(event(served("p", offers))).log) == 1


def test_records_of_one_cell_share_a_contest_and_of_another_do_not() -> None:
    cell = Cell(("loyal",), (("device", "mobile"),))
    tokens = [served("p1", cell=cell.text), served("p2", cell=cell.text), served("p3")]
    log = of(*map(event, tokens)).log
    assert log.contests == (Contest(("a", "b", "c"), ("loyal",), (("device", "mobile"),)), Contest(("a", "b", "c")))
    assert log.contest.tolist() == [0, 0, 1]


def test_flat_rows_named_otherwise_are_read_by_the_mapping_of_their_dataset() -> None:
    token = event(served("p"))["_experience"]["decisioning"]["propositions"][0]["scopeDetails"]["characteristics"]
    row = {"_id": "1", "timestamp": "2026-11-24T00:00:00Z", "eventType": "display", "proof": token["eventToken"]}
    objects = FakeObjects()
    objects.put("bucket", "d/1.json", text({**row, "what": "b"}))
    mapped = dataset(mapping={"offer": "what", "token": "proof"})
    assert len(read(objects, mapped).log) == 1


def test_bad_objects_and_what_went_meanwhile_are_told_and_stop_nothing() -> None:
    class Vanishing(FakeObjects):
        def download(self, bucket: str, key: str, found: Found, target: Any) -> bool:
            return not key.endswith("gone.json") and super().download(bucket, key, found, target)

    objects = Vanishing()
    objects.put("bucket", "d/1.json", text(event(served("p"))))
    objects.put("bucket", "d/bad.gz", b"\x1f\x8b" + b"x" * 50)
    objects.put("bucket", "d/gone.json", text(event(served("q"))))
    objects.put("bucket", "d/_SUCCESS", b"")
    found = read(objects)
    assert (found.objects, found.unreadable, len(found.log), found.is_whole) == (1, 2, 1, True)


def three(**bounds: int) -> OwnLog:
    """Three objects, each with two displays and a newer one's id after an older one's in the alphabet or not."""
    objects = FakeObjects()
    for at, name in enumerate(("z", "m", "a")):
        tokens = [served(f"{name}{n}", ((f"o{name}{n}", 0.5), ("x", 0.5)), issued_ms=ISSUED + at) for n in range(2)]
        objects.put("bucket", f"d/{name}.json", text(*map(event, tokens)))
    return read(objects, **bounds)


SIZE = len(text(*(event(served(f"m{n}", ((f"om{n}", 0.5), ("x", 0.5)))) for n in range(2))))


@pytest.mark.parametrize(
    ("bounds", "objects"),
    [
        ({}, 3), ({"objects": 2}, 2), ({"objects": 0}, 0), ({"lines": 6}, 3), ({"lines": 5}, 2), ({"lines": 3}, 1),
        ({"lines": 1}, 0), ({"contests": 6}, 3), ({"contests": 5}, 2), ({"contests": 1}, 0),
        ({"stored": 2 * SIZE + 20}, 2), ({"unpacked": SIZE + 20}, 1), ({"listed": 3}, 3),
    ],
)  # fmt: skip
def test_the_newest_objects_are_read_whole_as_far_as_the_bounds_allow(bounds: dict[str, int], objects: int) -> None:
    found = three(**bounds)
    assert (found.objects, len(found.log)) == (objects, 2 * objects)
    assert found.is_whole is (objects == 3)
    if objects:
        assert found.first_ms == ISSUED + 3 - objects
        assert found.last_ms == ISSUED + 2


def test_a_listing_that_is_cut_is_not_the_whole_log() -> None:
    found = three(listed=2)
    assert (found.objects, found.is_whole) == (2, False)


def test_the_objects_of_several_datasets_are_read_in_one_order_of_time() -> None:
    objects = FakeObjects()
    objects.put("bucket", "d/1.json", text(event(served("old"))))
    objects.put("bucket", "e/1.json", text(event(served("new", issued_ms=ISSUED + 9))))
    found = read(objects, dataset("d"), dataset("e"), objects=1)
    assert (found.first_ms, len(found.log)) == (ISSUED + 9, 1)
