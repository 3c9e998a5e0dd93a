"""What one caller is given of a ranking: offers in order, and the token that proves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from msgspec.structs import replace

from offer_ranking.events.proposition import Proposition, proposition_of
from offer_ranking.events.token import MOST_OFFERS, Token, TokenKeys, room_for
from offer_ranking.events.uuid7 import uuid7
from offer_ranking.learning.snapshot import ALGORITHM
from offer_ranking.ranking.candidates import Candidates
from offer_ranking.ranking.ranking import Ranking


class Step(StrEnum):
    """What has put the offers into their order, in the words of XDM's `scopeDetails.strategies`."""

    AI_MODEL = "aiModel"
    PRIORITY = "priority"
    FALLBACK = "fallback"


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A ranking as it is given.

    Args:
        ranked: the offers that the caller is given, cut by its count.
        candidates: all that competed.
        token: what is signed.
        step: events of a fallback teach nothing.

    """

    ranked: Ranking
    candidates: Candidates
    token: Token
    step: Step

    @classmethod
    def of(  # noqa: PLR0913 - what a token says
        cls,
        ranked: Ranking,
        candidates: Candidates,
        *,
        count: int | None,
        step: Step,
        now_ms: int,
        model: str = "",
        cell: str = "",
        datastream: str = "",
        visitor: str = "",
    ) -> Self:
        """Give the first `count` of all candidates as they were ranked, now, in milliseconds since 1970 UTC."""
        given = ranked.first(count)
        offers, etags = _signed(ranked, candidates, len(given.order))
        token = Token(
            proposition=uuid7(now_ms),
            issued_ms=now_ms,
            model=model,
            snapshot_version=ranked.snapshot_version or 0,
            traffic_type=ranked.traffic_type,
            cell=cell,
            offers=offers,
            datastream=datastream,
            visitor=visitor,
            shown=min(len(given.order), len(offers)),
            etags=etags,
        )
        return cls(given, candidates, token, step)

    @property
    def id(self) -> str:
        return self.token.proposition

    @property
    def offers(self) -> list[str]:
        """The ids of the offers given, the first one first."""
        return [self.candidates.ids[row] for row in self.ranked.order.tolist()]

    def alone(self, place: int) -> Token:
        """What is signed of one of the offers given, for what stands for it alone: a mail has no other way to say
        which of them it means. `place` counts from 0.
        """
        row = int(self.ranked.order[place])
        etag = self.candidates.etags[row]
        return replace(
            self.token,
            offers=((self.candidates.ids[row], float(self.ranked.propensities[place])),),
            shown=None,
            etags=() if etag is None else (etag,),
        )

    def proposition(self, scope: str, keys: TokenKeys | None) -> Proposition:
        """What the caller copies into its events; unsigned without keys."""
        etags = dict(_etags(self.candidates, self.ranked.order.tolist()))
        return proposition_of(
            self.token, scope=scope, step=self.step.value, algorithm=ALGORITHM, etags=etags, keys=keys
        )


def _signed(
    ranked: Ranking, candidates: Candidates, shown: int
) -> tuple[tuple[tuple[str, float], ...], tuple[str, ...]]:
    """What a token says of the offers: all candidates where it has room for them, else as many as it has of the shown.

    Who knows all of them and their propensities can tell later what another policy would have earned.
    """
    named = ranked if len(candidates) <= MOST_OFFERS else ranked.first(min(shown, MOST_OFFERS))
    rows = named.order.tolist()
    etags = dict(_etags(candidates, rows))
    ids = [candidates.ids[row] for row in rows]
    offers = room_for(zip(ids, named.propensities.tolist(), strict=True), etags)
    if len(offers) < len(candidates):
        offers = offers[:shown]
    given = tuple(etags.get(offer, "") for offer, _ in offers[:shown])
    return offers, given if any(given) else ()


def _etags(candidates: Candidates, rows: list[int]) -> Iterator[tuple[str, str]]:
    for row in rows:
        etag = candidates.etags[row]
        if etag is not None:
            yield candidates.ids[row], etag
