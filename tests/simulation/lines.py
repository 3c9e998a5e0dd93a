"""Lines that the objects of a simulation are made of: few, so that objects share them, and each with a trap in it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tests.simulation.world import START

_HOUR = 3600
MAPPINGS = (
    (),
    (("offer", ("columns", "first")),),
    (("offer", ("columns", "second")),),
)
# What only parsers from the second deploy on understand. See counter.py.
UNDERSTOOD_LATER = b'"simulated": "understood later"'
UNREADABLE = gzip.compress(b"{}", mtime=0)[:-9]


def at(hour: float) -> str:
    """So many hours after the beginning of the simulated days."""
    moment = datetime.fromtimestamp(START // 86400 * 86400 + hour * _HOUR, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def token(name: str) -> str:
    """In the shape of ours, which alone makes an identity."""
    return f"{name}.{'x' * 22}"


def event(identifier: str, hour: float, *shown: dict[str, Any], kind: str = "display", **more: Any) -> dict[str, Any]:
    return {
        "_id": identifier,
        "timestamp": at(hour),
        "eventType": f"decisioning.proposition{kind.capitalize()}",
        "_experience": {"decisioning": {"propositionEventType": {kind: 1}, "propositions": list(shown)}},
        **more,
    }


def proposition(*offers: str, **characteristics: str) -> dict[str, Any]:
    return {"id": "p", "items": [{"id": one} for one in offers], "scopeDetails": {"characteristics": characteristics}}


def issued(name: str, hour: float, *offers: str, **characteristics: str) -> dict[str, Any]:
    """A proposition with a token of ours and the time when that was issued."""
    return proposition(*offers, eventToken=token(name), issuedAt=at(hour), **characteristics)


def _lines() -> Iterator[bytes]:
    for some in (
        # Without tokens: two in one hour, one that names two offers, hours and days apart, two ends of a day.
        event("plain-0", 1, proposition("a")),
        event("plain-1", 1.5, proposition("b")),
        event("plain-2", 2, proposition("a", "b")),
        event("plain-3", 23.9, proposition("c")),
        event("plain-4", 24, proposition("c")),
        event("plain-5", 30, proposition("a", "d")),
        event("plain-6", 55, proposition("b")),
        event("plain-0", 1, proposition("b")),  # the same identity, another offer
        # Sent twice: the token is the same, all else is not, so who counts it can be seen.
        event("shown", 3, issued("t1", 3, "a")),
        event("shown again", 27, issued("t1", 3, "a", cell="elsewhere")),
        event("clicked", 5, issued("t1", 3, "a"), kind="interact"),
        event("clicked again", 29, issued("t1", 3, "a"), kind="interact"),
        # Lines that stand or fall in part.
        event("two", 6, issued("t2", 6, "b"), issued("t3", 31, "c"), kind="interact"),
        event("first of two", 7, issued("t2", 6, "b"), kind="interact"),
        event("second of two", 33, issued("t3", 31, "c"), kind="interact"),
        event("other first", 8, issued("t2", 6, "b", cell="x"), issued("t4", 50, "d"), kind="interact"),
        # Tokens of somebody else are the same for all visitors.
        event("foreign-1", 9, proposition("a", eventToken="foreign"), kind="interact"),
        event("foreign-2", 9, proposition("a", eventToken="foreign"), kind="interact"),
        # Rows of a table, whose columns only a mapping names.
        {"_id": "row-1", "timestamp": at(10), "eventType": "display", "columns": {"first": "a", "second": "e"}},
        {"_id": "row-2", "timestamp": at(34), "eventType": "interact", "columns": {"first": "b", "second": "e"}},
        {"_id": "row-3", "timestamp": at(10.5), "eventType": "display", "columns": {"first": "b", "second": "a"}},
        {"_id": "row-1", "timestamp": at(10), "eventType": "display", "columns": {"first": "d", "second": "a"}},
        # What counts as nothing.
        {"_id": "link", "timestamp": at(1), "eventType": "web.webinteraction.linkClicks"},
        event("dry", 11, proposition("a"), data={"__adobe": {"ajo": {"dryRun": True}}}),
        event("late", 60, proposition("a"), offerRanking={"receivedAt": at(0)}),
        event("unclear", 11, proposition()),
        event("", 11, proposition("a")),
    ):
        yield json.dumps(some).encode()
    yield b'{"cut": '
    for n, hour in enumerate((12.0, 36.0)):
        yield json.dumps(event(f"new-{n}", hour, proposition("n"), simulated="understood later")).encode()


LINES = tuple(_lines())


def plain_line(number: int) -> bytes:
    """A line that no other object has."""
    offers = [f"o{number % 5}", *([f"o{number % 3 + 5}"] if number % 2 else [])]
    return json.dumps(event(f"unique-{number}", number % 60, proposition(*offers))).encode()
