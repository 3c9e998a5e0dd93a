"""One line of events -> what it says about offers. Decisions fall in one fixed order, which `counting` repeats in SQL."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from offer_ranking.events import instant, spelling
from offer_ranking.events.json_line import read_object
from offer_ranking.events.reason import Reason
from offer_ranking.events.spelling import EMAIL_OFFER, EVENT, ITEM, PROPOSITION, STRATEGY, rows, text, value

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LATE_AFTER = 48 * instant.MICROSECONDS_PER_HOUR
MAX_POSITION = 30
DISPLAY, INTERACT = "decisioning.propositionDisplay", "decisioning.propositionInteract"
EMAIL = "message.tracking"


class Kind(IntEnum):
    IMPRESSION = 0
    CONVERSION = 1


EVENT_TYPES = {DISPLAY: Kind.IMPRESSION, INTERACT: Kind.CONVERSION}
PROPOSITION_EVENT_KINDS = {"display": Kind.IMPRESSION, "interact": Kind.CONVERSION}
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
    kind = _kind(event)
    if kind is None or isinstance(kind, Refused):
        return kind or Other()
    propositions = rows(event, EVENT["propositions"])
    if value(event, EVENT["dry_run"]) is True or (propositions and all(map(_is_fallback, propositions))):
        return Other()
    if text(event, EVENT["trust"]) == "untrusted":
        return Refused(Reason.UNTRUSTED)
    if value(event, EVENT["capped"]) is True:
        return Refused(Reason.CAPPED)
    time = _time(event)
    if not isinstance(time, int):
        return time
    identifier = text(event, EVENT["id"])
    offers = list(_offers(event, kind, time))
    # An offer that neither a token nor an id tells from its copies must not count.
    identified = offers if identifier else [offer for offer in offers if offer.token]
    has_token = any(text(proposition, PROPOSITION["token"]) for proposition in _live(propositions))
    if not identifier and (not has_token or (offers and not identified)):
        return Refused(Reason.NO_ID)
    return PropositionEvent(kind, identifier, time, tuple(identified)) if offers else Refused(Reason.OFFER_UNRESOLVED)


def _kind(event: dict[str, Any]) -> Kind | Refused | None:
    """Tell displays and interacts from events of other types (None). propositionEventType decides before eventType."""
    marked = [
        name
        for name, paths in spelling.PROPOSITION_EVENT_TYPES.items()
        if any(_is_one(spelling.value_at(event, path)) for path in paths)
    ]
    if len(marked) > 1:
        return Refused(Reason.AMBIGUOUS_EVENT_TYPE)
    if marked:
        return PROPOSITION_EVENT_KINDS.get(marked[0])
    event_type = text(event, EVENT["event_type"])
    if event_type == EMAIL and any(True for _ in _email_offers(event)):
        return EMAIL_INTERACTIONS.get(text(event, EVENT["email_interaction"]))
    return EVENT_TYPES.get(event_type)


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
    items = [item for item in rows(proposition, PROPOSITION["items"]) if isinstance(item, dict)]
    return bool(items) and all(text(item, ITEM["step"]) == "fallback" for item in items)


def _live(propositions: Iterable[object]) -> list[object]:
    return [proposition for proposition in propositions if not _is_fallback(proposition)]


def _offers(event: dict[str, Any], kind: Kind, time: int) -> Iterator[OfferEvent]:
    """Resolve offers: of the items, else of the stamp; an email names its own."""
    if _is_email(event):
        for offer, proposition in _email_offers(event):
            issued = instant.of_uuid7(proposition)
            yield OfferEvent(offer, "", 0, "", "", "", "", _impression_time(kind, time, issued))
        return
    propositions = _live(rows(event, EVENT["propositions"]))
    found = [
        _offer_event(event, proposition, index, item, kind, time)
        for proposition in propositions
        for index, item in enumerate(rows(proposition, PROPOSITION["items"]), start=1)
        if text(item, ITEM["id"]) and text(item, ITEM["step"]) != "fallback"
    ]
    if not found:
        first = propositions[0] if propositions else {}
        found = [
            _offer_event(event, first, index, {"id": offer}, kind, time)
            for index, offer in enumerate(rows(event, EVENT["stamped_offers"]), start=1)
            if isinstance(offer, str) and offer
        ]
    yield from found


def _is_email(event: dict[str, Any]) -> bool:
    marks = (spelling.value_at(event, path) for paths in spelling.PROPOSITION_EVENT_TYPES.values() for path in paths)
    return text(event, EVENT["event_type"]) == EMAIL and not any(map(_is_one, marks))


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
