"""Every route asks the authorizer or is on the list of public ones, and leads to a handler that serves it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.support.aws import set_environment
from tests.support.template import Template

set_environment()

from functions.activate_model import handler as activate_model  # noqa: E402 - reads the environment
from functions.manage_decisions import handler as manage_decisions  # noqa: E402
from functions.manage_erasures import handler as manage_erasures  # noqa: E402
from functions.manage_models import handler as manage_models  # noqa: E402
from functions.rank_offers import handler as rank_offers  # noqa: E402
from functions.report_performance import handler as report_performance  # noqa: E402

CONSOLE = {(method, path) for method in ("GET", "HEAD") for path in ("/", "/console", "/console/{file+}")}
PUBLIC = {("GET", "/health"), ("GET", "/openapi.json")} | CONSOLE
HANDLERS = {
    "ManageModels": manage_models,
    "ManageDecisions": manage_decisions,
    "ActivateModel": activate_model,
    "RankOffers": rank_offers,
    "ReportPerformance": report_performance,
    "ManageErasures": manage_erasures,
}


@pytest.fixture(scope="module")
def routes(system: Template) -> dict[tuple[str, str], dict[str, Any]]:
    paths = system.of("AWS::ApiGateway::RestApi")["Api"]["Body"]["paths"]
    return {(method.upper(), path): one for path, methods in paths.items() for method, one in methods.items()}


def test_every_route_asks_the_authorizer_or_is_public(routes: dict[tuple[str, str], dict[str, Any]]) -> None:
    for route, one in routes.items():
        assert one["security"] == [{"NONE" if route in PUBLIC else "Tokens": []}], route
    assert routes.keys() >= PUBLIC


@pytest.mark.parametrize("function", HANDLERS)
def test_routes_and_handlers_name_the_same_operations(
    function: str, routes: dict[tuple[str, str], dict[str, Any]]
) -> None:
    uri = re.compile(rf"functions/\$\{{{function}Aliaslive\}}/invocations$")
    routed = {
        route for route, one in routes.items() if uri.search(one["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"])
    }
    operations = HANDLERS[function].api.operations
    assert routed == {(one.method, one.path) for one in operations}
    assert {(one.method, one.path) for one in operations if one.needs is None} == routed & PUBLIC


def test_the_authorizer_sees_the_whole_header(system: Template) -> None:
    schemes = system.of("AWS::ApiGateway::RestApi")["Api"]["Body"]["components"]["securitySchemes"]
    (tokens,) = schemes.values()
    assert (tokens["in"], tokens["name"]) == ("header", "Authorization")
    assert tokens["x-amazon-apigateway-authorizer"]["type"] == "token"


def test_the_gateway_answers_in_problem_documents_too(system: Template) -> None:
    body = system.of("AWS::ApiGateway::RestApi")["Api"]["Body"]
    responses = dict(body["x-amazon-apigateway-gateway-responses"])
    assert responses.keys() >= {"UNAUTHORIZED", "ACCESS_DENIED", "DEFAULT_4XX", "DEFAULT_5XX"}
    for response in responses.values():
        given = response["responseParameters"]["gatewayresponse.header.Content-Type"]
        assert given == "'application/problem+json'"
        text = response["responseTemplates"]["application/json"]
        document = json.loads(text.replace("$context.error.messageString", json.dumps("message")))
        assert document.keys() >= {"type", "title"}


def test_what_the_gateway_answers_to_a_browser_the_page_may_read(system: Template) -> None:
    body = system.of("AWS::ApiGateway::RestApi")["EdgeApi"]["Body"]
    responses = dict(body["x-amazon-apigateway-gateway-responses"])
    assert responses.keys() >= {"THROTTLED", "REQUEST_TOO_LARGE", "INTEGRATION_FAILURE", "DEFAULT_4XX", "DEFAULT_5XX"}
    for response in responses.values():
        parameters = response["responseParameters"]
        said = {name.removeprefix("gatewayresponse.header."): value for name, value in parameters.items()}
        assert said["Access-Control-Allow-Origin"] == "method.request.header.Origin", "with credentials * is refused"
        assert said["Access-Control-Allow-Credentials"] == "'true'"
        assert (said["Vary"], said["Content-Type"]) == ("'Origin'", "'application/problem+json'")


def test_browsers_are_answered_by_one_function_whatever_they_ask(system: Template) -> None:
    paths = dict(system.of("AWS::ApiGateway::RestApi")["EdgeApi"]["Body"]["paths"])
    assert paths.keys() == {"/{path+}"}
    methods = dict(paths["/{path+}"])
    assert methods.keys() == {"get", "head", "post", "options"}
    for one in methods.values():
        assert "${CollectEventsAliaslive}" in one["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]


@pytest.mark.parametrize("name", ["v1", "ee"])
def test_a_stage_traces_logs_and_throttles(system: Template, name: str) -> None:
    (stage,) = (one for one in system.of("AWS::ApiGateway::Stage").values() if one["StageName"] == name)
    assert stage["TracingEnabled"]
    assert json.loads(stage["AccessLogSetting"]["Format"]).keys() >= {"requestId", "route", "status"}
    (settings,) = stage["MethodSettings"]
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert settings.keys() >= {"ThrottlingRateLimit", "ThrottlingBurstLimit"}
    assert not settings.get("DataTraceEnabled"), "bodies and tokens stay out of the logs"


def test_the_rank_function_alone_has_an_address_and_that_wants_a_signature(system: Template) -> None:
    (url,) = system.of("AWS::Lambda::Url").values()
    assert url["TargetFunctionArn"] == {"Ref": "RankOffersAliaslive"}
    assert url["AuthType"] == "AWS_IAM"
    assert "Cors" not in url
