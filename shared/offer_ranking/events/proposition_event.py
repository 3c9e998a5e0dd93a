"""One line of events, and what it says about offers.

Decisions fall in one fixed order, which `counting.projection` repeats in SQL.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from offer_ranking.events import instant, spelling
from offer_ranking.events.json_line import read_object
from offer_ranking.events.reason import Reason
from offer_ranking.events.spelling import EMAIL_OFFER, EVENT, ITEM, PROPOSITION, STRATEGY, rows, text, value

if TYPE_CHECKING:
    from collections.abc import Iterator

LATE_AFTER = 48 * instant.MICROSECONDS_PER_HOUR
MAX_POSITION = 30
DISPLAY, INTERACT = "decisioning.propositionDisplay", "decisioning.propositionInteract"
EMAIL = "message.tracking"


class Kind(IntEnum):
    IMPRESSION = 0
    CONVERSION = 1


EVENT_TYPES = {DISPLAY: Kind.IMPRESSION, INTERACT: Kind.CONVERSION}
PROPOSITION_EVENT_KINDS = {"display": Kind.IMPRESSION, "interact": Kind.CONVERSION}
_MARKS: dict[spelling.Path, dict[str, str]] = {}
for _name, _paths in spelling.PROPOSITION_EVENT_TYPES.items():
    for *_container, _key in _paths:
        _MARKS.setdefault(tuple(_container), {})[_key] = _name
EMAIL_INTERACTIONS = {"open": Kind.IMPRESSION, "click": Kind.CONVERSION}


@dataclass(frozen=True, slots=True)
class OfferEvent:
    """One offer that was displayed or interacted with; absent texts are "".

    position: 1 to 30 within its proposition, else 0. impression_time: microseconds since 1970 UTC, never after the
    event's own. model, traffic_type, cell, token: of the proposition that the offer came in.
    """

    offer: str
    etag: str
    position: int
    model: str
    traffic_type: str
    cell: str
    token: str
    impression_time: int


@dataclass(frozen=True, slots=True)
class PropositionEvent:
    """A display or an interact. time: microseconds since 1970 UTC; id is "" where every offer has a token."""

    kind: Kind
    id: str
    time: int
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


def parse_line(raw: bytes | str) -> Outcome:
    """Read one line. Never raises, whatever the line holds."""
    event = read_object(raw)
    return Refused(Reason.MALFORMED) if event is None else parse_event(event)


def parse_event(event: dict[str, Any]) -> Outcome:
    """Read one event that is already an object."""
    marked = _marked(event)
    kind = _kind(event, marked)
    if kind is None or isinstance(kind, Refused):
        return kind or Other()
    propositions = rows(event, EVENT["propositions"])
    live = [proposition for proposition in propositions if not _is_fallback(proposition)]
    if value(event, EVENT["dry_run"]) is True or (propositions and not live):
        return Other()
    time = _distrust(event) or _time(event)
    if not isinstance(time, int):
        return time
    is_email = not marked and text(event, EVENT["event_type"]) == EMAIL
    offers = _email_events(event, kind, time) if is_email else _offer_events(event, live, kind, time)
    return _identified(live, PropositionEvent(kind, text(event, EVENT["id"]), time, tuple(offers)))


def _marked(event: dict[str, Any]) -> set[str]:
    """Name the keys of propositionEventType that are 1."""
    marked = set()
    for container, names in _MARKS.items():
        marks = spelling.value_at(event, container)
        if isinstance(marks, dict):
            marked |= {name for key, name in names.items() if _is_one(marks.get(key))}
    return marked


def _kind(event: dict[str, Any], marked: set[str]) -> Kind | Refused | None:
    """Tell displays and interacts from events of other types (None). propositionEventType decides before eventType."""
    if len(marked) > 1:
        return Refused(Reason.AMBIGUOUS_EVENT_TYPE)
    if marked:
        return PROPOSITION_EVENT_KINDS.get(next(iter(marked)))
    event_type = text(event, EVENT["event_type"])
    if event_type == EMAIL and any(True for _ in _email_offers(event)):
        return EMAIL_INTERACTIONS.get(text(event, EVENT["email_interaction"]))
    return EVENT_TYPES.get(event_type)


def _distrust(event: dict[str, Any]) -> Refused | None:
    if text(event, EVENT["trust"]) == "untrusted":
        return Refused(Reason.UNTRUSTED)
    return Refused(Reason.CAPPED) if value(event, EVENT["capped"]) is True else None


def _identified(live: list[Any], found: PropositionEvent) -> PropositionEvent | Refused:
    """Leave out offers that neither a token nor an id tells from their copies: they must not count."""
    if found.id:
        return found if found.offers else Refused(Reason.OFFER_UNRESOLVED)
    if not any(text(proposition, PROPOSITION["token"]) for proposition in live):
        return Refused(Reason.NO_ID)
    if not found.offers:
        return Refused(Reason.OFFER_UNRESOLVED)
    offers = tuple(offer for offer in found.offers if offer.token)
    return replace(found, offers=offers) if offers else Refused(Reason.NO_ID)


def _is_one(mark: object) -> bool:
    return isinstance(mark, int | float) and mark == 1


def _time(event: dict[str, Any]) -> int | Late | Refused:
    """Take the time of receipt where the collector stamped one, since clients' clocks may be wrong by years."""
    own, stamped = (value(event, EVENT[name]) for name in ("time", "received_at"))
    if own is None and stamped is None:
        return Refused(Reason.TIME_MISSING)
    sent, received = instant.of_rfc3339(own), instant.of_rfc3339(stamped)
    if (own is not None and sent is None) or (stamped is not None and received is None):
        return Refused(Reason.TIME_UNREADABLE)
    if received is None:
        return sent or 0
    return Late() if sent is not None and abs(sent - received) > LATE_AFTER else received


