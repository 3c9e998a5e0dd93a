"""Problem documents (RFC 9457), and the one table that gives each error its status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from botocore.exceptions import ClientError, HTTPClientError
from botocore.exceptions import ConnectionError as AwsConnectionError
from pydantic import ValidationError

from offer_ranking.catalog import errors as catalog
from offer_ranking.events.token import KeysUnavailableError
from offer_ranking.http.verifier import IssuerUnreachableError, UnauthenticatedError
from offer_ranking.ranking.quota import QuotaExceededError


class FieldError(TypedDict):
    """What is wrong with one field; `pointer` is a JSON pointer (RFC 6901)."""

    pointer: str
    detail: str


class Problem(TypedDict):
    """The body of every answer that is not a success."""

    type: str
    title: str
    status: int
    detail: str
    errors: NotRequired[list[FieldError]]
    allowed: NotRequired[list[str]]
    usedBy: NotRequired[list[str]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem."""

    slug: str
    status: int
    title: str

    @property
    def type(self) -> str:
        """The URI that names it."""
        return f"urn:offer-ranking:problem:{self.slug}"


class RequestError(Exception):
    """A request that cannot be taken, of a kind, with the fields that are wrong."""

    def __init__(self, kind: Kind, detail: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.errors = errors or []


UNREADABLE = Kind("unreadable", 400, "The request cannot be read")
INVALID = Kind("invalid", 422, "The request is readable, but wrong")
UNAUTHENTICATED = Kind("unauthenticated", 401, "A valid bearer token is needed")
FORBIDDEN = Kind("forbidden", 403, "The permission is missing")
NOT_FOUND = Kind("not-found", 404, "There is no such thing")
NAME_TAKEN = Kind("name-taken", 409, "The name is taken")
SCOPE_TAKEN = Kind("scope-taken", 409, "The activity and placement are taken")
OVERLAP = Kind("overlap", 409, "The location overlaps another dataset's")
IN_USE = Kind("in-use", 409, "It is in use")
ILLEGAL_TRANSITION = Kind("illegal-transition", 409, "The lifecycle has no such step")
NOT_LIVE = Kind("not-live", 409, "The model is not live")
STALE = Kind("stale", 412, "It was changed meanwhile")
TOO_LARGE = Kind("too-large", 413, "The request is too large")
UNSUPPORTED = Kind("unsupported-media-type", 415, "The content type is not supported")
KEY_REUSED = Kind("idempotency-key-reused", 422, "The idempotency key was used for another request")
MATCH_NEEDED = Kind("match-needed", 428, "If-Match is needed")
THROTTLED = Kind("throttled", 429, "Too many requests")
UNEXPECTED = Kind("unexpected", 500, "Something went wrong on our side")
UNAVAILABLE = Kind("unavailable", 503, "Try again in a moment")

PASSING = frozenset({THROTTLED.status, UNAVAILABLE.status})
"""Statuses of what is worth asking again; Retry-After says in how many seconds."""

_MOST_ERRORS = 50
_MOST_FAULTS = 1000  # that are worth the memory of telling them apart
# As DynamoDB, S3, Step Functions and SQS call it when they have too much to do, or fail.
_BUSY = frozenset({
    "ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded", "Throttling", "SlowDown",
    "TransactionInProgressException", "InternalServerError", "InternalError", "ServiceUnavailable",
    "ServiceUnavailableException",
})  # fmt: skip

STATUS_OF: dict[type[Exception], Kind] = {
    UnauthenticatedError: UNAUTHENTICATED,
    IssuerUnreachableError: UNAVAILABLE,
    KeysUnavailableError: UNAVAILABLE,
    catalog.ContentionError: UNAVAILABLE,
    QuotaExceededError: THROTTLED,
    catalog.NotFoundError: NOT_FOUND,
    catalog.NameTakenError: NAME_TAKEN,
    catalog.ScopeTakenError: SCOPE_TAKEN,
    catalog.StaleEditError: STALE,
    catalog.InUseError: IN_USE,
    catalog.OverlapError: OVERLAP,
    catalog.UnsuitableError: INVALID,
    catalog.IllegalTransitionError: ILLEGAL_TRANSITION,
    catalog.NotServedError: NOT_LIVE,
}


def problem(error: Exception) -> Problem:
    """The problem document of an error; what is in no table is unexpected, and says nothing of its inside."""
    if isinstance(error, ValidationError):
        error = invalid(error)
    kind = error.kind if isinstance(error, RequestError) else STATUS_OF.get(type(error), UNEXPECTED)
    detail = str(error) if kind is not UNEXPECTED else "The request was logged; ask again, or ask us."
    if kind is UNEXPECTED and _passes(error):
        kind, detail = UNAVAILABLE, "A service that this needs does not answer."
    document = Problem(type=kind.type, title=kind.title, status=kind.status, detail=detail or kind.title)
    if isinstance(error, RequestError) and error.errors:
        document["errors"] = error.errors
    elif (pointer := getattr(error, "pointer", None)) is not None:
        document["errors"] = [FieldError(pointer=pointer, detail=detail)]
    if isinstance(error, catalog.IllegalTransitionError):
        document["allowed"] = list(error.allowed)
    if isinstance(error, catalog.InUseError):
        document["usedBy"] = list(error.used_by)
    return document


def _passes(error: Exception) -> bool:
    """Whether AWS did not answer, or had too much to do; what it refuses for another reason, it will refuse again."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= UNEXPECTED.status or error.response["Error"]["Code"] in _BUSY
    return isinstance(error, (AwsConnectionError, HTTPClientError))


def invalid(error: ValidationError, *, under: tuple[str, ...] = ()) -> RequestError:
    """What a validation found, as a refusal; `under` says which part of the request was validated.

    Of a list or a mapping that is the first item that is wrong (`fail_fast` in its type): a body of 6 MB can hold
    millions of them, and pydantic keeps a kilobyte of each. Only unknown fields can be many.
    """
    if error.error_count() > _MOST_FAULTS:
        detail = f"holds {error.error_count():,} faults; most are fields that nobody asked for"
        return RequestError(INVALID, f"The request {detail}.", [FieldError(pointer=pointer(under), detail=detail)])
    found = error.errors(include_url=False, include_context=False, include_input=False)
    # To pydantic a list whose items were refused has none left.
    above = {one["loc"][:depth] for one in found for depth in range(len(one["loc"]))}
    found = [one for one in found if one["type"] != "too_short" or one["loc"] not in above]
    unreadable = any(one["type"] == "json_invalid" for one in found)
    errors = [
        FieldError(pointer=pointer((*under, *one["loc"])), detail=one["msg"].removeprefix("Value error, "))
        for one in found[:_MOST_ERRORS]
    ]
    detail = "; ".join(f"{one['pointer'] or 'the body'}: {one['detail']}" for one in errors[:3])
    return RequestError(UNREADABLE if unreadable else INVALID, detail, errors)


def pointer(location: tuple[int | str, ...]) -> str:
    """A place inside a document as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in location)


def example(kind: Kind) -> dict[str, Any]:
    """What the OpenAPI document shows of a kind."""
    return {"type": kind.type, "title": kind.title, "status": kind.status, "detail": kind.title}
