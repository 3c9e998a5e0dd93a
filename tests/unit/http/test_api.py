"""Who may call an operation, by events as Lambda gives them; the table is in tests/functions/test_authorization.py."""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import urljoin

import pytest
from aws_lambda_powertools import Logger

from infra.local.issuer import Issuer
from offer_ranking.http.api import Answer, Api, Call
from offer_ranking.http.principal import Permission
from offer_ranking.http.verifier import Verifier

ISSUER = "https://issuer.test"
ARN = "arn:aws:sts::123456789012:assumed-role/shop/i-1"


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer(ISSUER)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, issuer: Issuer) -> None:
    monkeypatch.setenv("OIDC_ISSUER", ISSUER)
    monkeypatch.setattr(Verifier, "from_environment", lambda: Verifier(ISSUER, "unused", fetch=lambda _: issuer.keys()))


def an_api(*, iam: Permission | None = None) -> Api:
    """Public, for who reads, and for who ranks or reads; each answers what the handler was told."""
    api = Api(Logger(service="test_api"), iam=iam)

    def told(call: Call) -> Answer:
        return Answer.of({
            "who": call.principal.id, "operation": call.operation, "request": call.request_id,
            "trace": call.headers.get("x-trace"), "body": call.body.decode(), "path": dict(call.path),
        })  # fmt: skip

    @api.operation("GET", "/health", needs=None)
    def health(call: Call) -> Answer:
        return told(call)

    @api.operation("GET", "/models/{model_id}", needs=Permission.READ)
    def read(call: Call, model_id: str) -> Answer:
        assert model_id == "m1"
        return told(call)

    @api.operation("POST", "/rankings", needs=Permission.RANK, or_needs=Permission.READ)
    def rank(call: Call) -> Answer:
        return told(call)

    @api.operation("POST", "/models/{model_id}/duplicate", needs=None, status=201)
    def duplicate(model_id: str) -> Answer:
        assert model_id == "m1"
        return Answer.of({}, 201, Location="/models/m2")

    return api


def rest(method: str, path: str, token: str | None = None, **changes: Any) -> dict[str, Any]:
    headers: dict[str, Any] = {"AUTHORIZATION": token, "X-Trace": 5, "X-Null": None}
    return {
        "resource": path, "path": path, "httpMethod": method, "headers": headers, "multiValueHeaders": None,
        "queryStringParameters": None, "multiValueQueryStringParameters": None, "body": None, "isBase64Encoded": False,
        "requestContext": {"requestId": "r1", "path": path, "httpMethod": method},
    } | changes  # fmt: skip


def url(path: str, iam: Any, token: str | None = None, **changes: Any) -> dict[str, Any]:
    context = {"requestId": "r2", "http": {"method": "POST", "path": path}, "stage": "$default"}
    return {
        "version": "2.0", "rawPath": path, "rawQueryString": "", "body": "{}", "isBase64Encoded": False,
        "headers": {"authorization": token} if token else {},
        "requestContext": context | ({"authorizer": {"iam": iam}} if iam is not None else {}),
    } | changes  # fmt: skip


def said(answer: dict[str, Any]) -> Any:
    assert answer["statusCode"] == 200, answer
    return json.loads(answer["body"])


def bearer(issuer: Issuer, *permissions: Permission) -> str:
    return "Bearer " + issuer.machine_token("admin", scopes=tuple(f"offer-ranking/{one}" for one in permissions))


def test_a_public_operation_asks_nobody_and_believes_no_token() -> None:
    for token in (None, "Bearer nonsense"):
        assert said(an_api()(rest("GET", "/health", token), None)) == {
            "who": "anonymous", "operation": "health", "request": "r1", "trace": "5", "body": "", "path": {},
        }  # fmt: skip


@pytest.mark.parametrize("token", [None, "", "Bearer", "Basic YTpi", "Bearer a.b.c"])
def test_without_proof_an_operation_is_answered_401(token: str | None) -> None:
    answer = an_api()(rest("GET", "/models/m1", token), None)
    assert answer["statusCode"] == 401
    assert json.loads(answer["body"])["status"] == 401


@pytest.mark.parametrize(
    ("permissions", "reads", "ranks"),
    [
        ((), 403, 403),
        ((Permission.READ,), 200, 200),
        ((Permission.RANK,), 403, 200),
        ((Permission.MANAGE,), 403, 403),
        ((Permission.RANK, Permission.READ), 200, 200),
    ],
)
def test_a_permission_opens_what_names_it_and_no_more(
    issuer: Issuer, permissions: tuple[Permission, ...], reads: int, ranks: int
) -> None:
    api, token = an_api(), bearer(issuer, *permissions)
    assert api(rest("GET", "/models/m1", token), None)["statusCode"] == reads
    assert api(rest("POST", "/rankings", token), None)["statusCode"] == ranks


def test_a_refusal_names_every_permission_that_would_do(issuer: Issuer) -> None:
    api, token = an_api(), bearer(issuer)
    detail = json.loads(api(rest("POST", "/rankings", token), None)["body"])["detail"]
    assert "'ranking.rank' or 'ranking-strategies.read'" in detail
    detail = json.loads(api(rest("GET", "/models/m1", token), None)["body"])["detail"]
    assert "'ranking-strategies.read'." in detail


def test_who_proved_it_is_who_the_handler_hears_of(issuer: Issuer) -> None:
    found = said(an_api()(rest("GET", "/models/m1", bearer(issuer, Permission.READ)), None))
    assert (found["who"], found["operation"], found["request"]) == ("admin", "read", "r1")
    assert found["path"] == {"model_id": "m1"}


