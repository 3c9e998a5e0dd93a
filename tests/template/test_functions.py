"""What every function is given: time, memory, logs, and the variables that it reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.template import Template, shown

EVERYWHERE = {"AWS_ENDPOINT_URL", "POWERTOOLS_METRICS_NAMESPACE", "PYDANTIC_DISABLE_PLUGINS"}
OIDC = {"OIDC_ISSUER", "OIDC_JWKS_URL", "OIDC_AUDIENCE", "OIDC_GROUPS_CLAIM"}
DATASETS = {"DATASETS_BUCKET", "DATASET_BUCKETS", "OBJECTS_QUEUE", "FITS_QUEUE"}
VARIABLES = {
    "AuthorizeRequest": OIDC,
    "ManageModels": {"CATALOG_TABLE", "BACKFILLS"} | DATASETS | OIDC,
    "ManageDecisions": {"CATALOG_TABLE", "TOKEN_KEYS_TABLE", "CAPS_TABLE"} | OIDC,
    "ActivateModel": {"CATALOG_TABLE", "TOKEN_KEYS_TABLE", "FITS_QUEUE"} | OIDC,
    "RankOffers": {"CATALOG_TABLE", "TOKEN_KEYS_TABLE", "STATE_BUCKET", "EDGE_URL"} | OIDC,
    "CollectEvents": {
        "CATALOG_TABLE",
        "TOKEN_KEYS_TABLE",
        "CAPS_TABLE",
        "STATE_BUCKET",
        "DATASETS_BUCKET",
        "EVENTS_STREAM",
    }
    | {"INTERACTS_PER_VISITOR", "INTERACTS_PER_SOURCE"},
    "RefreshRankings": {"CATALOG_TABLE", "LEDGER_TABLE", "STATE_BUCKET"} | DATASETS,
    "ReportPerformance": {"CATALOG_TABLE", "LEDGER_TABLE", "STATE_BUCKET", "BACKFILLS"} | OIDC,
    "ManageErasures": {"CATALOG_TABLE", "LEDGER_TABLE", "TOKEN_KEYS_TABLE", "CAPS_TABLE", "DATASETS_BUCKET"}
    | {"DELIVERY_SECONDS", "ERASURES"}
    | OIDC,
    "EraseProfiles": {"LEDGER_TABLE", "CAPS_TABLE", "DATASETS_BUCKET"},
    "ServeConsole": {
        "CONSOLE_CLIENT",
        "CONSOLE_SCOPES",
        "OIDC_ISSUER",
        "OIDC_CONFIGURATION_URL",
        "OIDC_GROUPS_CLAIM",
        "EDGE_URL",
    },
}


@pytest.fixture(params=VARIABLES)
def function(request: pytest.FixtureRequest, system: Template) -> tuple[str, dict[str, Any]]:
    name: str = request.param
    return name, system.of("AWS::Lambda::Function")[name]


def test_there_are_these_functions(system: Template) -> None:
    assert system.of("AWS::Lambda::Function").keys() == VARIABLES.keys()


def test_a_function_gets_the_listed_variables_only(function: tuple[str, dict[str, Any]]) -> None:
    name, properties = function
    assert properties["Environment"]["Variables"].keys() == VARIABLES[name] | EVERYWHERE


def test_another_endpoint_is_set_only_by_its_parameter(function: tuple[str, dict[str, Any]]) -> None:
    endpoint = function[1]["Environment"]["Variables"]["AWS_ENDPOINT_URL"]
    assert endpoint == {"Fn::If": ["HasEndpoint", {"Ref": "AwsEndpointUrl"}, {"Ref": "AWS::NoValue"}]}


def test_a_function_is_traced_and_logs_json_into_a_group_of_its_own(
    function: tuple[str, dict[str, Any]], system: Template
) -> None:
    name, properties = function
    assert properties["TracingConfig"] == {"Mode": "Active"}
    assert properties["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": {"Ref": f"{name}Log"}}
    assert f"{name}Log" in system.of("AWS::Logs::LogGroup")


def test_logs_end(system: Template, storage: Template) -> None:
    for group in (system.of("AWS::Logs::LogGroup") | storage.of("AWS::Logs::LogGroup")).values():
        assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_a_function_runs_as_it_is_built(function: tuple[str, dict[str, Any]], system: Template) -> None:
    properties = function[1]
    (layer,) = system.of("AWS::Lambda::LayerVersion").values()
    assert layer["CompatibleRuntimes"] == [properties["Runtime"]] == ["python3.13"]
    assert layer["CompatibleArchitectures"] == properties["Architectures"] == ["x86_64"]
    assert len(properties["Layers"]) == 1


def test_no_function_outlasts_who_waits_for_it(system: Template) -> None:
    timeouts = {name: one["Timeout"] for name, one in system.of("AWS::Lambda::Function").items()}
    assert timeouts.pop("RefreshRankings") == 120
    assert timeouts.pop("EraseProfiles") == 900, "only a state machine waits for it"
    assert max(timeouts.values()) <= 29, "API Gateway waits no longer"
    assert timeouts["RankOffers"] == timeouts["CollectEvents"] == 10


def test_a_batch_fails_message_by_message_and_stays_hidden_while_it_is_worked_on(
    system: Template, storage: Template
) -> None:
    queues = storage.of("AWS::SQS::Queue")
    outputs = storage.document["Outputs"]
    timeout = system.of("AWS::Lambda::Function")["RefreshRankings"]["Timeout"]
    fed: dict[str, int] = {}
    for source in system.of("AWS::Lambda::EventSourceMapping").values():
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        window = source.get("MaximumBatchingWindowInSeconds", 0)
        assert source["BatchSize"] <= (10_000 if window else 10), "Lambda gathers more than ten only for a while"
        assert source["ScalingConfig"]["MaximumConcurrency"] >= 2
        output = shown(source["EventSourceArn"]).removeprefix("${Storage.Outputs.").removesuffix("}")
        queue = shown(outputs[output]["Value"]).removeprefix("${").removesuffix(".Arn}")
        assert queues[queue]["VisibilityTimeout"] >= 6 * timeout + window
        fed[queue] = source["BatchSize"]
    assert fed == {"Objects": 10, "Fits": 1000}, "objects take their time; a model is fitted once a batch"


def test_windows_move_hourly_and_what_was_lost_is_found_daily(system: Template) -> None:
    schedules = system.of("AWS::Scheduler::Schedule").values()
    assert {one["ScheduleExpression"]: json.loads(one["Target"]["Input"]) for one in schedules} == {
        "rate(1 hour)": {"hint": "hourly"},
        "rate(1 day)": {"hint": "sweep"},
    }
    for schedule in schedules:
        assert schedule["Target"]["Arn"] == {"Ref": "RefreshRankingsAliaslive"}
