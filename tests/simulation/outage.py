"""`python -m tests.simulation.outage`: rankings, decisions and queries of pages while the store fails or lies.

The real clients of the rank path, over AWS in the process, fail at botocore's own hooks. What was answered is held to
the promise: while any answer is possible, by a snapshot at hand or by the caller's priorities, it is given.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody

from offer_ranking.learning import training
from offer_ranking.storage import clients
from tests.support.aws import in_process, set_environment
from tests.support.decisions import offer_body

OFFERS = [{"id": "a", "priority": 1}, {"id": "b", "priority": 3}, {"id": "c", "priority": 2}]
BY_PRIORITY = ["b", "c", "a"]
READS = ("model", "snapshot", "definitions", "keys")
_FOREVER = 1_000.0  # seconds, longer than anything is remembered before the store is asked again


class _Raw(io.BytesIO):
    """What urllib3 hands on."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _refusal(status: int, code: str) -> Callable[[], AWSResponse]:
    body = json.dumps({"__type": code, "message": code}).encode()
    return lambda: AWSResponse("https://store.test", status, {}, _Raw(body))


def _raising(error: Exception) -> Callable[[], AWSResponse]:
    def fail() -> AWSResponse:
        raise error

    return fail


FAULTS: dict[str, Callable[[], AWSResponse]] = {
    "an error": _refusal(500, "InternalServerError"),
    "away": _refusal(503, "ServiceUnavailable"),
    "throttled": _refusal(400, "ThrottlingException"),
    "more than is provisioned": _refusal(400, "ProvisionedThroughputExceededException"),
    "slow down": _refusal(503, "SlowDown"),
    "denied": _refusal(403, "AccessDenied"),
    "no connection": _raising(EndpointConnectionError(endpoint_url="https://store.test")),
    "a connection that is not made": _raising(ConnectTimeoutError(endpoint_url="https://store.test")),
    "an answer that does not come": _raising(ReadTimeoutError(endpoint_url="https://store.test")),
}