def test_an_address_of_its_own_is_closed_where_no_iam_principal_may_do_anything(issuer: Issuer) -> None:
    for event in (url("/rankings", {"userArn": ARN}), url("/rankings", None, bearer(issuer, Permission.RANK))):
        answer = an_api()(event, None)
        assert answer["statusCode"] == 401
        assert answer["headers"]["Content-Type"] == "application/problem+json"
        assert json.loads(answer["body"])["status"] == 401


def test_an_iam_principal_may_do_what_the_function_lets_it_and_no_more() -> None:
    assert said(an_api(iam=Permission.RANK)(url("/rankings", {"userArn": ARN}), None))["who"] == ARN
    assert an_api(iam=Permission.MANAGE)(url("/rankings", {"userArn": ARN}), None)["statusCode"] == 403


@pytest.mark.parametrize("iam", [None, {}, {"userArn": ""}, {"userArn": None}, {"accountId": "123456789012"}])
def test_an_address_without_an_iam_principal_takes_tokens_alone(issuer: Issuer, iam: Any) -> None:
    api = an_api(iam=Permission.RANK)
    assert api(url("/rankings", iam), None)["statusCode"] == 401
    assert said(api(url("/rankings", iam, bearer(issuer, Permission.READ)), None))["who"] == "admin"


def test_an_iam_principal_in_an_event_of_the_rest_api_is_not_believed() -> None:
    context = {"requestId": "r", "authorizer": {"iam": {"userArn": ARN}}, "path": "/rankings", "httpMethod": "POST"}
    for version in ({}, {"version": "1.0"}):
        event = rest("POST", "/rankings", requestContext=context) | version
        assert an_api(iam=Permission.RANK)(event, None)["statusCode"] == 401


def test_what_a_path_holds_is_decoded_once(issuer: Issuer) -> None:
    """API Gateway and a function's own URL hand it on as it was sent."""
    event = rest("GET", "/models/m%31", bearer(issuer, Permission.READ))
    assert said(an_api()(event, None))["path"] == {"model_id": "m1"}
    event |= {"resource": "/models/{model_id}", "pathParameters": {"model_id": "m%31"}}
    assert said(an_api()(event, None))["path"] == {"model_id": "m1"}


@pytest.mark.parametrize("base", ["", "/ranking", "/shop/ranking"])
def test_below_the_base_path_of_a_domain_an_operation_is_the_same(issuer: Issuer, base: str) -> None:
    """API Gateway leaves it in the path; what the route is called it says apart."""
    read = rest("GET", f"{base}/models/m1", bearer(issuer, Permission.READ), resource="/models/{model_id}")
    assert said(an_api()(read, None))["path"] == {"model_id": "m1"}
    assert an_api()(rest("GET", f"{base}/health/", resource="/health"), None)["statusCode"] == 200


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("stage", "base", "seen"), [("", "", ""), ("/v1", "", "/v1"), ("/v1", "", ""), ("", "/r", "/r")]
)
def test_what_was_made_is_found_from_where_it_was_asked_for(stage: str, base: str, seen: str, slash: str) -> None:
    """Whether a stage stands before it, the base path of a domain, or none that is seen: a proxy may add the stage."""
    path = f"{base}/models/m1/duplicate{slash}"
    context = {"requestId": "r", "path": stage + path, "httpMethod": "POST"}
    event = rest("POST", path, resource="/models/{model_id}/duplicate", requestContext=context)
    asked = f"https://api.test{seen}/models/m1/duplicate{slash}"
    location = an_api()(event, None)["multiValueHeaders"]["Location"][0]
    assert urljoin(asked, location) == f"https://api.test{seen}/models/m2"


def test_no_cache_keeps_an_answer_or_a_refusal(issuer: Issuer) -> None:
    """One before the API that was not told would hand it to whoever asks next, with another token or none."""
    api = an_api()
    for event in (
        rest("GET", "/models/m1", bearer(issuer, Permission.READ)), rest("GET", "/models/m1"), rest("GET", "/health"),
        rest("GET", "/none"),
    ):  # fmt: skip
        assert api(event, None)["multiValueHeaders"]["Cache-Control"] == ["no-store"]
    assert api(url("/rankings", None), None)["headers"]["Cache-Control"] == "no-store"


def test_what_an_event_lacks_breaks_nothing() -> None:
    api = an_api()
    assert api(rest("GET", "/models/m1", headers=None), None)["statusCode"] == 401
    assert said(api(rest("GET", "/health", headers=None), None))["trace"] is None
    context = {"path": "/health", "httpMethod": "GET"}
    assert said(api(rest("GET", "/health", requestContext=context), None))["request"] == ""
    context = {"http": {"method": "POST", "path": "/rankings"}, "stage": "$default", "authorizer": None}
    assert api(url("/rankings", None, requestContext=context), None)["statusCode"] == 401


def test_one_line_a_request_names_method_route_status_and_request(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    for api, event, line in (
        (an_api(), rest("GET", "/models/m1", None), ("GET", "/models/m1", 401, "r1")),
        (an_api(iam=Permission.RANK), url("/rankings", {"userArn": ARN}), ("POST", "url", 200, "r2")),
        (an_api(), url("/rankings", {"userArn": ARN}), ("POST", "url", 401, "r2")),
        (an_api(), rest("GET", "/none", bearer(issuer), resource=None), ("GET", "url", 404, "r1")),
    ):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            api(event, None)
        (found,) = [record for record in caplog.records if record.getMessage() == "request"]
        assert (found.method, found.route, found.status, found.request_id) == line  # type: ignore[attr-defined]
        assert 0 <= found.milliseconds < 60_000  # type: ignore[attr-defined]
