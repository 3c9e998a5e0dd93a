"""Datastreams with their decisions, kept at hand: the store is asked every few seconds, and may be away."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from botocore.exceptions import BotoCoreError, ClientError

from offer_ranking.catalog.datastream import Datastream
from offer_ranking.catalog.decision import Decision
from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.catalog.offering import Offering

FRESH_SECONDS = 2.0
_KEPT = 64


class ReadDatastreams(Protocol):
    """Where datastreams are read."""

    def get(self, id: str) -> Datastream: ...  # noqa: A002 - the field is called id


class ReadDecisions(Protocol):
    """Where decisions are read."""

    def some(self, ids: Sequence[str]) -> dict[str, Decision]: ...


class Offerings:
    """What is offered by datastream."""

    def __init__(
        self, datastreams: ReadDatastreams, decisions: ReadDecisions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._datastreams = datastreams
        self._decisions = decisions
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Offering]] = OrderedDict()

    def get(self, datastream_id: str) -> Offering:
        """What the datastream offers, at most two seconds old, or as last read while the store is away.

        Raises NotFoundError, and what the store raises when it is away and nothing was read before.
        """
        read_at, kept = self._kept.get(datastream_id, (float("-inf"), None))
        if kept is not None and self._clock() - read_at < FRESH_SECONDS:
            return kept
        try:
            offering = self._read(datastream_id)
        except NotFoundError:
            self._kept.pop(datastream_id, None)
            raise
        except (BotoCoreError, ClientError, ValueError, KeyError):
            if kept is None:
                raise
            offering = kept
        self._kept[datastream_id] = (self._clock(), offering)
        self._kept.move_to_end(datastream_id)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return offering

    def _read(self, datastream_id: str) -> Offering:
        datastream = self._datastreams.get(datastream_id)
        found = self._decisions.some(datastream.decision_ids)
        return Offering.of(datastream, (found[one] for one in datastream.decision_ids if one in found))
