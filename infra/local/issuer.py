"""The OpenID Connect issuer of one machine, with exactly the claims of Cognito's access tokens.

Keys and secrets are made at start and live in memory: a token of yesterday's run opens nothing today.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

_PREFIX = "offer-ranking/"
LIFE_SECONDS = 3600
_FORM = "application/x-www-form-urlencoded"


class TokenRequestError(Exception):
    """A token request that is refused, by RFC 6749's code for it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class MachineClient:
    """A confidential client of the client_credentials flow."""

    id: str
    scopes: tuple[str, ...]
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)


def dev_clients() -> dict[str, MachineClient]:
    """The clients `admin` (read, write) and `ranker` (rank), with fresh secrets."""
    manage = (f"{_PREFIX}ranking-strategies.read", f"{_PREFIX}ranking-strategies.write")
    clients = (MachineClient("admin", manage), MachineClient("ranker", (f"{_PREFIX}ranking.rank",)))
    return {client.id: client for client in clients}


@dataclass(frozen=True, slots=True)
class Issuer:
    """Issues and publishes. `url` is its address without a slash at the end, and the tokens' `iss`."""

    url: str
    clients: Mapping[str, MachineClient] = field(default_factory=dev_clients)
    _key_id: str = field(default_factory=lambda: secrets.token_hex(8), init=False)
    _key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(65537, 2048), init=False, repr=False
    )

    def configuration(self) -> dict[str, Any]:
        """What `/.well-known/openid-configuration` answers."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/oauth2/authorize",
            "token_endpoint": f"{self.url}/oauth2/token",
            "end_session_endpoint": f"{self.url}/logout",
            "jwks_uri": f"{self.url}/.well-known/jwks.json",
            "grant_types_supported": ["authorization_code", "client_credentials"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": sorted({"openid"}.union(*(client.scopes for client in self.clients.values()))),
            "subject_types_supported": ["public"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        }

    def keys(self) -> dict[str, Any]:
        """What `/.well-known/jwks.json` answers: the public key (RFC 7517)."""
        key = json.loads(RSAAlgorithm.to_jwk(self._key.public_key()))
        public = {name: key[name] for name in ("kty", "n", "e")}
        return {"keys": [{**public, "kid": self._key_id, "alg": "RS256", "use": "sig"}]}

    def answer(self, authorization: str | None, form: Mapping[str, str]) -> dict[str, Any]:
        """What `POST /oauth2/token` answers to a machine client (RFC 6749, section 4.4). Raises TokenRequestError."""
        if form["grant_type"] != "client_credentials":
            raise TokenRequestError("unsupported_grant_type")
        client = self._authenticated(authorization, form)
        asked = tuple(form["scope"].split()) if form.get("scope") else client.scopes
        if not set(asked) <= set(client.scopes):
            raise TokenRequestError("invalid_scope")
        token = self.machine_token(client.id, scopes=asked)
        return {"access_token": token, "expires_in": LIFE_SECONDS, "token_type": "Bearer"}

    def machine_token(
        self, client_id: str, *, scopes: tuple[str, ...] | None = None, expires_in: float = LIFE_SECONDS
    ) -> str:
        """An access token of a client, with all its scopes unless some are named. In the past when negative."""
        granted = self.clients[client_id].scopes if scopes is None else scopes
        return self.sign(self._claims(client_id, client_id, expires_in) | {"version": 2, "scope": " ".join(granted)})

    def person_token(self, name: str, *, groups: tuple[str, ...], expires_in: float = LIFE_SECONDS) -> str:
        """An access token of a signed-in person, who has groups where a client has scopes."""
        subject = self._subject(name)
        own = {"username": name, "cognito:groups": list(groups), "scope": "openid", "event_id": str(uuid.uuid4())}
        return self.sign(self._claims(subject, "console", expires_in) | {"version": 2, **own})

    def identity_token(self, name: str, *, groups: tuple[str, ...], nonce: str | None) -> str:
        """What tells the console who signed in (OpenID Connect Core 1.0, section 2); it opens no door of the API."""
        access = self._claims(self._subject(name), "console", LIFE_SECONDS)
        own = {"aud": access.pop("client_id"), "token_use": "id", "cognito:username": name}
        return self.sign(access | own | {"cognito:groups": list(groups)} | ({"nonce": nonce} if nonce else {}))

    def sign(self, claims: Mapping[str, Any]) -> str:
        """Any claims as a token of this issuer."""
        return jwt.encode(dict(claims), self._key, algorithm="RS256", headers={"kid": self._key_id})

    def _subject(self, name: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.url}/{name}"))

    def _claims(self, subject: str, client_id: str, expires_in: float) -> dict[str, Any]:
        now = int(time.time())
        return {
            "sub": subject,
            "token_use": "access",
            "auth_time": now,
            "iss": self.url,
            "exp": now + int(expires_in),
            "iat": now,
            "jti": str(uuid.uuid4()),
            "client_id": client_id,
        }

    def _authenticated(self, authorization: str | None, form: Mapping[str, str]) -> MachineClient:
        if authorization is None:
            client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        else:
            client_id, secret = _basic(authorization)
        client = self.clients.get(client_id)
        if client is None or not hmac.compare_digest(client.secret.encode(), secret.encode()):
            raise TokenRequestError("invalid_client")
        return client


def read_form(headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The form of a token request, with its grant. Header names are in lower case. Raises TokenRequestError."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise TokenRequestError("invalid_request")
    form = dict(parse_qsl(body.decode("utf-8", errors="replace"), keep_blank_values=True))
    if "grant_type" not in form:
        raise TokenRequestError("invalid_request")
    return form


def _basic(authorization: str) -> tuple[str, str]:
    """Client id and secret of HTTP Basic (RFC 6749, section 2.3.1: each is form-encoded inside)."""
    scheme, _, credentials = authorization.partition(" ")
    try:
        text = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise TokenRequestError("invalid_client") from error
    client_id, colon, secret = text.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise TokenRequestError("invalid_client")
    return unquote_plus(client_id), unquote_plus(secret)
