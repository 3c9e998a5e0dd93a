"""What a client asks for, as it spells it: a plain name, or base64 of JSON that names activity and placement."""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error as Base64Error
from functools import lru_cache
from typing import Any

from msgspec import Struct

from offer_ranking.catalog.decision import Decision, Scope
from offer_ranking.catalog.offering import Offering

MOST_ITEMS = 30
PAGE_WIDE = "__view__"
"""What pages ask for by themselves."""

_URL_SAFE = str.maketrans("-_", "+/")


class Asked(Struct, frozen=True):
    """One scope. `pair` where it is encoded, else `name`; `count` where it says how many it wants.

    `fault` is what is wrong with an encoded one; then it asks for nothing.
    """

    spelled: str
    name: str = ""
    pair: Scope | None = None
    count: int | None = None
    fault: str = ""

    def decision(self, offering: Offering) -> Decision | None:
        """The decision that it asks for, of those that a datastream offers."""
        return offering.by_scope.get(self.pair) if self.pair else offering.by_name.get(self.name)


@lru_cache(maxsize=4096)
def read_scope(spelled: str) -> Asked:
    """Read a decision scope. A text that is no base64 of an object of JSON is a name."""
    found = _decoded(spelled)
    if found is None:
        return Asked(spelled, name=spelled)
    if isinstance(name := found.get("xdm:name"), str):
        return Asked(spelled, name=name)
    prefix = "xdm:" if "xdm:activityId" in found else ""
    activity, placement = found.get(prefix + "activityId"), found.get(prefix + "placementId")
    for key, value in (("activityId", activity), ("placementId", placement)):
        if not isinstance(value, str) or not value:
            return Asked(spelled, fault=f"{key} must be a text that is not empty")
    count = found.get(prefix + "itemCount")
    if count is not None and (type(count) is not int or not 1 <= count <= MOST_ITEMS):
        return Asked(spelled, fault=f"itemCount must be a whole number from 1 to {MOST_ITEMS}")
    return Asked(spelled, pair=Scope(str(activity), str(placement)), count=count)


def _decoded(spelled: str) -> dict[str, Any] | None:
    bare = spelled.rstrip("=").translate(_URL_SAFE)
    try:
        found = json.loads(b64decode(bare + "=" * (-len(bare) % 4), validate=True))
    except (Base64Error, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
