"""How people sign in, in a browser: at which issuer (OpenID Connect Discovery 1.0), as which client."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from offer_ranking.http.verifier import IssuerUnreachableError, fetch_json, well_known

_KEPT_SECONDS = 3600
_RETRIED_AFTER_SECONDS = 10  # a page need not wait each time for an issuer that is away
_ADDRESS = re.compile(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?(/[!-~]*)?")  # its origin becomes part of a header


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a browser needs for the code flow with PKCE."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str | None
    client_id: str
    scopes: tuple[str, ...]
    groups_claim: str

    @property
    def origin(self) -> str:
        """Of the token endpoint, which the page itself calls."""
        address = urlsplit(self.token_endpoint)
        return f"{address.scheme}://{address.netloc}"

    def to_json(self) -> dict[str, Any]:
        """As the page reads it."""
        return {
            "issuer": self.issuer,
            "authorizationEndpoint": self.authorization_endpoint,
            "tokenEndpoint": self.token_endpoint,
            **({"endSessionEndpoint": self.end_session_endpoint} if self.end_session_endpoint else {}),
            "clientId": self.client_id,
            "scopes": list(self.scopes),
            "groupsClaim": self.groups_claim,
        }


@dataclass(slots=True)
class Discovery:
    """Asks the issuer for its addresses, and remembers them.

    Args:
        issuer: whose they are.
        url: where it publishes them.
        client_id: tells the client's id.
        scopes: what a person is asked for.
        groups_claim: the claim of an access token that lists a person's groups.
        fetch: reads a JSON document.
        clock: seconds, from any moment on.

    """

    issuer: str
    url: str
    client_id: Callable[[], str]
    scopes: tuple[str, ...] = ("openid",)
    groups_claim: str = "cognito:groups"
    fetch: Callable[[str], Mapping[str, Any]] = fetch_json
    clock: Callable[[], float] = time.monotonic
    _found: SignIn | None = field(default=None, init=False)
    _until: float = field(default=float("-inf"), init=False)

    @classmethod
    def from_environment(cls, client_id: Callable[[], str]) -> Discovery:
        """By OIDC_ISSUER, OIDC_CONFIGURATION_URL, CONSOLE_SCOPES and OIDC_GROUPS_CLAIM."""
        issuer = os.environ["OIDC_ISSUER"]
        return cls(
            issuer=issuer,
            url=os.environ.get("OIDC_CONFIGURATION_URL") or well_known(issuer, "openid-configuration"),
            client_id=client_id,
            scopes=tuple((os.environ.get("CONSOLE_SCOPES") or "openid").split()),
            groups_claim=os.environ.get("OIDC_GROUPS_CLAIM") or "cognito:groups",
        )

    def sign_in(self) -> SignIn:
        """How people sign in now; what was found stays good while the issuer is away. Raises IssuerUnreachableError."""
        if self.clock() >= self._until:
            self._ask()
        if self._found is None:
            raise IssuerUnreachableError("How people sign in cannot be read from the issuer.")
        return self._found

    def _ask(self) -> None:
        self._until = self.clock() + _RETRIED_AFTER_SECONDS
        try:
            self._found = self._read(self.fetch(self.url), self.client_id())
        except Exception as error:
            if self._found is None:
                raise IssuerUnreachableError("How people sign in cannot be read from the issuer.") from error
            return
        self._until = self.clock() + _KEPT_SECONDS

    def _read(self, said: Mapping[str, Any], client_id: str) -> SignIn:
        """Raises ValueError or KeyError where it is another issuer's document, or names what is no address."""
        if said["issuer"] != self.issuer:
            raise ValueError("the document is another issuer's")
        end = said.get("end_session_endpoint")
        return SignIn(
            self.issuer,
            _address(said["authorization_endpoint"]),
            _address(said["token_endpoint"]),
            None if end is None else _address(end),
            client_id,
            self.scopes,
            self.groups_claim,
        )


def _address(said: object) -> str:
    if not isinstance(said, str) or not _ADDRESS.fullmatch(said):
        raise ValueError("the issuer names what is no address")
    return said
