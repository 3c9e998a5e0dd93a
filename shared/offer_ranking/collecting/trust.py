"""Whether a proposition that comes back in an event is one of ours, and which of its offers the event means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from offer_ranking.catalog.datastream import TokenMode
from offer_ranking.events.item_token import item_token
from offer_ranking.events.proposition_event import Kind
from offer_ranking.events.served import is_fallback_item
from offer_ranking.events.spelling import EVENT, ITEM, PROPOSITION, rows, text
from offer_ranking.events.token import InvalidTokenError, Token, TokenKeys, verify

# How long after its issue the token of a page is good, and that of a mail.
WEB_LIFE = timedelta(hours=48)
MAIL_LIFE = timedelta(days=30)
_AHEAD_MS = 300_000  # the clocks of two machines of ours


class Trust(StrEnum):
    """What a line's stamp says of it: proven by a token; or not, where a token is demanded, missed, or not asked for.

    Only `untrusted` does not count.
    """

    SIGNED = "signed"
    UNTRUSTED = "untrusted"
    OBSERVED = "observed"
    UNCHECKED = "unchecked"


UNPROVEN = {
    TokenMode.ENFORCE: Trust.UNTRUSTED,
    TokenMode.OBSERVE: Trust.OBSERVED,
    TokenMode.OFF: Trust.UNCHECKED,
}


@dataclass(frozen=True, slots=True)
class Proven:
    """A proposition as its token says it was served, and which of its offers an event means: none where it is unclear.

    `text` is the token as it is spelled.
    """

    token: Token
    text: str
    offers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Judge:
    """Tells what a datastream may trust, at a time in milliseconds since 1970 UTC."""

    keys: TokenKeys | None
    datastream: str
    mode: TokenMode
    life: timedelta
    now_ms: int

    def proven(self, proposition: object, kind: Kind, named: frozenset[str]) -> Proven | None:
        """What of a proposition is proven; None where nothing is, or where what is not counts too.

        `named` are the tokens by which its event names items (`named_by`).
        """
        spelled = text(proposition, PROPOSITION["token"])
        token = self._verified(spelled)
        if token is None:
            return None
        offers = self._meant(proposition, token, kind, named)
        return None if offers is None else Proven(token, spelled, offers)

    def _meant(self, proposition: object, token: Token, kind: Kind, named: frozenset[str]) -> tuple[str, ...] | None:
        """Those that the event names by their tokens, else by items, else what was given; None where nothing is proven.

        Tokens go first: of the offers that it rendered into one element the Web SDK names all as items of a click, and
        the one that was clicked by its token.
        """
        if named:
            return _of_tokens(named, token)
        shown = [item for item in rows(proposition, PROPOSITION["items"]) if not is_fallback_item(item)]
        if not shown:
            # A display is of all that was given; which of several an interact meant, nobody knows.
            given = token.given()
            return given if kind is Kind.IMPRESSION or len(given) == 1 else ()
        offers = _of_items(shown, token)
        # Where what is not proven counts too, it stands or falls with what is.
        return offers if self.mode is TokenMode.ENFORCE or len(offers or ()) == len(shown) else None

    def _verified(self, spelled: str) -> Token | None:
        if self.keys is None or not spelled:
            return None
        try:
            token = verify(spelled, self.keys)
        except InvalidTokenError:
            return None
        age = self.now_ms - token.issued_ms
        is_timely = -_AHEAD_MS <= age <= self.life / timedelta(milliseconds=1)
        return token if is_timely and token.datastream in {"", self.datastream} else None


def named_by(event: dict[str, Any]) -> frozenset[str]:
    """The tokens by which an event names items."""
    return frozenset(one for one in rows(event, EVENT["tokens"]) if isinstance(one, str) and one)


def _of_items(shown: list[Any], token: Token) -> tuple[str, ...] | None:
    """Those of the items that the token gave, each once; None where it gave none."""
    given = set(token.given())
    return tuple(dict.fromkeys(offer for item in shown if (offer := text(item, ITEM["id"])) in given)) or None


def _of_tokens(named: frozenset[str], token: Token) -> tuple[str, ...] | None:
    """Those that are named; None where none is."""
    return tuple(offer for offer in token.given() if item_token(token.proposition, offer) in named) or None
