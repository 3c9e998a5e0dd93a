"""Operations over Powertools' router: who may, what goes in, what comes out, in one declaration each.

The router's own validation is not used: it runs before any check of who calls, takes the first of a list for an
object, validates every answer a second time, and adds an eighth to a cold start. Pydantic reads the body itself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import inspect
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, get_type_hints
from urllib.parse import unquote

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import APIGatewayRestResolver, LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from pydantic import BaseModel, TypeAdapter, ValidationError

from offer_ranking.catalog.errors import StaleEditError
from offer_ranking.http import problem as problems
from offer_ranking.http.measured import measured, timed
from offer_ranking.http.principal import Permission, Principal
from offer_ranking.http.problem import FieldError, Kind, RequestError, problem
from offer_ranking.http.verifier import UnauthenticatedError, Verifier

MAX_BODY_BYTES = 6_000_000  # what Lambda takes
JSON_TYPES = ("application/json", "application/merge-patch+json")
_PUBLIC = Principal("anonymous", frozenset())
# A cache before the API that is not told gives an answer to whoever asks next, with another token or none.
_NEVER_KEPT = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Answer:
    """What an operation answers: a status, a body ready to send, headers."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: BaseModel | Mapping[str, Any], status: int = 200, **headers: str) -> Answer:
        """A JSON answer. Header names are given with underscores."""
        text = value.model_dump_json() if isinstance(value, BaseModel) else json.dumps(value, separators=(",", ":"))
        return cls(status, text, {name.replace("_", "-"): one for name, one in headers.items()})

    @classmethod
    def none(cls) -> Answer:
        """204."""
        return cls(204, "")

    def to_json(self) -> str:
        """For an Idempotency-Key to answer again."""
        return json.dumps({"status": self.status, "body": self.body, "headers": dict(self.headers)})

    @classmethod
    def from_json(cls, text: str) -> Answer:
        """What to_json wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Call:
    """One request, after its caller is known."""

    principal: Principal
    operation: str
    request_id: str
    headers: Mapping[str, str]
    body: bytes
    path: Mapping[str, str] = field(default_factory=dict)

    def must_match(self, noun: str, version: int) -> None:
        """Raises RequestError (428) without If-Match, StaleEditError (412) when it names another version."""
        header = self.headers.get("if-match", "").strip()
        if not header:
            raise RequestError(problems.MATCH_NEEDED, "Send the ETag you read as If-Match.")
        if header != "*" and etag(version) not in [one.strip() for one in header.split(",")]:
            raise StaleEditError(noun)

    def idempotency_key(self) -> str | None:
        """What a repeated create is known by: caller, operation and Idempotency-Key, hashed. Raises RequestError."""
        key = self.headers.get("idempotency-key")
        if key is None:
            return None
        if not 1 <= len(key) <= 255:
            errors = [FieldError(pointer="/headers/Idempotency-Key", detail="must have 1 to 255 characters")]
            raise RequestError(problems.INVALID, "The Idempotency-Key must have 1 to 255 characters.", errors)
        parts = json.dumps([self.principal.id, self.operation, key])
        return hashlib.sha256(parts.encode()).hexdigest()

    def request_hash(self) -> str:
        """What is asked for, and of what: the body and what the path names."""
        named = json.dumps(dict(self.path), sort_keys=True).encode() if self.path else b""
        return hashlib.sha256(named + self.body).hexdigest()


@dataclass(frozen=True, slots=True)
class Operation:
    """One route, for the router and for the OpenAPI document."""

    method: str
    path: str
    handler: Callable[..., Answer]
    needs: Permission | None
    or_needs: Permission | None
    gives: Any
    status: int
    body: Any
    query: type[BaseModel] | None
    problems: tuple[Kind, ...]
    takes: tuple[str, ...] = JSON_TYPES

    @property
    def id(self) -> str:
        """The handler's name."""
        return self.handler.__name__

    def is_open_to(self, principal: Principal) -> bool:
        """Whether it is public, or the caller has a permission that it needs."""
        return self.needs is None or self.needs in principal.permissions or self.or_needs in principal.permissions

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (inspect.getdoc(self.handler) or "").partition("\n")[0]


