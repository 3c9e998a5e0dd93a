from __future__ import annotations

import base64
import hmac
import json
import time
import urllib.error
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

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


def test_an_issuer_that_is_away_is_waited_for_no_more_than_once_in_ten_seconds(
    issuer: Issuer, keys: Keys, verifier: Verifier
) -> None:
    """It may take two seconds to know that it is away, and a ranking has a fraction of one."""
    verifier.principal(bearer(issuer))
    keys.issuer = None
    keys.now += 7200
    for _ in range(50):
        verifier.principal(bearer(issuer))
    assert keys.asked == 2
    keys.now += 11
    verifier.principal(bearer(issuer))
    assert keys.asked == 3


def test_an_issuer_that_was_never_there_is_waited_for_no_more_than_once_a_second(
    issuer: Issuer, keys: Keys, verifier: Verifier
) -> None:
    def slow(url: str) -> dict[str, Any]:
        keys.now += 2
        return keys.fetch(url)

    verifier.fetch, keys.issuer = slow, None
    for _ in range(50):
        with pytest.raises(IssuerUnreachableError):
            verifier.principal(bearer(issuer))
        keys.now += 0.01
    assert keys.asked == 1
    keys.now, keys.issuer = keys.now + 1.5, issuer
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
    assert (verifier.issuer, verifier.jwks_url, verifier.audience, verifier.groups_claim) == (
        "https://i", "https://i/.well-known/jwks.json", None, "cognito:groups",
    )  # fmt: skip
    for name, value in {"OIDC_JWKS_URL": "https://k", "OIDC_AUDIENCE": "a", "OIDC_GROUPS_CLAIM": "g"}.items():
        monkeypatch.setenv(name, value)
    verifier = Verifier.from_environment()
    assert (verifier.jwks_url, verifier.audience, verifier.groups_claim) == ("https://k", "a", "g")


def test_an_issuer_whose_name_ends_in_a_slash_publishes_its_keys_where_one_without_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Auth0's does; OpenID Connect Discovery 1.0, section 4.1: the slash is removed before /.well-known is appended."""
    for name, value in {"OIDC_ISSUER": "https://i/t/", "OIDC_JWKS_URL": "", "OIDC_AUDIENCE": "a"}.items():
        monkeypatch.setenv(name, value)
    verifier = Verifier.from_environment()
    assert (verifier.issuer, verifier.jwks_url) == ("https://i/t/", "https://i/t/.well-known/jwks.json")


