"""What tests put into datasets, and how they wait for what follows."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

SCHEMA = "experience-event-proposition-interactions"
_T = TypeVar("_T")
_MORE_SECONDS = 3  # in which what was told twice would be counted twice: events land at once, and merges take a second
_numbers = itertools.count()


def name(what: str) -> str:
    return f"{what} {next(_numbers)} {uuid.uuid4().hex[:8]}"


def event(kind: str, offer: str, **proposition: Any) -> dict[str, Any]:
    """A display or interact event as a team's own pipeline writes it."""
    shown = {"id": str(uuid.uuid4()), "scope": "home", **proposition, "items": [{"id": offer}]}
    return {
        "_id": str(uuid.uuid4()),
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "eventType": f"decisioning.proposition{kind.capitalize()}",
        "_experience": {"decisioning": {"propositionEventType": {kind: 1}, "propositions": [shown]}},
    }


def lines(**counts: tuple[int, int]) -> bytes:
    """JSON lines of so many displays and interacts of each offer."""
    events = [
        event(kind, offer)
        for offer, both in counts.items()
        for kind, n in zip(("display", "interact"), both, strict=True)
        for _ in range(n)
    ]
    return "".join(json.dumps(one) + "\n" for one in events).encode()


def within(seconds: float, ask: Callable[[], _T | None]) -> _T:
    """The first answer of `ask` that is not None; it must come within the time."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (found := ask()) is not None:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} seconds")


def settled(seconds: float, ask: Callable[[], _T | None]) -> _T:
    """What `ask` says a moment after it first said something within the time: no less, and nothing twice."""
    within(seconds, ask)
    time.sleep(_MORE_SECONDS)
    return within(seconds, ask)
