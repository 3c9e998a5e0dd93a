"""Decisions by their pair of activity and placement, kept at hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from offer_ranking.catalog.decision import Decision, Scope
from offer_ranking.storage.remembered import Remembered


class ReadScopes(Protocol):
    """Where decisions are read by what they are asked for by."""

    def of_scopes(self, scopes: Sequence[Scope]) -> dict[Scope, Decision]: ...


class ScopedDecisions(Remembered[Scope, Decision]):
    """What a pair of activity and placement stands for."""

    most = 256

    def __init__(self, decisions: ReadScopes, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock=clock)
        self._decisions = decisions

    def _read(self, keys: Sequence[Scope]) -> Mapping[Scope, Decision]:
        return self._decisions.of_scopes(keys)
