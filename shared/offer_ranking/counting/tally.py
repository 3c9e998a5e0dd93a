"""Lines counted one by one, in plain Python: what the engine's SQL must agree with, and its way out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import Counts, Key
from offer_ranking.counting.delta import Delta
from offer_ranking.events.instant import MICROSECONDS_PER_HOUR
from offer_ranking.events.proposition_event import (
    Late,
    OfferEvent,
    Other,
    PropositionEvent,
    Refused,
    parse_line,
)


def tally(lines: Iterable[bytes]) -> Delta:
    """Count lines; blank ones are none. Memory grows with distinct events, not with their size.

    Copies share an identity: (token, offer, kind) where the offer's proposition has a token, else (id, time of the
    event). The first line of an identity has it. A line all of whose offers were had before is a duplicate; of any
    other line those offers are counted that were not, each once.
    """
    seen: set[str] = set()
    keys: Counter[Key] = Counter()
    ends: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for line in lines:
        if line.isspace() or not line:
            continue
        match parse_line(line):
            case PropositionEvent() as event:
                fresh = _fresh(event, seen)
                keys.update(key_of(event, offer) for offer in fresh)
                ends["counted" if fresh else "duplicate"] += 1
            case Other():
                ends["other"] += 1
            case Late():
                ends["late"] += 1
            case Refused(reason):
                refused[reason.value] += 1
    return Delta(Counts.of(keys.keys(), keys.values()), Accounting.of(**ends, refused=refused))


def identity_of(event: PropositionEvent, offer: OfferEvent) -> str:
    """Write what tells an offer of an event from others, and not from its own copies."""
    if offer.token:
        return f"t{event.kind.value}{len(offer.token)}:{offer.token}{offer.offer}"
    return f"i{event.time}:{event.id}"


def key_of(event: PropositionEvent, offer: OfferEvent) -> Key:
    hour = offer.impression_time // MICROSECONDS_PER_HOUR
    return Key(
        hour=hour,
        offer=offer.offer,
        etag=offer.etag,
        model=offer.model,
        traffic=offer.traffic_type,
        cell=offer.cell,
        kind=event.kind.value,
        position=offer.position,
        lag=event.time // MICROSECONDS_PER_HOUR - hour,
    )


def _fresh(event: PropositionEvent, seen: set[str]) -> list[OfferEvent]:
    """Take the offers that no line before had, each once; offers of one line may share its id."""
    fresh: dict[tuple[str, str], OfferEvent] = {}
    for offer in event.offers:
        identity = identity_of(event, offer)
        if identity not in seen:
            fresh.setdefault((identity, offer.offer), offer)
    seen.update(identity for identity, _ in fresh)
    return list(fresh.values())
