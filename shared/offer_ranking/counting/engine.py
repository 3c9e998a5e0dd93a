"""What the lines of an object count as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import Counts, Key
from offer_ranking.counting.delta import Delta
from offer_ranking.events.instant import MICROSECONDS_PER_HOUR
from offer_ranking.events.proposition_event import Late, Other, PropositionEvent, Refused, OfferEvent, parse_line


def count_lines(path: Path) -> Delta:
    """Count a file of JSON lines; blank lines are no lines. Memory grows with distinct events, not with their size."""
    with path.open("rb") as lines:
        return count(line for line in lines if not line.isspace())


def count(lines: Iterable[bytes]) -> Delta:
    """Count lines. Each ends as counted, duplicate, other, late, or refused with a reason.

    Copies share a key: (token, offer, kind) where the proposition has a token, else (id, time of the event). The
    first line with a key has it. A line all of whose offers were had before is a duplicate; of any other line, those
    offers are counted that were not.
    """
    seen: set[Hashable] = set()
    keys: Counter[Key] = Counter()
    ends: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for line in lines:
        match parse_line(line):
            case PropositionEvent() as event:
                fresh = _fresh(event, seen)
                keys.update(_key(event, shown) for shown in fresh)
                ends["counted" if fresh else "duplicate"] += 1
            case Other():
                ends["other"] += 1
            case Late():
                ends["late"] += 1
            case Refused(reason):
                refused[reason.value] += 1
    return Delta(Counts.of(keys.keys(), keys.values()), Accounting.of(**ends, refused=refused))


def _fresh(event: PropositionEvent, seen: set[Hashable]) -> list[OfferEvent]:
    """The offers of an event that no line before had, each once. Several offers of one line may share its id."""
    fresh = {
        (identity, shown.offer): shown
        for shown in reversed(event.offers)
        if (identity := _identity(event, shown)) not in seen
    }
    seen.update(identity for identity, _ in fresh)
    return list(fresh.values())


def _identity(event: PropositionEvent, shown: OfferEvent) -> Hashable:
    return (shown.token, shown.offer, event.kind) if shown.token else (event.id, event.time)


def _key(event: PropositionEvent, shown: OfferEvent) -> Key:
    hour = shown.impression_time // MICROSECONDS_PER_HOUR
    return Key(
        hour=hour,
        offer=shown.offer,
        etag=shown.etag,
        model=shown.model,
        traffic=shown.traffic_type,
        cell=shown.cell,
        kind=event.kind.value,
        position=shown.position,
        lag=event.time // MICROSECONDS_PER_HOUR - hour,
    )
