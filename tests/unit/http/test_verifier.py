from __future__ import annotations

import urllib.error
from typing import Any

import pytest

from infra.local.issuer import Issuer
from offer_ranking.http.principal import Permission
from offer_ranking.http.verifier import IssuerUnreachableError, UnauthenticatedError, Verifier


class Keys:
    """What the issuer publishes, and how often it was asked."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer: Issuer | None = issuer
        self.asked = 0
        self.now = 0.0

    def fetch(self, _: str) -> dict[str, Any]:
        self.asked += 1
        if self.issuer is None:
            raise urllib.error.URLError("away")
        return self.issuer.keys()


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer("https://issuer.test")


@pytest.fixture
def keys(issuer: Issuer) -> Keys:
    return Keys(issuer)


@pytest.fixture
def verifier(keys: Keys) -> Verifier:
    return Verifier("https://issuer.test", "https://issuer.test/keys", fetch=keys.fetch, clock=lambda: keys.now)


def bearer(issuer: Issuer) -> str:
    return "Bearer " + issuer.machine_token("ranker")


def test_keys_are_asked_for_once_an_hour(issuer: Issuer, keys: Keys, verifier: Verifier) -> None:
    for _ in range(50):
        assert verifier.principal(bearer(issuer)).permissions == {Permission.RANK}
    assert keys.asked == 1
    keys.now += 3601
    verifier.principal(bearer(issuer))
    assert keys.asked == 2


def test_made_up_key_ids_ask_the_issuer_no_more_than_once_in_ten_seconds(
    issuer: Issuer, keys: Keys, verifier: Verifier
) -> None:
    verifier.principal(bearer(issuer))
    stranger = Issuer("https://issuer.test")
    keys.now += 11
    for _ in range(50):
        with pytest.raises(UnauthenticatedError, match="unknown key"):
            verifier.principal(bearer(stranger))
    assert keys.asked == 2


def test_a_rotated_key_is_found_soon(issuer: Issuer, keys: Keys, verifier: Verifier) -> None:
    verifier.principal(bearer(issuer))
    rotated = Issuer("https://issuer.test")
    keys.issuer = rotated
    keys.now += 11
    assert verifier.principal(bearer(rotated)).id == "ranker"


def test_keys_at_hand_stay_good_while_the_issuer_is_away(issuer: Issuer, keys: Keys, verifier: Verifier) -> None:
    verifier.principal(bearer(issuer))
    keys.issuer = None
    keys.now += 7200
    assert verifier.principal(bearer(issuer)).id == "ranker"


def test_without_any_keys_nobody_can_be_told_from_anybody(issuer: Issuer, keys: Keys, verifier: Verifier) -> None:
    keys.issuer = None
    with pytest.raises(IssuerUnreachableError):
        verifier.principal(bearer(issuer))


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "bearer x", "Basic abc", "Bearer a.b.c", "Bearer " + "x" * 20_000,
     "Bearer \ud800.a.b",
     "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6Ii4uLy4uL2V0Yy9wYXNzd2QifQ.e30.x", "Bearer eyJraWQiOjV9.e30.x"],
)  # fmt: skip
def test_what_is_no_token_of_the_issuer_is_refused(verifier: Verifier, authorization: str | None) -> None:
    with pytest.raises(UnauthenticatedError):
        verifier.principal(authorization)


@pytest.mark.parametrize("scope", [["offer-ranking/ranking.rank"], "offer-ranking/ranking.rank other/thing"])
def test_scopes_are_words_of_a_text_or_of_a_list(issuer: Issuer, verifier: Verifier, scope: object) -> None:
    token = issuer.sign(issuer._claims("s", "c", 60) | {"scope": scope})
    assert verifier.principal(f"Bearer {token}").permissions == {Permission.RANK}


@pytest.mark.parametrize("scope", [5, {"offer-ranking/ranking.rank": 1}, "offer-ranking/ranking.rankx", None, [5]])
def test_a_scope_that_is_not_one_of_ours_to_the_letter_grants_nothing(
    issuer: Issuer, verifier: Verifier, scope: object
) -> None:
    token = issuer.sign(issuer._claims("s", "c", 60) | {"scope": scope})
    assert verifier.principal(f"Bearer {token}").permissions == frozenset()


def test_the_environment_says_whom_to_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OIDC_ISSUER": "https://i", "OIDC_JWKS_URL": "", "OIDC_AUDIENCE": ""}.items():
        monkeypatch.setenv(name, value)
    verifier = Verifier.from_environment()
    assert (verifier.jwks_url, verifier.audience) == ("https://i/.well-known/jwks.json", None)


def test_a_key_of_a_kind_that_cannot_be_read_leaves_the_keys_at_hand(
    issuer: Issuer, keys: Keys, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier.principal(bearer(issuer))
    monkeypatch.setattr(keys, "fetch", lambda _: {"keys": "none"})
    verifier.fetch = keys.fetch
    keys.now += 7200
    assert verifier.principal(bearer(issuer)).id == "ranker"
