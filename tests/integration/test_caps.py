"""The counters of caps, in memory and in DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from offer_ranking.collecting.caps import MS_PER_DAY, Caps, CapsUnavailableError, Interact, Limits
from offer_ranking.storage import caps as caps_module
from offer_ranking.storage.caps import DynamoCaps
from tests.support.collecting import NOW_MS, FakeCaps

Client = Callable[[str], Any]
LIMITS = Limits(per_visitor=3, per_source=4)
SOURCE = "198.51.100.7"


@pytest.fixture(params=["fake", "real"])
def caps(request: pytest.FixtureRequest, client: Client) -> Caps:
    return FakeCaps(LIMITS) if request.param == "fake" else DynamoCaps(client("dynamodb"), "Caps", LIMITS)


def admitted(caps: Caps, *interacts: Interact, now_ms: int = NOW_MS) -> list[bool]:
    return [caps.admits(one, now_ms=now_ms) for one in interacts]


def interact(mark: int, *, offer: str = "o", visitor: str = "v", source: str = SOURCE) -> Interact:
    return Interact(offer, str(mark), visitor, source)


def test_a_visitor_has_room_for_three_interacts_with_an_offer_and_for_three_with_another(caps: Caps) -> None:
    assert admitted(caps, *(interact(n) for n in range(5))) == [True] * 3 + [False] * 2
    assert admitted(caps, *(interact(n, offer="p") for n in range(4))) == [True] * 3 + [False]


def test_a_source_has_room_for_four_whoever_its_visitors_say_they_are(caps: Caps) -> None:
    assert admitted(caps, *(interact(n, visitor=f"v{n}") for n in range(6))) == [True] * 4 + [False] * 2
    assert admitted(caps, interact(9, visitor="v9", source="203.0.113.1")) == [True]


def test_a_visitor_is_held_on_its_way_from_source_to_source(caps: Caps) -> None:
    assert admitted(caps, *(interact(n, source=f"203.0.113.{n}") for n in range(5))) == [True] * 3 + [False] * 2


def test_nobody_in_particular_is_held_by_source_alone(caps: Caps) -> None:
    assert admitted(caps, *(interact(n, visitor="") for n in range(5))) == [True] * 4 + [False]


def test_an_interact_that_comes_again_takes_no_room_and_stays_admitted(caps: Caps) -> None:
    assert admitted(caps, *(interact(0) for _ in range(6)), interact(1), interact(2)) == [True] * 8
    assert admitted(caps, interact(3), interact(0), interact(3)) == [False, True, False]


def test_every_utc_day_has_room_of_its_own(caps: Caps) -> None:
    midnight = (NOW_MS // MS_PER_DAY + 1) * MS_PER_DAY
    assert admitted(caps, *(interact(n) for n in range(4)), now_ms=midnight - 1)[-1] is False
    assert admitted(caps, interact(4), now_ms=midnight) == [True]


def test_a_counter_of_many_is_kept_in_items_that_stay_small(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that may teach 100,000 had one item, full at 17,000: then nobody's caps were asked until midnight."""
    assert caps_module._MOST_MARKS * 100 < 400_000, "a mark is 22 characters, and an item has 400 KB"
    monkeypatch.setattr(caps_module, "_MOST_MARKS", 10)
    caps = DynamoCaps(client("dynamodb"), "Caps", Limits(per_visitor=3, per_source=100))
    found = admitted(caps, *(interact(n, visitor="") for n in range(300)))
    assert 90 < sum(found) <= 100
    assert admitted(caps, *(interact(n, visitor="") for n in range(300))) == found
    sizes = [len(item["marks"]["SS"]) for item in client("dynamodb").scan(TableName="Caps")["Items"] if "marks" in item]
    assert max(sizes) == 10
    assert (
        admitted(caps, *(interact(n, visitor="v", source="203.0.113.1") for n in range(5))) == [True] * 3 + [False] * 2
    )


# Not in the process: moto looks at a condition and writes in two steps, which threads may come between.
@pytest.mark.parametrize("client", ["emulator"], indirect=True)
def test_many_at_once_are_not_more_than_the_limit(client: Client) -> None:
    made = [DynamoCaps(client("dynamodb"), "Caps", LIMITS) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda n: made[n % 4].admits(interact(n, visitor=f"v{n}"), now_ms=NOW_MS), range(24)))
    assert sum(found) == LIMITS.per_source


def test_what_is_stored_tells_nobody_who_it_was_and_goes_away(client: Client) -> None:
    caps = DynamoCaps(client("dynamodb"), "Caps", LIMITS)
    days = (NOW_MS, NOW_MS + MS_PER_DAY)
    for now_ms in days:
        assert caps.admits(interact(1, visitor="visitor-1"), now_ms=now_ms)
    items = client("dynamodb").scan(TableName="Caps")["Items"]
    written = repr(items)
    assert SOURCE not in written
    assert "visitor-1" not in written
    assert len({item["pk"]["S"] for item in items}) == len(items) == 6  # by day a salt, a visitor, a source
    day = NOW_MS // MS_PER_DAY
    ends = {int(item["expiresAt"]["N"]) for item in items}
    assert ends == {(day + n) * MS_PER_DAY // 1000 + 86_400 for n in (1, 2)}


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_more_than_a_counter_can_take_is_more_than_a_cap_admits(
    client: Client, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    table = client("dynamodb")
    caps = DynamoCaps(table, "Caps", LIMITS)
    assert caps.admits(interact(1), now_ms=NOW_MS)

    def throttled(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code}}, "UpdateItem")

    monkeypatch.setattr(table, "update_item", throttled)
    assert not caps.admits(interact(2), now_ms=NOW_MS)


def test_a_table_that_is_away_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    table = client("dynamodb")
    caps = DynamoCaps(table, "Caps", LIMITS)
    nowhere = DynamoCaps(table, "Nowhere", LIMITS)
    away = FakeCaps()
    away.away = True
    for one in (nowhere, away):
        with pytest.raises(CapsUnavailableError):
            one.admits(interact(1), now_ms=NOW_MS)

    def silent(**_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="table")

    monkeypatch.setattr(table, "update_item", silent)
    with pytest.raises(CapsUnavailableError):
        caps.admits(interact(1), now_ms=NOW_MS)
