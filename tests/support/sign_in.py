"""What a browser does when a person signs in: the code flow with PKCE, page by page."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx


@dataclass(frozen=True)
class Visit:
    """One sign-in at the console whose configuration this is, led back to `redirect_uri`."""

    configuration: dict[str, Any]
    redirect_uri: str
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(8))

    @property
    def challenge(self) -> str:
        return base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def address(self, **changes: str | None) -> str:
        """Where the page leads a person who is not signed in. A parameter that is changed to None is left out."""
        asked = {
            "client_id": self.configuration["clientId"],
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": " ".join(self.configuration["scopes"]),
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        } | changes
        given = {name: value for name, value in asked.items() if value is not None}
        return f"{self.configuration['authorizationEndpoint']}?{urlencode(given)}"

    def led_back(self, answer: httpx.Response) -> dict[str, str]:
        """What the page is told when the person comes back."""
        assert answer.status_code == 302, answer.text
        location = answer.headers["location"]
        assert location.partition("?")[0] == self.redirect_uri
        return {name: value for name, (value,) in parse_qs(urlsplit(location).query).items()}

    def redeem(self, given: str, /, **changes: str) -> httpx.Response:
        """The page asks for tokens."""
        form = {
            "grant_type": "authorization_code",
            "client_id": self.configuration["clientId"],
            "code": given,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return httpx.post(self.configuration["tokenEndpoint"], data=form | changes, trust_env=False)


def form_of(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Where the form of a page is sent, and what is hidden in it."""
    assert page.status_code == 200, page.text
    action = re.search(r'<form [^>]*action="([^"]*)"', page.text)
    assert action is not None
    hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text)
    return str(page.url.join(unescape(action[1]))), {name: unescape(value) for name, value in hidden}
