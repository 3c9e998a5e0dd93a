"""What came to the door of a datastream, and what became of it. Nothing here tells of a person."""

from __future__ import annotations

from typing import TypedDict


class DoorRequest(TypedDict):
    """One request.

    `events` came with it, of which `stored` were handed on; among those, `untrusted` were not proven by a token, and
    `capped` were more than a visitor or an address may teach. `propositions` were answered. `problem` says in a few
    words why it was refused.
    """

    at: str
    route: str
    status: int
    events: int
    stored: int
    untrusted: int
    capped: int
    propositions: int
    problem: str | None


class DoorRequests(TypedDict):
    """The last twenty or so, newest first; where many come at once, some of them."""

    results: list[DoorRequest]
