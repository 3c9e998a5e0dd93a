"""One verifier of bearer tokens, for the authorizer and for every handler behind it."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from offer_ranking.http.principal import SCOPE_PREFIX, Principal, permissions

_ALGORITHMS = ("RS256", "PS256", "ES256")  # asymmetric only: a public key must never pass for a shared secret
_KEYS_LIVE_SECONDS = 3600
_REFETCH_AFTER_SECONDS = 10  # a flood of made-up key ids asks the issuer no more often than this, nor while it is away
_RETRY_AFTER_SECONDS = 1  # while there is no key at all, and so nobody can be let in
_LEEWAY_SECONDS = 5
_MAX_TOKEN = 16_384


class UnauthenticatedError(Exception):
    """The caller's token is missing or does not prove who they are."""


class IssuerUnreachableError(Exception):
    """No token can be checked, since the issuer's keys cannot be had."""


def well_known(issuer: str, name: str) -> str:
    """Where an issuer publishes: OpenID Connect Discovery 1.0, section 4.1, which removes a slash at its end."""
    return f"{issuer.removesuffix('/')}/.well-known/{name}"


def fetch_json(url: str) -> Mapping[str, Any]:
    """What an issuer publishes at an address."""
    with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - the URL is the deployment's own setting
        document: Mapping[str, Any] = json.load(answer)
    return document


@dataclass(slots=True)
class Verifier:
    """Checks issuer, audience, expiry, algorithm and use of a token by the issuer's published keys.

    Without `audience` the issuer is Cognito, whose access tokens carry none: `token_use` must then be `access`, and
    the prefix of the scopes stands for the audience.
    """

    issuer: str
    jwks_url: str
    audience: str | None = None
    groups_claim: str = "cognito:groups"
    fetch: Callable[[str], Mapping[str, Any]] = fetch_json
    clock: Callable[[], float] = time.monotonic
    _keys: dict[str, Any] = field(default_factory=dict, init=False)
    _fetched: float = field(default=float("-inf"), init=False)
    _asked: float = field(default=float("-inf"), init=False)

    @classmethod
    def from_environment(cls) -> Verifier:
        """By OIDC_ISSUER, OIDC_JWKS_URL, OIDC_AUDIENCE and OIDC_GROUPS_CLAIM."""
        issuer = os.environ["OIDC_ISSUER"]
        return cls(
            issuer=issuer,
            jwks_url=os.environ.get("OIDC_JWKS_URL") or well_known(issuer, "jwks.json"),
            audience=os.environ.get("OIDC_AUDIENCE") or None,
            groups_claim=os.environ.get("OIDC_GROUPS_CLAIM") or "cognito:groups",
        )

    def principal(self, authorization: str | None) -> Principal:
        """Who an Authorization header stands for. Raises UnauthenticatedError, IssuerUnreachableError."""
        claims = self._claims(_bearer(authorization))
        scopes, groups = _words(claims.get("scope")), _words(claims.get(self.groups_claim))
        if self.audience is None:
            if claims.get("token_use") != "access":
                raise UnauthenticatedError("The token is not an access token.")
            foreign = scopes and all("/" in scope and not scope.startswith(SCOPE_PREFIX) for scope in scopes)
            if foreign and not groups:
                raise UnauthenticatedError("The token is for another audience.")
        return Principal(str(claims["sub"]), permissions(scopes, groups))

    def _claims(self, token: str) -> dict[str, Any]:
        import jwt  # noqa: PLC0415 - costs 50 ms at import, and callers with an IAM principal never need it

        try:
            header = jwt.get_unverified_header(token)
            key = self._key(header.get("kid"))
            claims: dict[str, Any] = jwt.decode(
                token,
                key=key,
                algorithms=_ALGORITHMS,
                issuer=self.issuer,
                audience=self.audience,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "sub"], "verify_aud": self.audience is not None},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
            raise UnauthenticatedError(f"The token is not valid: {error}") from error
        return claims

    def _key(self, key_id: object) -> Any:  # noqa: ANN401 - a key of whichever kind the issuer uses
        if not isinstance(key_id, str):
            raise UnauthenticatedError("The token names no key.")
        now = self.clock()
        is_wanted = key_id not in self._keys or now - self._fetched > _KEYS_LIVE_SECONDS
        is_empty = self._fetched == float("-inf")
        if is_wanted and now - self._asked > (_RETRY_AFTER_SECONDS if is_empty else _REFETCH_AFTER_SECONDS):
            self._refresh(now)
        elif is_empty:
            raise IssuerUnreachableError("The issuer's keys could not be read a moment ago.")
        if key_id not in self._keys:
            raise UnauthenticatedError("The token is signed by an unknown key.")
        return self._keys[key_id]

    def _refresh(self, now: float) -> None:
        from jwt import PyJWKSet  # noqa: PLC0415 - see _claims

        self._asked = now
        try:
            keys = PyJWKSet.from_dict(dict(self.fetch(self.jwks_url))).keys
        except Exception as error:
            self._asked = self.clock()  # it may have taken seconds
            if self._keys:  # the keys in hand stay good while the issuer is away
                return
            raise IssuerUnreachableError("The issuer's keys cannot be read.") from error
        self._keys = {key.key_id: key for key in keys if key.key_id}
        self._fetched = now


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("A bearer token is needed.")
    if len(token) > _MAX_TOKEN:
        raise UnauthenticatedError("The token is too long.")
    return token.strip()


def _words(claim: object) -> list[str]:
    """A claim of several words: a string parted by spaces, or a list of strings. Anything else says nothing."""
    if isinstance(claim, str):
        return claim.split()
    if isinstance(claim, list):
        return [word for word in claim if isinstance(word, str)]
    return []
