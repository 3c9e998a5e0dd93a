"""A run that does something to each of many objects: how far it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypedDict

Status = Literal["running", "succeeded", "failed"]


class Objects(TypedDict):
    """Numbers of objects, by what became of the batch that each was in."""

    listed: int
    done: int
    failed: int
    pending: int


def none_listed() -> Objects:
    """Of a run whose listing has not begun."""
    return Objects(listed=0, done=0, failed=0, pending=0)


@dataclass(frozen=True, slots=True)
class MapRun:
    """How Step Functions sees it. `given` is what it was started with, `error` by its name why it failed."""

    id: str
    given: Mapping[str, Any]
    status: Status
    started_at: datetime
    ended_at: datetime | None = None
    error: str | None = None
    objects: Objects = field(default_factory=none_listed)
