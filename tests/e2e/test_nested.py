"""The nested stacks with what is off by default: a customer's key, the dashboard."""

from __future__ import annotations

import json
from pathlib import Path

from infra.local import ROOT
from infra.local.emulator import Emulator
from infra.local.template import NestedStack


def test_a_customers_key_and_a_dashboard_are_deployed_when_asked_for(tmp_path: Path) -> None:
    with Emulator.on(0, tmp_path / "log") as emulator:
        key = emulator.client("kms").create_key()["KeyMetadata"]["Arn"]
        storage = emulator.create("Storage", NestedStack(ROOT / "infra/storage.yaml", {"KmsKeyArn": key}))
        asked = {"QueueUrl": storage["DeadLettersUrl"], "AttributeNames": ["KmsMasterKeyId"]}
        assert emulator.client("sqs").get_queue_attributes(**asked)["Attributes"] == {"KmsMasterKeyId": key}

        watched = {
            "Namespace": "OfferRanking/offers", "ApiName": "offers", "EventsStream": storage["EventsName"],
            "DeadLettersQueue": storage["DeadLettersName"], "ObjectsQueue": storage["ObjectsName"],
            "FitsQueue": storage["FitsName"], "Dashboard": "true",
        }  # fmt: skip
        outputs = emulator.create("Alarms", NestedStack(ROOT / "infra/alarms.yaml", watched))
        cloudwatch = emulator.client("cloudwatch")
        alarms = cloudwatch.describe_alarms()["MetricAlarms"]
        assert {one["AlarmName"] for one in alarms} >= {outputs["ErrorsAlarm"], outputs["LatencyAlarm"]}
        (board,) = cloudwatch.list_dashboards()["DashboardEntries"]
        assert outputs["DashboardUrl"].endswith(board["DashboardName"])
        body = json.loads(cloudwatch.get_dashboard(DashboardName=board["DashboardName"])["DashboardBody"])
        (states, *_) = body["widgets"]
        assert set(states["properties"]["alarms"]) == {one["AlarmArn"] for one in alarms}
        assert len(alarms) == 10
