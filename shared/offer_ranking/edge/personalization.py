"""The answer to what a request asks for: scopes and surfaces, each decided by the code that ranks for all callers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from msgspec import Struct

from offer_ranking.catalog.datastream import AnswerStyle
from offer_ranking.catalog.decision import Decision
from offer_ranking.catalog.offering import Offering
from offer_ranking.edge.answer import Propositions, decisions
from offer_ranking.edge.audiences import audiences_of, context_of
from offer_ranking.edge.problem import INVALID_SCOPE, UNKNOWN_SCOPE, Kind, Problem, Report, problem
from offer_ranking.edge.request import Event, Query, Request
from offer_ranking.edge.scope import read_scope
from offer_ranking.events.token import TokenKeys
from offer_ranking.events.visitor import visitor_of
from offer_ranking.ranking.decided import Asker, decide
from offer_ranking.ranking.served import Served

ServeLive = Callable[[str | None], Served | None]


class Personalized(Struct, frozen=True):
    """Handles as JSON, one a query, how many propositions they hold, and what could not be answered."""

    handles: tuple[str, ...]
    propositions: int
    errors: tuple[Problem, ...]


class Visit(Struct, frozen=True):
    """What a datastream offers, to whom ("" for nobody known), who signs (None for nobody), and when."""

    offering: Offering
    ecid: str
    keys: TokenKeys | None
    now_ms: int


@dataclass(slots=True)
class Personalization:
    """Answers queries. `serve` gives the model of a decision, None where none is live."""

    serve: ServeLive
    _propositions: Propositions = field(default_factory=Propositions)

    def answer(self, request: Request, visit: Visit) -> Personalized:
        """What each query of a request is answered."""
        handles, errors, propositions = [], [], 0
        for query in request.queries:
            found, failed = _wanted(query, visit.offering)
            errors += failed
            propositions += len(found)
            event = request.event(query)
            handles.append(decisions(query.event_index, [self._one(wanted, event, visit) for wanted in found]))
        return Personalized(tuple(handles), propositions, tuple(errors))

    def _one(self, wanted: _Wanted, event: Event, visit: Visit) -> str:
        served = self.serve(wanted.decision.model_id)
        asker = Asker(
            audiences_of(event.xdm, event.data),
            context_of(event.xdm, event.data, _context_keys(served)),
            visit.offering.datastream.id,
            visitor_of(visit.ecid),
        )
        decided = decide(wanted.decision, served, asker, now_ms=visit.now_ms, count=wanted.count)
        return self._propositions.text(decided, wanted.scope, wanted.style, visit.keys, visit.now_ms)


class _Wanted(Struct, frozen=True):
    """A decision that is asked for: under which scope, how many offers, in which style."""

    decision: Decision
    scope: str
    count: int
    style: AnswerStyle


def _wanted(query: Query, offering: Offering) -> tuple[list[_Wanted], list[Problem]]:
    """What is asked for and there. Of what is not, an encoded scope is an error: it can only be meant for us, while
    pages ask for plain names and surfaces of other products too.
    """
    found, errors = [], []
    for spelled in query.scopes:
        asked = read_scope(spelled)
        decision = asked.decision(offering)
        if decision is not None:
            count = asked.count or decision.item_count
            found.append(_Wanted(decision, spelled, count, offering.datastream.answer_style))
        elif asked.fault:
            errors.append(_failed(INVALID_SCOPE, spelled, asked.fault, query))
        elif asked.pair is not None:
            detail = "this datastream has no decision of this activity and placement"
            errors.append(_failed(UNKNOWN_SCOPE, spelled, detail, query))
    if query.surfaces:
        found += _of_surfaces(query, offering)
    return found, errors


def _of_surfaces(query: Query, offering: Offering) -> Iterator[_Wanted]:
    for surface in query.surfaces:
        if (decision := offering.by_surface.get(surface)) is not None:
            yield _Wanted(decision, surface, decision.item_count, AnswerStyle.AJO)


def _failed(kind: Kind, spelled: str, detail: str, query: Query) -> Problem:
    return problem(kind, f"The scope {spelled!r}: {detail}.", Report(eventIndex=query.event_index))


def _context_keys(served: Served | None) -> Collection[str]:
    """The context that a model looks at, or did when it last learned."""
    if served is None or served.model is None:
        return ()
    known = served.model.context_keys
    learned = served.snapshot.context_keys if served.snapshot else ()
    return known if learned == known else {*known, *learned}
