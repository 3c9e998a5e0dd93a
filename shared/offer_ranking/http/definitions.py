"""What the operations on definitions of every kind share: the record of a change, and answers with their version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Protocol, TypedDict, TypeVar

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.datastream import Datastream
from offer_ranking.catalog.decision import Decision
from offer_ranking.catalog.errors import NotFoundError, UnsuitableError
from offer_ranking.catalog.listing import read_place, size_of, within, write_place
from offer_ranking.catalog.model import Model
from offer_ranking.catalog.once import Once
from offer_ranking.http.api import Answer, Call, etag
from offer_ranking.http.lists import PageQuery

Definition = Dataset | Model | Decision | Datastream
D_contra = TypeVar("D_contra", Dataset, Model, Decision, Datastream, contravariant=True)
_VERSION = "version"


class HistoryPage(TypedDict):
    """Changes, oldest first, fewer than asked for when they are large; `next` is the `start` of the next page."""

    results: list[Change]
    next: str | None


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


class Store(Protocol[D_contra]):
    """Where definitions of one kind are created."""

    @property
    def noun(self) -> str: ...
    def create(self, new: D_contra, change: Change, once: Once | None) -> None: ...


def creating(  # noqa: PLR0913 - what is created where, and by whom
    call: Call,
    store: Store[D_contra],
    thing: D_contra,
    now: datetime,
    *,
    action: str = "create",
    check: Callable[[], None] | None = None,
) -> Callable[[Callable[[Answer], Once | None]], Answer]:
    """The create of a definition, for `once`: 201, with its address.

    A repeated one never comes to `check`, which might refuse it by now.
    """

    def create(remembering: Callable[[Answer], Once | None]) -> Answer:
        if check:
            check()
        answer = Answer.of(thing, 201, Location=f"/{store.noun}s/{thing.id}", ETag=etag(thing.version))
        store.create(thing, change_of(call, action, now, None, thing), remembering(answer))
        return answer

    return create


def shown(thing: Definition) -> Answer:
    """A definition as it stands, with what an edit must match."""
    return Answer.of(thing, ETag=etag(thing.version))


class Changes(Protocol):
    """Where the changes of one kind of definition are recorded."""

    @property
    def noun(self) -> str: ...
    def changes(self, id: str, after: int) -> Iterator[Change]: ...  # noqa: A002 - the field is called id


def history_page(store: Changes, id: str, query: PageQuery) -> Answer:  # noqa: A002
    """A page of changes, whose definitions may be large. Raises NotFoundError when there never was such a thing."""
    after = _version(query.start) if query.start else 0
    changes = store.changes(id, after)
    found = within(islice(changes, query.limit), size_of)
    if not found and not after:
        raise NotFoundError(store.noun, id)
    more = bool(found) and next(store.changes(id, found[-1].version), None) is not None
    place = write_place(_VERSION, str(found[-1].version)) if more else None
    return Answer.of({"results": [change.json_ready() for change in found], "next": place})


def _version(start: str) -> int:
    (version,) = read_place(start, _VERSION, 1)
    if not (version.isascii() and version.isdecimal() and len(version) <= 10):
        raise UnsuitableError("/query/start", "start is not a place that a list answered as next")
    return int(version)
