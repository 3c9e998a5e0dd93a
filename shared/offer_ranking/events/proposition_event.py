"""One line of events, and what it says about offers.

The one set of rules: whatever counts, samples or stores events asks here. Decisions fall in one fixed order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, NamedTuple

from offer_ranking.catalog.mapping import NO_MAPPING, FieldMapping
from offer_ranking.events import instant, spelling
from offer_ranking.events.json_line import MalformedError, read_object
from offer_ranking.events.reason import Reason
from offer_ranking.events.served import is_fallback, is_fallback_item, sub_propositions
from offer_ranking.events.spelling import (
    EMAIL_OFFER,
    EVENT,
    ITEM,
    PROPOSITION,
    STRATEGY,
    Paths,
    event_paths,
    rows,
    text,
    value,
)
from offer_ranking.events.token import is_ours, offers_of

LATE_AFTER = 48 * instant.MICROSECONDS_PER_HOUR
MAX_POSITION = 30
DISPLAY, INTERACT = "decisioning.propositionDisplay", "decisioning.propositionInteract"
EMAIL = "message.tracking"


class Kind(IntEnum):
    IMPRESSION = 0
    CONVERSION = 1


EVENT_TYPES = {DISPLAY: Kind.IMPRESSION, INTERACT: Kind.CONVERSION}
PROPOSITION_EVENT_KINDS = {"display": Kind.IMPRESSION, "interact": Kind.CONVERSION}
FLAT_EVENT_TYPES = EVENT_TYPES | PROPOSITION_EVENT_KINDS
_MARKS: dict[spelling.Path, dict[str, str]] = {}
for _name, _paths in spelling.PROPOSITION_EVENT_TYPES.items():
    for *_container, _key in _paths:
        _MARKS.setdefault(tuple(_container), {})[_key] = _name
EMAIL_INTERACTIONS = {"open": Kind.IMPRESSION, "click": Kind.CONVERSION}


@dataclass(frozen=True, slots=True)
class OfferEvent:
    """One offer that was displayed or interacted with; absent texts are "".

    position: 1 to 30 within its proposition, else 0. impression_time: microseconds since 1970 UTC, never after the
    event's own. issued_at: when its proposition was issued, where the event says so, as written. model, traffic_type,
    cell, token: of the proposition that the offer came in.
    """

    offer: str
    etag: str
    position: int
    model: str
    traffic_type: str
    cell: str
    token: str
    impression_time: int
    issued_at: int | None = None

    @property
    def is_signed(self) -> bool:
        """Whether (token, offer, kind) tells it from all but its copies: a token of ours, of a known time."""
        return self.issued_at is not None and is_ours(self.token)


@dataclass(frozen=True, slots=True)
class PropositionEvent:
    """A display or an interact. id: "" only where every offer is signed.

    time: microseconds since 1970 UTC. told_at: the time that it shares with its copies, whenever they came in.
    """

    kind: Kind
    id: str
    time: int
    told_at: int
    offers: tuple[OfferEvent, ...]


@dataclass(frozen=True, slots=True)
class Other:
    """An event that teaches nothing: of another type, a dry run, or a fallback."""


@dataclass(frozen=True, slots=True)
class Late:
    """A collected event whose own time is more than 48 hours from the time of its receipt."""


@dataclass(frozen=True, slots=True)
class Refused:
    reason: Reason


Outcome = PropositionEvent | Other | Late | Refused


def parse_line(raw: bytes | str, mapping: FieldMapping = NO_MAPPING) -> Outcome:
    """Read one line. Never raises, whatever the line holds."""
    try:
        event = read_object(raw)
    except MalformedError:
        return Refused(Reason.MALFORMED)
    return parse_event(event, mapping)


def parse_event(event: dict[str, Any], mapping: FieldMapping = NO_MAPPING) -> Outcome:
    """Read one event that is already an object. A mapping is of what others write, not of what was collected."""
    if value(event, EVENT["received_at"]) is not None:
        mapping = NO_MAPPING
    paths = event_paths(mapping)
    propositions = rows(event, paths["propositions"])
    is_row = is_flat(event, mapping)
    types = marked(event)
    kind = _kind(event, paths, types, is_row=is_row)
    if kind is None or isinstance(kind, Refused):
        return kind or Other()
    shown = [] if is_row else propositions
    live = [proposition for proposition in shown if not is_fallback(proposition)]
    if value(event, paths["dry_run"]) is True or (shown and not live):
        return Other()
    time = _distrust(event) or _time(event, paths)
    if not isinstance(time, int):
        return time
    if is_row:
        offers = [_flat_event(event, paths, kind, time)]
    elif not types and text(event, paths["event_type"]) == EMAIL:
        offers = _email_events(event, kind, time)
    else:
        offers = [_offer_event(event, named, kind, time) for named in _named(event, live, kind)]
    has_signed = any(offer.is_signed for offer in offers) or any(_is_signed(event, proposition) for proposition in live)
    told_at = _told_at(event, paths, time)
    found = PropositionEvent(kind, text(event, paths["id"]), time, told_at, tuple(offers))
    return _told_apart(found, has_signed=has_signed)


def is_flat(event: dict[str, Any], mapping: FieldMapping) -> bool:
    """Whether the event is a row with its one offer at the top, since a mapping says so or nothing else is there."""
    paths, own = event_paths(mapping), EVENT["offer"]
    mapped = paths["offer"][: -len(own)]
    return bool(text(event, mapped) or (text(event, own) and not rows(event, paths["propositions"])))


def marked(event: dict[str, Any]) -> set[str]:
    """Name the keys of propositionEventType that are 1."""
    found = set()
    for container, names in _MARKS.items():
        marks = spelling.value_at(event, container)
        if isinstance(marks, dict):
            found |= {name for key, name in names.items() if _is_one(marks.get(key))}
    return found


def _is_one(mark: object) -> bool:
    return isinstance(mark, int | float) and mark == 1


def _kind(event: dict[str, Any], paths: Mapping[str, Paths], types: set[str], *, is_row: bool) -> Kind | Refused | None:
    """Tell displays and interacts from events of other types (None). propositionEventType decides before eventType."""
    if len(types) > 1:
        return Refused(Reason.AMBIGUOUS_EVENT_TYPE)
    if types:
        return PROPOSITION_EVENT_KINDS.get(next(iter(types)))
    event_type = text(event, paths["event_type"])
    if is_row:
        return FLAT_EVENT_TYPES.get(event_type)
    if event_type == EMAIL and any(True for _ in _email_offers(event)):
        return EMAIL_INTERACTIONS.get(text(event, EVENT["email_interaction"]))
    return EVENT_TYPES.get(event_type)


def _distrust(event: dict[str, Any]) -> Refused | None:
    if text(event, EVENT["trust"]) == "untrusted":
        return Refused(Reason.UNTRUSTED)
    return Refused(Reason.CAPPED) if value(event, EVENT["capped"]) is True else None


def _time(event: dict[str, Any], paths: Mapping[str, Paths]) -> int | Late | Refused:
    """Take the time of receipt where the collector stamped one, since clients' clocks may be wrong by years."""
    own, stamped = value(event, paths["time"]), value(event, EVENT["received_at"])
    if own is None and stamped is None:
        return Refused(Reason.TIME_MISSING)
    sent, received = instant.of_rfc3339(own), instant.of_rfc3339(stamped)
    if (own is not None and sent is None) or (stamped is not None and received is None):
        return Refused(Reason.TIME_UNREADABLE)
    if received is None:
        return sent or 0
    return Late() if sent is not None and abs(sent - received) > LATE_AFTER else received


