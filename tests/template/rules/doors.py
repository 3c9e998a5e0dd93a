"""The doors: every route is authorized or public by intent, and what the gateway answers itself has the same form."""

from __future__ import annotations

import json
from typing import Any

from tests.support.template import Templates, shown
from tests.template.rules.rule import Problems, rule

NO_ROUTE = ("MISSING_AUTHENTICATION_TOKEN", "INVALID_SIGNATURE")  # without a token, and with one
CONSOLE = {(method, path) for method in ("GET", "HEAD") for path in ("/", "/console", "/console/{file+}")}
PUBLIC = {("GET", "/health"), ("GET", "/openapi.json")} | CONSOLE
AUTHORIZER_SECONDS = 60  # how long a token that was taken back still opens
OF_PEOPLE = ("sourceIp", "userAgent", "identity.", "querystring", "header", "$context.path")
REPEATED = "$context.error.message"  # to whoever asks for no route it repeats the Authorization header, or its hash
# Bodies are events of up to 256 KB; a mail's link is long, and what follows a dot of it may spell .log or .ini.
COUNTED = {
    "SizeRestrictions_BODY", "CrossSiteScripting_BODY", "GenericLFI_BODY", "GenericRFI_BODY", "EC2MetaDataSSRF_BODY",
    "SizeRestrictions_URIPATH", "RestrictedExtensions_URIPATH",
}  # fmt: skip


def api(templates: Templates, name: str) -> dict[str, Any]:
    return templates.of("AWS::ApiGateway::RestApi")[name]


def routes(templates: Templates) -> dict[tuple[str, str], dict[str, Any]]:
    """Of the API, by method and path."""
    paths = api(templates, "Api")["Body"]["paths"]
    return {(method.upper(), path): one for path, methods in paths.items() for method, one in methods.items()}


@rule
def every_route_asks_the_authorizer_or_is_public(templates: Templates) -> Problems:
    found = routes(templates)
    for route, one in found.items():
        if one.get("security") != [{"NONE" if route in PUBLIC else "Tokens": []}]:
            yield f"{route}: {one.get('security')}"
    yield from (f"{route} is gone" for route in PUBLIC - found.keys())


@rule
def the_authorizer_sees_the_whole_header_and_is_asked_again_within_a_minute(templates: Templates) -> Problems:
    schemes = api(templates, "Api")["Body"]["components"]["securitySchemes"]
    for name, one in schemes.items():
        own = one.get("x-amazon-apigateway-authorizer", {})
        if (one.get("in"), one.get("name"), own.get("type")) != ("header", "Authorization", "token"):
            yield f"{name}: {one}"
        if not 0 <= own.get("authorizerResultTtlInSeconds", 300) <= AUTHORIZER_SECONDS:
            yield f"{name}: remembered for {own.get('authorizerResultTtlInSeconds')} s"
        if "AuthorizeRequestAliaslive" not in shown(own.get("authorizerUri")):
            yield f"{name}: asks somebody else"


@rule
def the_gateway_answers_in_problem_documents_too(templates: Templates) -> Problems:
    for name, needed in (
        ("Api", {"UNAUTHORIZED", "ACCESS_DENIED", "THROTTLED", "DEFAULT_4XX", "DEFAULT_5XX", *NO_ROUTE}),
        ("EdgeApi", {"THROTTLED", "REQUEST_TOO_LARGE", "INTEGRATION_FAILURE", "DEFAULT_4XX", "DEFAULT_5XX"}),
    ):
        responses = dict(api(templates, name)["Body"].get("x-amazon-apigateway-gateway-responses", {}))
        yield from (f"{name}: no {kind}" for kind in needed - responses.keys())
        for kind, response in responses.items():
            given = response.get("responseParameters", {}).get("gatewayresponse.header.Content-Type")
            text = response.get("responseTemplates", {}).get("application/json", "{}")
            document = json.loads(text.replace("$context.error.messageString", json.dumps("message")))
            if given != "'application/problem+json'" or not document.keys() >= {"type", "title"}:
                yield f"{name}: {kind}: {given} {text}"


@rule
def what_the_gateway_answers_to_a_browser_one_page_may_read(templates: Templates) -> Problems:
    """The page's own origin: with credentials, browsers refuse *, and another would let in whoever asks."""
    for kind, response in api(templates, "EdgeApi")["Body"]["x-amazon-apigateway-gateway-responses"].items():
        parameters = response.get("responseParameters", {})
        said = {name.removeprefix("gatewayresponse.header."): value for name, value in parameters.items()}
        if said.get("Access-Control-Allow-Origin") != "method.request.header.Origin":
            yield f"{kind}: {said.get('Access-Control-Allow-Origin')}"
        if said.get("Access-Control-Allow-Credentials") != "'true'" or said.get("Vary") != "'Origin'":
            yield f"{kind}: {said}"


@rule
def nothing_else_lets_pages_of_others_in(templates: Templates) -> Problems:
    for kind, response in api(templates, "Api")["Body"].get("x-amazon-apigateway-gateway-responses", {}).items():
        if any("Access-Control" in name for name in response.get("responseParameters", {})):
            yield f"Api: {kind}"
    if any(method == "OPTIONS" for method, _ in routes(templates)):
        yield "Api: OPTIONS"
    yield from (f"{name}: CORS" for name, url in templates.of("AWS::Lambda::Url").items() if "Cors" in url)


