"""The console as deployed: its page comes through the API, and a person of the user pool signs in."""

from __future__ import annotations

import httpx
import jwt
import pytest

from tests.support.sign_in import Visit, form_of
from tests.support.stack import Stack, made

PASSWORD = "A-long-one-7"


def person(stack: Stack, name: str, *groups: str) -> None:
    """Somebody whom the administrator let in."""
    cognito, pool = stack.client("cognito-idp"), stack.outputs["UserPoolId"]
    cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
    cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password=PASSWORD, Permanent=True)
    for group in groups:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName=group)


@pytest.mark.parametrize("deployed", ["stack", "guarded_stack"])
def test_the_page_comes_through_the_api_and_may_talk_to_it_and_to_where_tokens_are_given(
    deployed: str, request: pytest.FixtureRequest
) -> None:
    stack: Stack = request.getfixturevalue(deployed)
    page = stack.call("GET", "/console/")
    assert page.status_code == 200, page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    reached = page.headers["content-security-policy"].partition("connect-src ")[2].partition(";")[0].split()
    assert (reached[0], reached[-1]) == ("'self'", stack.emulator.endpoint)
    assert stack.call("GET", "/console/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
    assert stack.call("HEAD", "/console/").status_code == 200
    for path in ("/", "/console"):
        assert stack.call("GET", path).headers["location"] == "/v1/console/", "the stage is part of the address"


@pytest.mark.parametrize(
    "path", ["%2e%2e%2fhandler.py", "%2e%2e/handler.py", "%252e%252e/handler.py", "a%00", "a" * 4000]
)
def test_what_is_no_file_of_the_console_is_not_found(stack: Stack, path: str) -> None:
    assert stack.call("GET", f"/console/{path}").status_code == 404


@pytest.mark.parametrize(
    ("group", "reads", "creates"), [("ranking-managers", 200, 422), ("ranking-readers", 200, 403), (None, 403, 403)]
)
def test_a_person_signs_in_and_may_do_what_the_groups_allow(
    stack: Stack, group: str | None, reads: int, creates: int
) -> None:
    name = f"person-{group}"
    person(stack, name, *([group] if group else []))
    configuration = made(stack.call("GET", "/console/configuration.json"), 200)
    visit = Visit(configuration, stack.outputs["ConsoleUrl"])
    action, hidden = form_of(httpx.get(visit.address()))
    back = visit.led_back(httpx.post(action, data=hidden | {"username": name, "password": PASSWORD}))
    assert back["state"] == visit.state
    tokens = made(visit.redeem(back["code"]), 200)
    told = jwt.decode(tokens["id_token"], options={"verify_signature": False})
    assert (told["iss"], told["aud"]) == (configuration["issuer"], configuration["clientId"])
    assert stack.call("GET", "/models", token=tokens["access_token"]).status_code == reads
    new = {"name": "", "schema": "experience-event-proposition-interactions"}
    assert stack.call("POST", "/datasets", new, token=tokens["access_token"]).status_code == creates


def test_the_console_asks_for_no_secret_and_takes_nobody_elsewhere(stack: Stack) -> None:
    configuration = made(stack.call("GET", "/console/configuration.json"), 200)
    cognito, pool = stack.client("cognito-idp"), stack.outputs["UserPoolId"]
    client = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=configuration["clientId"])["UserPoolClient"]
    assert "ClientSecret" not in client
    assert client["AllowedOAuthFlows"] == ["code"]
    elsewhere = Visit(configuration, "https://elsewhere.example/console/")
    assert httpx.get(elsewhere.address()).status_code == 400