def _told_at(event: dict[str, Any], paths: Mapping[str, Paths], time: int) -> int:
    """Its own time, since each copy has another time of receipt; without one the day of receipt."""
    if value(event, EVENT["received_at"]) is None:
        return time
    sent = instant.of_rfc3339(value(event, paths["time"]))
    return time - time % instant.MICROSECONDS_PER_DAY if sent is None else sent


class _Named(NamedTuple):
    """An offer as an event names it: in which proposition (and part of it), at which place, as which item."""

    proposition: object
    part: object
    place: int
    item: object


def _named(event: dict[str, Any], live: list[Any], kind: Kind) -> list[_Named]:
    """Name the offers: by the items shown, else by the collector's stamp, else by what the propositions served."""
    shown = [named for proposition in live for named in _items(proposition, proposition)]
    if shown:
        return shown
    stamped = [
        _Named(live[0] if live else None, None, place, {"id": offer})
        for place, offer in enumerate(rows(event, EVENT["stamped_offers"]), start=1)
        if isinstance(offer, str) and offer
    ]
    return _meant(kind, stamped) or [named for proposition in live for named in _served(event, proposition, kind)]


def _items(proposition: object, part: object) -> list[_Named]:
    return [
        _Named(proposition, part, place, item)
        for place, item in enumerate(rows(part, PROPOSITION["items"]), start=1)
        if text(item, ITEM["id"]) and not is_fallback_item(item)
    ]


def _served(event: dict[str, Any], proposition: object, kind: Kind) -> list[_Named]:
    """Choose from the items of the propositions inside by their tokens, else from the offers of our own token."""
    inside = [part for part in sub_propositions(proposition) if not is_fallback(part)]
    items = [named for part in inside for named in _items(proposition, part)]
    tokens = {token for token in rows(event, EVENT["tokens"]) if isinstance(token, str) and token}
    if items and tokens:
        return [named for named in items if text(named.item, ITEM["token"]) in tokens]
    offers = offers_of(text(proposition, PROPOSITION["token"]))
    ranked = [_Named(proposition, None, place, {"id": offer}) for place, offer in enumerate(offers, start=1)]
    return _meant(kind, items or ranked)


