"""Where each field of an event lies, in every spelling: the one table from noun to paths.

The rules walk these paths, the decoder of plain lines and the reader of Parquet are made from them. A path is a chain
of object keys. Where several are given the first that holds a usable value wins, and a value of another type than
expected is as good as absent. Key names: github.com/adobe/xdm, extensions/adobe/experience/decisioning
(proposition-interaction-details, proposition-event-type, proposition-action, scope-details, item-selection).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from offer_ranking.catalog.mapping import NO_MAPPING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from offer_ranking.catalog.mapping import Field, FieldMapping

Path = tuple[str, ...]
Paths = tuple[Path, ...]

_COMPACT = ("_experience", "decisioning")
_NAMESPACE = "https://ns.adobe.com/experience/decisioning/"
_EMAIL = ("_experience", "customerJourneyManagement", "messageInteraction")
_STAMP = "offerRanking"


def _both(*keys: str) -> Paths:
    """Spell a path without a namespace, and with `xdm:` before every key."""
    return keys, tuple(f"xdm:{key}" for key in keys)


def _namespaced(*keys: str) -> Paths:
    """Spell a path below the field group, its inner keys with `xdm:` and without."""
    first, *inner = keys
    return (*_COMPACT, *keys), (_NAMESPACE + first, *(f"xdm:{key}" for key in inner)), (_NAMESPACE + first, *inner)


def _characteristic(key: str) -> Paths:
    """Spell a key of scopeDetails.characteristics, a map whose own keys come with and without `xdm:`."""
    namespaced = ("xdm:scopeDetails", "xdm:characteristics")
    return ("scopeDetails", "characteristics", key), (*namespaced, key), (*namespaced, f"xdm:{key}")


EVENT: Mapping[str, Paths] = {
    "id": (("_id",), ("@id",)),
    "time": _both("timestamp"),
    "event_type": _both("eventType"),
    "dry_run": (("data", "__adobe", "ajo", "dryRun"),),
    # Adobe's documents have the array in the singular too.
    "propositions": (
        (*_COMPACT, "propositions"),
        (*_COMPACT, "proposition"),
        (_NAMESPACE + "propositions",),
        (_NAMESPACE + "proposition",),
    ),
    # Of the items that a proposition served, those that the visitor saw or chose.
    "tokens": _namespaced("propositionAction", "tokens"),
    "email_interaction": ((*_EMAIL, "interactionType"),),
    "email_offers": ((*_EMAIL, "offers"),),
    # A flat event: a row that has its one offer at the top.
    "offer": (("offerId",),),
    "etag": (("offerEtag",),),
    "model": (("modelId",),),
    "traffic": (("trafficType",),),
    "cell": (("cell",),),
    "token": (("eventToken",),),
    "issued_at": (("issuedAt",),),
    "proposition_id": (("propositionId",),),
    "position": (("position",),),
    # What the collector found when it verified the event's token.
    "trust": ((_STAMP, "trust"),),
    "capped": ((_STAMP, "capped"),),
    "received_at": ((_STAMP, "receivedAt"),),
    "stamped_offers": ((_STAMP, "offers"),),
    "stamped_model": ((_STAMP, "model"),),
    "stamped_traffic": ((_STAMP, "trafficType"),),
    "stamped_cell": ((_STAMP, "cell"),),
    "stamped_issued_at": ((_STAMP, "issuedAt"),),
}

NOUNS: Mapping[Field, str] = {
    "id": "id",
    "timestamp": "time",
    "eventType": "event_type",
    "dryRun": "dry_run",
    "propositions": "propositions",
    "offer": "offer",
    "etag": "etag",
    "model": "model",
    "trafficType": "traffic",
    "cell": "cell",
    "token": "token",
    "issuedAt": "issued_at",
    "propositionId": "proposition_id",
    "position": "position",
}
"""What a dataset may map, and which noun of `EVENT` it is."""

PROPOSITION_EVENT_TYPES: Mapping[str, Paths] = {
    name: _namespaced("propositionEventType", name)
    for name in (
        "send",
        "decision",
        "trigger",
        "display",
        "interact",
        "dismiss",
        "unsubscribe",
        "suppressSend",
        "suppressDisplay",
    )
}

PROPOSITION: Mapping[str, Paths] = {
    "id": _both("id"),
    "items": _both("items"),
    "strategies": _both("scopeDetails", "strategies"),
    "token": _characteristic("eventToken"),
    "cell": _characteristic("cell"),
    "etags": _characteristic("etags"),
    "issued_at": _characteristic("issuedAt"),
    "sub_propositions": _characteristic("subPropositions"),
}

STRATEGY: Mapping[str, Paths] = {
    "step": _both("step"),
    "model": _both("strategyID"),
    "traffic": _both("trafficType"),
}

ITEM: Mapping[str, Paths] = {
    "id": _both("id"),
    "etag": (("etag",), ("repo:etag",), ("xdm:etag",)),
    "token": _both("token"),
    # AJO's own events say here, not in scopeDetails, how an item was ranked, and whether it is a fallback.
    "step": _both("itemSelection", "rankingDetail", "step"),
    "model": _both("itemSelection", "rankingDetail", "strategyID"),
    "traffic": _both("itemSelection", "rankingDetail", "trafficType"),
    "selection": _both("itemSelection", "selectionDetail", "selectionType"),
}

EMAIL_OFFER: Mapping[str, Paths] = {"id": (("offerID",),), "proposition": (("propositionID",),)}


@lru_cache(maxsize=256)
def event_paths(mapping: FieldMapping = NO_MAPPING) -> Mapping[str, Paths]:
    """`EVENT` for a dataset: where the mapping names a path, that one comes before the noun's own spellings."""
    mapped = {NOUNS[field]: path for field, path in mapping}
    return {noun: (mapped[noun], *paths) if noun in mapped else paths for noun, paths in EVENT.items()}


def value_at(holder: object, path: Path) -> Any:  # noqa: ANN401 - JSON holds any of its types
    """Walk one path; None where it ends early."""
    for key in path:
        if not isinstance(holder, dict):
            return None
        holder = holder.get(key)
    return holder


def value(holder: object, paths: Paths) -> Any:  # noqa: ANN401 - JSON holds any of its types
    """Take the first value that is not null."""
    for path in paths:
        if (found := value_at(holder, path)) is not None:
            return found
    return None


def text(holder: object, paths: Paths) -> str:
    """Take the first string that is not empty, else ""."""
    for path in paths:
        if isinstance(found := value_at(holder, path), str) and found:
            return found
    return ""


def rows(holder: object, paths: Paths) -> list[Any]:
    """Take the first list that is not empty, else an empty one."""
    for path in paths:
        if isinstance(found := value_at(holder, path), list) and found:
            return found
    return []
