"""What one caller is given of a ranking: offers in order, and the token that proves it."""

from __future__ import annotations

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

_DIGITS = 9  # of a propensity that is signed


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
        return list(map(self.candidates.ids.__getitem__, self.ranked.order.tolist()))

    def alone(self, place: int) -> Token:
        """What is signed of one of the offers given, for what stands for it alone: a mail has no other way to say
        which of them it means. `place` counts from 0.
        """
        row = int(self.ranked.order[place])
        etag = self.candidates.etags[row]
        return replace(
            self.token,
            offers=((self.candidates.ids[row], round(float(self.ranked.propensities[place]), _DIGITS)),),
            shown=None,
            etags=() if etag is None else (etag,),
        )

    def proposition(self, scope: str, keys: TokenKeys | None) -> Proposition:
        """What the caller copies into its events; unsigned without keys."""
        etags = self.candidates.etag_of(self.ranked.order.tolist())
        if len(self.ranked.order) < len(self.candidates):
            etags = {offer: etags[offer] for offer in self.offers if offer in etags}
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
    etags = candidates.etag_of(rows)
    ids = map(candidates.ids.__getitem__, rows)
    offers = room_for(zip(ids, named.propensities.round(_DIGITS).tolist(), strict=True), etags)
    if len(offers) < len(candidates):
        offers = offers[:shown]
    given = tuple([etags.get(offer, "") for offer, _ in offers[:shown]]) if etags else ()
    return offers, given if any(given) else ()
