"""What one datastream offers: its decisions, found by what clients ask for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from offer_ranking.catalog.datastream import Datastream
from offer_ranking.catalog.decision import Decision, Scope


@dataclass(frozen=True, slots=True, eq=False)
class Offering:
    """A datastream with its decisions as they stand. A name, a pair of ids or a surface asks for at most one of them:
    of several with one surface it is the first that the datastream lists.
    """

    datastream: Datastream
    by_scope: dict[Scope, Decision] = field(default_factory=dict)
    by_name: dict[str, Decision] = field(default_factory=dict)
    by_surface: dict[str, Decision] = field(default_factory=dict)

    @classmethod
    def of(cls, datastream: Datastream, decisions: Iterable[Decision]) -> Self:
        offering = cls(datastream)
        for decision in decisions:
            offering.by_name.setdefault(decision.name, decision)
            if decision.scope is not None:
                offering.by_scope.setdefault(decision.scope, decision)
            if decision.surface is not None:
                offering.by_surface.setdefault(decision.surface, decision)
        return offering
