"""The audit record: every change of a definition says who, when, before and after."""

from __future__ import annotations

from typing import Any

from offer_ranking.catalog.value import Moment, Value


class Change(Value):
    """One change of one definition. `before` is null for a creation, `after` for a deletion."""

    action: str
    who: str
    at: Moment
    version: int
    before: dict[str, Any] | None
    after: dict[str, Any] | None
