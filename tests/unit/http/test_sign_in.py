from __future__ import annotations

from typing import Any

import pytest

from offer_ranking.http.sign_in import Discovery
from offer_ranking.http.verifier import IssuerUnreachableError

PUBLISHED = {
    "issuer": "https://issuer.test",
    "authorization_endpoint": "https://people.test:8443/authorize",
    "token_endpoint": "https://people.test:8443/token",
}


class World:
    """An issuer and a parameter, how often they were asked, and a clock."""

    def __init__(self) -> None:
        self.said: dict[str, Any] = dict(PUBLISHED)
        self.client: str | None = "a-client"
        self.asked: list[str] = []
        self.now = 0.0
        self.discovery = Discovery(
            "https://issuer.test", "https://issuer.test/known", self.read, fetch=self.fetch, clock=lambda: self.now
        )

    def fetch(self, url: str) -> dict[str, Any]:
        self.asked.append(url)
        return self.said

    def read(self) -> str:
        if self.client is None:
            raise ConnectionError
        return self.client


@pytest.fixture
def world() -> World:
    return World()


def test_the_page_may_call_where_tokens_are_given(world: World) -> None:
    found = world.discovery.sign_in()
    assert (found.origin, found.client_id) == ("https://people.test:8443", "a-client")
    assert "endSessionEndpoint" not in found.to_json(), "this issuer has no such address"


def test_the_issuer_is_asked_once_an_hour(world: World) -> None:
    for world.now in (0, 1, 3599):
        world.discovery.sign_in()
    assert world.asked == ["https://issuer.test/known"]
    world.now = 3600
    world.discovery.sign_in()
    assert len(world.asked) == 2


@pytest.mark.parametrize(
    "changed",
    [
        {"issuer": "https://elsewhere.test"},
        {"token_endpoint": "https://a.test; script-src *"},
        {"token_endpoint": "https://a.test' 'unsafe-inline"},
        {"token_endpoint": "https://*.test/token"},
        {"token_endpoint": "https://user@a.test/token"},
        {"token_endpoint": "data:text/html,x"},
        {"token_endpoint": ["https://a.test"]},
        {"authorization_endpoint": "javascript:alert(1)//https://a.test"},
        {"authorization_endpoint": None},
        {"end_session_endpoint": "javascript:alert(1)"},
    ],
)
def test_what_no_page_should_follow_is_as_good_as_no_answer(world: World, changed: dict[str, Any]) -> None:
    world.said |= changed
    with pytest.raises(IssuerUnreachableError):
        world.discovery.sign_in()


@pytest.mark.parametrize("lacking", ["issuer", "token_endpoint", "the client"])
def test_without_an_answer_nobody_waits_for_the_next_ten_seconds(world: World, lacking: str) -> None:
    if lacking == "the client":
        world.client = None
    else:
        del world.said[lacking]
    for world.now in (0, 1, 9.9):
        with pytest.raises(IssuerUnreachableError):
            world.discovery.sign_in()
    assert len(world.asked) == 1
    world.now, world.said, world.client = 10, dict(PUBLISHED), "a-client"
    assert world.discovery.sign_in().client_id == "a-client"


def test_what_was_found_stays_good_while_the_issuer_is_away(world: World) -> None:
    found = world.discovery.sign_in()
    world.now, world.said = 3600, {}
    assert world.discovery.sign_in() == found
    world.now, world.said = 3610, PUBLISHED | {"token_endpoint": "https://moved.test/token"}
    assert world.discovery.sign_in().origin == "https://moved.test"


def test_a_deployment_says_whose_people_these_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OIDC_ISSUER", "https://login.test/tenant")
    for name in ("OIDC_CONFIGURATION_URL", "CONSOLE_SCOPES", "OIDC_GROUPS_CLAIM"):
        monkeypatch.setenv(name, "")  # as the template has them when nobody set them
    found = Discovery.from_environment(lambda: "a-client")
    assert found.url == "https://login.test/tenant/.well-known/openid-configuration"
    assert (found.scopes, found.groups_claim) == (("openid",), "cognito:groups")
    monkeypatch.setenv("OIDC_ISSUER", "https://login.test/tenant/")
    found = Discovery.from_environment(lambda: "a-client")
    assert found.url == "https://login.test/tenant/.well-known/openid-configuration", "as the standard appends it"
    monkeypatch.setenv("OIDC_CONFIGURATION_URL", "http://127.0.0.1:1/known")
    monkeypatch.setenv("CONSOLE_SCOPES", "openid api://ranking/use")
    monkeypatch.setenv("OIDC_GROUPS_CLAIM", "roles")
    found = Discovery.from_environment(lambda: "a-client")
    assert (found.url, found.scopes) == ("http://127.0.0.1:1/known", ("openid", "api://ranking/use"))
    assert found.groups_claim == "roles"
