"""TLS in front of a shop's hosts, since browsers and Adobe's libraries speak https only.

Nothing is intercepted: a browser is told where the hosts are, and its CORS and its cookies are the real ones.
"""

from __future__ import annotations

import contextlib
import http.client
import mimetypes
import ssl
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from infra.local.gateway import Request, Response
from infra.local.web import Server

_LIFE = timedelta(days=30)
_UPSTREAM_SECONDS = 60
# They are about one connection (RFC 9110, section 7.6.1), or whoever sends the answer writes them.
_OF_ONE_HOP = {"connection", "content-length", "date", "keep-alive", "server", "transfer-encoding"}


class Host(Protocol):
    """What answers under one name."""

    def answer(self, request: Request, /) -> Response:
        """The answer to a request."""


@dataclass(frozen=True, slots=True)
class Pages:
    """Files by their names, each from the first of these folders that has it."""

    folders: tuple[Path, ...]

    def answer(self, request: Request) -> Response:
        name = request.path.lstrip("/") or "index.html"
        for folder in self.folders:
            file = (folder / name).resolve()
            if file.is_relative_to(folder.resolve()) and file.is_file():
                kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
                return Response(HTTPStatus.OK, [("Content-Type", kind)], file.read_bytes())
        return _refused(HTTPStatus.NOT_FOUND)


@dataclass(frozen=True, slots=True)
class Upstream:
    """Another server: requests go on to it under the same path, and its answers come back as they are.

    To it, browsers that call themselves differently have different addresses, as visitors do.
    """

    url: str

    def answer(self, request: Request) -> Response:
        target = f"{request.path}?{request.query}" if request.query else request.path
        headers = {name: value for name, value in request.headers if name.lower() not in _OF_ONE_HOP}
        source = (_address_of(request.header("user-agent") or ""), 0)
        connection = http.client.HTTPConnection(
            urlsplit(self.url).netloc, timeout=_UPSTREAM_SECONDS, source_address=source
        )
        with contextlib.closing(connection):
            try:
                connection.request(request.method, target, request.body, headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException):
                return _refused(HTTPStatus.BAD_GATEWAY)
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _OF_ONE_HOP]
        return Response(answer.status, kept, body)


@dataclass(frozen=True, slots=True)
class _Hosts:
    by_name: Mapping[str, Host]

    def answer(self, request: Request) -> Response:
        name = (request.header("host") or "").partition(":")[0].lower()
        host = self.by_name.get(name)
        return _refused(HTTPStatus.MISDIRECTED_REQUEST) if host is None else host.answer(request)

    def refuse(self, kind: str) -> Response:  # noqa: ARG002 - one answer to all that is no request
        return _refused(HTTPStatus.BAD_REQUEST)


@contextlib.contextmanager
def fronting(hosts: Mapping[str, Host], port: int = 0) -> Iterator[Server]:
    """Serve these hosts, by name, over https until the end of the block; port 0 is any free one.

    Raises StartError when the port is taken.
    """
    with Server(port, certified(hosts)) as server, server.serving(_Hosts(hosts)):
        yield server


def chromium_arguments(hosts: Iterable[str], port: int) -> list[str]:
    """What makes Chromium find these hosts at a port of this machine, and take what they show for a certificate."""
    rules = ",".join(f"MAP {host}:443 127.0.0.1:{port}" for host in hosts)
    return [f"--host-resolver-rules={rules}", "--ignore-certificate-errors"]


def certified(hosts: Iterable[str]) -> ssl.SSLContext:
    """A server's TLS. Its key and its certificate for these hosts are made here, and vouched for by nobody."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Offer Ranking on this machine")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LIFE)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # Python's ssl takes keys from files only
        file.write(private + certificate.public_bytes(pem))
        file.flush()
        context.load_cert_chain(file.name)
    return context


def _address_of(browser: str) -> str:
    """An address of this machine that stands for a browser. Only Linux has more than one from the start."""
    if sys.platform != "linux":
        return "127.0.0.1"
    one, two, three = blake2s(browser.encode(), digest_size=3).digest()
    return f"127.{one % 254 + 1}.{two}.{three % 254 + 1}"


def _refused(status: HTTPStatus) -> Response:
    problem = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": status.description}
    return Response.json(status, problem)
