"""An erasure goes through all that lies in the bucket, gives up on nothing for the sake of one object, and forgets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local import ROOT
from infra.local import template as local
from tests.support.template import Template, each, shown


@pytest.fixture(scope="module")
def states() -> dict[str, Any]:
    """The state machine's states, as one machine runs them."""
    template = local.Template.read(ROOT / "template.yaml", {"OidcIssuer": "http://127.0.0.1:1"})
    names = {
        one: one for one in ("StateName", "DatasetsName", "CatalogName", "LedgerName", "TokenKeysName", "CapsName")
    }
    queues = {f"{queue}{what}": queue for queue in ("Objects", "Fits") for what in ("Arn", "Url")}
    machines = template.with_outputs({"Storage": names | queues}).state_machines()
    (machine,) = (one for one in machines if one.name.endswith("-erasure"))
    document: dict[str, Any] = json.loads(machine.definition)
    assert document["StartAt"] == "Delivered"
    found: dict[str, Any] = document["States"]
    return found


def test_it_waits_for_what_was_collected_before_it_was_asked_for(states: dict[str, Any], system: Template) -> None:
    assert states["Delivered"] == {"Type": "Wait", "SecondsPath": "$.seconds", "Next": "Objects"}
    function = system.of("AWS::Lambda::Function")["ManageErasures"]
    waits = system.of("AWS::CloudFormation::Stack")["Storage"]["Parameters"]["DeliverySeconds"]
    assert function["Environment"]["Variables"]["DELIVERY_SECONDS"] == waits, "as long as the stream does"


def test_it_goes_through_the_whole_bucket_and_one_bad_object_ends_nothing(states: dict[str, Any]) -> None:
    objects = states["Objects"]
    assert objects["ItemReader"]["Parameters"] == {"Bucket": "DatasetsName"}, "also what lies in no dataset any more"
    assert objects["ToleratedFailurePercentage"] == 100
    erase = objects["ItemProcessor"]["States"]["Erase"]
    assert erase["Parameters"]["FunctionName"].endswith(":function:EraseProfiles")
    assert erase["Retry"][0]["ErrorEquals"] == ["States.ALL"]
    assert erase["Retry"][0]["MaxAttempts"] >= 3
    left = objects["ItemProcessor"]["States"][erase["Next"]]
    assert left["Choices"] == [{"Variable": "$.Items[0]", "IsPresent": True, "Next": "Erase"}]
    assert objects["ItemBatcher"]["MaxItemsPerBatch"] <= 100


def test_however_it_ends_whom_it_looked_for_is_forgotten(states: dict[str, Any]) -> None:
    objects = states["Objects"]
    (catch,) = objects["Catch"]
    assert catch["ErrorEquals"] == ["States.ALL"]
    assert objects["Next"] == catch["Next"] == "Forget"
    assert states["Forget"]["Parameters"]["Payload"] == {"forget.$": "$.erasureId"}
    assert states["Forget"]["Retry"][0]["MaxAttempts"] >= 5


def test_a_failure_is_still_one_when_all_is_forgotten(states: dict[str, Any]) -> None:
    assert states["Objects"]["Catch"][0]["ResultPath"] == "$.failure"
    ended = states[states["Forget"]["Next"]]
    assert ended["Choices"] == [{"Variable": "$.failure", "IsPresent": True, "Next": "Failed"}]
    assert (states["Failed"]["Type"], states[ended["Default"]]["Type"]) == ("Fail", "Succeed")


def test_nothing_of_the_person_is_handed_on(states: dict[str, Any]) -> None:
    assert states["Objects"]["ItemSelector"].keys() == {"erasureId.$", "key.$"}


def test_one_role_alone_may_rewrite_or_delete_what_lies_in_datasets(system: Template) -> None:
    writes, datasets = {"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"}, ("DatasetsArn", "Readable")
    writers = {
        name
        for name, role in system.of("AWS::IAM::Role").items()
        for policy in role.get("Policies", [])
        for statement in each(policy["PolicyDocument"]["Statement"])
        for resource in map(shown, each(statement["Resource"]))
        if writes & set(each(statement["Action"])) and any(one in resource for one in datasets)
        # what the collector adds there is named by its content
        if not resource.endswith("/collected/overflow/*")
    }
    assert writers == {"EraseProfilesRole"}


def test_who_asks_cannot_rewrite_and_who_rewrites_has_no_key_of_tokens(system: Template) -> None:
    variables = {name: set(one["Environment"]["Variables"]) for name, one in system.of("AWS::Lambda::Function").items()}
    assert "TOKEN_KEYS_TABLE" not in variables["EraseProfiles"]
    asks = system.of("AWS::IAM::Role")["ManageErasuresRole"]["Policies"][0]["PolicyDocument"]["Statement"]
    assert not [one for one in each(asks) if any(action.startswith("s3:") for action in each(one["Action"]))]


def test_its_role_names_the_machine_that_it_starts_batches_of(system: Template) -> None:
    machine = system.of("AWS::StepFunctions::StateMachine")["EraseProfile"]
    role = system.of("AWS::IAM::Role")["EraseProfileRole"]
    statements = {one["Sid"]: one for one in each(role["Policies"][0]["PolicyDocument"]["Statement"])}
    assert shown(statements["Batches"]["Resource"]).endswith(f":stateMachine:{shown(machine['StateMachineName'])}")
