"""A person signs in on one machine as on AWS: from the console's configuration to what the API lets them do."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import jwt
import pytest

from infra.local.system import System
from tests.e2e.conftest import Caller
from tests.support.sign_in import Visit, form_of

Calling = Callable[[str | None], Caller]
DATASET = {"name": "", "schema": "experience-event-proposition-interactions"}


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def visit(system: System, calling: Calling) -> Visit:
    configuration = calling(None).get("/console/configuration.json")
    assert configuration.status_code == 200, configuration.text
    return Visit(configuration.json(), f"{system.url}/console/")


def code(http: httpx.Client, visit: Visit, person: str = "manager@local") -> str:
    action, _ = form_of(http.get(visit.address()))
    back = visit.led_back(http.post(action, data={"person": person}))
    assert back["state"] == visit.state
    return back["code"]


@pytest.mark.parametrize(
    ("person", "groups", "reads", "creates"),
    [
        ("manager@local", ["ranking-managers"], 200, 422),
        ("reader@local", ["ranking-readers"], 200, 403),
        ("guest@local", [], 403, 403),
    ],
)
def test_who_signs_in_may_do_what_the_groups_allow(  # noqa: PLR0917 - a table
    http: httpx.Client, visit: Visit, calling: Calling, person: str, groups: list[str], reads: int, creates: int
) -> None:
    answer = visit.redeem(code(http, visit, person))
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    tokens = answer.json()
    caller = calling(f"Bearer {tokens['access_token']}")
    assert (caller.get("/models").status_code, caller.post("/datasets", DATASET).status_code) == (reads, creates)
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims[visit.configuration["groupsClaim"]] == groups


def test_the_identity_token_tells_the_console_who_it_is_and_opens_nothing(
    http: httpx.Client, visit: Visit, calling: Calling
) -> None:
    tokens = visit.redeem(code(http, visit)).json()
    found = http.get(f"{visit.configuration['issuer']}/.well-known/openid-configuration").json()
    (key,) = jwt.PyJWKSet.from_dict(http.get(found["jwks_uri"]).json()).keys
    told = jwt.decode(
        tokens["id_token"], key, algorithms=["RS256"], audience="console", issuer=visit.configuration["issuer"]
    )
    assert (told["nonce"], told["cognito:username"]) == (visit.nonce, "manager@local")
    assert calling(f"Bearer {tokens['id_token']}").get("/models").status_code == 401


def test_a_code_is_good_once(http: httpx.Client, visit: Visit) -> None:
    given = code(http, visit)
    assert visit.redeem(given).status_code == 200
    again = visit.redeem(given)
    assert (again.status_code, again.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": "x" * 43}, "invalid_grant"),
        ({"code_verifier": ""}, "invalid_grant"),
        ({"redirect_uri": "http://127.0.0.1:1/console/"}, "invalid_grant"),
        ({"code": "guessed"}, "invalid_grant"),
        ({"client_id": "admin"}, "invalid_client"),
        ({"grant_type": "refresh_token"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "invalid_client"),
    ],
)
def test_a_code_is_good_for_nobody_but_who_asked_for_it(
    http: httpx.Client, visit: Visit, changed: dict[str, str], error: str
) -> None:
    answer = visit.redeem(code(http, visit), **changed)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_a_wrong_try_uses_the_code_up(http: httpx.Client, visit: Visit) -> None:
    given = code(http, visit)
    visit.redeem(given, code_verifier="y" * 43)
    assert visit.redeem(given).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "offer-ranking/ranking-strategies.write"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
    ],
)
def test_a_console_that_asks_wrongly_hears_of_it(
    http: httpx.Client, visit: Visit, changed: dict[str, str | None], error: str
) -> None:
    back = visit.led_back(http.get(visit.address(**changed)))
    assert back == {"error": error, "state": visit.state}


@pytest.mark.parametrize(
    "changed",
    [
        {"client_id": "admin"},
        {"client_id": None},
        {"redirect_uri": None},
        {"redirect_uri": "https://elsewhere.example/console/"},
        {"redirect_uri": "http://127.0.0.1.elsewhere.example/console/"},
        {"redirect_uri": "http://127.0.0.1:1@elsewhere.example/console/"},
        {"redirect_uri": "http://127.0.0.1:1/console/?more"},
    ],
)
def test_nobody_is_led_elsewhere(http: httpx.Client, visit: Visit, changed: dict[str, str | None]) -> None:
    for answer in (http.get(visit.address(**changed)), http.post(visit.address(**changed), data={"person": "x"})):
        assert answer.status_code == 400
        assert "location" not in answer.headers


def test_who_is_nobody_that_may_sign_in_is_denied(http: httpx.Client, visit: Visit) -> None:
    back = visit.led_back(http.post(visit.address(state=None), data={"person": "somebody@else"}))
    assert back == {"error": "access_denied"}


def test_what_a_request_says_is_text_on_the_page(http: httpx.Client, visit: Visit) -> None:
    page = http.get(visit.address() + '&x="><script>alert(1)</script>')
    assert page.status_code == 200
    assert "<script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_who_signs_out_comes_back_to_the_console_and_nowhere_else(http: httpx.Client, visit: Visit) -> None:
    address = visit.configuration["endSessionEndpoint"]
    for name in ("logout_uri", "post_logout_redirect_uri"):
        answer = http.get(address, params={"client_id": "console", name: visit.redirect_uri})
        assert (answer.status_code, answer.headers["location"]) == (302, visit.redirect_uri)
        elsewhere = http.get(address, params={"client_id": "console", name: "https://elsewhere.example/console/"})
        assert elsewhere.status_code == 400


def test_a_page_under_the_machines_other_name_may_read_its_tokens(http: httpx.Client, visit: Visit) -> None:
    other = Visit(visit.configuration, visit.redirect_uri.replace("127.0.0.1", "localhost"))
    answer = other.redeem(code(http, other))
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
