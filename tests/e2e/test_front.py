"""The front of one machine: who gets in, and what stands where no handler answers."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest

from infra.local.system import System
from tests.e2e.conftest import MANAGERS, Caller

Calling = Callable[[str | None], Caller]
PROBLEM = "application/problem+json"


def token_request(system: System, **form: str) -> httpx.Response:
    return httpx.post(f"{system.url}/oauth2/token", data={"grant_type": "client_credentials", **form}, trust_env=False)


def test_health_and_openapi_are_public(calling: Calling) -> None:
    assert calling(None).get("/health").json()["status"] == "ok"
    assert calling(None).get("/openapi.json").json()["openapi"].startswith("3.1")


@pytest.mark.parametrize("kind", ["none", "garbage", "expired", "another issuer's"])
def test_who_cannot_prove_who_they_are_gets_401(system: System, calling: Calling, kind: str) -> None:
    expired = system.issuer.machine_token("admin", expires_in=-60)
    foreign = type(system.issuer)(system.url).machine_token("admin")  # the same claims, another key
    given = {"none": None, "garbage": "Bearer garbage", "expired": f"Bearer {expired}"}
    answer = calling(given.get(kind, f"Bearer {foreign}")).get("/models")

    assert answer.status_code == 401
    assert answer.headers["content-type"] == PROBLEM
    assert answer.json()["status"] == 401


def test_a_client_gets_what_its_scopes_allow(admin: Caller, ranker: Caller) -> None:
    assert admin.get("/models").status_code == 200
    assert ranker.get("/models").status_code == 403
    assert admin.post("/models/any/rankings", {"offers": [{"id": "a"}]}).status_code == 403


def test_people_get_what_their_groups_allow(system: System, calling: Calling) -> None:
    manager = calling(f"Bearer {system.issuer.person_token('mia', groups=MANAGERS)}")
    stranger = calling(f"Bearer {system.issuer.person_token('sam', groups=())}")

    assert manager.get("/models").status_code == 200
    assert stranger.get("/models").status_code == 403


def test_a_token_by_secret_opens_the_door(system: System, calling: Calling) -> None:
    secret = system.issuer.clients["admin"].secret
    answer = token_request(system, client_id="admin", client_secret=secret)
    assert answer.status_code == 200
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 3600)
    assert calling(f"Bearer {answer.json()['access_token']}").get("/models").status_code == 200

    basic = httpx.post(
        f"{system.url}/oauth2/token", data={"grant_type": "client_credentials"}, auth=("admin", secret), trust_env=False
    )
    assert basic.status_code == 200


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"client_id": "admin", "client_secret": "guessed"}, "invalid_client"),
        ({"client_id": "nobody", "client_secret": ""}, "invalid_client"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
    ],
)
def test_a_wrong_token_request_is_refused_by_its_code(system: System, form: dict[str, str], error: str) -> None:
    answer = token_request(system, **form)

    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_client_cannot_ask_for_more_than_its_scopes(system: System) -> None:
    secret = system.issuer.clients["ranker"].secret
    asked = "offer-ranking/ranking-strategies.write"
    answer = token_request(system, client_id="ranker", client_secret=secret, scope=asked)

    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_scope"})


def test_the_issuer_can_be_discovered(system: System) -> None:
    found = httpx.get(f"{system.url}/.well-known/openid-configuration", trust_env=False).json()
    keys = httpx.get(found["jwks_uri"], trust_env=False).json()["keys"]

    assert found["issuer"] == system.url
    assert [(key["kty"], key["alg"], key["use"]) for key in keys] == [("RSA", "RS256", "sig")]


@pytest.mark.parametrize("path", ["/nothing", "/nothing/here", "/models/a/b/c"])
def test_an_unknown_route_is_a_problem_document(admin: Caller, path: str) -> None:
    answer = admin.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == PROBLEM


def test_a_body_that_api_gateway_would_not_take_is_refused_unread(system: System) -> None:
    address = urlsplit(system.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=5) as connection:
        connection.sendall(b"POST /models HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_what_is_not_http_gets_an_answer_and_ends(system: System) -> None:
    address = urlsplit(system.url)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=5) as connection:
        connection.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        answer = connection.makefile("rb").read()
    assert b"400" in answer.partition(b"\r\n")[0]


def test_many_callers_at_once_each_get_their_own_answer(system: System, calling: Calling) -> None:
    token = f"Bearer {system.issuer.machine_token('admin')}"
    callers = [calling(token) for _ in range(16)]
    with ThreadPoolExecutor(16) as threads:
        asked = [f"there-is-no-{n}" for n in range(64)]
        answers = list(threads.map(lambda one: callers[asked.index(one) % 16].get(f"/models/{one}").json(), asked))
    assert all(one in answer["detail"] for one, answer in zip(asked, answers, strict=True))
