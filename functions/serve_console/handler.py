"""The web console: its page, the files that this loads, and how people sign in."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aws_lambda_powertools import Logger

from offer_ranking.http import problem as problems
from offer_ranking.http.problem import RequestError, problem
from offer_ranking.http.sign_in import Discovery
from offer_ranking.http.static_site import FOREVER, StaticSite
from offer_ranking.http.verifier import IssuerUnreachableError
from offer_ranking.storage import clients
from offer_ranking.storage.console_client import ConsoleClient

logger = Logger(service="serve_console")
site = StaticSite.read(Path(__file__).with_name("web"))
discovery = Discovery.from_environment(ConsoleClient(clients.ssm(), os.environ["CONSOLE_CLIENT"]).id)
edge = urlsplit(os.environ["EDGE_URL"])

_ASK_AGAIN = "no-cache"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src {}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A text with how long it may be kept; `policy` says what a page may load."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    policy: str = _POLICY.format("'self'")


def lambda_handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Answer a REST proxy event of the routes /, /console and /console/{file+}; the front drops the body of a HEAD."""
    try:
        answer = _answer(event)
    except (RequestError, IssuerUnreachableError) as error:
        answer = _refusal(error)
    if answer.status == 200 and answer.headers["ETag"] in _known(event):
        answer = Answer(304, "", answer.headers, answer.policy)
    logger.info("request", route=event["resource"], method=event["httpMethod"], status=answer.status)
    headers = {
        "Content-Security-Policy": answer.policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Vary": "Accept-Encoding",
    }
    return {
        "statusCode": answer.status,
        "headers": {**headers, **answer.headers},
        "body": answer.text,
        "isBase64Encoded": False,
    }


def _answer(event: Mapping[str, Any]) -> Answer:
    """Raises RequestError (404), and IssuerUnreachableError where nothing can be said of signing in."""
    if event["resource"] == "/":
        return _led_to(event, "/console/")
    if event["resource"] == "/console":
        return _page() if event["path"].endswith("/") else _led_to(event, "/")
    address = (event.get("pathParameters") or {}).get("file") or ""
    if address == "configuration.json":
        told = {**discovery.sign_in().to_json(), "edgeUrl": edge.geturl()}
        text = json.dumps(told, separators=(",", ":"))
        return _found(text, "application/json", _ASK_AGAIN)
    file = site.file(address)
    if file is None:
        raise RequestError(problems.NOT_FOUND, "There is no such file.")
    return _found(file.text, file.media_type, FOREVER)


def _page() -> Answer:
    """The page, which may talk to the API, to the edge that it tests, and to where tokens are given."""
    reached = ["'self'", f"{edge.scheme}://{edge.netloc}"]
    try:
        reached.append(discovery.sign_in().origin)
    except IssuerUnreachableError as error:
        logger.warning("nobody can sign in", exc_info=error)
    policy = _POLICY.format(" ".join(dict.fromkeys(reached)))
    return _found(site.page.text, site.page.media_type, _ASK_AGAIN, policy)


def _found(text: str, media_type: str, kept: str, policy: str = _POLICY.format("'self'")) -> Answer:
    # Weak, since the same tag stands for the text as it is and for its compressed forms.
    tag = hashlib.sha256(f"{policy}\0{text}".encode()).hexdigest()[:32]
    return Answer(200, text, {"Content-Type": media_type, "Cache-Control": kept, "ETag": f'W/"{tag}"'}, policy)


def _led_to(event: Mapping[str, Any], rest: str) -> Answer:
    """The address that was asked for, stage and base path included, and then `rest`; always of this host."""
    asked = event["requestContext"]["path"].strip("/")
    return Answer(302, "", {"Location": (f"/{asked}" if asked else "") + rest, "Cache-Control": _ASK_AGAIN})


def _refusal(error: Exception) -> Answer:
    document = problem(error)
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    if document["status"] == problems.UNAVAILABLE.status:
        logger.warning("nobody can sign in", exc_info=error)
        headers["Retry-After"] = "1"
    return Answer(document["status"], json.dumps(document), headers)


def _known(event: Mapping[str, Any]) -> set[str]:
    """The tags in If-None-Match, as weak ones (RFC 9110, section 13.1.2)."""
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    tags = (one.strip().removeprefix("W/") for one in headers.get("if-none-match", "").split(","))
    return {f"W/{one}" for one in tags}
