"""Datastreams with their decisions, kept at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from offer_ranking.catalog.datastream import Datastream
from offer_ranking.catalog.decision import Decision
from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.catalog.offering import Offering
from offer_ranking.storage.remembered import Remembered


class ReadDatastreams(Protocol):
    """Where datastreams are read."""

    def get(self, id: str) -> Datastream: ...  # noqa: A002 - the field is called id


class ReadDecisions(Protocol):
    """Where decisions are read."""

    def some(self, ids: Sequence[str]) -> dict[str, Decision]: ...


class Offerings(Remembered[str, Offering]):
    """What is offered by datastream."""

    def __init__(
        self, datastreams: ReadDatastreams, decisions: ReadDecisions, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(self._offered, most=64, clock=clock)
        self._datastreams = datastreams
        self._decisions = decisions

    def get(self, datastream_id: str) -> Offering:
        """What the datastream offers. Raises NotFoundError, and what `some` raises."""
        found = self.some([datastream_id])
        if datastream_id not in found:
            raise NotFoundError("datastream", datastream_id)
        return found[datastream_id]

    def _offered(self, ids: Sequence[str]) -> Mapping[str, Offering]:
        found: dict[str, Offering] = {}
        for id_ in ids:
            try:
                datastream = self._datastreams.get(id_)
            except NotFoundError:
                continue
            decisions = self._decisions.some(datastream.decision_ids)
            offered = (decisions[one] for one in datastream.decision_ids if one in decisions)
            found[id_] = Offering.of(datastream, offered)
        return found
