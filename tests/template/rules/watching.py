"""What an operator hears of: ten alarms, which an account has for nothing, and a dashboard on request."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.support.template import Templates
from tests.template.rules.rule import Problems, rule

ALARMS = "AWS::CloudWatch::Alarm"
OWN = {"Ref": "Namespace"}
AT_LEAST, ABOVE, BELOW = "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold"


@dataclass(frozen=True)
class Watched:
    """A metric, and what of it is one too many."""

    namespace: Any
    metric: str
    statistic: str
    limit: tuple[str, float]
    dimension: tuple[str, Any] | None = None


COLLECT, REFRESH = ("service", "collect_events"), ("service", "refresh_rankings")
ONE = (AT_LEAST, 1)
WATCHED = {
    "ErrorsAlarm": Watched(
        "AWS/ApiGateway", "5XXError", "Average", (AT_LEAST, 0.001), ("ApiName", {"Ref": "ApiName"})
    ),
    "LatencyAlarm": Watched(
        OWN, "Latency", "p99", (ABOVE, 1000)
    ),
    "FallbackAlarm": Watched(OWN, "Fallback", "Average", (AT_LEAST, 0.01)),
    "SnapshotAgeAlarm": Watched(OWN, "SnapshotAge", "Maximum", (ABOVE, 3 * 3600)),
    "UntrustedAlarm": Watched(OWN, "Untrusted", "Average", (AT_LEAST, 0.1)),
    "UndeliveredAlarm": Watched(OWN, "UndeliveredEvents", "Sum", ONE, COLLECT),
    "StreamAlarm": Watched(
        "AWS/Firehose", "DeliveryToS3.Success", "Minimum", (BELOW, 1), ("DeliveryStreamName", {"Ref": "EventsStream"})
    ),
    "DeadLettersAlarm": Watched(
        "AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", ONE, ("QueueName", {"Ref": "DeadLettersQueue"})
    ),
    "BadObjectsAlarm": Watched(OWN, "BadObjects", "Sum", ONE, REFRESH),
    "AccountingAlarm": Watched(OWN, "AccountingMismatches", "Sum", ONE, REFRESH),
}  # fmt: skip
# What is watched by which parameter of infra/alarms.yaml.
MEANT = {
    "ApiName": {"Ref": "AWS::StackName"},
    "EventsStream": {"Fn::GetAtt": ["Storage", "Outputs.EventsName"]},
    "DeadLettersQueue": {"Fn::GetAtt": ["Storage", "Outputs.DeadLettersName"]},
}
FIVE_MINUTES = 300


@rule
def what_must_be_heard_of_is_an_alarm(templates: Templates) -> Problems:
    found = templates.alarms.of(ALARMS)
    for name in found.keys() ^ WATCHED.keys():
        yield f"{name}: new, or gone"
    for name in found.keys() & WATCHED.keys():
        alarm = found[name]
        dimensions = [(one["Name"], one["Value"]) for one in alarm.get("Dimensions", [])]
        seen = Watched(
            alarm.get("Namespace"), alarm.get("MetricName", ""),
            alarm.get("Statistic") or alarm.get("ExtendedStatistic", ""),
            (alarm["ComparisonOperator"], alarm["Threshold"]), *dimensions,
        )  # fmt: skip
        if seen != WATCHED[name]:
            yield f"{name}: {seen}"


@rule
def what_alarms_watch_is_this_system(templates: Templates) -> Problems:
    given = templates.system.of("AWS::CloudFormation::Stack")["Alarms"]["Parameters"]
    yield from (f"{name}: {given.get(name)}" for name, meant in MEANT.items() if given.get(name) != meant)
    for name, api in templates.system.of("AWS::ApiGateway::RestApi").items():
        named = api.get("Name", api["Body"]["info"]["title"])
        if named != MEANT["ApiName"]:
            yield f"{name} is named {named}"
    if given.get("AlarmTopicArn") != {"Ref": "AlarmTopicArn"}:
        yield "nobody is told"


@rule
def an_alarm_goes_off_within_a_quarter_of_an_hour_tells_somebody_and_where_to_read_on(templates: Templates) -> Problems:
    for name, alarm in templates.of(ALARMS).items():
        section = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        if not alarm.get("AlarmDescription", "").endswith(f". docs/runbook.md#{section}"):
            yield f"{name}: {alarm.get('AlarmDescription')}"
        if not alarm.get("AlarmActions") or alarm["AlarmActions"] != alarm.get("OKActions"):
            yield f"{name}: tells nobody"
        if alarm.get("ActionsEnabled") is False or alarm.get("TreatMissingData") != "notBreaching":
            yield f"{name}: {alarm.get('TreatMissingData')}"
        if alarm.get("Period", 0) > FIVE_MINUTES or not 1 <= alarm.get("EvaluationPeriods", 0) <= 3:
            yield f"{name}: late"


@rule
def alarms_are_no_more_than_cost_nothing(templates: Templates) -> Problems:
    alarms = templates.of(ALARMS)
    metrics = sum(len(alarm.get("Metrics", [1])) for alarm in alarms.values())
    if metrics > 10:
        yield f"{metrics} metrics: CloudWatch bills by the metric"
    if any(alarm.get("Period", FIVE_MINUTES) < 60 for alarm in alarms.values()):
        yield "high resolution bills from the first"


@rule
def there_is_one_dashboard_of_every_alarm_and_metric_on_request(templates: Templates) -> Problems:
    boards = templates.of("AWS::CloudWatch::Dashboard")
    if templates.alarms.attribute("AWS::CloudWatch::Dashboard", "Condition") != {"Board": "HasDashboard"}:
        yield f"{sorted(boards)}"
    text = "".join(board["DashboardBody"]["Fn::Sub"] for board in boards.values())
    shown = json.dumps(json.loads(text))
    yield from (f"{name} is not shown" for name in WATCHED if f"${{{name}.Arn}}" not in shown)
    yield from (f"{one.metric} is not shown" for one in WATCHED.values() if f'"{one.metric}"' not in shown)
