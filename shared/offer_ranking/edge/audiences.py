"""What a client says of its visitor: audiences and context. Its own claims, of which models know some."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import isfinite
from typing import Any

from offer_ranking.catalog.value import ContextValue
from offer_ranking.events.spelling import value_at

_MEMBER = ("realized", "existing")
_LONGEST = 256
_OWN = ("__offerRanking", "audiences")


def audiences_of(xdm: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[str, ...]:
    """The audiences of an event: of its segment memberships, whatever their namespace, and those named for us."""
    found: list[str] = []
    memberships = xdm.get("segmentMembership")
    for namespace in memberships.values() if isinstance(memberships, dict) else ():
        for audience, membership in namespace.items() if isinstance(namespace, dict) else ():
            if isinstance(membership, dict) and membership.get("status") in _MEMBER:
                found.append(audience)
    named = value_at(data, _OWN)
    found += [one for one in named if isinstance(one, str)] if isinstance(named, list) else []
    return tuple(found)


def context_of(xdm: Mapping[str, Any], data: Mapping[str, Any], keys: Collection[str]) -> dict[str, ContextValue]:
    """What an event says under paths such as `xdm.device.type`, of those that a model looks at."""
    if not keys:
        return {}
    event = {"xdm": xdm, "data": data}
    found = ((key, value_at(event, tuple(key.split(".")))) for key in keys)
    return {key: value for key, value in found if is_context(value)}


def is_context(value: object) -> bool:
    """What a ranking takes for context; see `offer_ranking.catalog.value.ContextValue`."""
    if isinstance(value, str):
        return len(value) <= _LONGEST
    return isinstance(value, int) or (isinstance(value, float) and isfinite(value))
