"""What clients send: events, what they ask for with them, and what they remember. v1 has `events`, v2 one `event`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from offer_ranking.edge.consent import is_out
from offer_ranking.edge.identity import ecid_of_cookie, ecid_of_map
from offer_ranking.edge.problem import INVALID, UNREADABLE, RefusedError
from offer_ranking.edge.scope import PAGE_WIDE
from offer_ranking.events.spelling import EVENT, rows, text, value_at

MOST_EVENTS = 100
MOST_SCOPES = 30
LONGEST_SCOPE = 2048
FETCH = "decisioning.propositionFetch"
_DRY_RUN = ("__adobe", "ajo", "dryRun")
_DRY = {"__adobe": {"ajo": {"dryRun": True}}}

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its XDM, with what the request says of all of them, and its free-form data."""

    xdm: Object
    data: Object

    @property
    def says_something(self) -> bool:
        """Whether anything happened. A fetch alone says no more than the request that it came in."""
        if not self.xdm:
            return False
        return text(self.xdm, EVENT["event_type"]) != FETCH or bool(rows(self.xdm, EVENT["propositions"]))

    def collected(self, *, id_: str, received: str, ecid: str) -> Object:
        """The event as it is collected; what it lacks of `_id`, time and identity is given here."""
        event: Object = {**self.xdm}
        if not text(event, EVENT["id"]):
            event["_id"] = id_
        if event.get("timestamp") is None:
            event["timestamp"] = received
        if ecid and ecid_of_map(event) is None:
            known = event.get("identityMap")
            event["identityMap"] = {**(known if isinstance(known, dict) else {}), "ECID": [{"id": ecid}]}
        event.pop("data", None)
        if value_at(self.data, _DRY_RUN) is True:
            event["data"] = _DRY
        return event


@dataclass(frozen=True, slots=True)
class Query:
    """What one event asks for: decision scopes and surfaces, as spelled."""

    event_index: int
    scopes: tuple[str, ...]
    surfaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """A request, read once. `state` is what the client remembers of earlier answers, by key."""

    events: tuple[Event, ...]
    queries: tuple[Query, ...]
    xdm: Object
    state: Mapping[str, str]
    asks_for_ecid: bool

    def ecid(self, cookie: str) -> str | None:
        """Who sent it, by the cookie of that name, else by an identity map; None where it does not say."""
        kept = self.state.get(cookie)
        if kept is not None and (ecid := ecid_of_cookie(kept)) is not None:
            return ecid
        return next((ecid for one in (self.xdm, *(event.xdm for event in self.events))
                     if (ecid := ecid_of_map(one)) is not None), None)  # fmt: skip

    def is_out(self, cookie: str) -> bool:
        """Whether nothing may be collected: by the cookie of that name, or since one of the events says so."""
        return any(is_out(self.state.get(cookie), one) for one in (self.xdm, *(event.xdm for event in self.events)))

    def event(self, query: Query) -> Event:
        """The event that asks; an empty one where the request has none."""
        return self.events[query.event_index] if self.events else Event(self.xdm, {})


def read_request(body: Object, cookies: str = "") -> Request:
    """Read a body, and the header in which a first-party host gets the same state. Raises RefusedError."""
    meta = _object(body, "meta", "")
    state = _object(meta, "state", "/meta")
    query = _object(body, "query", "")
    entries = _list(state, "entries", "/meta/state")
    # The mobile SDK sends the identity map of a consent at the top.
    xdm = _object(body, "xdm", "") | ({"identityMap": body["identityMap"]} if "identityMap" in body else {})
    found = [_event(event, pointer, xdm) for pointer, event in _events(body)]
    asked = [_query(_object(event, "query", pointer), f"{pointer}/query", n)
             for n, (pointer, event) in enumerate(_events(body))]  # fmt: skip
    queries = tuple(one for one in (*asked, _query(query, "/query", 0)) if one is not None)
    if sum(len(one.scopes) for one in queries) > MOST_SCOPES:
        raise RefusedError.of_field(UNREADABLE, "/query/personalization/decisionScopes", f"are more than {MOST_SCOPES}")
    fetch = _list(_object(query, "identity", "/query"), "fetch", "/query/identity")
    return Request(tuple(found), queries, xdm, _cookies(cookies) | _entries(entries), "ECID" in fetch)


def _events(body: Object) -> list[tuple[str, Object]]:
    """The events with their places."""
    listed = _list(body, "events", "")
    if len(listed) > MOST_EVENTS:
        raise RefusedError.of_field(UNREADABLE, "/events", f"are {len(listed)}, more than {MOST_EVENTS}")
    found = [(f"/events/{n}", event) for n, event in enumerate(listed)]
    if body.get("event") is not None:
        found.insert(0, ("/event", body["event"]))
    for pointer, event in found:
        if not isinstance(event, dict):
            raise RefusedError.of_field(INVALID, pointer, "must be an object")
    return found


def _event(event: Object, pointer: str, xdm: Object) -> Event:
    return Event(xdm | _object(event, "xdm", pointer), _object(event, "data", pointer))


def _query(query: Object, pointer: str, event_index: int) -> Query | None:
    """None where nothing is asked for."""
    personalization = query.get("personalization")
    if personalization is None:
        return None
    personalization, pointer = _object(query, "personalization", pointer), f"{pointer}/personalization"
    scopes, surfaces = (_texts(personalization, key, pointer) for key in ("decisionScopes", "surfaces"))
    if len(surfaces) > MOST_SCOPES + 1:  # pages ask for their own beside those of their author
        raise RefusedError.of_field(UNREADABLE, f"{pointer}/surfaces", f"are more than {MOST_SCOPES}")
    return Query(event_index, tuple(one for one in scopes if one != PAGE_WIDE), surfaces)


def _entries(entries: list[Any]) -> dict[str, str]:
    found = ((one.get("key"), one.get("value")) for one in entries if isinstance(one, dict))
    return {key: value for key, value in found if isinstance(key, str) and isinstance(value, str)}


def _cookies(header: str) -> dict[str, str]:
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return {name: value for name, _, value in pairs if name.startswith("kndctr_")}


def _object(holder: Object, key: str, pointer: str) -> Object:
    """An object, empty where it is absent or null. Raises RefusedError."""
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError.of_field(INVALID, f"{pointer}/{key}", "must be an object")
    return value


def _list(holder: Object, key: str, pointer: str) -> list[Any]:
    """A list, empty where it is absent or null. Raises RefusedError."""
    value = holder.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise RefusedError.of_field(INVALID, f"{pointer}/{key}", "must be a list")
    return value


def _texts(holder: Object, key: str, pointer: str) -> tuple[str, ...]:
    found = _list(holder, key, pointer)
    for n, one in enumerate(found):
        if not isinstance(one, str) or not 1 <= len(one) <= LONGEST_SCOPE:
            raise RefusedError.of_field(
                INVALID, f"{pointer}/{key}/{n}", f"must be a text of 1 to {LONGEST_SCOPE} characters"
            )
    return tuple(dict.fromkeys(found))
