"""The door that pages and apps use, without a token: a call of API Gateway's REST proxy, and an answer to it.

A page may read an answer, a refusal too, only where these headers say so to the origin it comes from.
"""

from __future__ import annotations

import base64
import binascii
import re
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec import Struct
from msgspec.json import encode

from offer_ranking.edge.problem import NO_METHOD, UNAVAILABLE, UNREADABLE, RefusedError

_ORIGIN = re.compile(r"null|[a-z][a-z0-9+.-]{0,31}://[!-~]{1,300}", re.IGNORECASE)
REQUEST_ID = re.compile(r"[!-~]{1,128}")
_ALWAYS = {"Vary": "Origin", "Cache-Control": "no-store"}
_JSON, _PROBLEM = "application/json; charset=utf-8", "application/problem+json"


class Call(Struct, frozen=True):
    """One request. Names of headers are in lower case.

    `request_id` is as the client made it, the same when it repeats a request; a new one where it made none that is fit.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    source: str
    gateway_id: str
    request_id: str
    raw_body: str
    is_base64: bool

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Call:
        """From an event as Lambda gives it, whatever of it is null.

        The path is what the route's {path+} stands for: the event's own begins with the base path of a domain.
        """
        context, query = event.get("requestContext") or {}, _texts(event.get("queryStringParameters"))
        return cls(
            method=str(event.get("httpMethod") or ""),
            path=str((event.get("pathParameters") or {}).get("path") or event.get("path") or ""),
            query=query,
            headers={name.lower(): value for name, value in _texts(event.get("headers")).items()},
            source=str((context.get("identity") or {}).get("sourceIp") or ""),
            gateway_id=str(context.get("requestId") or ""),
            request_id=given if REQUEST_ID.fullmatch(given := query.get("requestId", "")) else str(uuid.uuid4()),
            raw_body=event.get("body") or "",
            is_base64=bool(event.get("isBase64Encoded")),
        )

    @property
    def origin(self) -> str | None:
        """The page's, None for apps and servers."""
        return self.headers.get("origin")

    def body(self) -> str:
        """The body as text. Raises RefusedError."""
        if not self.is_base64:
            return self.raw_body
        try:
            return base64.b64decode(self.raw_body, validate=True).decode()
        except (binascii.Error, ValueError) as error:  # bytes that are no UTF-8 are a ValueError too
            raise RefusedError.of_field(UNREADABLE, "", "must be UTF-8, in base64 where the gateway says so") from error


class Answer(Struct, frozen=True):
    """A status, a body ready to send, and headers beside those that every answer has."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = {}
    is_base64: bool = False

    @classmethod
    def of_bytes(cls, status: int, body: bytes, headers: Mapping[str, str]) -> Answer:
        """A body that need not be text."""
        return cls(status, base64.b64encode(body).decode(), headers, is_base64=bool(body))

    @classmethod
    def of_json(cls, status: int, body: str) -> Answer:
        return cls(status, body, {"Content-Type": _JSON})

    @classmethod
    def refusing(cls, error: RefusedError, call: Call) -> Answer:
        """A problem document; who may ask again is told when."""
        headers = {"Content-Type": _PROBLEM} | ({"Retry-After": "1"} if error.kind is UNAVAILABLE else {})
        return cls(error.kind.status, encode(error.problem(call.request_id)).decode(), headers)

    @classmethod
    def preflight(cls, methods: Collection[str]) -> Answer:
        """No client of Adobe's asks beforehand; whoever does may send what they send."""
        headers = {
            "Access-Control-Allow-Methods": ", ".join(sorted({*methods, "OPTIONS"})),
            "Access-Control-Allow-Headers": "Content-Type",
            "Access-Control-Max-Age": "86400",
        }
        return cls(204, headers=headers)

    def for_origin(self, origin: str | None) -> dict[str, Any]:
        """As API Gateway takes it, readable by pages of this origin, with their cookies."""
        headers = {**_ALWAYS, **self.headers}
        if origin is not None and _ORIGIN.fullmatch(origin):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Allow-Credentials"] = "true"
            headers["Access-Control-Expose-Headers"] = "Retry-After"
        answer: dict[str, Any] = {"statusCode": self.status, "headers": headers, "body": self.body}
        if self.is_base64:
            answer["isBase64Encoded"] = True
        return answer


@dataclass(frozen=True, slots=True)
class Route:
    """What is done at a path, and by which methods."""

    methods: frozenset[str]
    operation: Callable[[Call], Answer]

    def answer(self, call: Call) -> Answer:
        """The operation's answer. Raises RefusedError."""
        if call.method == "OPTIONS":
            return Answer.preflight(self.methods)
        if call.method not in self.methods:
            raise RefusedError(NO_METHOD, f"Allowed here: {', '.join(sorted(self.methods))}.")
        return self.operation(call)


def _texts(given: Mapping[str, Any] | None) -> dict[str, str]:
    return {name: str(value) for name, value in (given or {}).items() if value is not None}
