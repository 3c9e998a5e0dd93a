"""What a proposition served, where the event names no items of it.

Adobe Journey Optimizer puts the items into `scopeDetails.characteristics.subPropositions`, base64 of a list of
propositions whose items carry a token each; `propositionAction.tokens` says which of them the visitor saw or chose
(experienceleague.adobe.com, Journey Optimizer, Decisioning: event tracking). Our own token names the offers itself.
"""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from offer_ranking.events.spelling import ITEM, PROPOSITION, STRATEGY, rows, text, value_at

FALLBACK = "fallback"
_ALPHABET = str.maketrans("-_", "+/")
# Around the list, as Adobe's clients have seen it: the list itself, or an object that holds it.
_HOLDERS = ((), ("propositions",), ("decisioning", "propositions"))


def sub_propositions(proposition: object) -> list[Any]:
    """The propositions inside of a proposition; none where they cannot be read."""
    encoded = text(proposition, PROPOSITION["sub_propositions"])
    if not encoded:
        return []
    bare = encoded.translate(_ALPHABET).rstrip("=")
    try:
        found = msgspec.json.decode(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True))
    except (ValueError, msgspec.MsgspecError, RecursionError):
        return []
    for path in _HOLDERS:
        if isinstance(inside := value_at(found, path), list):
            return inside
    return [found]


def is_fallback(proposition: object) -> bool:
    """Whether no model has chosen any of what a proposition shows, or, where it shows nothing, of what it served."""
    if any(text(strategy, STRATEGY["step"]) == FALLBACK for strategy in rows(proposition, PROPOSITION["strategies"])):
        return True
    items = rows(proposition, PROPOSITION["items"])
    if items:
        return all(is_fallback_item(item) for item in items)
    inside = [part for part in sub_propositions(proposition) if rows(part, PROPOSITION["items"])]
    return bool(inside) and all(is_fallback(part) for part in inside)


def is_fallback_item(item: object) -> bool:
    return FALLBACK in (text(item, ITEM["step"]), text(item, ITEM["selection"]))