class Api:
    """The operations of one function, and its Lambda handler.

    `iam` is what a caller with an IAM principal may do through the function's own URL; without it such an event is
    not authenticated. `measures` are metrics of the ranking just answered, by name.
    """

    def __init__(
        self,
        logger: Logger,
        *,
        iam: Permission | None = None,
        measures: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        self.operations: list[Operation] = []
        self.logger = logger
        self._iam = iam
        self._measures = measures
        self._verifier: Verifier | None = None
        self._router = Router()  # type: ignore[no-untyped-call]
        self._rest = APIGatewayRestResolver()
        self._url = LambdaFunctionUrlResolver()
        for resolver in (self._rest, self._url):
            resolver.exception_handler(Exception)(self._failed)
            resolver.not_found(self._not_found)
        self._included = False

    def operation(  # noqa: PLR0913 - a declaration
        self,
        method: str,
        path: str,
        *,
        needs: Permission | None,
        or_needs: Permission | None = None,
        gives: Any = None,  # noqa: ANN401 - a type
        status: int = 200,
        problems: tuple[Kind, ...] = (),
        takes: tuple[str, ...] = JSON_TYPES,
    ) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
        """Declare an operation, which `or_needs` opens as well as `needs`.

        Its handler takes `call`, path parameters by name, and typed `body` and `query`. A body is JSON whatever its
        content type is called; `takes` are those it may be called by.
        """

        def declare(handler: Callable[..., Answer]) -> Callable[..., Answer]:
            hints = get_type_hints(handler)
            one = Operation(
                method,
                path,
                handler,
                needs,
                or_needs,
                gives,
                status,
                hints.get("body"),
                hints.get("query"),
                problems,
                takes,
            )
            self.operations.append(one)
            self._router.route(path.replace("{", "<").replace("}", ">"), method=method)(self._run(one))
            return handler

        return declare

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own
        """The Lambda handler."""
        started = time.perf_counter()
        if not self._included:
            self._rest.include_router(self._router)
            self._url.include_router(self._router)
            self._included = True
        is_url = event.get("version") == "2.0"
        if is_url and self._iam is None:
            answer = _problem_answer(UnauthenticatedError("This function has no address of its own."))
        else:
            answer = (self._url if is_url else self._rest).resolve(_rooted(event), context)
        request = event.get("requestContext") or {}
        milliseconds = round(1000 * (time.perf_counter() - started), 2)
        self.logger.info(
            "request",
            method=event.get("httpMethod") or (request.get("http") or {}).get("method"),
            route=event.get("resource") or "url",
            status=answer["statusCode"],
            milliseconds=milliseconds,
            request_id=request.get("requestId"),
            **measured(timed(self._measures(), milliseconds)),
        )
        return answer

    def _run(self, operation: Operation) -> Callable[..., Response[str]]:
        hints = get_type_hints(operation.handler)
        wants = inspect.signature(operation.handler).parameters
        takes_body = "body" in wants

        @cache  # built at the first request, not at a cold start of a function that may never see one
        def body_type() -> TypeAdapter[Any]:
            return TypeAdapter(hints["body"])

        def run(**path: str) -> Response[str]:
            event = self._router.current_event.raw_event
            # API Gateway decodes a query, and hands a path on as it was sent, with all that stands in it.
            given = event.get("pathParameters") or {}
            arguments: dict[str, Any] = {name: unquote(given.get(name, value)) for name, value in path.items()}
            call = self._call(operation, event, dict(arguments))
            if "call" in wants:
                arguments["call"] = call
            if operation.query is not None:
                arguments["query"] = _query(operation.query, event)
            if takes_body:
                _check_content_type(call.headers, operation.takes)
                arguments["body"] = body_type().validate_json(call.body)
            answer = operation.handler(**arguments)
            headers = {**_NEVER_KEPT, **answer.headers}
            if "Location" in headers:
                headers["Location"] = _seen_from(event, headers["Location"])
            return Response(answer.status, "application/json", answer.body, headers)

        run.__name__ = operation.id
        return run

    def _call(self, operation: Operation, event: dict[str, Any], path: Mapping[str, str]) -> Call:
        headers = {
            name.lower(): str(value) for name, value in (event.get("headers") or {}).items() if value is not None
        }
        context = event.get("requestContext") or {}
        principal = _PUBLIC if operation.needs is None else self._principal(headers, event)
        if not operation.is_open_to(principal):
            needed = " or ".join(repr(one.value) for one in (operation.needs, operation.or_needs) if one)
            raise RequestError(problems.FORBIDDEN, f"This needs the permission {needed}.")
        return Call(principal, operation.id, str(context.get("requestId", "")), headers, _body(event), path)

    def _principal(self, headers: Mapping[str, str], event: dict[str, Any]) -> Principal:
        if event.get("version") == "2.0" and self._iam is not None:
            iam = ((event.get("requestContext") or {}).get("authorizer") or {}).get("iam") or {}
            if iam.get("userArn"):
                return Principal(iam["userArn"], frozenset({self._iam}))
        if self._verifier is None:
            self._verifier = Verifier.from_environment()
        return self._verifier.principal(headers.get("authorization"))

    def _failed(self, error: Exception) -> Response[str]:
        document = problem(error)
        if document["status"] >= 500:
            self.logger.error("failed", exc_info=error)
        is_passing = document["status"] in problems.PASSING
        again = {"Retry-After": str(getattr(error, "retry_after", 1))} if is_passing else {}
        return Response(document["status"], "application/problem+json", json.dumps(document), _NEVER_KEPT | again)

    def _not_found(self, _: Exception) -> Response[str]:
        return self._failed(RequestError(problems.NOT_FOUND, "There is no such route."))


def etag(version: int) -> str:
    """A version as a strong entity tag."""
    return f'"{version}"'


def _rooted(event: dict[str, Any]) -> dict[str, Any]:
    """The event with a path of the API's own: API Gateway leaves before it the base path that a domain maps it to."""
    path = str(event.get("path") or "")
    before = _steps_before(event, path)
    return event | {"path": "/" + "/".join(path.strip("/").split("/")[before:])} if before else event


def _seen_from(event: dict[str, Any], address: str) -> str:
    """A path of the API's own as a reference from the address that was asked for (RFC 9110, section 10.2.2).

    Relative where a stage or a base path stands before it: who asks may see that, or a proxy's instead.
    """
    asked = str((event.get("requestContext") or {}).get("path") or "")
    before = _steps_before(event, asked)
    return "../" * (asked.count("/") - before - 1) + address[1:] if before else address


def _steps_before(event: dict[str, Any], path: str) -> int:
    """How many steps of a path stand before those of its route."""
    route = str(event.get("resource") or "")
    return path.strip("/").count("/") - route.strip("/").count("/") if route else 0


def _problem_answer(error: Exception) -> dict[str, Any]:
    document = problem(error)
    headers = {"Content-Type": "application/problem+json", **_NEVER_KEPT}
    return {"statusCode": document["status"], "headers": headers, "body": json.dumps(document)}


def _query(kind: type[BaseModel], event: dict[str, Any]) -> BaseModel:
    parameters = {
        name: value for name, value in (event.get("queryStringParameters") or {}).items() if value is not None
    }
    try:
        return kind.model_validate_strings(parameters)
    except ValidationError as error:
        raise problems.invalid(error, under=("query",)) from error


def _check_content_type(headers: Mapping[str, str], takes: tuple[str, ...]) -> None:
    given = headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in {"", *takes}:
        raise RequestError(problems.UNSUPPORTED, f"Send {takes[0]}, not {given!r}.")


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    if event.get("isBase64Encoded"):
        try:
            raw = base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise RequestError(problems.UNREADABLE, "The body is not valid base64.") from error
    else:
        raw = body.encode("utf-8", errors="surrogatepass")  # a lone surrogate is then refused as bad UTF-8
    if len(raw) > MAX_BODY_BYTES:
        raise RequestError(problems.TOO_LARGE, f"The body exceeds {MAX_BODY_BYTES} bytes.")
    return raw
