"""An event as the lines that are stored: what clients say of an offer only where a token proves it.

A proposition that is proven becomes a line of its own, spelled anew from its token in the one form that XDM's documents
use today, so that nothing that stands beside it in another spelling is read in its place. Propositions that are not
stay as they were sent, in one line: their offers share the event's id, and of two lines that share one a copy is made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from offer_ranking.collecting.stamp import KEY, stamp
from offer_ranking.collecting.trust import UNPROVEN, Judge, Proven, Trust
from offer_ranking.catalog.datastream import TokenMode
from offer_ranking.events.proposition import Strategy, proposition_of
from offer_ranking.events.proposition_event import EVENT_TYPES, PROPOSITION_EVENT_KINDS, Kind, marked
from offer_ranking.events.served import FALLBACK, is_fallback
from offer_ranking.events.spelling import EVENT, PROPOSITION, PROPOSITION_EVENT_TYPES, Path, rows, text, value

_MARKS = {Kind.IMPRESSION: "display", Kind.CONVERSION: "interact"}
_MARK_PLACES = tuple(dict.fromkeys(path[:-1] for paths in PROPOSITION_EVENT_TYPES.values() for path in paths))
_MARK_PLACE, _PROPOSITIONS = _MARK_PLACES[0], EVENT["propositions"][0]
# Of an event, beside its propositions, what is counted: the lines of its other propositions have no more.
_COUNTED = tuple(path for noun in ("id", "time", "event_type") for path in EVENT[noun])
_LONGEST_COUNTED = 128


@dataclass(frozen=True, slots=True)
class Line:
    """An event as it is stored. `proven` is what it teaches of, None where that is in the event's own words."""

    event: dict[str, Any]
    proven: Proven | None = None


def lines_of(event: dict[str, Any], dataset: str, judge: Judge) -> Iterator[Line]:
    """Each proposition that is proven, then all else. The first line has what else the event holds."""
    event = {key: value for key, value in event.items() if key != KEY}  # only the collector stamps
    propositions = rows(event, EVENT["propositions"])
    kind = _kind(event) if propositions else None
    proven = [None if kind is None or is_fallback(one) else judge.proven(event, one, kind) for one in propositions]
    ...
