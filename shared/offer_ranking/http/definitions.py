"""What the operations on definitions of every kind share: the record of a change, and answers with their version."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.model import Model
from offer_ranking.http.api import Answer, Call, etag

Definition = Dataset | Model


class History(TypedDict):
    """Every change, oldest first."""

    results: list[Change]


def change_of(call: Call, action: str, now: datetime, before: Definition | None, after: Definition | None) -> Change:
    """The audit record of what a call does; a deletion counts as one version more."""
    version = after.version if after else before.version + 1 if before else 1
    return Change(
        action=action,
        who=call.principal.id,
        at=now,
        version=version,
        before=before.json_ready() if before else None,
        after=after.json_ready() if after else None,
    )


def created(collection: str, thing: Definition) -> Answer:
    """201, with the address of what was created."""
    return Answer.of(thing, 201, Location=f"/{collection}/{thing.id}", ETag=etag(thing.version))


def shown(thing: Definition) -> Answer:
    """A definition as it stands, with what an edit must match."""
    return Answer.of(thing, ETag=etag(thing.version))


def history_answer(changes: list[Change]) -> Answer:
    """Who changed a definition, when, from what, to what."""
    return Answer.of({"results": [change.json_ready() for change in changes]})
