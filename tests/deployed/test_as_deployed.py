"""The very template, built and deployed, over HTTP and S3 alone."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import uuid
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from infra.local.template import REGION
from tests.support.buckets import untold
from tests.support.stack import ROOT, ROOT_KEYS, Stack, eventually, live_model, made

OFFERS = [{"id": offer} for offer in ("apple", "banana", "cherry")]
ASKED = 60
CLICKED = "banana"
A_MISSING_ID = "00000000-0000-4000-8000-000000000000"


def event(kind: str, ranking: dict[str, Any]) -> dict[str, Any]:
    """What a page sends when it shows the first offer of a ranking, or when that is clicked."""
    proposition = {**ranking["proposition"], "items": [{"id": ranking["offers"][0]["id"]}]}
    return {
        "_id": str(uuid.uuid4()),
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventType": f"decisioning.proposition{kind.title()}",
        "_experience": {"decisioning": {"propositionEventType": {kind: 1}, "propositions": [proposition]}},
    }


@pytest.mark.parametrize("deployed", ["stack", "guarded_stack"])
def test_the_loop_closes_over_http_and_s3_alone(deployed: str, request: pytest.FixtureRequest) -> None:
    stack: Stack = request.getfixturevalue(deployed)
    admin, ranker = stack.token("Admin"), stack.token("Ranker")
    dataset, model = live_model(stack, admin, "the loop")
    rankings_path, report_path = f"/models/{model['id']}/rankings", f"/models/{model['id']}/report"

    def rank() -> Any:
        return made(stack.call("POST", rankings_path, {"offers": OFFERS}, token=ranker), 200)

    def report() -> Any:
        return made(stack.call("GET", report_path, token=admin), 200)

    assert rank()["source"] == "untrained"
    assert report()["totals"]["impressions"] == 0

    asked = {"requests": [{"offers": OFFERS}] * ASKED}
    rankings = made(stack.call("POST", f"{rankings_path}/batch", asked, token=ranker), 200)["rankings"]
    shown = [event("display", ranking) for ranking in rankings]
    clicked = [event("interact", ranking) for ranking in rankings if ranking["offers"][0]["id"] == CLICKED]
    body = gzip.compress("\n".join(json.dumps(one) for one in shown + clicked).encode())
    s3 = stack.client("s3")
    place = {"Bucket": dataset["bucket"], "Key": f"{dataset['prefix']}2026/a day+1 %20.json.gz"}
    s3.put_object(**place, Body=body)

    learned = eventually(rank, lambda ranking: ranking["source"] == "fresh", seconds=30)
    assert learned["snapshot"]["version"] >= 1
    propensities = {offer["id"]: offer["propensity"] for offer in learned["offers"]}
    assert max(propensities, key=lambda offer: propensities[offer]) == CLICKED

    found = report()
    times = Counter(ranking["offers"][0]["id"] for ranking in rankings)
    assert found["totals"] == pytest.approx(
        {"impressions": ASKED, "conversions": len(clicked), "conversionRate": len(clicked) / ASKED}
    )
    assert {one["id"]: (one["impressions"], one["conversions"]) for one in found["offers"]} == {
        offer: (n, n if offer == CLICKED else 0) for offer, n in times.items()
    }
    assert found["accounting"] == {
        "received": ASKED + len(clicked), "counted": ASKED + len(clicked),
        "duplicate": 0, "other": 0, "late": 0, "refused": {},
    }  # fmt: skip
    assert found["traffic"]["random"]["impressions"] == ASKED

    s3.delete_object(**place)
    emptied = eventually(report, lambda one: one["totals"]["impressions"] == 0, seconds=30)
    assert emptied["totals"]["conversions"] == 0


@pytest.mark.parametrize("deployed", ["stack", "guarded_stack"])
def test_a_backfill_counts_what_nobody_told_of(deployed: str, request: pytest.FixtureRequest) -> None:
    stack: Stack = request.getfixturevalue(deployed)
    admin, ranker, s3 = stack.token("Admin"), stack.token("Ranker"), stack.client("s3")
    dataset, model = live_model(stack, admin, "a backfill")
    path = f"/datasets/{dataset['id']}"
    eventually(lambda: made(stack.call("GET", path, token=admin), 200)["discovered"], bool, seconds=30)
    asked = {"requests": [{"offers": OFFERS}] * 3}
    rankings = made(stack.call("POST", f"/models/{model['id']}/rankings/batch", asked, token=ranker), 200)["rankings"]
    objects = 5
    with untold(s3, dataset["bucket"]):
        for n in range(objects):
            body = "\n".join(json.dumps(event("display", ranking)) for ranking in rankings) + "\nno json\n"
            s3.put_object(Bucket=dataset["bucket"], Key=f"{dataset['prefix']}a day+{n} %20.json", Body=body.encode())
        started = made(stack.call("POST", f"{path}/backfills", token=admin), 202)
        backfill = eventually(
            lambda: made(stack.call("GET", f"/backfills/{started['id']}", token=admin), 200),
            lambda one: one["status"] != "running",
            seconds=90,
        )
    assert (backfill["status"], backfill["progress"]["counted"]) == ("succeeded", objects)
    assert backfill["progress"]["objects"] == {"listed": objects, "done": objects, "failed": 0, "pending": 0}
    assert backfill["cost"]["usd"] > 0
    account = made(stack.call("GET", f"{path}/accounting", token=admin), 200)
    # The tokens are one ranking's in all objects: what a page sends again is a copy.
    lines = {"received": 4 * objects, "counted": 3, "duplicate": 3 * (objects - 1), "other": 0, "late": 0}
    assert account["accounting"] == lines | {"refused": {"malformed": objects}}
    refused = made(stack.call("GET", f"{path}/refused?reason=malformed&limit=3", token=admin), 200)
    assert [one["line"] for one in refused["lines"]] == [4, 4, 4]
    rest = made(stack.call("GET", f"{path}/refused?start={refused['next']}", token=admin), 200)
    assert (len(rest["lines"]), rest["next"]) == (2, None)
    assert eventually(
        lambda: made(stack.call("GET", f"/models/{model['id']}", token=admin), 200)["snapshot"], bool, seconds=30
    )


def test_an_erasure_takes_a_person_from_objects_and_counts(guarded_stack: Stack) -> None:
    stack = guarded_stack
    admin, ranker, s3 = stack.token("Admin"), stack.token("Ranker"), stack.client("s3")
    dataset, model = live_model(stack, admin, "an erasure")
    asked = {"requests": [{"offers": OFFERS}] * 5}
    rankings = made(stack.call("POST", f"/models/{model['id']}/rankings/batch", asked, token=ranker), 200)["rankings"]
    people = ["ada@example.org", "bob@example.org"]
    lines = [
        json.dumps(event("display", ranking) | {"identityMap": {"Email": [{"id": people[n % 2]}]}})
        for n, ranking in enumerate(rankings)
    ]
    place = {"Bucket": dataset["bucket"], "Key": f"{dataset['prefix']}a day+1 %20.json.gz"}
    s3.put_object(**place, Body=gzip.compress("\n".join(lines).encode()))

    def impressions() -> int:
        path = f"/models/{model['id']}/report"
        return int(made(stack.call("GET", path, token=admin), 200)["totals"]["impressions"])

    eventually(impressions, lambda one: one == len(lines), seconds=30)
    begun = made(stack.call("DELETE", "/profiles/ada%40example.org?namespace=Email", token=admin), 202)
    erasure = eventually(
        lambda: made(stack.call("GET", f"/erasures/{begun['id']}", token=admin), 200),
        lambda one: one["status"] != "running",
        seconds=90,
    )
    assert (erasure["lines"], erasure["rewritten"], erasure["versions"]) == (3, 1, 1)
    assert (erasure["status"], erasure["notErased"]) == ("succeeded", [])
    left = gzip.decompress(s3.get_object(**place)["Body"].read()).decode()
    assert left == lines[1] + "\n" + lines[3] + "\n"
    versions = s3.list_object_versions(Bucket=place["Bucket"], Prefix=place["Key"])["Versions"]
    assert len(versions) == 1
    eventually(impressions, lambda one: one == 2, seconds=30)


def test_messages_that_were_set_aside_are_given_again(stack: Stack, admin: str) -> None:
    dataset, model = live_model(stack, admin, "set aside")
    path = f"/datasets/{dataset['id']}"
    eventually(lambda: made(stack.call("GET", path, token=admin), 200)["discovered"], bool, seconds=30)
    s3, sqs, cloudformation = (stack.client(one) for one in ("s3", "sqs", "cloudformation"))
    storage = cloudformation.describe_stack_resource(StackName="offers", LogicalResourceId="Storage")
    nested = storage["StackResourceDetail"]["PhysicalResourceId"]
    described = cloudformation.describe_stacks(StackName=nested)["Stacks"][0]["Outputs"]
    queues = {one["OutputKey"]: one["OutputValue"] for one in described}
    ranking = {"offers": OFFERS[:1], "proposition": {"id": str(uuid.uuid4()), "scope": "home"}}
    for n in range(2):
        key = f"{dataset['prefix']}{n}.json"
        with untold(s3, dataset["bucket"]):
            s3.put_object(Bucket=dataset["bucket"], Key=key, Body=json.dumps(event("display", ranking)).encode())
        detail = {"bucket": {"name": dataset["bucket"]}, "object": {"key": key}}
        for _ in range(2):
            sqs.send_message(
                QueueUrl=queues["DeadLettersUrl"], MessageBody=json.dumps({"source": "aws.s3", "detail": detail})
            )
    environment = {**os.environ, **ROOT_KEYS, "AWS_ENDPOINT_URL": stack.emulator.endpoint, "AWS_DEFAULT_REGION": REGION}
    command = [sys.executable, "-m", "infra.redrive", "offers"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "4"), done.stderr
    report = f"/models/{model['id']}/report"
    found = eventually(
        lambda: made(stack.call("GET", report, token=admin), 200)["totals"]["impressions"],
        lambda impressions: impressions >= 2,
        seconds=30,
    )
    assert found == 2


def test_what_is_public_needs_no_token(stack: Stack) -> None:
    assert made(stack.call("GET", "/health"), 200)["status"] == "ok"
    assert made(stack.call("GET", "/openapi.json"), 200)["openapi"].startswith("3.1")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/models"), ("POST", "/models/x/rankings"), ("GET", "/models/x/report")]
)
@pytest.mark.parametrize("token", [None, "no.such.token"])
def test_the_rest_answers_401_without_a_valid_one(stack: Stack, method: str, path: str, token: str | None) -> None:
    body = {} if method == "POST" else None
    assert stack.call(method, path, body, token=token).status_code == 401


def test_no_permission_implies_another(stack: Stack, admin: str, ranker: str) -> None:
    new = {"name": "not mine", "schema": "experience-event-proposition-interactions"}
    reader = stack.token("Admin", "ranking-strategies.read")
    assert stack.call("GET", "/models", token=reader).status_code == 200
    for token, method, path, body in (
        (reader, "POST", "/datasets", new),
        (ranker, "POST", "/datasets", new),
        (ranker, "GET", "/models", None),
        (admin, "POST", f"/models/{A_MISSING_ID}/rankings", {"offers": OFFERS}),
    ):
        answer = stack.call(method, path, body, token=token)
        assert answer.status_code == 403
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_not_there_is_a_404(stack: Stack, admin: str, ranker: str) -> None:
    assert stack.call("GET", f"/models/{A_MISSING_ID}", token=admin).status_code == 404
    assert stack.call("GET", f"/models/{A_MISSING_ID}/report", token=admin).status_code == 404
    assert stack.call("POST", f"/models/{A_MISSING_ID}/activate", token=admin).status_code == 404
    answer = stack.call("POST", f"/models/{A_MISSING_ID}/rankings", {"offers": OFFERS}, token=ranker)
    assert answer.status_code == 404


def test_the_url_of_the_rank_function_wants_a_signature(stack: Stack) -> None:
    host, path = stack.host("RankUrl", "lambda-url"), f"/models/{A_MISSING_ID}/rankings"
    body = json.dumps({"offers": OFFERS})
    request = AWSRequest("POST", f"http://{host}{path}", data=body, headers={"Content-Type": "application/json"})
    keys = Credentials(ROOT_KEYS["AWS_ACCESS_KEY_ID"], ROOT_KEYS["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(keys, "lambda", REGION).add_auth(request)

    def call(headers: dict[str, str]) -> httpx.Response:
        return httpx.post(
            f"{stack.emulator.endpoint}{path}", content=body, headers={**headers, "Host": host}, timeout=30
        )

    assert call({"Content-Type": "application/json"}).json() == {"Message": "Forbidden"}
    # MiniStack lets the signed call in, but does not tell the function whose it is, and so the function refuses it:
    # that it serves a caller whom AWS names is shown by the recorded event in test_runtime_emulator.py.
    signed = call(dict(request.headers))
    assert signed.json()["type"] == "urn:offer-ranking:problem:unauthenticated"
