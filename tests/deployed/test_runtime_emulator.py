"""Each built function under Lambda's own runtime client and interface emulator, with what it was deployed with.

Nothing of the test environment is on its path but the runtime client: what a function needs, function and layer carry.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.recorded import recorded
from tests.support.runtime import Invoke, linked_runtime_client, running
from tests.support.stack import BUILT, Stack, live_model, made

Start = Callable[[str], Invoke]
_OFFERS = ["apple", "banana", "cherry"]


@pytest.fixture(scope="session")
def runtime_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return linked_runtime_client(tmp_path_factory.mktemp("runtime"))


@pytest.fixture
def start(stack: Stack, runtime_client: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a function by its logical id, with the environment that the template gave it."""
    with ExitStack() as started:
        yield lambda function: started.enter_context(
            running(BUILT / function, stack.environment(function), runtime_client, tmp_path / function)
        )


@pytest.fixture(scope="module")
def loop(stack: Stack, admin: str) -> tuple[dict[str, Any], dict[str, Any]]:
    return live_model(stack, admin, "under the runtime")


def test_manage_models_creates_a_dataset(start: Start, admin: str) -> None:
    invoke = start("ManageModels")
    answer = invoke(recorded("manage_models", TOKEN=admin, NAME=f"recorded {uuid.uuid4()}"))
    assert answer["statusCode"] == 201
    assert json.loads(answer["body"])["eligible"]
    assert invoke(recorded("manage_models_health"))["statusCode"] == 200


def test_manage_decisions_creates_a_decision(start: Start, admin: str) -> None:
    invoke = start("ManageDecisions")
    answer = invoke(recorded("manage_decisions", TOKEN=admin, NAME=f"recorded {uuid.uuid4()}"))
    assert answer["statusCode"] == 201
    assert json.loads(answer["body"])["offers"][0]["status"] == "approved"


def test_activate_model_refuses_what_is_live_already(
    start: Start, admin: str, loop: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    invoke = start("ActivateModel")
    answer = invoke(recorded("activate_model", TOKEN=admin, MODEL_ID=loop[1]["id"]))
    assert answer["statusCode"] == 409
    assert "deactivate" in json.loads(answer["body"])["allowed"]


@pytest.mark.parametrize("door", ["rank_offers", "rank_offers_url"])
def test_rank_offers_ranks_for_a_token_and_for_a_caller_inside_aws(
    door: str, start: Start, ranker: str, loop: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    invoke = start("RankOffers")
    answer = invoke(recorded(door, TOKEN=ranker, MODEL_ID=loop[1]["id"]))
    assert answer["statusCode"] == 200
    ranking = json.loads(answer["body"])
    assert sorted(offer["id"] for offer in ranking["offers"]) == _OFFERS
    assert ranking["seed"] == 7
    assert ranking["proposition"]["scopeDetails"]["characteristics"]["eventToken"]


def test_report_performance_reports(start: Start, admin: str, loop: tuple[dict[str, Any], dict[str, Any]]) -> None:
    invoke = start("ReportPerformance")
    answer = invoke(recorded("report_performance", TOKEN=admin, MODEL_ID=loop[1]["id"]))
    assert answer["statusCode"] == 200
    assert set(json.loads(answer["body"])) >= {"totals", "accounting", "offers", "traffic"}


def test_authorize_request_lets_a_token_in_and_says_unauthorized_to_the_rest(start: Start, admin: str) -> None:
    invoke = start("AuthorizeRequest")
    answer = invoke(recorded("authorize_request", TOKEN=admin))
    (statement,) = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"].endswith(":a1b2c3d4e5/v1/*")) == ("Allow", True)
    assert invoke(recorded("authorize_request", TOKEN="no.such.token"))["errorMessage"] == "Unauthorized"


def test_serve_console_serves_its_page_and_how_people_sign_in(start: Start) -> None:
    invoke = start("ServeConsole")
    answer = invoke(recorded("serve_console"))
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (200, False)
    assert answer["body"].startswith("<!doctype html>")
    file = {"resource": "/console/{file+}", "pathParameters": {"file": "configuration.json"}}
    configuration = invoke(recorded("serve_console") | file)
    assert json.loads(configuration["body"])["scopes"] == ["openid"]


def test_refresh_rankings_counts_an_object_and_gives_back_what_it_cannot_read(
    start: Start, stack: Stack, admin: str, loop: tuple[dict[str, Any], dict[str, Any]]
) -> None:
    invoke = start("RefreshRankings")
    dataset, model = loop
    line = {
        "_id": "1", "timestamp": datetime.now(UTC).isoformat(), "eventType": "decisioning.propositionDisplay",
        "_experience": {"decisioning": {"propositionEventType": {"display": 1}, "propositions": [
            {"id": "p", "scope": "s", "items": [{"id": "apple"}]}]}},
    }  # fmt: skip
    key = f"{dataset['prefix']}one.json"
    stack.client("s3").put_object(Bucket=dataset["bucket"], Key=key, Body=json.dumps(line).encode())
    answer = invoke(recorded("refresh_rankings", BUCKET=dataset["bucket"], KEY=key))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2e1424d4-f796-459a-8184-9c92662be6da"}]}
    report = made(stack.call("GET", f"/models/{model['id']}/report?days=all", token=admin), 200)
    assert report["totals"]["impressions"] == 1

    version = stack.client("s3").head_object(Bucket=dataset["bucket"], Key=key)["ETag"]
    item = {"datasetId": dataset["id"], "backfillId": str(uuid.uuid4()), "key": key, "version": version, "bytes": 1}
    assert invoke({"backfill": {"Items": [item]}}) == {"Items": []}
    again = made(stack.call("GET", f"/models/{model['id']}/report?days=all", token=admin), 200)
    assert again["totals"]["impressions"] == 1


def test_manage_erasures_knows_no_erasure_that_nobody_asked_for(start: Start, admin: str) -> None:
    invoke = start("ManageErasures")
    assert invoke(recorded("manage_erasures", TOKEN=admin, ERASURE_ID=str(uuid.uuid4())))["statusCode"] == 404


def test_erase_profiles_rewrites_no_object_for_an_erasure_that_is_over(start: Start) -> None:
    invoke = start("EraseProfiles")
    over = str(uuid.uuid4())
    answer = invoke({"erase": {"Items": [{"erasureId": over, "key": "any"}]}})
    assert answer["errorMessage"] == f"There is no erasure '{over}'."
    assert invoke({"forget": over}) == {}
