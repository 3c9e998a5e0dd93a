"""A line that was refused, kept so that a person may see why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from offer_ranking.catalog.mapping import FieldMapping
from offer_ranking.events.spelling import (
    EMAIL_OFFER,
    ITEM,
    PROPOSITION,
    PROPOSITION_EVENT_TYPES,
    STRATEGY,
    Path,
    Paths,
    event_paths,
    value_at,
)

MOST_KEPT = 100
"""Of one object."""
MOST_CHARACTERS = 1_000
_MOST_OF_A_VALUE = 200
_HIDDEN = "…"
_HIDDEN_NOUNS = frozenset({"token", "tokens", "sub_propositions"})
_LISTS: Mapping[str, Mapping[str, Paths]] = {
    "propositions": PROPOSITION,
    "items": ITEM,
    "strategies": STRATEGY,
    "email_offers": EMAIL_OFFER,
}


class RefusedLine(NamedTuple):
    """A line of an object, from 1, the reason, and what of its text says no identity of a person."""

    line: int
    reason: str
    text: str


def redacted(event: dict[str, Any], mapping: FieldMapping) -> str:
    """Write of an event what the table of spellings names, without tokens, cut to 1,000 characters.

    So what is not read is not shown: no identities, no addresses of pages, no fields of somebody's own.
    """
    kept = _kept(event, {**event_paths(mapping), **PROPOSITION_EVENT_TYPES})
    return json.dumps(kept, ensure_ascii=False)[:MOST_CHARACTERS]


def _kept(holder: object, table: Mapping[str, Paths]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for noun, paths in table.items():
        for path in paths:
            if (found := value_at(holder, path)) is not None:
                _put(kept, path, _shown(noun, found))
    return kept


def _shown(noun: str, found: object) -> object:
    if noun in _HIDDEN_NOUNS:
        return _HIDDEN
    if isinstance(found, list) and noun in _LISTS:
        return [_kept(one, _LISTS[noun]) if isinstance(one, dict) else _scalar(one) for one in found]
    if isinstance(found, list) and noun == "stamped_offers":
        return [_scalar(one) for one in found]
    if isinstance(found, dict) and noun == "etags":
        return {_scalar(offer): _scalar(etag) for offer, etag in found.items()}
    return _scalar(found)


def _scalar(found: object) -> object:
    """A value that is no list and no object, which may hold anything."""
    if isinstance(found, dict | list):
        return "{…}" if isinstance(found, dict) else "[…]"
    return found[:_MOST_OF_A_VALUE] if isinstance(found, str) else found


def _put(holder: dict[str, Any], path: Path, value: object) -> None:
    *way, last = path
    for key in way:
        inner = holder.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        holder = inner
    holder.setdefault(last, value)
