"""The console's files over HTTP on one machine: where the page says, compressed, and nothing else of the disk."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from urllib.parse import urljoin, urlsplit

import httpx
import pytest

from infra.local.system import System
from tests.e2e.conftest import Caller

Calling = Callable[[str | None], Caller]


def sent(system: System, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """A GET of exactly this path: clients would tidy it up."""
    address = urlsplit(system.url)
    lines = [f"GET {path} HTTP/1.1", "Host: x", "Connection: close", *(f"{k}: {v}" for k, v in headers.items())]
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    status, *given = head.decode("latin-1").split("\r\n")
    return int(status.split()[1]), dict(line.lower().split(": ", 1) for line in given), body


def test_whoever_opens_the_address_finds_the_console(system: System) -> None:
    for path in ("", "/", "/console", "/console/"):
        page = httpx.get(system.url + path, follow_redirects=True, trust_env=False)
        assert (page.status_code, str(page.url)) == (200, f"{system.url}/console/")
        assert page.text.startswith("<!doctype html>")


def test_all_that_the_page_loads_is_there(system: System) -> None:
    page = httpx.get(f"{system.url}/console/", trust_env=False)
    for address in re.findall(r'(?:src|href)="([^"#:]+)"', page.text):
        file = httpx.get(urljoin(str(page.url), address), trust_env=False)
        assert file.status_code == 200, address
        assert "immutable" in file.headers["cache-control"]


def test_a_browser_asks_again_and_is_told_that_nothing_changed(calling: Calling, system: System) -> None:
    tag = calling(None).get("/console/").headers["etag"]
    again = httpx.get(f"{system.url}/console/", headers={"If-None-Match": tag}, trust_env=False)
    assert (again.status_code, again.content) == (304, b"")
    head = httpx.head(f"{system.url}/console/", trust_env=False)
    assert (head.status_code, head.headers["etag"], head.content) == (200, tag, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/console/../functions/serve_console/handler.py",
        "/console/%2e%2e/handler.py",
        "/console/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "/console/..%5c..%5chandler.py",
        "/console//etc/passwd",
        "/console/%00",
        "/console/handler.py%00.js",
        "/console/%ff%fe",
        "/console/" + "a" * 20_000,
        "/console/" + "a/" * 10_000,
    ],
    ids=range(10),
)
def test_no_path_leads_out_of_the_folder(system: System, path: str) -> None:
    status, headers, body = sent(system, path)
    assert status == 404
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["status"] == 404


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip, deflate, br", True), ("br;q=1.0, GZIP; q=0.5", True), ("gzip;q=0", False), ("gzip; q=0.000", False),
        ("identity", False), ("", False),
    ],
)  # fmt: skip
def test_what_is_large_is_compressed_when_it_is_asked_for(system: System, accepted: str, is_compressed: bool) -> None:
    headers = {"Accept-Encoding": accepted}
    answer = httpx.get(f"{system.url}/openapi.json", headers=headers, trust_env=False)
    assert (answer.headers.get("content-encoding") == "gzip") is is_compressed
    assert answer.json()["openapi"].startswith("3.1")
    small = httpx.get(f"{system.url}/health", headers=headers, trust_env=False)
    assert "content-encoding" not in small.headers
