"""API Gateway's part on one machine: from HTTP to a REST proxy event, past the authorizer, and back."""

from __future__ import annotations

import base64
import gzip
import json
import logging
import re
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from infra.local.runtime import LocalFunction
from infra.local.template import ACCOUNT, REGION, GatewayResponse, RestApi, Route

_LOG = logging.getLogger(__name__)
_POLICIES_KEPT = 10_000
# One machine has no more environments when more is asked for, and what waits too long has been given up by who asked.
MOST_AT_ONCE = 64
_REPEATED = "method.request.header."
# Status and message of API Gateway's own answers, by the kind that GatewayResponses name.
_OWN_ANSWERS = {
    "UNAUTHORIZED": (401, "Unauthorized"),
    "ACCESS_DENIED": (403, "User is not authorized to access this resource"),
    "MISSING_AUTHENTICATION_TOKEN": (403, "Missing Authentication Token"),
    "REQUEST_TOO_LARGE": (413, "Request Too Long"),
    "THROTTLED": (429, "Too Many Requests"),
    "AUTHORIZER_FAILURE": (500, "Internal server error"),
    "INTEGRATION_FAILURE": (502, "Internal server error"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request. `path` is as sent, without the query; headers are in the order in which they came."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    body: bytes
    source: str

    def header(self, name: str) -> str | None:
        """The last header of that name, in whatever case."""
        values = [value for one, value in self.headers if one.lower() == name]
        return values[-1] if values else None


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer, ready to send."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @classmethod
    def json(cls, status: int, document: Mapping[str, Any], **headers: str) -> Response:
        """A JSON answer. Header names are given with underscores."""
        named = [(name.replace("_", "-"), value) for name, value in headers.items()]
        return cls(status, [("Content-Type", "application/json"), *named], json.dumps(document).encode())


class _OwnAnswerError(Exception):
    """API Gateway answers by itself, with an answer of this kind."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(slots=True)
class Gateway:
    """Routes requests to functions by the template. Below `base` are the API's paths, as they are below a domain's."""

    api: RestApi
    functions: Mapping[str, LocalFunction]
    base: str = ""
    _policies: dict[tuple[str, str], tuple[float, dict[str, Any]]] = field(default_factory=dict, init=False)
    _room: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(MOST_AT_ONCE), init=False)

    def answer(self, request: Request) -> Response:
        """The function's answer, or API Gateway's own: 429 at once where too many wait already."""
        request_id = str(uuid.uuid4())
        if not self._room.acquire(blocking=False):
            return self.own_answer("THROTTLED", request, request_id)
        try:
            return self._answer(request, request_id)
        finally:
            self._room.release()

    def _answer(self, request: Request, request_id: str) -> Response:
        try:
            route, path_parameters = self._route(request)
            authorized = self._authorize(route, request)
            event = _proxy_event(
                request, route, path_parameters, api=self.api, request_id=request_id, authorized=authorized
            )
            event["requestContext"]["path"] = self.base + request.path
            return self._compressed(self._call(route.function, event), request)
        except _OwnAnswerError as error:
            return self.own_answer(error.kind, request, request_id)

    def own_answer(self, kind: str, request: Request | None = None, request_id: str = "") -> Response:
        """An answer of API Gateway's own, as the template words it, or else as a plain problem document (RFC 9457)."""
        status, message = _OWN_ANSWERS[kind]
        worded = self.api.own_answers
        default = worded.get("DEFAULT_4XX" if status < 500 else "DEFAULT_5XX", GatewayResponse(None, {}, None))
        own = worded.get(kind, default)
        body = own.body or json.dumps({"type": "about:blank", "title": message, "status": status, "detail": message})
        for name, value in (
            ("$context.requestId", request_id),
            ("$context.error.messageString", json.dumps(message)),
            ("$context.error.message", message),
        ):
            body = body.replace(name, value)
        said = {name: _said(value, request) for name, value in own.headers.items()}
        headers = {"Content-Type": "application/problem+json", **{k: v for k, v in said.items() if v is not None}}
        return Response(own.status or status, list(headers.items()), body.encode())

    def _compressed(self, response: Response, request: Request) -> Response:
        least = self.api.compressed_from
        if least is None or len(response.body) < least or not _takes_gzip(request.header("accept-encoding") or ""):
            return response
        headers = [*response.headers, ("Content-Encoding", "gzip")]
        return Response(response.status, headers, gzip.compress(response.body, mtime=0))

    def _route(self, request: Request) -> tuple[Route, dict[str, str]]:
        found = [
            (route, match.groupdict())
            for route in self.api.routes
            if route.method in {request.method, "ANY"} and (match := _pattern(route.path).fullmatch(request.path))
        ]
        if not found:
            raise _OwnAnswerError("MISSING_AUTHENTICATION_TOKEN")
        route, parameters = min(found, key=lambda one: len(one[1]))  # a literal path goes before a parameter
        return route, parameters  # as they were sent: API Gateway decodes a query only

    def _authorize(self, route: Route, request: Request) -> dict[str, Any]:
        """What the authorizer says of the caller. Raises _OwnAnswerError when the caller may not pass."""
        if route.authorizer is None:
            return {}
        token = request.header("authorization")
        if not token:
            raise _OwnAnswerError("UNAUTHORIZED")
        arn = f"arn:aws:execute-api:{REGION}:{ACCOUNT}:local/{self.api.stage}/{request.method}{request.path}"
        policy = self._policy(route.authorizer, token, arn)
        if not _allows(policy.get("policyDocument", {}), arn):
            raise _OwnAnswerError("ACCESS_DENIED")
        return {"principalId": policy.get("principalId"), **policy.get("context", {})}

    def _policy(self, name: str, token: str, arn: str) -> dict[str, Any]:
        until, policy = self._policies.get((name, token), (0.0, {}))
        if time.monotonic() < until:
            return policy
        authorizer = self.api.authorizers[name]
        event = {"type": "TOKEN", "authorizationToken": token, "methodArn": arn}
        try:
            policy = dict(self.functions[authorizer.function].invoke(event))
        except Exception as error:
            if str(error) == "Unauthorized":
                raise _OwnAnswerError("UNAUTHORIZED") from error
            _LOG.exception("the authorizer failed")
            raise _OwnAnswerError("AUTHORIZER_FAILURE") from error
        if len(self._policies) >= _POLICIES_KEPT:
            self._policies.clear()
        self._policies[name, token] = (time.monotonic() + authorizer.seconds_kept, policy)
        return policy

    def _call(self, function: str, event: Mapping[str, Any]) -> Response:
        try:
            return _http(self.functions[function].invoke(event))
        except Exception as error:
            _LOG.exception("%s failed", function)
            raise _OwnAnswerError("INTEGRATION_FAILURE") from error


def _said(value: str, request: Request | None) -> str | None:
    """A header of an answer of API Gateway's own; None where it repeats what the request does not say."""
    if not value.startswith(_REPEATED):
        return value.strip("'")
    return request.header(value.removeprefix(_REPEATED).lower()) if request else None


def _pattern(path: str) -> re.Pattern[str]:
    """The paths that a route's path stands for: {name} is one step, {name+} all the rest; a last slash is no matter."""
    parts = re.split(r"\{(\w+\+?)\}", path)
    steps = [
        re.escape(part) if n % 2 == 0 else f"(?P<{part.rstrip('+')}>{'.+' if part.endswith('+') else '[^/]+'})"
        for n, part in enumerate(parts)
    ]
    return re.compile("".join(steps) + "/?")


def _takes_gzip(accepted: str) -> bool:
    """Whether an Accept-Encoding names gzip, and not to say that it is refused (RFC 9110, section 12.5.3)."""
    codings = (one.replace(" ", "").lower().partition(";q=") for one in accepted.split(","))
    return any(name == "gzip" and not re.fullmatch(r"0(\.0*)?", weight) for name, _, weight in codings)


def _allows(document: Mapping[str, Any], arn: str) -> bool:
    """Whether an IAM policy lets the method be invoked: some statement allows it, and none denies it."""
    effects = {
        statement["Effect"]
        for statement in document.get("Statement", [])
        if any(_matches(resource, arn) for resource in _listed(statement["Resource"]))
        and any(_matches(action, "execute-api:Invoke") for action in _listed(statement["Action"]))
    }
    return effects == {"Allow"}


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def _matches(pattern: str, text: str) -> bool:
    wild = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wild, text, re.DOTALL) is not None


def _proxy_event(  # noqa: PLR0913 - what an event is made of
    request: Request,
    route: Route,
    path_parameters: dict[str, str],
    *,
    api: RestApi,
    request_id: str,
    authorized: dict[str, Any],
) -> dict[str, Any]:
    """The request as Lambda proxy integration of a REST API hands it on (payload version 1.0)."""
    query = parse_qsl(request.query, keep_blank_values=True)
    context: dict[str, Any] = {
        "accountId": ACCOUNT,
        "apiId": "local",
        "httpMethod": request.method,
        "identity": {"sourceIp": request.source, "userAgent": request.header("user-agent")},
        "protocol": "HTTP/1.1",
        "requestId": request_id,
        "requestTimeEpoch": int(1000 * time.time()),
        "resourcePath": route.path,
        "stage": api.stage,
    }
    if authorized:
        context["authorizer"] = authorized
    return {
        "resource": route.path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(request.headers),
        "multiValueHeaders": _gathered(request.headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _gathered(query) or None,
        "pathParameters": path_parameters or None,
        "stageVariables": None,
        "requestContext": context,
        "body": _body(request, api) if request.body else None,
        "isBase64Encoded": bool(request.body) and api.takes_binary,
    }


def _body(request: Request, api: RestApi) -> str:
    """API Gateway hands text on as UTF-8, with what is none of it replaced."""
    if api.takes_binary:
        return base64.b64encode(request.body).decode()
    return request.body.decode("utf-8", errors="replace")


def _gathered(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for name, value in pairs:
        gathered.setdefault(name, []).append(value)
    return gathered


def _http(answer: Mapping[str, Any]) -> Response:
    """A proxy integration's answer as HTTP. Raises KeyError and the like when it is not of that form."""
    body = answer.get("body") or ""
    several = {**{k: [v] for k, v in (answer.get("headers") or {}).items()}, **(answer.get("multiValueHeaders") or {})}
    headers = [(name, str(value)) for name, values in several.items() for value in values]
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return Response(int(answer["statusCode"]), headers, raw)
