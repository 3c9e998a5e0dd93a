"""The last requests of a datastream: written rarely, merged with those of other environments, gone after a day."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from offer_ranking.catalog.door_request import DoorRequest
from offer_ranking.storage.door_log import DoorLog
from tests.support.aws import ENVIRONMENT

TABLE = ENVIRONMENT["CAPS_TABLE"]


def request(at: int, **fields: Any) -> DoorRequest:
    """One that came `at` seconds after noon."""
    moment = f"2026-11-24T12:{at // 60:02}:{at % 60:02}.000Z"
    return DoorRequest(
        **{
            "at": moment, "route": "/v1/interact", "status": 200, "events": 1, "stored": 1, "untrusted": 0,
            "capped": 0, "propositions": 1, "problem": None,
        } | fields
    )  # fmt: skip


class Door:
    """A door's environment with a log of its own, and a clock."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.now = 1_800_000_000.0
        self.log = DoorLog(client("dynamodb"), TABLE, clock=lambda: self.now)

    def note(self, at: int, datastream: str = "web", **fields: Any) -> DoorRequest:
        noted = request(at, **fields)
        self.now = 1_800_000_000.0 + at
        self.log.note(datastream, noted)
        return noted


def test_a_single_request_is_seen_at_once_with_what_became_of_it(client: Callable[[str], Any]) -> None:
    door = Door(client)
    assert door.log.read("web") == []
    noted = door.note(1, status=400, problem="The body is no JSON.", stored=0)
    assert Door(client).log.read("web") == [noted]
    assert Door(client).log.read("app") == []


def test_within_five_seconds_nothing_is_written_and_then_all_that_was_noted(client: Callable[[str], Any]) -> None:
    door = Door(client)
    noted = [door.note(at) for at in range(6)]
    assert door.log.read("web") == noted[::-1]
    door.note(7)
    door.note(9)
    assert len(door.log.read("web")) == 6
    door.note(2, "app")
    assert len(door.log.read("app")) == 1, "each datastream has its own five seconds"


def test_the_last_twenty_are_kept_newest_first(client: Callable[[str], Any]) -> None:
    door = Door(client)
    noted = [door.note(5 * at) for at in range(30)]
    assert door.log.read("web") == noted[:-21:-1]


def test_what_another_environment_wrote_comes_back_with_the_next_write(client: Callable[[str], Any]) -> None:
    one, other = Door(client), Door(client)
    first, second = one.note(1), other.note(2)
    assert one.log.read("web") == [second]
    third, fourth = one.note(7), one.note(13)
    assert one.log.read("web") == [fourth, third, second, first]


def test_a_day_later_dynamodb_may_delete_it(client: Callable[[str], Any]) -> None:
    Door(client).note(0)
    item = client("dynamodb").get_item(TableName=TABLE, Key={"pk": {"S": "door#web"}})["Item"]
    assert item["expiresAt"] == {"N": str(1_800_000_000 + 86_400)}


def test_long_texts_are_cut(client: Callable[[str], Any]) -> None:
    door = Door(client)
    door.note(0, route="/" + "r" * 5000, problem="p" * 5000)
    (found,) = door.log.read("web")
    assert (len(found["route"]), len(found["problem"] or "")) == (200, 200)


def test_a_door_that_cannot_write_answers_all_the_same_and_writes_later(client: Callable[[str], Any]) -> None:
    door = Door(client)
    broken = DoorLog(Refusing(), TABLE, clock=lambda: door.now)  # type: ignore[arg-type]
    broken.note("web", request(0))
    broken._client = client("dynamodb")
    door.now += 3
    broken.note("web", request(3))
    assert broken.read("web") == [], "the store is not asked at every request while it is away"
    door.now += 2
    broken.note("web", request(5))
    assert len(broken.read("web")) == 3


class Refusing:
    """A DynamoDB that is not to be had."""

    def update_item(self, **_: Any) -> None:
        raise ClientError({"Error": {"Code": "ProvisionedThroughputExceededException", "Message": "no"}}, "UpdateItem")


def test_many_datastreams_do_not_fill_the_memory() -> None:
    log = DoorLog(Refusing(), TABLE)  # type: ignore[arg-type]
    for n in range(1000):
        log.note(f"datastream-{n}", request(0))
    assert len(log._seen) == 128
