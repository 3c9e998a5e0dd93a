"""How the console is put in front of people: compressed as text, and signed in at by a client without a secret."""

from __future__ import annotations

from typing import Any

from tests.support.template import Template, pieces, shown


def test_answers_are_compressed_and_bodies_stay_text(system: Template) -> None:
    api = system.of("AWS::ApiGateway::RestApi")["Api"]
    assert 0 < api["MinimumCompressionSize"] <= 1500
    assert "BinaryMediaTypes" not in api
    assert "x-amazon-apigateway-binary-media-types" not in api["Body"]


def test_a_browser_signs_people_in_without_a_secret_and_is_led_back_to_the_console_alone(system: Template) -> None:
    client = system.of("AWS::Cognito::UserPoolClient")["ConsoleClient"]
    assert client["GenerateSecret"] is False
    assert client["AllowedOAuthFlows"] == ["code"]
    assert client["AllowedOAuthScopes"] == ["openid"], "what people may do comes from their groups"
    address = system.document["Outputs"]["ConsoleUrl"]["Value"]
    assert client["CallbackURLs"] == client["LogoutURLs"] == [address]
    own, domain, default = address["Fn::If"][1], *address["Fn::If"][2]["Fn::If"][1:]
    assert [shown(one) for one in (own, domain, default)] == [
        "${ConsoleUrl}",
        "https://${DomainName}/console/",
        "https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}/v1/console/",
    ]


def test_the_console_reads_as_whom_it_signs_people_in_where_the_template_wrote_it(system: Template) -> None:
    (parameter,) = system.of("AWS::SSM::Parameter").values()
    function = system.of("AWS::Lambda::Function")["ServeConsole"]
    assert parameter["Name"] == function["Environment"]["Variables"]["CONSOLE_CLIENT"]
    named: dict[str, Any] = {"Fn::If": ["UsesCognito", {"Ref": "ConsoleClient"}, {"Ref": "OidcConsoleClientId"}]}
    assert parameter["Value"] == named


def test_no_function_waits_for_the_client_that_waits_for_the_api(system: Template) -> None:
    for name, function in system.of("AWS::Lambda::Function").items():
        assert ("Ref", "ConsoleClient") not in list(pieces(function)), name
        assert ("Ref", "ConsoleClientId") not in list(pieces(function)), name
