"""What every function is given: time, memory, logs, and the variables that it reads."""

from __future__ import annotations

import json
import re

from tests.support.template import Templates, shown
from tests.template.rules.deployments import definition
from tests.template.rules.rule import Problems, rule

EVERYWHERE = {"AWS_ENDPOINT_URL", "POWERTOOLS_METRICS_NAMESPACE", "PYDANTIC_DISABLE_PLUGINS"}
OIDC = {"OIDC_ISSUER", "OIDC_JWKS_URL", "OIDC_AUDIENCE", "OIDC_GROUPS_CLAIM"}
DATASETS = {"DATASETS_BUCKET", "DATASET_BUCKETS", "OBJECTS_QUEUE", "FITS_QUEUE"}
VARIABLES = {
    "AuthorizeRequest": OIDC,
    "ManageModels": {"CATALOG_TABLE", "BACKFILLS"} | DATASETS | OIDC,
    "ManageDecisions": {"CATALOG_TABLE", "TOKEN_KEYS_TABLE", "CAPS_TABLE"} | OIDC,
    "ActivateModel": {"CATALOG_TABLE", "TOKEN_KEYS_TABLE", "FITS_QUEUE"} | OIDC,
    "RankOffers": {"CATALOG_TABLE", "TOKEN_KEYS_TABLE", "CAPS_TABLE", "STATE_BUCKET", "EDGE_URL"}
    | {"RANKINGS_PER_SECOND_PER_CLIENT"}
    | OIDC,
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
AWAITED_SECONDS = 29  # API Gateway waits no longer
HASTY = {"RankOffers": 10, "CollectEvents": 10, "AuthorizeRequest": 5}
UNAWAITED = {"RefreshRankings": 120, "EraseProfiles": 900}  # for these only queues and state machines wait


@rule
def a_function_gets_the_listed_variables_only(templates: Templates) -> Problems:
    functions = templates.of("AWS::Lambda::Function")
    for name in functions.keys() | VARIABLES.keys():
        if name not in VARIABLES or name not in functions:
            yield f"{name} is unknown, or gone"
        elif (given := functions[name]["Environment"]["Variables"].keys()) != VARIABLES[name] | EVERYWHERE:
            yield f"{name}: {sorted(given ^ (VARIABLES[name] | EVERYWHERE))}"


@rule
def another_endpoint_is_set_only_by_its_parameter(templates: Templates) -> Problems:
    wanted = {"Fn::If": ["HasEndpoint", {"Ref": "AwsEndpointUrl"}, {"Ref": "AWS::NoValue"}]}
    for name, function in templates.of("AWS::Lambda::Function").items():
        if function["Environment"]["Variables"].get("AWS_ENDPOINT_URL") != wanted:
            yield name


@rule
def a_function_and_a_state_machine_are_traced(templates: Templates) -> Problems:
    for name, function in templates.of("AWS::Lambda::Function").items():
        if function.get("TracingConfig") != {"Mode": "Active"}:
            yield f"{name}: {function.get('TracingConfig')}"
    for name, machine in templates.of("AWS::StepFunctions::StateMachine").items():
        if machine.get("TracingConfiguration") != {"Enabled": True}:
            yield f"{name}: {machine.get('TracingConfiguration')}"


@rule
def a_function_logs_json_into_a_group_of_its_own(templates: Templates) -> Problems:
    groups = templates.of("AWS::Logs::LogGroup")
    for name, function in templates.of("AWS::Lambda::Function").items():
        wanted = {"LogFormat": "JSON", "LogGroup": {"Ref": f"{name}Log"}}
        if function.get("LoggingConfig") != wanted or f"{name}Log" not in groups:
            yield f"{name}: {function.get('LoggingConfig')}"


@rule
def logs_end(templates: Templates) -> Problems:
    for name, group in templates.of("AWS::Logs::LogGroup").items():
        if group.get("RetentionInDays") != {"Ref": "LogRetentionDays"}:
            yield f"{name}: {group.get('RetentionInDays')}"


@rule
def a_function_runs_as_it_is_built(templates: Templates) -> Problems:
    (layer,) = templates.of("AWS::Lambda::LayerVersion").values()
    for name, function in templates.of("AWS::Lambda::Function").items():
        runs = ([function["Runtime"]], function["Architectures"])
        built = (layer["CompatibleRuntimes"], layer["CompatibleArchitectures"])
        if not (runs == built == (["python3.13"], ["x86_64"]) and len(function["Layers"]) == 1):
            yield f"{name}: {runs}, built for {built}"


@rule
def no_function_outlasts_who_waits_for_it(templates: Templates) -> Problems:
    for name, function in templates.of("AWS::Lambda::Function").items():
        most = UNAWAITED.get(name) or HASTY.get(name) or AWAITED_SECONDS
        if not 0 < function["Timeout"] <= most:
            yield f"{name}: {function['Timeout']} s, at most {most}"


@rule
def windows_move_hourly_and_what_was_lost_is_found_daily(templates: Templates) -> Problems:
    schedules = templates.of("AWS::Scheduler::Schedule").values()
    found = {one["ScheduleExpression"]: json.loads(one["Target"]["Input"]) for one in schedules}
    if found != {"rate(1 hour)": {"hint": "hourly"}, "rate(1 day)": {"hint": "sweep"}}:
        yield f"{found}"
    for one in schedules:
        if one["Target"]["Arn"] != {"Ref": "RefreshRankingsAliaslive"} or not one["Target"].get("RetryPolicy"):
            yield f"{one['Target']}"


@rule
def metrics_are_of_their_own_stack(templates: Templates) -> Problems:
    own = {"Fn::Sub": "OfferRanking/${AWS::StackName}"}
    for name, function in templates.of("AWS::Lambda::Function").items():
        if function["Environment"]["Variables"].get("POWERTOOLS_METRICS_NAMESPACE") != own:
            yield name
    if templates.system.of("AWS::CloudFormation::Stack")["Alarms"]["Parameters"]["Namespace"] != own:
        yield "the alarms"


@rule
def what_a_backfill_calls_it_takes_from_a_listing_and_tries_again(templates: Templates) -> Problems:
    for name, machine in templates.of("AWS::StepFunctions::StateMachine").items():
        text = definition(machine)
        if machine.get("StateMachineType") != "STANDARD":
            yield f"{name}: {machine.get('StateMachineType')}"
        concurrency = re.search(r'"MaxConcurrency": (\d+)', text)
        if concurrency is None or not 0 < int(concurrency[1]) <= 10:
            yield f"{name}: as many at once as there are"
        if '"States.ALL"' not in text or '"ToleratedFailurePercentage"' not in text:
            yield f"{name}: one failure ends it"


@rule
def what_somebody_waits_for_may_start_from_a_snapshot_and_have_room_of_its_own(templates: Templates) -> Problems:
    functions = templates.of("AWS::Lambda::Function")
    for name in HASTY:
        if functions[name].get("SnapStart") != {"ApplyOn": {"Ref": "SnapStart"}}:
            yield f"{name}: {functions[name].get('SnapStart')}"
    rooms = {True: ("ReservesConcurrency", "ReservedConcurrency"), False: ("BoundsOthers", "OtherConcurrency")}
    for name, function in functions.items():
        condition, parameter = rooms[name in {"RankOffers", "CollectEvents"}]
        wanted = {"Fn::If": [condition, {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}
        if function.get("ReservedConcurrentExecutions") != wanted:
            yield f"{name}: {shown(function.get('ReservedConcurrentExecutions'))}"
