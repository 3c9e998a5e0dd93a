"""Why a definition is refused. Each names what stands in the way as data; `http` gives each its status."""

from __future__ import annotations


class CatalogError(Exception):
    """A definition cannot be made, changed or deleted as asked."""


class NotFoundError(CatalogError):
    """There is no such thing."""

    def __init__(self, noun: str, id: str) -> None:  # noqa: A002 - the field is called id
        super().__init__(f"There is no {noun} {id!r}.")


class NameTakenError(CatalogError):
    """Another definition of this kind has the same name, compared after folding."""

    def __init__(self, noun: str, name: str) -> None:
        super().__init__(f"Another {noun} is already named {name!r}.")
        self.pointer = "/name"


class ScopeTakenError(CatalogError):
    """Another decision has the same pair of activity and placement."""

    def __init__(self, activity_id: str, placement_id: str) -> None:
        super().__init__(f"Another decision already has activity {activity_id!r} and placement {placement_id!r}.")
        self.pointer = "/activityId"


class StaleEditError(CatalogError):
    """The edit was made against a version that is no longer the present one."""

    def __init__(self, noun: str) -> None:
        super().__init__(f"The {noun} was changed by somebody else since you read it. Read it again.")


class InUseError(CatalogError):
    """It cannot go while others use it."""

    def __init__(self, noun: str, used_by: frozenset[str] | set[str]) -> None:
        users = ", ".join(sorted(used_by))
        super().__init__(f"The {noun} is in use by {users}.")
        self.used_by = tuple(sorted(used_by))


class UnsuitableError(CatalogError):
    """Readable, but not possible: a field names something that does not fit. `pointer` names the field."""

    def __init__(self, pointer: str, detail: str) -> None:
        super().__init__(detail)
        self.pointer = pointer


class OverlapError(CatalogError):
    """The location lies inside another dataset's, or holds one."""

    def __init__(self, prefix: str, other: str, dataset_id: str) -> None:
        super().__init__(f"The prefix {prefix!r} overlaps {other!r} of dataset {dataset_id}.")
        self.pointer = "/prefix"


class IllegalTransitionError(CatalogError):
    """The lifecycle has no such step from the present status."""

    def __init__(self, action: str, status: str, allowed: tuple[str, ...]) -> None:
        possible = ", ".join(allowed) or "nothing"
        super().__init__(f"Cannot {action} a model that is {status}. Allowed now: {possible}.")
        self.status = status
        self.allowed = allowed


class NotServedError(CatalogError):
    """Rankings are asked of a model that is not live."""

    def __init__(self, model_id: str, status: str) -> None:
        super().__init__(f"The model {model_id} is {status}; only a live model ranks offers.")
        self.status = status


class ContentionError(CatalogError):
    """Too many changes of the same things at once: this one gave way, and may be asked again."""

    def __init__(self) -> None:
        super().__init__("Too many changes of the same things at once. Ask again.")