def _items(parsed: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from ([parsed["Item"]] if "Item" in parsed else [])
    for items in parsed.get("Responses", {}).values():
        yield from items


def _without(*names: str) -> Callable[[dict[str, Any]], None]:
    def change(item: dict[str, Any]) -> None:
        for name in names:
            item.pop(name, None)

    return change


def _written(name: str, text: Callable[[str], str]) -> Callable[[dict[str, Any]], None]:
    def change(item: dict[str, Any]) -> None:
        if name in item:
            item[name] = {"S": text(item[name]["S"])}

    return change


def _older(item: dict[str, Any]) -> None:
    if "snapshot" in item:
        item["snapshot"] = {"S": _POINTERS[0]}


UNLEARNED = "an item without its pointer"  # nobody can tell it from that of a model that has learned nothing
_POINTERS: list[str] = []  # of the model's snapshots, the first one first
LIES: dict[str, Callable[[dict[str, Any]], None]] = {
    "an item without its definition": _without("definition", "currentId"),
    UNLEARNED: _without("snapshot", "currentSecret"),
    "a torn definition": _written("definition", lambda text: text[: len(text) // 2]),
    "a definition of another form": _written("definition", lambda _: "[]"),
    "a definition that is a number": _written("definition", lambda _: "1"),
    "a torn pointer": _written("snapshot", lambda text: text[: len(text) // 2]),
    "a pointer of another form": _written("snapshot", lambda _: "[]"),
    "an older pointer": _older,
}
BODIES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _: b"",
    "the first half": lambda data: data[: len(data) // 2],
    "one other bit": lambda data: data[:-40] + bytes([data[-40] ^ 1]) + data[-39:],
    "something else": lambda _: b"<html>",
}


@dataclass
class Store:
    """The store as it fails: what of, and how."""

    failing: frozenset[str] = frozenset()
    how: str = ""
    sent: str = ""
    asked: Counter[str] = field(default_factory=Counter)
    paused: list[float] = field(default_factory=list)

    @contextmanager
    def between(self) -> Iterator[None]:
        """Between the clients of the rank path and AWS."""
        dynamodb, s3 = clients.dynamodb(hasty=True), clients.s3(hasty=True)
        hooks = [
            (dynamodb, "before-send.dynamodb", self._send),
            (s3, "before-send.s3", self._send),
            (dynamodb, "after-call.dynamodb", self._lie),
            (s3, "after-call.s3.GetObject", self._lie_of_bytes),
        ]
        for client, event, hook in hooks:
            client.meta.events.register_first(event, hook)
        try:
            with patch("botocore.endpoint.time.sleep", self.paused.append):
                yield
        finally:
            for client, event, hook in hooks:
                client.meta.events.unregister(event, hook)

    def _send(self, request: Any, **_: Any) -> AWSResponse | None:
        self.sent = _what(request.url, bytes(request.body or b"").decode())
        self.asked[self.sent] += 1
        return FAULTS[self.how]() if self.sent in self.failing and self.how in FAULTS else None

    def _lie(self, parsed: dict[str, Any], **_: Any) -> None:
        if self.how in LIES and self.sent in self.failing:
            for item in _items(parsed):
                LIES[self.how](item)

    def _lie_of_bytes(self, parsed: dict[str, Any], **_: Any) -> None:
        if self.how in BODIES and "snapshot" in self.failing:
            data = BODIES[self.how](parsed["Body"].read())
            parsed["Body"] = StreamingBody(_Raw(data), len(data))


def _what(url: str, body: str) -> str:
    """Which of the reads a request is."""
    if "TokenKeys" in body:
        return "keys"
    if "dynamodb" not in url:
        return "snapshot"
    return "model" if '"S": "model"' in body or '"S":"model"' in body else "definitions"


@dataclass
class Asker:
    """Who asks while the store fails. `warm`: what was asked for before, when it did not, is at hand."""

    chance: random.Random
    store: Store = field(default_factory=Store)
    now: float = 0.0
    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        from tests.support.door import a_door  # noqa: PLC0415 - the handlers read the environment
        from tests.support.system import System, display, handler  # noqa: PLC0415

        self.rank, self.edge = handler("rank_offers"), handler("collect_events")
        training.LEAST_BETWEEN_FITS = timedelta(0)
        offers = [offer_body(one["id"], priority=one["priority"]) for one in OFFERS]
        self.system = System()
        self.door = a_door(self.system, offers=offers)
        dataset = self.system.call("GET", "/datasets").json["results"][0]
        decision = self.system.call("GET", "/decisions").json["results"][0]
        self.pair = {name: decision[name] for name in ("activityId", "placementId")}
        for n in range(2):
            self.system.land(dataset, f"{n}.json", [display(one["id"]) for one in OFFERS * 20])
            model = self.system.call("GET", f"/models/{self.door.model['id']}").json
            _POINTERS[n:] = [json.dumps(model["snapshot"])]
        assert model["snapshot"]["version"] == 2
        for one in (self.rank, self.edge):
            one.serving._clock = one.token_keys._clock = lambda: self.now
        for memory in (self.rank.decisions, self.rank.datastreams, self.edge.offerings):
            memory._clock = lambda: self.now

    def forget(self) -> None:
        """A cold start."""
        for one in (self.rank, self.edge):
            one.serving._kept.clear()
            one.token_keys._keys, one.token_keys._read_at = None, float("-inf")
            one.token_keys._failed_at = float("-inf")
        for memory in (self.rank.decisions, self.rank.datastreams, self.edge.offerings):
            memory._kept.clear()

    def ask(self) -> None:
        """Once, of a store that fails in some way, in whole or in part, warm or cold."""
        is_warm, what = self.chance.random() < 0.5, self.chance.choice(list(REQUESTS))
        self.forget()
        self.store.failing = frozenset()
        if is_warm:
            reply = REQUESTS[what](self)
            assert reply.status == 200, reply.text
        self.now += _FOREVER
        self.store.how = self.chance.choice([*FAULTS, *LIES, *BODIES])
        some = self.chance.sample(READS, self.chance.randint(1, len(READS)))
        self.store.failing = frozenset(READS if self.chance.random() < 0.5 else some)
        reply = REQUESTS[what](self)
        self.answers[f"{what}: {reply.status}"] += 1
        told = f"{what}, {'warm' if is_warm else 'cold'}, {self.store.how} of {sorted(self.store.failing)}: "
        refused = {422, 503} if self.store.how == UNLEARNED else {503}
        if reply.status >= 300 and not (reply.status in refused and self._may_be_impossible(what, is_warm=is_warm)):
            self.wrong.append(told + f"{reply.status} {reply.text[:200]}")
        elif reply.status < 300 and (wrong := self._wrong(what, reply, is_warm=is_warm)):
            self.wrong.append(told + wrong)

    def _may_be_impossible(self, what: str, *, is_warm: bool) -> bool:
        """Whether nothing is at hand to answer with: no list of offers, and no place to read it."""
        needs = {"all that is known": {"model", "snapshot"}, "a decision": {"definitions"}, "a page": {"definitions"}}
        return not is_warm and bool(needs.get(what, set()) & self.store.failing)

    def _wrong(self, what: str, reply: Any, *, is_warm: bool) -> str | None:
        if what not in {"a ranking", "a batch", "a mail"}:
            return None
        one = reply.json["rankings"][0] if what == "a batch" else reply.json
        version = one["snapshot"]["version"] if one["snapshot"] else None
        if one["source"] == "fallback" and [offer["id"] for offer in one["offers"]] != BY_PRIORITY:
            return "a fallback that is not by priority"
        if is_warm and (version != 2 or one["source"] not in {"fresh", "stale"}):
            return f"{one['source']} by snapshot {version}, and 2 was at hand"
        if is_warm and one["snapshot"]["ageSeconds"] < 0:
            return "a snapshot without its age"
        return None

    def ranking(self, **more: Any) -> Any:
        return self.system.call("POST", f"/models/{self.door.model['id']}/rankings", more)

    def batch(self) -> Any:
        requests = {"requests": [{"offers": OFFERS}] * 2}
        return self.system.call("POST", f"/models/{self.door.model['id']}/rankings/batch", requests)

    def decide(self) -> Any:
        asked = [{f"xdm:{name}": value for name, value in self.pair.items()}]
        profile = {"xdm:identityMap": {"ECID": [{"xdm:id": "1" * 38}]}}
        body = {"xdm:propositionRequests": asked, "xdm:profiles": [profile]}
        return self.system.call("POST", "/data/core/ods/decisions", body)

    def page(self) -> Any:
        from tests.support.door import SURFACE, query  # noqa: PLC0415 - as above

        return self.door.interact(query(surfaces=[SURFACE]))


REQUESTS: dict[str, Callable[[Asker], Any]] = {
    "a ranking": lambda asker: asker.ranking(offers=OFFERS),
    "all that is known": lambda asker: asker.ranking(),
    "a mail": lambda asker: asker.ranking(offers=OFFERS, channel="email", datastreamId=asker.door.datastream["id"]),
    "a batch": Asker.batch,
    "a decision": Asker.decide,
    "a page": Asker.page,
}


@contextmanager
def failing(seed: int = 0) -> Iterator[Asker]:
    """Somebody to ask while the store fails."""
    with in_process():
        asker = Asker(random.Random(seed))
        with asker.store.between():
            yield asker


def run(asks: int, seed: int = 0) -> Asker:
    """So many requests; what was answered, and what was wrong about it."""
    with failing(seed) as asker:
        for _ in range(asks):
            asker.ask()
    return asker


def main() -> int:
    """0 when every answer was right."""
    parser = argparse.ArgumentParser(prog="tests.simulation.outage", description=__doc__)
    parser.add_argument("--asks", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    os.environ |= {"POWERTOOLS_LOG_LEVEL": "ERROR", "POWERTOOLS_METRICS_DISABLED": "true"}
    set_environment()
    asker = run(given.asks, given.seed)
    for what, times in sorted(asker.answers.items()):
        print(f"{what}, {times:,} times")
    print(*asker.wrong[:20], sep="\n")
    print(f"{given.asks:,} requests while the store failed: {len(asker.wrong)} wrong")
    return int(bool(asker.wrong))


if __name__ == "__main__":
    sys.exit(main())
