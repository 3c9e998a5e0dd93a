"""Lines that a page has sent are stored, whatever the stream does, and never so that one counts twice."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import moto
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from offer_ranking.collecting.delivery import Delivery, UnavailableError
from offer_ranking.counting.engine import count_object
from offer_ranking.storage import clients, delivery
from offer_ranking.storage.delivery import BUDGET_SECONDS, StreamDelivery
from tests.support.aws import ENVIRONMENT, create_storage, set_environment
from tests.support.collecting import NOW_MS, FakeDelivery, a_token, event, proposition

set_environment()
STREAM, BUCKET = ENVIRONMENT["EVENTS_STREAM"], ENVIRONMENT["DATASETS_BUCKET"]
OVERFLOW = "datasets/events/collected/overflow/2026/11/30/00/"


class Clock:
    """Time that only passes while somebody sleeps, or a call says that it took long."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


class World:
    """A stream and a bucket in the process, whose calls go by `script`: an exception, codes of records, or well."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.script: list[Exception | list[str] | None] = []
        self.puts: list[Exception] = []
        self.calls = 0
        create_bucket = boto3.client("s3")
        create_bucket.create_bucket(Bucket="stream")
        self.real = boto3.client("firehose", config=Config(retries={"total_max_attempts": 1}))
        self.s3 = boto3.client("s3", config=Config(retries={"total_max_attempts": 1}))
        self.s3.meta.events.register("before-send.s3.PutObject", self._put)
        self.delivery = StreamDelivery(self, STREAM, self.s3, BUCKET, clock=self.clock, sleep=self.clock.sleep)

    def _put(self, **_: Any) -> None:
        if self.puts:
            raise self.puts.pop(0)

    def put_record_batch(self, **asked: Any) -> Any:
        self.calls += 1
        said = self.script.pop(0) if self.script else None
        if isinstance(said, LostReplyError):
            self.real.put_record_batch(**asked)
            raise ReadTimeoutError(endpoint_url="stream")
        if isinstance(said, Exception):
            raise said
        if said is None:
            return self.real.put_record_batch(**asked)
        taken = [record for record, code in zip(asked["Records"], said, strict=True) if not code]
        if taken:
            self.real.put_record_batch(DeliveryStreamName=STREAM, Records=taken)
        answers = [{"ErrorCode": code, "ErrorMessage": code} if code else {"RecordId": "1"} for code in said]
        return {"FailedPutCount": sum(map(bool, said)), "RequestResponses": answers}

    def objects(self, bucket: str) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        return {one["Key"]: self.s3.get_object(Bucket=bucket, Key=one["Key"])["Body"].read() for one in listed}

    @property
    def stored(self) -> list[bytes]:
        """Every line that lies anywhere."""
        return [line for bucket in ("stream", BUCKET) for body in self.objects(bucket).values() for line in lines(body)]


class LostReplyError(Exception):
    """The call is made, its answer is lost."""


def lines(body: bytes) -> list[bytes]:
    assert body.endswith(b"\n")
    return body[:-1].split(b"\n")


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": code}}, "PutRecordBatch")


@pytest.fixture
def world() -> Iterator[World]:
    with moto.mock_aws():
        create_storage()
        yield World()


@pytest.fixture(params=["fake", "real"])
def either(request: pytest.FixtureRequest) -> tuple[Delivery, Callable[[], list[bytes]]]:
    if request.param == "fake":
        fake = FakeDelivery()
        return fake, lambda: fake.stored["events"]
    world: World = request.getfixturevalue("world")
    return world.delivery, lambda: world.stored


def test_every_line_is_stored_once(either: tuple[Delivery, Callable[[], list[bytes]]]) -> None:
    delivered, stored = either
    given = [json.dumps({"n": n}).encode() for n in range(3)]
    assert delivered.deliver("events", given, now_ms=NOW_MS) == 0
    assert sorted(stored()) == given


def test_what_is_away_says_so(world: World) -> None:
    fake = FakeDelivery(away=True)
    world.script, world.puts = [refusal("AccessDeniedException")], [ReadTimeoutError(endpoint_url="bucket")]
    for one in (fake, world.delivery):
        with pytest.raises(UnavailableError):
            one.deliver("events", [b"{}"], now_ms=NOW_MS)
    assert world.stored == []


def test_a_record_that_is_refused_is_put_again_and_those_that_were_taken_are_not(world: World) -> None:
    world.script = [["", "ServiceUnavailableException", ""], ["InternalFailure"]]
    assert world.delivery.deliver("events", [b"1", b"2", b"3"], now_ms=NOW_MS) == 0
    assert sorted(world.stored) == [b"1", b"2", b"3"]
    assert len(world.clock.pauses) == 2


@pytest.mark.parametrize(
    "fault",
    [refusal("ServiceUnavailableException"), refusal("ThrottlingException"), ReadTimeoutError(endpoint_url="s")],
)
def test_a_stream_that_is_busy_is_asked_again(world: World, fault: Exception) -> None:
    world.script = [fault, fault]
    assert world.delivery.deliver("events", [b"1"], now_ms=NOW_MS) == 0
    assert world.stored == [b"1"]
    assert world.calls == 3


def test_pauses_grow_and_differ_and_end_within_the_budget(world: World) -> None:
    world.script = [refusal("ServiceUnavailableException")] * 50
    assert world.delivery.deliver("events", [b"1"], now_ms=NOW_MS) == 1
    pauses = world.clock.pauses
    assert 0.9 * BUDGET_SECONDS - 0.4 <= sum(pauses) <= BUDGET_SECONDS
    assert pauses[0] < 0.05 < pauses[-1]
    assert len(set(pauses)) == len(pauses)


def test_what_the_stream_refuses_to_the_end_lies_beside_what_it_delivers(world: World) -> None:
    world.script = [["", "ServiceUnavailableException"], *[["ServiceUnavailableException"]] * 50]
    assert world.delivery.deliver("events", [b"1", b"2"], now_ms=NOW_MS) == 1
    assert [lines(body) for body in world.objects("stream").values()] == [[b"1"]]
    [(key, body)] = world.objects(BUCKET).items()
    assert key.startswith(OVERFLOW)
    assert key.endswith(".json")
    assert body == b"2\n"


@pytest.mark.parametrize("code", ["ResourceNotFoundException", "AccessDeniedException", "InvalidArgumentException"])
def test_a_stream_that_will_not_take_them_costs_no_time(world: World, code: str) -> None:
    world.script = [refusal(code)]
    assert world.delivery.deliver("events", [b"1"], now_ms=NOW_MS) == 1
    assert (world.stored, world.calls, world.clock.pauses) == ([b"1"], 1, [])


def test_a_line_longer_than_a_record_goes_to_the_bucket_and_the_others_to_the_stream(world: World) -> None:
    long = b'"' + b"x" * delivery.LONGEST_RECORD + b'"'
    assert world.delivery.deliver("events", [b"1", long], now_ms=NOW_MS) == 1
    assert world.delivery.deliver("events", [long], now_ms=NOW_MS) == 1
    assert world.objects(BUCKET).popitem()[1] == long + b"\n"
    assert [lines(body) for body in world.objects("stream").values()] == [[b"1"]]


def test_no_call_has_more_than_the_stream_takes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = world.put_record_batch

    def noted(**asked: Any) -> Any:
        sizes.append(len(asked["Records"]))
        assert sum(len(one["Data"]) for one in asked["Records"]) <= delivery.MOST_BYTES
        return real(**asked)

    monkeypatch.setattr(world, "put_record_batch", noted)
    given = [b"%d" % n for n in range(1100)] + [b"%d" % n + b"0" * 900_000 for n in range(6)]
    assert world.delivery.deliver("events", given, now_ms=NOW_MS) == 0
    assert sorted(world.stored) == sorted(given)
    assert sizes == [500, 500, 104, 2]


@pytest.mark.parametrize(
    ("script", "is_twice"),
    [
        ([LostReplyError()], True),
        ([LostReplyError()] * 50, True),
        ([LostReplyError(), refusal("AccessDeniedException")], True),
        ([refusal("ServiceUnavailableException")] * 50, False),
    ],
)
@pytest.mark.parametrize("is_signed", [True, False])
def test_lines_of_which_the_reply_was_lost_count_once(
    world: World, tmp_path: Path, script: list[Exception], *, is_twice: bool, is_signed: bool
) -> None:
    world.script = list(script)
    shown = proposition(a_token(), "o1") if is_signed else {"id": "p", "items": [{"id": "o1"}]}
    line = json.dumps(event("display", shown, offerRanking={"receivedAt": "2026-11-30T00:53:20.000Z"})).encode()
    world.delivery.deliver("events", [line], now_ms=NOW_MS)
    assert len(world.stored) > 1 if is_twice else len(world.stored) == 1
    (tmp_path / "all.json").write_bytes(b"\n".join(world.stored))
    assert count_object(tmp_path / "all.json").delta.accounting.counted == 1


def test_a_client_that_comes_again_writes_the_same_object(world: World) -> None:
    for _ in range(2):
        world.script = [refusal("AccessDeniedException")]
        world.delivery.deliver("events", [b"1"], now_ms=NOW_MS)
    assert len(world.objects(BUCKET)) == 1


def test_the_stream_of_the_deployment_is_asked_in_haste() -> None:
    clients.firehose.cache_clear()
    config = clients.firehose().meta.config  # type: ignore[attr-defined]
    clients.firehose.cache_clear()
    assert (config.connect_timeout, config.read_timeout) == (0.25, 0.5)
    assert config.retries["total_max_attempts"] == 1