@rule
def browsers_are_answered_by_one_function_whatever_they_ask(templates: Templates) -> Problems:
    paths = dict(api(templates, "EdgeApi")["Body"]["paths"])
    if set(paths) != {"/{path+}"}:
        yield f"{sorted(paths)}"
    for path, methods in paths.items():
        if set(methods) != {"get", "head", "post", "options"}:
            yield f"{path}: {sorted(methods)}"
        for method, one in methods.items():
            if "${CollectEventsAliaslive}" not in one["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"]:
                yield f"{method} {path}"


@rule
def a_stage_traces_logs_and_throttles(templates: Templates) -> Problems:
    for name, stage in templates.of("AWS::ApiGateway::Stage").items():
        if not stage.get("TracingEnabled"):
            yield f"{name}: untraced"
        log = stage.get("AccessLogSetting", {})
        if not json.loads(log.get("Format", "{}")).keys() >= {"requestId", "route", "status"}:
            yield f"{name}: {log}"
        if shown(log.get("DestinationArn")) != "${ApiLog.Arn}":
            yield f"{name}: {log}"
        for settings in stage.get("MethodSettings", [{}]):
            if (settings.get("HttpMethod"), settings.get("ResourcePath")) != ("*", "/*"):
                yield f"{name}: {settings}"
            if not settings.keys() >= {"ThrottlingRateLimit", "ThrottlingBurstLimit"}:
                yield f"{name}: unthrottled"
            if settings.get("DataTraceEnabled"):
                yield f"{name}: bodies and tokens in the logs"


@rule
def access_logs_tell_nothing_of_people(templates: Templates) -> Problems:
    for name, stage in templates.of("AWS::ApiGateway::Stage").items():
        told = stage.get("AccessLogSetting", {}).get("Format", "")
        yield from (f"{name}: {one}" for one in (*OF_PEOPLE, REPEATED) if one in told)


@rule
def the_rank_function_alone_has_an_address_and_that_wants_a_signature(templates: Templates) -> Problems:
    for name, url in templates.of("AWS::Lambda::Url").items():
        if (url["TargetFunctionArn"], url.get("AuthType")) != ({"Ref": "RankOffersAliaslive"}, "AWS_IAM"):
            yield f"{name}: {url}"


@rule
def domains_speak_tls_1_2_and_lead_to_their_stage(templates: Templates) -> Problems:
    for name, domain in templates.of("AWS::ApiGateway::DomainName").items():
        if domain.get("SecurityPolicy") != "TLS_1_2":
            yield f"{name}: {domain.get('SecurityPolicy')}"
    mappings = templates.of("AWS::ApiGateway::BasePathMapping").values()
    found = {(shown(one["DomainName"]), one.get("BasePath"), shown(one["RestApiId"])) for one in mappings}
    if found != {("${ApiDomain}", None, "${Api}"), ("${EdgeDomain}", "ee", "${EdgeApi}")}:
        yield f"{found}"


@rule
def the_web_acl_limits_each_address_and_lets_events_and_links_of_mails_through(templates: Templates) -> Problems:
    for name, acl in templates.of("AWS::WAFv2::WebACL").items():
        rated = [one["Statement"].get("RateBasedStatement", {}) for one in acl["Rules"]]
        if not any((one.get("AggregateKeyType"), one.get("Limit")) == ("IP", {"Ref": "WebAclRate"}) for one in rated):
            yield f"{name}: no limit"
        managed = [one["Statement"].get("ManagedRuleGroupStatement") for one in acl["Rules"]]
        common = [one for one in managed if one and one["Name"] == "AWSManagedRulesCommonRuleSet"] or [{}]
        counted = {one["Name"] for one in common[0].get("RuleActionOverrides", []) if "Count" in one["ActionToUse"]}
        if not counted >= COUNTED:
            yield f"{name}: blocks by {sorted(COUNTED - counted)}"
        if acl["VisibilityConfig"].get("SampledRequestsEnabled"):
            yield f"{name}: samples tell of people"
    for name, one in templates.of("AWS::WAFv2::WebACLAssociation").items():
        if not shown(one["ResourceArn"]).endswith("/restapis/${EdgeApi}/stages/${EdgeApieeStage}"):
            yield f"{name}: {shown(one['ResourceArn'])}"


@rule
def people_are_let_in_by_who_manages_them(templates: Templates) -> Problems:
    for name, pool in templates.of("AWS::Cognito::UserPool").items():
        if pool.get("AdminCreateUserConfig") != {"AllowAdminCreateUserOnly": True}:
            yield f"{name}: whoever comes signs up"
        if pool.get("DeletionProtection") != "ACTIVE":
            yield f"{name}: deletable"
    for name, client in templates.of("AWS::Cognito::UserPoolClient").items():
        flows, has_secret = client.get("AllowedOAuthFlows"), client.get("GenerateSecret")
        if (flows, has_secret) not in [(["code"], False), (["client_credentials"], True)]:
            yield f"{name}: {flows}, secret {has_secret}"
    clients = templates.of("AWS::Cognito::UserPoolClient")
    admin, ranker = (set(clients[name]["AllowedOAuthScopes"]) for name in ("AdminClient", "RankerClient"))
    if admin & ranker:
        yield "managing and ranking imply each other"


@rule
def the_first_manager_is_invited_by_mail(templates: Templates) -> Problems:
    (user,) = templates.of("AWS::Cognito::UserPoolUser").values()
    if (user["Username"], user["DesiredDeliveryMediums"]) != ({"Ref": "ManagerEmail"}, ["EMAIL"]):
        yield f"{user}"
    (member,) = templates.of("AWS::Cognito::UserPoolUserToGroupAttachment").values()
    if member["GroupName"] != {"Ref": "Managers"}:
        yield f"{member}"
