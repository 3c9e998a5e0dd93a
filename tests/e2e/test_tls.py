"""TLS in front of hosts: which host answers, and what an upstream gets to see."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from infra.local.gateway import Request, Response
from infra.local.tls import Host, Pages, Upstream, fronting
from infra.local.web import Server


@dataclass
class Witness:
    """A site that keeps what it was asked."""

    seen: list[Request] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        self.seen.append(request)
        return Response(207, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "text/plain")], b"seen")

    def refuse(self, kind: str) -> Response:
        raise AssertionError(kind)


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
def front(witness: Witness, tmp_path: Path) -> Iterator[httpx.Client]:
    (tmp_path / "pages").mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "pages" / "index.html").write_text("<p>shop</p>")
    with socket.socket() as deaf, Server(0) as upstream, upstream.serving(witness):
        deaf.bind(("127.0.0.1", 0))  # who does not listen refuses
        hosts: dict[str, Host] = {
            "www.shop.test": Pages((tmp_path / "nowhere", tmp_path / "pages")),
            "edge.shop.test": Upstream(upstream.url),
            "away.shop.test": Upstream(f"http://127.0.0.1:{deaf.getsockname()[1]}"),
        }
        with (
            fronting(hosts) as server,
            httpx.Client(base_url=server.url, verify=False, trust_env=False) as client,  # noqa: S501 - made here and now
        ):
            yield client


def at(host: str, **more: str) -> dict[str, str]:
    return {"Host": host, **more}


def test_pages_come_from_their_folders(front: httpx.Client) -> None:
    answer = front.get("/", headers=at("www.shop.test"))
    assert (answer.status_code, answer.text, answer.headers["content-type"]) == (200, "<p>shop</p>", "text/html")


@pytest.mark.parametrize("path", ["/none.html", "/%2e%2e/secret.txt", "/../secret.txt"])
def test_nothing_outside_of_the_folders_is_there(front: httpx.Client, path: str) -> None:
    assert front.get(path, headers=at("www.shop.test")).status_code == 404


def test_an_upstream_gets_the_request_as_it_was_sent(front: httpx.Client, witness: Witness) -> None:
    front.post("/ee/v1/interact?configId=a%20b", content=b"{\xff}", headers=at("edge.shop.test", Origin="https://x"))

    (seen,) = witness.seen
    assert (seen.method, seen.path, seen.query, seen.body) == ("POST", "/ee/v1/interact", "configId=a%20b", b"{\xff}")
    assert (seen.header("host"), seen.header("origin")) == ("edge.shop.test", "https://x")


def test_an_upstreams_answer_comes_back_as_it_was(front: httpx.Client) -> None:
    answer = front.post("/any", headers=at("edge.shop.test"))

    assert (answer.status_code, answer.text) == (207, "seen")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]
    assert len(answer.headers.get_list("date")) == 1


def test_browsers_have_addresses_of_their_own(front: httpx.Client, witness: Witness) -> None:
    for browser in ("one", "other", "one"):
        front.post("/any", headers={**at("edge.shop.test"), "User-Agent": browser})

    first, second, third = (seen.source for seen in witness.seen)
    assert first == third != second


def test_an_upstream_that_is_away_is_a_bad_gateway(front: httpx.Client) -> None:
    assert front.post("/any", headers=at("away.shop.test")).status_code == 502


def test_a_host_that_is_not_here_is_misdirected(front: httpx.Client) -> None:
    assert front.get("/", headers=at("elsewhere.test")).status_code == 421
