"""A caller of the HTTP API, as anybody may write one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import httpx


class RefusedError(Exception):
    """The API answered with something else than success."""

    def __init__(self, what: str, answer: httpx.Response) -> None:
        super().__init__(f"{what} was answered with {answer.status_code}: {answer.text[:500]}")
        self.status = answer.status_code


@dataclass(frozen=True, slots=True)
class Client:
    """Calls with one machine client's token, which it asks for first."""

    http: httpx.Client

    @classmethod
    def of(cls, url: str, client_id: str, secret: str) -> Self:
        """A client of the API at `url`. Raises RefusedError."""
        http = httpx.Client(base_url=url, timeout=60, trust_env=False)
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        answer = http.post("/oauth2/token", data=form)
        if not answer.is_success:
            http.close()
            raise RefusedError("the token request", answer)
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return cls(http)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """What is there. Raises RefusedError."""
        return self._answer("GET", path)

    def post(self, path: str, body: Any = None) -> Any:  # noqa: ANN401 - JSON
        """What the API answers. Raises RefusedError."""
        return self._answer("POST", path, json=body)

    def _answer(self, method: str, path: str, **more: Any) -> Any:  # noqa: ANN401 - httpx's own
        answer = self.http.request(method, path, **more)
        if not answer.is_success:
            raise RefusedError(f"{method} {path}", answer)
        return answer.json() if answer.content else None
