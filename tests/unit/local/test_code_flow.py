from __future__ import annotations

from typing import Any

import pytest

from infra.local.code_flow import CodeFlow
from infra.local.issuer import Issuer, TokenRequestError
from tests.support.sign_in import Visit

CONFIGURATION = {"clientId": "console", "scopes": ["openid"], "authorizationEndpoint": "http://127.0.0.1:1/authorize"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_code_is_good_for_a_minute_and_forgotten_afterwards() -> None:
    clock = Clock()
    flow = CodeFlow(Issuer("http://127.0.0.1:1"), clock)
    visit = Visit(CONFIGURATION, "http://127.0.0.1:1/console/")

    def code() -> str:
        location = flow.location(visit.address().partition("?")[2], b"person=reader%40local")
        return location.partition("code=")[2].partition("&")[0]

    def redeem(given: str) -> Any:
        form = (
            f"grant_type=authorization_code&client_id=console&redirect_uri={visit.redirect_uri}"
            f"&code={given}&code_verifier={visit.verifier}"
        )
        return flow.answer(FORM, form.encode())

    first, second, third = code(), code(), code()
    clock.now = 60
    assert redeem(first)["token_type"] == "Bearer"
    clock.now = 61
    with pytest.raises(TokenRequestError, match="invalid_grant"):
        redeem(second)
    code()
    assert third not in flow._granted


@pytest.mark.parametrize("headers", [{}, {"content-type": "application/json"}, FORM])
def test_what_is_no_form_with_a_grant_is_no_token_request(headers: dict[str, str]) -> None:
    with pytest.raises(TokenRequestError, match="invalid_request"):
        CodeFlow(Issuer("http://127.0.0.1:1")).answer(headers, b"code=1")
