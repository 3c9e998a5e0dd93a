"""Why a request is refused, in the form that Adobe's clients know (RFC 7807), each kind under Adobe's own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

TYPES = "https://ns.adobe.com/aep/errors/"


class Field(TypedDict):
    """What is wrong with one field; `pointer` is a JSON pointer (RFC 6901), or names a parameter of the query."""

    pointer: str
    detail: str


class Report(TypedDict):
    """What a machine wants to know of a problem."""

    requestId: NotRequired[str]
    eventIndex: NotRequired[int]
    fields: NotRequired[list[Field]]


class Problem(TypedDict):
    """An answer of its own, or, of partial success, one of its `errors`."""

    type: str
    status: int
    title: str
    detail: str
    report: NotRequired[Report]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem; the code ends in its status."""

    code: str
    title: str

    @property
    def status(self) -> int:
        return int(self.code[-3:])


UNKNOWN_DATASTREAM = Kind("EXEG-0003-400", "Invalid datastream ID")
UNREADABLE = Kind("EXEG-0103-400", "The request cannot be read")
INVALID = Kind("EXEG-0104-422", "The request is readable, but wrong")
FOREIGN_ORIGIN = Kind("EXEG-0301-403", "The origin may not ask")
NO_ROUTE = Kind("EXEG-0401-404", "There is no such route")
NO_METHOD = Kind("EXEG-0402-405", "The route has no such method")
UNEXPECTED = Kind("EXEG-0500-500", "Something went wrong on our side")
UNAVAILABLE = Kind("EXEG-0201-503", "Try again in a moment")
UNKNOWN_SCOPE = Kind("ODE-0001-404", "Not found")
INVALID_SCOPE = Kind("ODE-0002-400", "Invalid scope")


class RefusedError(Exception):
    """A request is not taken, for a reason of this kind; `fields` are those that are wrong.

    `kept` is what may be remembered of it: the same, but for what repeats the client's own words.
    """

    def __init__(self, kind: Kind, detail: str, fields: Sequence[Field] = (), *, kept: str | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.fields = fields
        self.kept = detail if kept is None else kept

    @classmethod
    def of_field(cls, kind: Kind, pointer: str, detail: str, *, kept: str | None = None) -> RefusedError:
        """One field is wrong; the sentence names it too, since pages log no more than that."""
        return cls(kind, f"{pointer or 'the body'}: {detail}", [Field(pointer=pointer, detail=detail)], kept=kept)

    def problem(self, request_id: str) -> Problem:
        """The document of it."""
        report = Report(requestId=request_id)
        if self.fields:
            report["fields"] = list(self.fields)
        return problem(self.kind, str(self), report)


def problem(kind: Kind, detail: str, report: Report) -> Problem:
    """A problem document."""
    return Problem(type=TYPES + kind.code, status=kind.status, title=kind.title, detail=detail, report=report)
