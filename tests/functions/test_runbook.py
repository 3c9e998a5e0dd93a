"""docs/runbook.md: every alarm has its section, queries ask for what log lines have, and what it has done works."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import boto3
import cfn_flip
import pytest

from offer_ranking.events.token import InvalidTokenError, Token, TokenKeys, sign, verify
from offer_ranking.storage.token_keys import KeyRing
from tests.support.aws import ENVIRONMENT
from tests.support.system import System, display, handler

ROOT = Path(__file__).parents[2]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
ALARMS = cfn_flip.load((ROOT / "infra" / "alarms.yaml").read_text())[0]["Resources"]
TEMPLATE = cfn_flip.load((ROOT / "template.yaml").read_text())[0]
STORAGE = cfn_flip.load((ROOT / "infra" / "storage.yaml").read_text())[0]
# What Lambda, Powertools and CloudWatch put into lines beside what the code does.
OTHERS = {
    "level", "message", "service", "timestamp", "exception", "exception_name", "@timestamp", "@message", "@type",
    "type", "record",
}  # fmt: skip


def sections() -> set[str]:
    return {heading.lower().replace(" ", "-") for heading in re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)}


def test_every_alarm_names_a_section_and_every_such_section_has_its_alarm() -> None:
    alarms = {name: one["Properties"] for name, one in ALARMS.items() if one["Type"] == "AWS::CloudWatch::Alarm"}
    assert len(alarms) == 10
    named = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower() for name in alarms}
    assert named == {section for section in sections() if section.endswith("-alarm")}
    for name, properties in alarms.items():
        anchor = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        assert properties["AlarmDescription"].endswith(f"docs/runbook.md#{anchor}")


def test_links_lead_to_sections_and_every_section_says_how_it_is_known_to_be_over() -> None:
    assert set(re.findall(r"\]\(#([a-z0-9-]+)\)", RUNBOOK)) <= sections()
    for text in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]:
        assert re.search(r"\*\*Over\*\*", text), text[:40]
        assert "```sh" in text, text[:40]


def test_what_is_stopped_is_the_stacks_own() -> None:
    """CodeDeploy lists those of the whole account unless it is told of which group; it takes both names, or none."""
    for command in re.findall(r"aws deploy list-deployments[^)]*", RUNBOOK):
        assert "--application-name" in command
        assert "--deployment-group-name" in command


def test_what_commands_name_is_there() -> None:
    logical, nested = TEMPLATE["Resources"], STORAGE["Resources"]
    for name, where in re.findall(r"\$\(physical (\w+)( \$storage)?\)", RUNBOOK):
        assert name in (nested if where else logical), name
    assert set(re.findall(r"\bask (\w+) '", RUNBOOK)) - {"RankOffersLog"} <= logical.keys()
    assert set(re.findall(r"\$\(output (\w+)\)", RUNBOOK)) <= TEMPLATE["Outputs"].keys()
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"(?:`|^)make ([a-z-]+)", RUNBOOK, re.MULTILINE)) <= set(targets)


def fields(query: str) -> Iterable[str]:
    """The fields that a query of CloudWatch Logs Insights asks for."""
    query = re.sub(r'"[^"]*"|/[^/]*/', "", query)
    made = set(re.findall(r"\bas (\w+)", query))
    words = set(re.findall(r"@?[A-Za-z_][\w.]*(?!\w*\()", query))
    verbs = {"filter", "stats", "count", "as", "by", "sort", "desc", "fields", "bin", "max", "avg", "pct", "and", "or",
             "like", "m", "1m", "5m"}  # fmt: skip
    return {word.partition(".")[0] for word in words - verbs - made}


def test_queries_ask_for_fields_that_lines_have(system: System, caplog: pytest.LogCaptureFixture) -> None:
    dataset, model = system.live_model()
    system.land(dataset, "a.json", [display("a")])
    system.call("POST", f"/models/{model['id']}/rankings", {"offers": [{"id": "a"}]})
    handler("collect_events").lambda_handler({"path": "/ee/v1/nothing", "httpMethod": "GET"}, None)
    assert {record.message for record in caplog.records} >= {"request", "counted", "fitted"}
    there = OTHERS | {name for record in caplog.records for name in vars(record)}
    told = {"Untrusted", "error", "reason"}  # of requests with events, of failures
    access = set(json.loads(TEMPLATE["Resources"]["Api"]["Properties"]["AccessLogSetting"]["Format"]))
    for group, query in re.findall(r"\bask (\w+) '([^']+)'", RUNBOOK):
        known = access if group == "ApiLog" else there | told
        assert fields(query) <= known, (query, fields(query) - known)


def report(system: System, model: dict[str, Any]) -> Any:
    return system.call("GET", f"/models/{model['id']}/report", query={"days": "all"}).json


def test_when_all_but_the_objects_is_lost_a_recount_gives_the_same(
    system: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset, model = system.live_model()
    for n in range(3):
        system.land(dataset, f"{n}.json", [display("a"), display("b"), display("a", kind="interact"), "no json"])
    accounting = f"/datasets/{dataset['id']}/accounting"
    before, account = report(system, model), system.call("GET", accounting).json
    assert before["totals"]["impressions"] == 6

    script = re.search(r"<<'EMPTY'\n(.+?)^EMPTY$", RUNBOOK, re.DOTALL | re.MULTILINE)
    assert script is not None
    monkeypatch.setattr(sys, "argv", ["-", ENVIRONMENT["LEDGER_TABLE"]])
    with contextlib.redirect_stdout(io.StringIO()):
        exec(script[1], {})  # noqa: S102 - the runbook's own
    assert boto3.client("dynamodb").scan(TableName=ENVIRONMENT["LEDGER_TABLE"])["Count"] == 0
    bucket = boto3.resource("s3").Bucket(ENVIRONMENT["STATE_BUCKET"])
    bucket.objects.all().delete()

    handler("refresh_rankings").lambda_handler({"hint": "sweep"}, None)
    system.settle()
    handler("refresh_rankings").lambda_handler({"hint": "hourly"}, None)  # the snapshot, where nothing else changed
    system.settle()
    after = report(system, model)
    assert (after["totals"], after["offers"]) == (before["totals"], before["offers"])
    assert system.call("GET", accounting).json["accounting"] == account["accounting"]
    ranking = system.call("POST", f"/models/{model['id']}/rankings", {"offers": [{"id": "a"}, {"id": "b"}]}).json
    assert ranking["source"] == "fresh"


def test_a_leaked_key_is_worth_nothing_five_minutes_after_the_second_of_two_rotations(system: System) -> None:
    now = [1_800_000_000.0]
    table = ENVIRONMENT["TOKEN_KEYS_TABLE"]

    def ring() -> KeyRing:
        return KeyRing(boto3.client("dynamodb"), table, clock=lambda: now[0])

    def keys(one: KeyRing) -> TokenKeys:
        found = one.keys()
        assert found is not None
        return found

    system.live_model()
    door, operator = ring(), ring()
    leaked = keys(door).current
    forged = sign(Token("p", 0, "model", 1, "random", "", (("a", 1.0),)), leaked)
    operator.rotate(force=True)
    now[0] += 600
    assert verify(forged, keys(door)), "after one rotation it is good, for as long as there is no other"
    keys(door)
    operator.rotate(force=True)
    assert verify(forged, keys(door)), "what is remembered, is so for five minutes"
    now[0] += 300
    with pytest.raises(InvalidTokenError):
        verify(forged, keys(door))
