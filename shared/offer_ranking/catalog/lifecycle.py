"""The life of an AI model, as one table: what may be done to it, and what it then becomes."""

from __future__ import annotations

from enum import StrEnum

from offer_ranking.catalog.errors import IllegalTransitionError


class Status(StrEnum):
    """Where a model stands in its life."""

    DRAFT = "draft"
    LIVE = "live"
    ARCHIVED = "archived"


class Action(StrEnum):
    """What a person may do to a model that exists."""

    EDIT = "edit"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    ARCHIVE = "archive"
    DUPLICATE = "duplicate"
    DELETE = "delete"


# The status a model has afterwards; a pair that is not here is refused. A deleted model has none.
TRANSITIONS: dict[tuple[Status, Action], Status | None] = {
    (Status.DRAFT, Action.EDIT): Status.DRAFT,
    (Status.DRAFT, Action.ACTIVATE): Status.LIVE,
    (Status.DRAFT, Action.ARCHIVE): Status.ARCHIVED,
    (Status.DRAFT, Action.DUPLICATE): Status.DRAFT,
    (Status.DRAFT, Action.DELETE): None,
    (Status.LIVE, Action.EDIT): Status.LIVE,
    (Status.LIVE, Action.DEACTIVATE): Status.DRAFT,
    (Status.LIVE, Action.DUPLICATE): Status.LIVE,
    (Status.ARCHIVED, Action.DUPLICATE): Status.ARCHIVED,
    (Status.ARCHIVED, Action.DELETE): None,
}


def allowed(status: Status) -> tuple[str, ...]:
    """The actions that a model of this status takes."""
    return tuple(action.value for action in Action if (status, action) in TRANSITIONS)


def after(status: Status, action: Action) -> Status | None:
    """The status that the action leads to, None for a deletion. Raises IllegalTransitionError."""
    if (status, action) not in TRANSITIONS:
        raise IllegalTransitionError(action.value, status.value, allowed(status))
    return TRANSITIONS[status, action]
