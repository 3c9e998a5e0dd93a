"""A backfill runs over any number of objects, tries again, gives up on few, and costs nothing while none runs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local import ROOT
from infra.local import template as local
from tests.support.template import Template, each, shown


@pytest.fixture(scope="module")
def definition() -> dict[str, Any]:
    """The state machine's definition, as one machine runs it."""
    template = local.Template.read(ROOT / "template.yaml", {"OidcIssuer": "http://127.0.0.1:1"})
    names = {
        one: one for one in ("StateName", "DatasetsName", "CatalogName", "LedgerName", "TokenKeysName", "CapsName")
    }
    queues = {f"{queue}{what}": queue for queue in ("Objects", "Fits") for what in ("Arn", "Url")}
    machines = template.with_outputs({"Storage": names | queues}).state_machines()
    (machine,) = (one for one in machines if one.name.endswith("-backfill"))
    document: dict[str, Any] = json.loads(machine.definition)
    return document


@pytest.fixture(scope="module")
def objects(definition: dict[str, Any]) -> dict[str, Any]:
    (name,) = definition["States"]
    state: dict[str, Any] = definition["States"][name]
    return state


def test_it_bills_by_its_steps_and_may_take_as_long_as_it_takes(system: Template, objects: dict[str, Any]) -> None:
    machine = system.of("AWS::StepFunctions::StateMachine")["BackfillDataset"]
    assert machine["StateMachineType"] == "STANDARD"
    assert objects["ItemProcessor"]["ProcessorConfig"] == {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}


def test_it_takes_its_objects_from_the_listing_and_its_results_do_not_outgrow_a_state(objects: dict[str, Any]) -> None:
    assert objects["ItemReader"]["Resource"] == "arn:aws:states:::s3:listObjectsV2"
    assert objects["ItemReader"]["Parameters"] == {"Bucket.$": "$.bucket", "Prefix.$": "$.prefix"}
    assert objects["ResultWriter"]["Resource"] == "arn:aws:states:::s3:putObject"
    # Lambda and Step Functions take 256 KB; a key may have 1,024 bytes, each up to six in JSON, and ids beside it.
    assert objects["ItemBatcher"]["MaxItemsPerBatch"] <= 100


def test_it_works_on_no_more_at_once_than_the_queue_does(system: Template, objects: dict[str, Any]) -> None:
    at_once = {
        one["ScalingConfig"]["MaximumConcurrency"] for one in system.of("AWS::Lambda::EventSourceMapping").values()
    }
    assert objects["MaxConcurrency"] <= min(at_once)
    assert 0 < objects["ToleratedFailurePercentage"] <= 5


def test_every_batch_is_tried_again_and_goes_on_where_the_time_ended(objects: dict[str, Any]) -> None:
    processor = objects["ItemProcessor"]
    count = processor["States"][processor["StartAt"]]
    assert count["Parameters"]["FunctionName"].endswith(":function:RefreshRankings")
    (retry,) = count["Retry"]
    assert retry["ErrorEquals"] == ["States.ALL"]
    assert retry["MaxAttempts"] >= 3
    left = processor["States"][count["Next"]]
    assert left["Choices"] == [{"Variable": "$.Items[0]", "IsPresent": True, "Next": processor["StartAt"]}]


def test_its_role_names_the_machine_that_it_starts_batches_of(system: Template) -> None:
    machine = system.of("AWS::StepFunctions::StateMachine")["BackfillDataset"]
    role = system.of("AWS::IAM::Role")["BackfillDatasetRole"]
    statements = {one["Sid"]: one for one in each(role["Policies"][0]["PolicyDocument"]["Statement"])}
    assert shown(statements["Batches"]["Resource"]).endswith(f":stateMachine:{shown(machine['StateMachineName'])}")
