"""What one caller is given of a ranking: offers in order, and the token that proves it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple, Self

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from offer_ranking.events.proposition import Proposition, proposition_of
from offer_ranking.events.token import MOST_OFFERS, Token, TokenKeys, room_for
from offer_ranking.events.uuid7 import uuid7
from offer_ranking.learning.snapshot import ALGORITHM
from offer_ranking.ranking.candidates import Candidates
from offer_ranking.ranking.ranking import DIGITS, Ranking


class Step(StrEnum):
    """What has put the offers into their order, in the words of XDM's `scopeDetails.strategies`."""

    AI_MODEL = "aiModel"
    PRIORITY = "priority"
    FALLBACK = "fallback"


class Proposal(Struct, frozen=True, eq=False):
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

    def alone(self, place: int) -> Token:
        """What is signed of one of the offers given, for what stands for it alone: a mail has no other way to say
        which of them it means. `place` counts from 0.
        """
        row = int(self.ranked.order[place])
        etag = self.candidates.etags[row]
        return replace(
            self.token,
            offers=((self.candidates.ids[row], round(float(self.ranked.propensities[place]), DIGITS)),),
            shown=None,
            etags=() if etag is None else (etag,),
        )

    def proposition(self, scope: str, keys: TokenKeys | None) -> Proposition:
        """What the caller copies into its events; unsigned without keys."""
        etags = _etags(self.candidates, self.ranked.order)
        return proposition_of(
            self.token, scope=scope, step=self.step.value, algorithm=ALGORITHM, etags=etags, keys=keys
        )


def _signed(
    ranked: Ranking, candidates: Candidates, shown: int
) -> tuple[tuple[tuple[str, float], ...], tuple[str, ...]]:
    """What a token says of the offers: all candidates where it has room for them, else as many as it has of the shown.

    Who knows all of them and their propensities can tell later what another policy would have earned.
    """
    is_few = len(candidates) <= MOST_OFFERS
    named = ranked if is_few else ranked.first(min(shown, MOST_OFFERS))
    etags = _etags(candidates, named.order)
    ids = [candidates.ids[row] for row in named.order.tolist()]
    shares = named.rounded or named.propensities.round(DIGITS).tolist()
    offers = tuple(zip(ids, shares, strict=True))
    if not (is_few and _all(candidates).have_room):
        offers = room_for(offers, etags)
    if len(offers) < len(candidates):
        offers = offers[:shown]
    given = tuple(map(etags.get, ids[: min(shown, len(offers))], repeat(""))) if etags else ()
    return offers, given if any(given) else ()


class _All(NamedTuple):
    """What is the same of few candidates in whatever order they come."""

    etags: Mapping[str, str]
    have_room: bool


@lru_cache(maxsize=512)
def _all(candidates: Candidates) -> _All:
    etags = {offer: etag for offer, etag in zip(candidates.ids, candidates.etags, strict=True) if etag is not None}
    offers = [(offer, 0.0) for offer in candidates.ids]
    return _All(etags, len(room_for(offers, etags)) == len(offers))


def _etags(candidates: Candidates, order: NDArray[np.intp]) -> Mapping[str, str]:
    """Those of some candidates, without those that have none."""
    if len(order) == len(candidates) <= MOST_OFFERS:
        return _all(candidates).etags
    return {candidates.ids[row]: etag for row in order.tolist() if (etag := candidates.etags[row]) is not None}
