"""Where each field of an event lies, in every spelling: the one table from noun to paths.

The single-event parser walks these paths; the DuckDB projection in `counting` is generated from them. A path is a
chain of object keys. Where several are given the first that holds a usable value wins, and a value of another type
than expected is as good as absent. Key names: github.com/adobe/xdm, extensions/adobe/experience/decisioning
(proposition-interaction-details, proposition-event-type, scope-details, item-selection).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Path = tuple[str, ...]
Paths = tuple[Path, ...]

_COMPACT = ("_experience", "decisioning")
_NAMESPACE = "https://ns.adobe.com/experience/decisioning/"
_EMAIL = ("_experience", "customerJourneyManagement", "messageInteraction")
_STAMP = "offerRanking"


def _both(*keys: str) -> Paths:
    """Spell a path without a namespace, and with `xdm:` before every key."""
    return keys, tuple(f"xdm:{key}" for key in keys)


def _characteristic(key: str) -> Paths:
    """Spell a key of scopeDetails.characteristics, a map whose own keys come with and without `xdm:`."""
    namespaced = ("xdm:scopeDetails", "xdm:characteristics")
    return ("scopeDetails", "characteristics", key), (*namespaced, key), (*namespaced, f"xdm:{key}")


EVENT: Mapping[str, Paths] = {
    "id": (("_id",), ("@id",)),
    "time": _both("timestamp"),
    "event_type": _both("eventType"),
    "dry_run": (("data", "__adobe", "ajo", "dryRun"),),
    # Adobe's documents have the array in the singular once.
    "propositions": (
        (*_COMPACT, "propositions"),
        (*_COMPACT, "proposition"),
        (_NAMESPACE + "propositions",),
        (_NAMESPACE + "proposition",),
    ),
    "email_interaction": ((*_EMAIL, "interactionType"),),
    "email_offers": ((*_EMAIL, "offers"),),
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

PROPOSITION_EVENT_TYPES: Mapping[str, Paths] = {
    name: (
        (*_COMPACT, "propositionEventType", name),
        (_NAMESPACE + "propositionEventType", f"xdm:{name}"),
        (_NAMESPACE + "propositionEventType", name),
    )
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
}

STRATEGY: Mapping[str, Paths] = {
    "step": _both("step"),
    "model": _both("strategyID"),
    "traffic": _both("trafficType"),
}

ITEM: Mapping[str, Paths] = {
    "id": _both("id"),
    "etag": (("etag",), ("repo:etag",), ("xdm:etag",)),
    # AJO's own events say here, not in scopeDetails, how an item was ranked.
    "step": _both("itemSelection", "rankingDetail", "step"),
    "model": _both("itemSelection", "rankingDetail", "strategyID"),
    "traffic": _both("itemSelection", "rankingDetail", "trafficType"),
}

EMAIL_OFFER: Mapping[str, Paths] = {"id": (("offerID",),), "proposition": (("propositionID",),)}


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
