"""What clients send: events, what they ask for with them, and what they remember. v1 has `events`, v2 one `event`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct, ValidationError, convert

from offer_ranking.edge.consent import is_out
from offer_ranking.edge.identity import ecid_of_cookie, ecid_of_map
from offer_ranking.edge.problem import INVALID, UNREADABLE, RefusedError
from offer_ranking.edge.scope import PAGE_WIDE
from offer_ranking.events.spelling import EVENT, rows, text, value_at

MOST_EVENTS = 100
MOST_SCOPES = 30
FETCHES = ("decisioning.propositionFetch", "personalization.request")  # of the Web SDK, of apps
_DRY_RUN = ("__adobe", "ajo", "dryRun")
_DRY = {"__adobe": {"ajo": {"dryRun": True}}}
_WHERE = re.compile(r"(.*) - at `\$(.*)`", re.DOTALL)

Object = dict[str, Any]
Spelled = Annotated[str, Meta(min_length=1, max_length=2048)]


class _Personalization(Struct, frozen=True, rename="camel"):
    decision_scopes: list[Spelled] | None = None
    surfaces: list[Spelled] | None = None


class _IdentityQuery(Struct, frozen=True):
    fetch: list[Any] | None = None


class _Query(Struct, frozen=True):
    personalization: _Personalization | None = None
    identity: _IdentityQuery | None = None


class _Sent(Struct, frozen=True):
    xdm: Object | None = None
    data: Object | None = None
    query: _Query | None = None


class _State(Struct, frozen=True):
    entries: list[Any] | None = None


class _Meta(Struct, frozen=True):
    state: _State | None = None


class _Body(Struct, frozen=True, rename="camel"):
    """A request as it is spelled. What is null is as good as absent, what has no name here is nobody's business."""

    events: list[_Sent] | None = None
    event: _Sent | None = None
    query: _Query | None = None
    meta: _Meta | None = None
    xdm: Object | None = None
    identity_map: Object | None = None  # of a consent that an app sends


class Event(Struct, frozen=True):
    """One event: its XDM, with what the request says of all of them, and its free-form data."""

    xdm: Object
    data: Object

    @property
    def says_something(self) -> bool:
        """Whether anything happened. A fetch alone says no more than the request that it came in."""
        if not self.xdm:
            return False
        return text(self.xdm, EVENT["event_type"]) not in FETCHES or bool(rows(self.xdm, EVENT["propositions"]))

    def collected(self, *, id_: str, ecid: str) -> Object:
        """The event as it is collected; what it lacks of `_id` and identity is given here.

        Not a time: it would be another one when the event is sent again, and the collector stamps that of the receipt.
        """
        event: Object = {**self.xdm}
        if not text(event, EVENT["id"]):
            event["_id"] = id_
        if ecid and ecid_of_map(event) is None:
            known = event.get("identityMap")
            event["identityMap"] = {**(known if isinstance(known, dict) else {}), "ECID": [{"id": ecid}]}
        event.pop("data", None)
        if value_at(self.data, _DRY_RUN) is True:
            event["data"] = _DRY
        return event


class Query(Struct, frozen=True):
    """What one event asks for: decision scopes and surfaces, as spelled."""

    event_index: int
    scopes: tuple[str, ...]
    surfaces: tuple[str, ...]


class Request(Struct, frozen=True):
    """A request, read once.

    `xdm` is said of all events; `state` is what the client remembers of earlier answers, by key.
    """

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
        said = map(ecid_of_map, (self.xdm, *(event.xdm for event in self.events)))
        return next((ecid for ecid in said if ecid is not None), None)

    def is_out(self, cookie: str) -> bool:
        """Whether nothing may be collected: by the cookie of that name, or since one of the events says so."""
        kept = self.state.get(cookie)
        return is_out(kept, self.xdm) or any(is_out(kept, event.xdm) for event in self.events)

    def event(self, query: Query) -> Event:
        """The event that asks; an empty one where the request has none."""
        return self.events[query.event_index] if self.events else Event(self.xdm, {})


_NO_QUERY, _NO_STATE = _Query(), _State()


def read_request(body: Object, cookies: str = "") -> Request:
    """Read a body, and the header in which a first-party host gets the same state. Raises RefusedError."""
    try:
        sent = convert(body, _Body)
    except ValidationError as error:
        raise _invalid(error) from error
    xdm = sent.xdm or {}
    if sent.identity_map:
        xdm = {**xdm, "identityMap": sent.identity_map}
    events = [*((sent.event,) if sent.event else ()), *(sent.events or ())]
    if len(events) > MOST_EVENTS:
        raise RefusedError.of_field(UNREADABLE, "/events", f"are {len(events)}, more than {MOST_EVENTS}")
    query = sent.query or _NO_QUERY
    state = (sent.meta and sent.meta.state) or _NO_STATE
    return Request(
        tuple([Event({**xdm, **(event.xdm or {})}, event.data or {}) for event in events]),
        _queries([*(event.query for event in events), query], len(events)),
        xdm,
        (_cookies(cookies) if cookies else {}) | _entries(state.entries or ()),
        query.identity is not None and "ECID" in (query.identity.fetch or ()),
    )


def _queries(asked: list[_Query | None], events: int) -> tuple[Query, ...]:
    """What each event asks for, and what is asked for at the top, as if the first event did."""
    found = tuple([
        Query(n if n < events else 0, _scopes(one.decision_scopes), _scopes(one.surfaces))
        for n, query in enumerate(asked)
        if query is not None and (one := query.personalization) is not None
    ])  # fmt: skip
    # Pages ask for their own surface beside those of their author.
    if sum(len(one.scopes) for one in found) > MOST_SCOPES or sum(len(one.surfaces) for one in found) > MOST_SCOPES + 1:
        detail = f"more than {MOST_SCOPES} scopes or surfaces are asked for"
        raise RefusedError.of_field(UNREADABLE, "/query/personalization", detail)
    return found


def _scopes(spelled: list[str] | None) -> tuple[str, ...]:
    """Each once; without what pages ask for by themselves, Adobe Target's offers, of which there are none here."""
    return tuple([one for one in dict.fromkeys(spelled or ()) if one != PAGE_WIDE])


def _entries(entries: Iterable[Any]) -> dict[str, str]:
    found = ((one.get("key"), one.get("value")) for one in entries if isinstance(one, dict))
    return {key: value for key, value in found if isinstance(key, str) and isinstance(value, str)}


def _cookies(header: str) -> dict[str, str]:
    pairs = (pair.strip().partition("=") for pair in header.split(";"))
    return {name: value for name, _, value in pairs if name.startswith("kndctr_")}


def _invalid(error: ValidationError) -> RefusedError:
    """The refusal that names the field, `$.events[0].xdm` as `/events/0/xdm`."""
    found = _WHERE.fullmatch(str(error))
    detail, where = found.groups() if found else (str(error), "")
    return RefusedError.of_field(INVALID, where.replace("[", "/").replace("]", "").replace(".", "/"), detail)