def _meant(kind: Kind, served: list[_Named]) -> list[_Named]:
    """A display shows all that was served; which of several an interact meant, nobody knows."""
    return served if kind is Kind.IMPRESSION or len(served) == 1 else []


def _offer_event(event: dict[str, Any], named: _Named, kind: Kind, time: int) -> OfferEvent:
    proposition, part, place, item = named
    offer = text(item, ITEM["id"])
    strategy, fields = _strategy(proposition, part, item)
    etags = value(proposition, PROPOSITION["etags"])
    etag = etags.get(offer) if isinstance(etags, dict) else ""
    issued = _issued_at(event, proposition)
    return OfferEvent(
        offer=offer,
        etag=text(item, ITEM["etag"]) or (etag if isinstance(etag, str) else ""),
        position=place if place <= MAX_POSITION else 0,
        # the collector's findings come from a verified token, clear text from whoever sent the event
        model=text(event, EVENT["stamped_model"]) or text(strategy, fields["model"]),
        traffic_type=text(event, EVENT["stamped_traffic"]) or text(strategy, fields["traffic"]),
        cell=text(event, EVENT["stamped_cell"]) or text(proposition, PROPOSITION["cell"]),
        token=text(proposition, PROPOSITION["token"]),
        impression_time=_impression_time(kind, time, issued),
        issued_at=issued,
    )


def _strategy(proposition: object, part: object, item: object) -> tuple[object, Mapping[str, Paths]]:
    """Take the strategy that names an AI model, else the item where it names one, else the first that names anything.

    The other strategies of a part name a decision policy and a placement, no model.
    """
    outer = rows(proposition, PROPOSITION["strategies"])
    named = [entry for entry in outer if text(entry, STRATEGY["model"])]
    for entry in [*rows(part, PROPOSITION["strategies"]), *outer]:
        if text(entry, STRATEGY["model"]) and text(entry, STRATEGY["step"]) == "aiModel":
            return entry, STRATEGY
    return (named[0], STRATEGY) if named and not text(item, ITEM["model"]) else (item, ITEM)


def _flat_event(event: dict[str, Any], paths: Mapping[str, Paths], kind: Kind, time: int) -> OfferEvent:
    issued = _first_known(
        instant.of_issue(value(event, EVENT["stamped_issued_at"])),
        instant.of_issue(value(event, paths["issued_at"])),
        instant.of_uuid7(text(event, paths["proposition_id"])),
    )
    place = value(event, paths["position"])
    return OfferEvent(
        offer=text(event, paths["offer"]),
        etag=text(event, paths["etag"]),
        position=int(place) if _is_position(place) else 0,
        model=text(event, EVENT["stamped_model"]) or text(event, paths["model"]),
        traffic_type=text(event, EVENT["stamped_traffic"]) or text(event, paths["traffic"]),
        cell=text(event, EVENT["stamped_cell"]) or text(event, paths["cell"]),
        token=text(event, paths["token"]),
        impression_time=_impression_time(kind, time, issued),
        issued_at=issued,
    )


def _is_position(place: object) -> bool:
    return isinstance(place, int | float) and not isinstance(place, bool) and place in range(1, MAX_POSITION + 1)


def _email_events(event: dict[str, Any], kind: Kind, time: int) -> list[OfferEvent]:
    """Resolve offers of an email, which names neither rank nor model."""
    return [
        OfferEvent(offer, "", 0, "", "", "", "", _impression_time(kind, time, instant.of_uuid7(proposition)))
        for offer, proposition in _email_offers(event)
    ]


def _email_offers(event: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Pair each offer with its proposition."""
    for offer in rows(event, EVENT["email_offers"]):
        if identifier := text(offer, EMAIL_OFFER["id"]):
            yield identifier, text(offer, EMAIL_OFFER["proposition"])


def _issued_at(event: dict[str, Any], proposition: object) -> int | None:
    return _first_known(
        instant.of_issue(value(event, EVENT["stamped_issued_at"])),
        instant.of_issue(value(proposition, PROPOSITION["issued_at"])),
        instant.of_uuid7(text(proposition, PROPOSITION["id"])),
    )


def _first_known(*times: int | None) -> int | None:
    return next((time for time in times if time is not None), None)


def _impression_time(kind: Kind, time: int, issued: int | None) -> int:
    return time if kind is Kind.IMPRESSION or issued is None else min(issued, time)


def _is_signed(event: dict[str, Any], proposition: object) -> bool:
    return is_ours(text(proposition, PROPOSITION["token"])) and _issued_at(event, proposition) is not None


def _told_apart(found: PropositionEvent, *, has_signed: bool) -> PropositionEvent | Refused:
    """Leave out offers that neither a token nor an id tells from their copies: they must not count."""
    if not found.id and not has_signed:
        return Refused(Reason.NO_ID)
    if not found.offers:
        return Refused(Reason.OFFER_UNRESOLVED)
    if found.id:
        return found
    offers = tuple(offer for offer in found.offers if offer.is_signed)
    return replace(found, offers=offers) if offers else Refused(Reason.NO_ID)
