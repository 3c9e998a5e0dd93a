"""How people sign in on one machine: the authorization code flow with PKCE, at a page that asks who they want to be.

RFC 6749, section 4.1; RFC 7636 (PKCE, S256 alone); RFC 8252, section 7.3 (a client of the loopback has any port).
There are no passwords and no sessions: every sign-in asks anew.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode

from infra.local.issuer import LIFE_SECONDS, Issuer, TokenRequestError, read_form

CLIENT = "console"
# Who may sign in, and the groups that they are in.
PEOPLE: Mapping[str, tuple[str, ...]] = {
    "manager@local": ("ranking-managers",),
    "reader@local": ("ranking-readers",),
    "guest@local": (),
}
_LED_BACK_TO = re.compile(r"http://(127\.0\.0\.1|localhost)(:\d{1,5})?/console/")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CODE_SECONDS = 60


class UnknownClientError(Exception):
    """The request names no client of ours, or an address that is not its own: nobody is led there."""


class AuthorizationError(Exception):
    """A request that is refused by RFC 6749's code for it; `location` is where the client hears of it."""

    def __init__(self, code: str, redirect_uri: str, state: str | None) -> None:
        super().__init__(code)
        self.location = _led_back(redirect_uri, state, error=code)


@dataclass(frozen=True, slots=True)
class Authorization:
    """What a client asks for: to hear at `redirect_uri` who signed in."""

    redirect_uri: str
    state: str | None
    challenge: str
    nonce: str | None

    @classmethod
    def read(cls, query: str) -> Self:
        """Read the query of `/oauth2/authorize`. Raises UnknownClientError, AuthorizationError."""
        asked = dict(parse_qsl(query, keep_blank_values=True))
        back, state = asked.get("redirect_uri", ""), asked.get("state")
        if asked.get("client_id") != CLIENT or not _LED_BACK_TO.fullmatch(back):
            raise UnknownClientError
        if asked.get("response_type") != "code":
            raise AuthorizationError("unsupported_response_type", back, state)
        if not set(asked.get("scope", "openid").split()) <= {"openid"}:
            raise AuthorizationError("invalid_scope", back, state)
        challenge = asked.get("code_challenge", "")
        if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
            raise AuthorizationError("invalid_request", back, state)
        return cls(back, state, challenge, asked.get("nonce"))


@dataclass(frozen=True, slots=True)
class _Granted:
    authorization: Authorization
    person: str
    until: float


@dataclass(frozen=True, slots=True)
class CodeFlow:
    """Gives codes to who signs in, and tokens for codes."""

    issuer: Issuer
    clock: Callable[[], float] = time.monotonic
    _granted: dict[str, _Granted] = field(default_factory=dict, init=False, repr=False)

    def page(self, query: str) -> str:
        """What `GET /oauth2/authorize` shows. Raises UnknownClientError, AuthorizationError."""
        Authorization.read(query)
        return _PAGE.format(
            action=html.escape(f"{self.issuer.url}/oauth2/authorize?{query}"),
            people="".join(_PERSON.format(name=name, groups=_described(groups)) for name, groups in PEOPLE.items()),
        )

    def location(self, query: str, body: bytes) -> str:
        """Where `POST /oauth2/authorize` leads who chose a person. Raises UnknownClientError, AuthorizationError."""
        asked = Authorization.read(query)
        person = dict(parse_qsl(body.decode("utf-8", errors="replace"))).get("person", "")
        if person not in PEOPLE:
            raise AuthorizationError("access_denied", asked.redirect_uri, asked.state)
        now = self.clock()
        for code in [code for code, one in self._granted.copy().items() if one.until < now]:
            self._granted.pop(code, None)
        code = secrets.token_urlsafe(24)
        self._granted[code] = _Granted(asked, person, now + _CODE_SECONDS)
        return _led_back(asked.redirect_uri, asked.state, code=code)

    def answer(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """What `POST /oauth2/token` answers, to either grant. Header names are in lower case.

        Raises TokenRequestError.
        """
        form = read_form(headers, body)
        if form["grant_type"] != "authorization_code":
            return self.issuer.answer(headers.get("authorization"), form)
        if form.get("client_id") != CLIENT or "authorization" in headers:
            raise TokenRequestError("invalid_client")
        granted = self._granted.pop(form.get("code", ""), None)  # whatever comes of it: a code is good for one try
        if granted is None or granted.until < self.clock() or not _proves(form, granted.authorization):
            raise TokenRequestError("invalid_grant")
        groups = PEOPLE[granted.person]
        return {
            "access_token": self.issuer.person_token(granted.person, groups=groups),
            "id_token": self.issuer.identity_token(granted.person, groups=groups, nonce=granted.authorization.nonce),
            "expires_in": LIFE_SECONDS,
            "token_type": "Bearer",
        }

    @staticmethod
    def signed_out(query: str) -> str:
        """Where `GET /logout` leads, as Cognito's does. Raises UnknownClientError."""
        asked = dict(parse_qsl(query))
        back = asked.get("logout_uri") or asked.get("post_logout_redirect_uri", "")
        if asked.get("client_id") != CLIENT or not _LED_BACK_TO.fullmatch(back):
            raise UnknownClientError
        return back


def _proves(form: Mapping[str, str], asked: Authorization) -> bool:
    """Whether the code is redeemed by who asked for it, at the same address."""
    verifier = form.get("code_verifier", "")
    if not _VERIFIER.fullmatch(verifier) or form.get("redirect_uri") != asked.redirect_uri:
        return False
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=")
    return hmac.compare_digest(challenge, asked.challenge.encode())


def _led_back(redirect_uri: str, state: str | None, **said: str) -> str:
    return f"{redirect_uri}?{urlencode(said | ({} if state is None else {'state': state}))}"


def _described(groups: tuple[str, ...]) -> str:
    return ", ".join(groups) or "in no group"


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign in on this machine</title>
</head>
<body>
<main>
<h1>Sign in on this machine</h1>
<p>Who do you want to be? This issuer runs on this machine alone, and asks for no password.</p>
<form method="post" action="{action}">
{people}</form>
</main>
</body>
</html>
"""
_PERSON = '<p><button name="person" value="{name}">{name}</button> {groups}</p>\n'
