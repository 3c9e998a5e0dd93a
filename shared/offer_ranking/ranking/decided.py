"""A decision for one asker: who may be shown what is settled first, and only that is ranked."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Self

from offer_ranking.catalog.decision import Creative, Decision, DecisionOffer, eligible
from offer_ranking.catalog.value import ContextValue
from offer_ranking.events.proposition import Proposition, proposition_of
from offer_ranking.events.token import Token, TokenKeys
from offer_ranking.events.uuid7 import uuid7
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.snapshot import ALGORITHM
from offer_ranking.ranking.candidates import Candidates
from offer_ranking.ranking.proposal import Proposal, Step
from offer_ranking.ranking.ranking import fallback, rank
from offer_ranking.ranking.served import Served, Source

_KEPT = 256  # decisions


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and through which door; the door and the visitor are signed, and absent ones are ""."""

    audiences: tuple[str, ...] = ()
    context: Mapping[str, ContextValue] = field(default_factory=dict)
    datastream: str = ""
    visitor: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """What is shown for a decision.

    Args:
        decision: the one asked for.
        offers: in order; none where no offer may be shown: then it is the decision's fallback.
        proposal: the ranking that they come from; None for the fallback.

    """

    decision: Decision
    offers: tuple[DecisionOffer, ...]
    proposal: Proposal | None

    @property
    def creatives(self) -> tuple[Creative, ...]:
        """What is shown, the first one first."""
        return self.offers or (self.decision.fallback,)

    def proposition(self, scope: str, keys: TokenKeys | None, *, now_ms: int) -> Proposition:
        """What the caller copies into its events. Nobody signs a fallback: it teaches nothing, and says so."""
        if self.proposal is not None and self.proposal.step is not Step.FALLBACK:
            return self.proposal.proposition(scope, keys)
        return self.unproven(scope, now_ms=now_ms)

    def unproven(self, scope: str, *, now_ms: int) -> Proposition:
        """The same of what must not teach, by the step that counting knows it by."""
        model = self.decision.model_id or ""
        token = (
            self.proposal.token if self.proposal else Token(uuid7(now_ms), now_ms, model, 0, "noncontextual", "", ())
        )
        return proposition_of(token, scope=scope, step=Step.FALLBACK, algorithm=ALGORITHM, etags={}, keys=None)


def decide(  # noqa: PLR0913 - who is shown what, when, and what must not be
    decision: Decision,
    served: Served | None,
    asker: Asker,
    *,
    now_ms: int,
    count: int = 1,
    without: Collection[str] = (),
) -> Decided:
    """Rank what may be shown: by the model, or by priority while none is live (`served` is None).

    Args:
        decision: what is asked for.
        served: its model.
        asker: who asks.
        now_ms: the time, milliseconds since 1970 UTC, also for when offers start and end.
        count: how many offers are shown at most.
        without: offers that must not be shown, since they are already.

    """
    may = _may(decision, asker, datetime.fromtimestamp(now_ms / 1000, UTC), without)
    if not may.by_id:
        return Decided(decision, (), None)
    proposal = _proposal(may.candidates, decision, served, asker, now_ms=now_ms, count=count)
    return Decided(decision, tuple(map(may.by_id.__getitem__, proposal.offers)), proposal)


@dataclass(frozen=True, slots=True, eq=False)
class _Contest:
    """Offers that compete."""

    by_id: Mapping[str, DecisionOffer]
    candidates: Candidates

    @classmethod
    def of(cls, offers: Sequence[DecisionOffer]) -> Self:
        return cls({offer.id: offer for offer in offers}, Candidates.of(offers))


class _Open:
    """The contests between all offers of a decision, where anybody may be shown any of them at any time.

    Known by the very tuple, since equal ones take long to compare; a decision keeps its own until it is read anew.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[Sequence[DecisionOffer], _Contest | None]] = OrderedDict()

    def contest(self, offers: tuple[DecisionOffer, ...]) -> _Contest | None:
        kept, contest = self._kept.get(id(offers), (None, None))
        if kept is not offers:
            contest = _Contest.of(offers) if all(offer.is_open for offer in offers) else None
            self._kept[id(offers)] = offers, contest
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return contest


_open = _Open()


def _may(decision: Decision, asker: Asker, now: datetime, without: Collection[str]) -> _Contest:
    """The contest between the offers that the asker may be shown."""
    contest = None if without else _open.contest(decision.offers)
    if contest is not None:
        return contest
    audiences = frozenset(asker.audiences)
    return _Contest.of([offer for offer in eligible(decision, audiences, now) if offer.id not in without])


def _proposal(  # noqa: PLR0913 - as above
    candidates: Candidates, decision: Decision, served: Served | None, asker: Asker, *, now_ms: int, count: int
) -> Proposal:
    cell = Cell()
    if served is None:
        step, ranked = Step.PRIORITY, fallback(candidates, seed=None)
    elif served.source is Source.FALLBACK:
        step, ranked = Step.FALLBACK, fallback(candidates, seed=None)
    else:
        cell = served.cell(asker.audiences, asker.context)
        step, ranked = Step.AI_MODEL, rank(candidates, served.snapshot, seed=None, cell=cell)
    model = decision.model_id if served and decision.model_id else ""
    return Proposal.of(
        ranked, candidates, count=count, step=step, now_ms=now_ms, model=model, cell=cell.text,
        datastream=asker.datastream, visitor=asker.visitor,
    )  # fmt: skip