def _is_fallback(proposition: object) -> bool:
    if any(text(strategy, STRATEGY["step"]) == "fallback" for strategy in rows(proposition, PROPOSITION["strategies"])):
        return True
    items = rows(proposition, PROPOSITION["items"])
    return bool(items) and all(text(item, ITEM["step"]) == "fallback" for item in items)


def _offer_events(event: dict[str, Any], live: list[Any], kind: Kind, time: int) -> list[OfferEvent]:
    """Resolve offers by the items shown, else by the collector's stamp."""
    shown = [
        _offer_event(event, proposition, index, item, kind, time)
        for proposition in live
        for index, item in enumerate(rows(proposition, PROPOSITION["items"]), start=1)
        if text(item, ITEM["id"]) and text(item, ITEM["step"]) != "fallback"
    ]
    return shown or [
        _offer_event(event, live[0] if live else None, index, {"id": offer}, kind, time)
        for index, offer in enumerate(rows(event, EVENT["stamped_offers"]), start=1)
        if isinstance(offer, str) and offer
    ]


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


def _offer_event(  # noqa: PLR0913, PLR0917 - one offer's places in the event
    event: dict[str, Any], proposition: object, index: int, item: object, kind: Kind, time: int
) -> OfferEvent:
    offer = text(item, ITEM["id"])
    strategy, fields = _strategy(proposition) or (item, ITEM)
    etags = value(proposition, PROPOSITION["etags"])
    etag = etags.get(offer) if isinstance(etags, dict) else ""
    issued = (
        instant.of_issue(value(event, EVENT["stamped_issued_at"])),
        instant.of_issue(value(proposition, PROPOSITION["issued_at"])),
        instant.of_uuid7(text(proposition, PROPOSITION["id"])),
    )
    return OfferEvent(
        offer=offer,
        etag=text(item, ITEM["etag"]) or (etag if isinstance(etag, str) else ""),
        position=index if index <= MAX_POSITION else 0,
        # the collector's findings come from a verified token, clear text from whoever sent the event
        model=text(event, EVENT["stamped_model"]) or text(strategy, fields["model"]),
        traffic_type=text(event, EVENT["stamped_traffic"]) or text(strategy, fields["traffic"]),
        cell=text(event, EVENT["stamped_cell"]) or text(proposition, PROPOSITION["cell"]),
        token=text(proposition, PROPOSITION["token"]),
        impression_time=_impression_time(kind, time, next((at for at in issued if at is not None), None)),
    )


def _strategy(proposition: object) -> tuple[object, Any] | None:
    """Take the strategy that names an AI model, else the first that names anything."""
    named = [entry for entry in rows(proposition, PROPOSITION["strategies"]) if text(entry, STRATEGY["model"])]
    ranked = [entry for entry in named if text(entry, STRATEGY["step"]) == "aiModel"]
    return next(((entry, STRATEGY) for entry in ranked + named), None)


def _impression_time(kind: Kind, time: int, issued: int | None) -> int:
    return time if kind is Kind.IMPRESSION or issued is None else min(issued, time)
