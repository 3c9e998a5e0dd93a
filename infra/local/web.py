"""The HTTP server of one machine: the issuer's addresses, the API's, and the emulator's door to the functions."""

from __future__ import annotations

import contextlib
import http.server
import logging
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from infra.local.code_flow import AuthorizationError, CodeFlow, UnknownClientError
from infra.local.emulator import StartError
from infra.local.gateway import Gateway, Request, Response
from infra.local.issuer import TokenRequestError
from infra.local.workflows import Door

_LOG = logging.getLogger(__name__)
MAX_BODY_BYTES = 10 * 1024 * 1024  # what API Gateway takes
_IDLE_SECONDS = 60
_TOKEN = {"Cache_Control": "no-store", "Access_Control_Allow_Origin": "*"}  # as Cognito does
_PAGE = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Security-Policy", "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
    ("Cache-Control", "no-store"),
]


class Answers(Protocol):
    """What stands behind a server."""

    def answer(self, request: Request, /) -> Response:
        """The answer to a request."""

    def refuse(self, kind: str, /) -> Response:
        """The answer to what is no request, by one of API Gateway's names for it."""


class Server(http.server.ThreadingHTTPServer):
    """A thread a connection on 127.0.0.1, bound when made. Requests wait until `site` is there and serving began.

    With `tls` it speaks HTTPS only.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        try:
            super().__init__(("127.0.0.1", port), _Connection)
        except OSError as error:
            raise StartError(f"Port {port} of 127.0.0.1 cannot be had: {error.strerror}.") from error
        self.site: Answers | None = None
        self._scheme = "http" if tls is None else "https"
        if tls is not None:  # the handshake is left to the connection's own thread: a slow client holds up nobody
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self.server_port}"

    @contextlib.contextmanager
    def serving(self, site: Answers) -> Iterator[None]:
        """Answer from another thread."""
        self.site = site
        thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, name="server")
        thread.start()
        try:
            yield
        finally:
            self.shutdown()
            thread.join()

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 - the base class's own
        """A connection that broke is the client's business."""
        _LOG.debug("connection failed", exc_info=True)


class Site:
    """The issuer's addresses, the door and, for all else, the gateways: one at the root, others below their stages."""

    def __init__(self, sign_in: CodeFlow, root: Gateway, others: Sequence[Gateway], door: Door) -> None:
        self._sign_in = sign_in
        self._issuer = sign_in.issuer
        self._root = root
        self._others = {gateway.api.stage: gateway for gateway in others}
        self._door = door

    def answer(self, request: Request) -> Response:
        if (function := self._door.function(request)) is not None:
            return self._door.answer(function, request)
        if (response := self._issuers(request)) is not None:
            return response
        _, stage, *rest = request.path.split("/", 2)
        if (gateway := self._others.get(stage)) is not None:
            return gateway.answer(replace(request, path="/" + "".join(rest)))
        return self._root.answer(request)

    def refuse(self, kind: str) -> Response:
        """An answer of API Gateway's own, to what is no request."""
        return self._root.own_answer(kind)

    def _issuers(self, request: Request) -> Response | None:
        """What the issuer answers; None where the address is not its own."""
        match request.method, request.path:
            case "GET", "/.well-known/openid-configuration":
                return Response.json(200, self._issuer.configuration())
            case "GET", "/.well-known/jwks.json":
                return Response.json(200, self._issuer.keys(), Cache_Control="max-age=300")
            case "POST", "/oauth2/token":
                return self._token(request)
            case (("GET" | "POST"), ("/oauth2/authorize" | "/logout")):
                return self._ask_person(request)
        return None

    def _token(self, request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers}
        try:
            return Response.json(200, self._sign_in.answer(headers, request.body), **_TOKEN)
        except TokenRequestError as error:
            return Response.json(400, {"error": error.code}, **_TOKEN)

    def _ask_person(self, request: Request) -> Response:
        try:
            if request.path == "/logout":
                return _led_to(self._sign_in.signed_out(request.query))
            if request.method == "POST":
                return _led_to(self._sign_in.location(request.query, request.body))
            return Response(200, _PAGE, self._sign_in.page(request.query).encode())
        except AuthorizationError as error:
            return _led_to(error.location)
        except UnknownClientError:
            return Response.json(400, {"error": "invalid_request"}, **_TOKEN)


def _led_to(location: str) -> Response:
    return Response(302, [("Location", location), ("Cache-Control", "no-store")], b"")


class _Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65_536  # head and body in one packet
    timeout = _IDLE_SECONDS
    server: Server

    def _serve(self) -> None:
        if self.server.site is None:
            self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)
            return
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not length.isascii() or not length.isdigit():
            self.send_error(HTTPStatus.LENGTH_REQUIRED)
        elif int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            self._send(self.server.site.refuse("REQUEST_TOO_LARGE"))
        else:
            self._send(self.server.site.answer(self._request(self.rfile.read(int(length)))))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - looked up by name

    def _request(self, body: bytes) -> Request:
        address = urlsplit(self.path)
        headers = [(name, value) for name, value in self.headers.items() if name.lower() != "connection"]
        return Request(self.command, address.path, address.query, headers, body, str(self.client_address[0]))

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers:
            self.send_header(name, value)
        if response.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What is not HTTP as we speak it gets a problem document too, and the connection ends."""
        self.close_connection = True
        self.command = getattr(self, "command", None) or "GET"
        title = HTTPStatus(code).phrase
        problem = {"type": "about:blank", "title": title, "status": int(code), "detail": message or title}
        response = Response.json(int(code), problem)
        self._send(Response(response.status, [("Content-Type", "application/problem+json")], response.body))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's own
        """The handlers log their requests themselves."""
