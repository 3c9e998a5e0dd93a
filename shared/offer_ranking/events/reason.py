"""Why a line was refused."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Names as they stand in accountings and reports, in the order in which a line is examined."""

    # The line is not JSON, or not an object.
    MALFORMED = "malformed"
    # More than one key of propositionEventType is 1.
    AMBIGUOUS_EVENT_TYPE = "ambiguous-event-type"
    # The collector found no valid token where one is demanded.
    UNTRUSTED = "untrusted"
    # The collector had already taken as many conversions of this visitor or source as it allows.
    CAPPED = "capped"
    # The event says no time.
    TIME_MISSING = "time-missing"
    # The event's time is not RFC 3339 with a zone, or lies outside the years 1970 to 9999.
    TIME_UNREADABLE = "time-unreadable"
    # Neither a token nor an id tells the event from its copies.
    NO_ID = "no-id"
    # No offer is named by the event's items nor by the collector.
    OFFER_UNRESOLVED = "offer-unresolved"