def test_a_key_of_a_kind_that_cannot_be_read_leaves_the_keys_at_hand(
    issuer: Issuer, keys: Keys, verifier: Verifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    verifier.principal(bearer(issuer))
    monkeypatch.setattr(keys, "fetch", lambda _: {"keys": "none"})
    verifier.fetch = keys.fetch
    keys.now += 7200
    assert verifier.principal(bearer(issuer)).id == "ranker"


READER = {"scope": "offer-ranking/ranking-strategies.read"}


def spelled(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def claims(issuer: Issuer, **changes: Any) -> dict[str, Any]:
    return {k: v for k, v in (issuer._claims("s", "c", 60) | READER | changes).items() if v is not None}


def hs256(issuer: Issuer, secret: bytes) -> str:
    """Signed with a secret that everybody knows, as if the issuer's key were one."""
    signed = f"{spelled({'alg': 'HS256', 'typ': 'JWT', 'kid': issuer._key_id})}.{spelled(claims(issuer))}"
    mark = hmac.digest(secret, signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mark).decode().rstrip('=')}"


def of_public_key(issuer: Issuer, encoding: Encoding) -> bytes:
    return issuer._key.public_key().public_bytes(encoding, PublicFormat.SubjectPublicKeyInfo)


def with_header(issuer: Issuer, **header: Any) -> str:
    return jwt.encode(claims(issuer), issuer._key, algorithm="RS256", headers={"kid": issuer._key_id} | header)


FORGED: dict[str, Any] = {
    "alg none": lambda i: f"{spelled({'alg': 'none', 'kid': i._key_id})}.{spelled(claims(i))}.",
    "alg None": lambda i: f"{spelled({'alg': 'None', 'kid': i._key_id})}.{spelled(claims(i))}.",
    "HS256 with the public key in PEM": lambda i: hs256(i, of_public_key(i, Encoding.PEM)),
    "HS256 with the public key in DER": lambda i: hs256(i, of_public_key(i, Encoding.DER)),
    "HS256 with the published key": lambda i: hs256(i, json.dumps(i.keys()["keys"][0]).encode()),
    "HS256 with nothing": lambda i: hs256(i, b""),
    "an algorithm of another strength": lambda i: jwt.encode(
        claims(i), i._key, algorithm="RS512", headers={"kid": i._key_id}
    ),
    "a key id with a path": lambda i: with_header(i, kid="../../../dev/null"),
    "a key id with an expression": lambda i: with_header(i, kid="k' UNION SELECT 'x"),
    "a key id of an address": lambda i: with_header(i, kid="https://evil.example/keys"),
    "no key id": lambda i: jwt.encode(claims(i), i._key, algorithm="RS256"),
    "a key in the header": lambda i: jwt.encode(
        claims(i), Issuer("x")._key, algorithm="RS256",
        headers={"kid": "new", "jwk": Issuer("x").keys()["keys"][0], "jku": "https://evil.example/keys"},
    ),
    "a part too many": lambda i: with_header(i) + ".x",
    "what must be understood and is not": lambda i: with_header(i, crit=["exp"], exp=1),
    "expired": lambda i: i.sign(claims(i, exp=int(time.time()) - 60)),
    "never expiring": lambda i: i.sign(claims(i, exp=None)),
    "expiring in words": lambda i: i.sign(claims(i, exp="tomorrow")),
    "not yet valid": lambda i: i.sign(claims(i, nbf=int(time.time()) + 600)),
    "no issuer": lambda i: i.sign(claims(i, iss=None)),
    "another issuer": lambda i: i.sign(claims(i, iss="https://issuer.test.evil.example")),
    "issuers": lambda i: i.sign(claims(i, iss="https://issuer.test/")),
    "nobody": lambda i: i.sign(claims(i, sub=None)),
    "an id token": lambda i: i.sign(claims(i, token_use="id")),
    "of no use": lambda i: i.sign(claims(i, token_use=None)),
    "for another API": lambda i: i.sign(claims(i, scope="other/ranking-strategies.read")),
    "for another API, in a list": lambda i: i.sign(claims(i, scope=["other/a", "other/b"])),
}  # fmt: skip


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_proves_nothing(issuer: Issuer, verifier: Verifier, name: str) -> None:
    assert verifier.principal("Bearer " + with_header(issuer)).permissions == {Permission.READ}
    with pytest.raises(UnauthenticatedError):
        verifier.principal("Bearer " + FORGED[name](issuer))


@pytest.mark.parametrize(
    ("scope", "groups", "granted"),
    [
        ("other/a offer-ranking/ranking.rank", None, {Permission.RANK}),
        ("OFFER-RANKING/ranking.rank openid", None, set()),
        ("offer-ranking/ranking.rank,offer-ranking/ranking-strategies.read x", None, set()),
        ("ranking.rank", None, set()),
        (["offer-ranking/ranking.rank offer-ranking/ranking-strategies.read"], None, set()),
        ([["offer-ranking/ranking.rank"], "offer-ranking/ranking-strategies.read"], None, {Permission.READ}),
        ("other/a", ["ranking-readers"], {Permission.READ}),
        ("openid", ["ranking-managers"], {Permission.READ, Permission.MANAGE}),
        ("openid", "ranking-readers gardeners", {Permission.READ}),
        ("openid", ["RANKING-READERS", "ranking-reader", 5, None], set()),
        ("openid", {"ranking-managers": True}, set()),
        (None, None, set()),
    ],
)
def test_scopes_and_groups_grant_what_they_name_to_the_letter(
    issuer: Issuer, verifier: Verifier, scope: object, groups: object, granted: set[Permission]
) -> None:
    token = issuer.sign(claims(issuer, scope=scope, **{"cognito:groups": groups}))
    assert verifier.principal(f"Bearer {token}").permissions == granted


def test_groups_come_from_the_claim_that_is_named(issuer: Issuer, keys: Keys) -> None:
    verifier = Verifier("https://issuer.test", "unused", audience="shop", groups_claim="roles", fetch=keys.fetch)
    own = {"aud": ["other", "shop"], "scope": None, "roles": ["ranking-readers"], "token_use": None}
    token = issuer.sign(claims(issuer, **own, **{"cognito:groups": ["ranking-managers"]}))
    assert verifier.principal(f"Bearer {token}").permissions == {Permission.READ}


@pytest.mark.parametrize("aud", [None, "other", ["other"], "shopper", ["shop ", "Shop"]])
def test_where_there_is_an_audience_a_token_must_be_for_it(issuer: Issuer, keys: Keys, aud: object) -> None:
    verifier = Verifier("https://issuer.test", "unused", audience="shop", fetch=keys.fetch)
    with pytest.raises(UnauthenticatedError):
        verifier.principal("Bearer " + issuer.sign(claims(issuer, aud=aud)))


def test_clocks_may_differ_by_five_seconds(issuer: Issuer, verifier: Verifier) -> None:
    now = int(time.time())
    assert verifier.principal("Bearer " + issuer.sign(claims(issuer, exp=now - 2))).id == "s"
    with pytest.raises(UnauthenticatedError):
        verifier.principal("Bearer " + issuer.sign(claims(issuer, exp=now - 6)))


@pytest.mark.parametrize("scheme", ["Bearer ", "bearer ", "BEARER  ", "Bearer \t"])
def test_the_scheme_is_no_matter_of_case_or_blanks(issuer: Issuer, verifier: Verifier, scheme: str) -> None:
    assert verifier.principal(scheme + issuer.machine_token("ranker") + " ").id == "ranker"


def test_a_token_has_16384_characters_at_most(issuer: Issuer, verifier: Verifier) -> None:
    def padded(length: int) -> str:
        return next(
            text
            for more in range(length)
            if len(text := issuer.sign(claims(issuer, pad="x" * (length * 3 // 4 - 900 + more)))) >= length
        )

    longest = padded(16_370)
    assert len(longest) <= 16_384
    assert verifier.principal(f"Bearer {longest}").id == "s"
    for length, why in ((16_384, "not valid"), (16_385, "too long")):
        with pytest.raises(UnauthenticatedError, match=why):
            verifier.principal("Bearer " + "x" * length)


def test_a_secret_among_the_published_keys_signs_nothing(issuer: Issuer) -> None:
    """Whoever reads it could sign with it: only algorithms of two keys are taken, whatever a key says it is for."""
    secret = b"s" * 32
    shared = {"kty": "oct", "kid": "shared", "alg": "HS256", "k": base64.urlsafe_b64encode(secret).decode()}
    published = {"keys": [shared, *issuer.keys()["keys"]]}
    verifier = Verifier("https://issuer.test", "unused", fetch=lambda _: published)
    with pytest.raises(UnauthenticatedError):
        verifier.principal("Bearer " + jwt.encode(claims(issuer), secret, algorithm="HS256", headers={"kid": "shared"}))


def test_without_an_audience_of_ours_a_token_may_name_one(issuer: Issuer, verifier: Verifier) -> None:
    assert verifier.principal("Bearer " + issuer.sign(claims(issuer, aud="whoever"))).id == "s"


def test_keys_are_read_from_where_the_issuer_publishes_them(issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(issuer.keys()))
    verifier = Verifier("https://issuer.test", (tmp_path / "keys.json").as_uri())
    assert verifier.principal(bearer_of(issuer)).id == "s"


def test_a_good_token_under_another_scheme_proves_nothing(issuer: Issuer, verifier: Verifier) -> None:
    for scheme in ("Basic", "Token", "DPoP", ""):
        with pytest.raises(UnauthenticatedError, match="A bearer token is needed"):
            verifier.principal(f"{scheme} {issuer.machine_token('ranker')}")


def test_keys_of_other_kinds_and_without_an_id_stand_beside_ours(issuer: Issuer) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    published = {
        "keys": [
            ECAlgorithm.to_jwk(curve.public_key(), as_dict=True) | {"kid": "curve"},
            RSAAlgorithm.to_jwk(Issuer("x")._key.public_key(), as_dict=True),
            *issuer.keys()["keys"],
        ]
    }
    verifier = Verifier("https://issuer.test", "unused", fetch=lambda _: published)
    token = jwt.encode(claims(issuer), curve, algorithm="ES256", headers={"kid": "curve"})
    assert verifier.principal(f"Bearer {token}").id == verifier.principal(bearer_of(issuer)).id == "s"
    assert set(verifier._keys) == {"curve", issuer._key_id}


def bearer_of(issuer: Issuer) -> str:
    return "Bearer " + issuer.sign(claims(issuer))


def test_an_hour_and_ten_seconds_are_reached_before_keys_are_asked_for_anew(
    issuer: Issuer, keys: Keys, verifier: Verifier
) -> None:
    verifier.principal(bearer(issuer))
    keys.now = 3600
    verifier.principal(bearer(issuer))
    assert keys.asked == 1
    stranger = "Bearer " + Issuer("https://issuer.test").machine_token("admin")
    keys.now, verifier._fetched, verifier._asked = 4000.0, 3990.0, 3990.0
    for now, asked in ((4000.0, 1), (4000.5, 2), (4001.0, 2)):
        keys.now = now
        with pytest.raises(UnauthenticatedError, match="unknown key"):
            verifier.principal(stranger)
        assert keys.asked == asked
