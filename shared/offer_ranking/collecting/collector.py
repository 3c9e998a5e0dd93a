"""Takes events that came in at the door: verified, capped, written as lines, handed to the stream."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from offer_ranking.catalog.datastream import Datastream
from offer_ranking.collecting.caps import Caps
from offer_ranking.collecting.delivery import Delivery, UnavailableError
from offer_ranking.collecting.trust import WEB_LIFE
from offer_ranking.events.token import TokenKeys

__all__ = ["Collector", "Taken", "UnavailableError"]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of events.

    Args:
        lines: stored, all of them.
        untrusted: of them, displays and interacts that do not count since nothing proves them.
        observed: those that count although nothing proves them, while a datastream only observes.
        capped: interacts that do not count since there were too many.
        unasked: interacts that count although the counters of caps could not be asked.
        overflowed: lines that the stream did not take, stored all the same.

    """

    lines: int = 0
    untrusted: int = 0
    observed: int = 0
    capped: int = 0
    unasked: int = 0
    overflowed: int = 0


class Collector:
    """`keys` gives the live keys, None where there are none yet; raises KeysUnavailableError."""

    def __init__(self, keys: Callable[[], TokenKeys | None], caps: Caps, delivery: Delivery) -> None:
        self._keys = keys
        self._caps = caps
        self._delivery = delivery

    def take(
        self,
        events: Sequence[dict[str, Any]],
        *,
        datastream: Datastream,
        source: str,
        now_ms: int,
        life: timedelta = WEB_LIFE,
    ) -> Taken:
        """Store events, objects of XDM with an `_id` each.

        Args:
            events: as `read_object` reads them.
            datastream: to which they came.
            source: the address of the caller.
            now_ms: the time of receipt, milliseconds since 1970 UTC.
            life: how long tokens are good.

        Raises UnavailableError.

        """
        raise NotImplementedError
