"""An earlier commit, as the repository's history has it, is built, deployed and filled; the present one goes over it.

Run by `make upgrade`, FROM=commit or several, in minutes: both are built and deployed. What AWS alone shows: aliases
that move by tenths, and an API that keeps its address; MiniStack moves all at once, and makes a changed API anew at
another address.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from infra.local.emulator import Emulator, executable, free_port
from infra.redrive import storage_outputs
from infra.teardown import Teardown
from tests.deployed.test_as_deployed import ASKED, CLICKED, OFFERS, event
from tests.deployed.test_edge import ORIGIN, PAIR, SCOPE, post
from tests.support.decisions import decision_body, offer_body
from tests.support.release import AUDIENCES, counted, lacking
from tests.support.stack import ROOT, Stack, asking, build, eventually, live_model, made

MENDED = Path(__file__).parent / "mended_ministack.py"
ALIASES = "AutoPublishAlias"
ASK = {"offers": OFFERS, "seed": 7, "audiences": AUDIENCES[:1], "context": {"device": "desktop"}}
VISIT = {
    "query": {"personalization": {"decisionScopes": [SCOPE]}},
    "xdm": {"eventType": "web.webpagedetails.pageViews"},
}
SECONDS_BETWEEN_VISITS = 3  # each is an object to be counted


def tree(commit: str, folder: Path) -> Path:
    """The repository as it was at a commit that led to this one."""

    def git(*arguments: str) -> bytes:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)  # noqa: S607
        if done.returncode:
            told = done.stderr.decode().strip() or "it is on another branch"
            pytest.fail(
                f"{commit!r} is no commit before this one: {told}. In a shallow clone: git fetch --unshallow",
                pytrace=False,
            )
        return done.stdout

    git("merge-base", "--is-ancestor", commit, "HEAD")
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
        archive.extractall(folder, filter="data")
    return folder


@dataclass(frozen=True)
class Shop:
    """Every noun once. Two models learn from what is put into a dataset; visits are collected into another."""

    emulator: Emulator
    admin: str
    ranker: str
    dataset: dict[str, Any]
    models: tuple[str, str]
    visits: str
    decision: str
    datastream: str

    @classmethod
    def fill(cls, stack: Stack) -> Shop:
        admin, ranker = stack.token("Admin"), stack.token("Ranker")

        def make(path: str, **body: Any) -> str:
            return str(made(stack.call("POST", path, body, token=admin), 201)["id"])

        dataset, model = live_model(stack, admin, "kept")
        looks = {"audiences": AUDIENCES, "contextKeys": ["device"]}
        personalized = make("/models", name="for whom", type="personalized", datasetIds=[dataset["id"]], **looks)
        made(stack.call("POST", f"/models/{personalized}/activate", token=admin), 200)
        visits = make("/datasets", name="visits", schema="experience-event-proposition-interactions")
        offers = [offer_body("summer"), offer_body("winter", audiencesAny=["gold"])]
        decision = make("/decisions", **decision_body(modelId=model["id"], offers=offers, **PAIR))
        named = {"name": "shop", "orgId": "ORG@AdobeOrg", "origins": [ORIGIN]}
        datastream = make("/datastreams", datasetId=visits, decisionIds=[decision], **named)
        return cls(stack.emulator, admin, ranker, dataset, (model["id"], personalized), visits, decision, datastream)

    @property
    def stack(self) -> Stack:
        """With the addresses that it has now."""
        return Stack(self.emulator)

    def read(self, path: str) -> httpx.Response:
        return self.stack.call("GET", path, token=self.admin)

    def rank(self, model: str, **asked: Any) -> httpx.Response:
        return self.stack.call("POST", f"/models/{model}/rankings", ASK | asked, token=self.ranker)

    def visit(self) -> httpx.Response:
        """Somebody comes, is given an offer, and that is an event."""
        time.sleep(SECONDS_BETWEEN_VISITS)
        return post(self.stack, "/v1/interact", {"events": [VISIT]}, configId=self.datastream)

    def learn(self) -> list[dict[str, Any]]:
        """Both models' rankings are shown, and one offer is clicked; the events."""
        asked = [ASK | {"seed": n, "audiences": [AUDIENCES[n % 2]]} for n in range(ASKED)]
        rankings = [
            ranking
            for model in self.models
            for ranking in made(
                self.stack.call("POST", f"/models/{model}/rankings/batch", {"requests": asked}, token=self.ranker), 200
            )["rankings"]
        ]
        clicked = [event("interact", one) for one in rankings if one["offers"][0]["id"] == CLICKED]
        events = [event("display", one) for one in rankings] + clicked
        self.put("one", *events)
        return events

    def put(self, name: str, *events: dict[str, Any]) -> None:
        body = "\n".join(json.dumps(one) for one in events).encode()
        key = f"{self.dataset['prefix']}{name}.json"
        self.stack.client("s3").put_object(Bucket=self.dataset["bucket"], Key=key, Body=body)

    def settle(self) -> None:
        """Until nothing is left to be counted and learned."""
        sqs, outputs = self.stack.client("sqs"), self.stack.outputs
        kinds = [f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed")]

        def waiting() -> int:
            queues = (outputs["ObjectsQueue"], outputs["FitsQueue"])
            found = [sqs.get_queue_attributes(QueueUrl=one, AttributeNames=kinds)["Attributes"] for one in queues]
            return sum(int(number) for one in found for number in one.values())

        eventually(waiting, lambda messages: messages == 0, seconds=180)

    def physical(self, resource: str) -> tuple[str, str]:
        """The name of a resource, and the id of its stack."""
        client, name = self.stack.client("cloudformation"), self.stack.name
        detail = client.describe_stack_resource(StackName=name, LogicalResourceId=resource)["StackResourceDetail"]
        return detail["PhysicalResourceId"], detail["StackId"]

    def let_go_of_domain(self) -> None:
        """As docs/deploy.md asks, where the sign-in's domain has another name than now: a pool has one."""
        domain, stack = self.physical("UserPoolDomain")
        if domain != f"offer-ranking-{stack.split('/')[2]}":
            pool = self.stack.outputs["UserPoolId"]
            self.stack.client("cognito-idp").delete_user_pool_domain(UserPoolId=pool, Domain=domain)

    def sweep(self) -> None:
        """What runs once a day: everything is looked at again."""
        function, _ = self.physical("RefreshRankings")
        answer = self.stack.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"hint": "sweep"}))
        assert "FunctionError" not in answer, answer["Payload"].read()

    def storage(self) -> dict[str, str]:
        """The names of tables, buckets and queues, by their outputs."""
        return dict(storage_outputs(self.stack.client("cloudformation"), self.stack.name))

    def definitions(self) -> dict[str, Any]:
        """What is told of everything, with ETags, by path."""
        datasets = [f"/datasets/{one}" for one in (self.dataset["id"], self.visits)]
        others = [f"/models/{one}" for one in self.models]
        others += [f"/decisions/{self.decision}", f"/datastreams/{self.datastream}"]
        answers = {path: self.read(path) for path in (*datasets, *others, *(f"{one}/history" for one in others))}
        return {path: (made(one, 200), one.headers.get("ETag")) for path, one in answers.items()}

    def counts(self) -> list[dict[str, Any]]:
        """The reports of both models."""
        return [counted(made(self.read(f"/models/{model}/report?days=all"), 200)) for model in self.models]

    def received(self) -> int:
        """Events of visits."""
        return int(made(self.read(f"/datasets/{self.visits}/accounting"), 200)["accounting"]["received"])

    def rankings(self) -> dict[str, Any]:
        """What both models answer to the same question, by their newest snapshots."""
        found = {}
        for model in self.models:
            version = made(self.read(f"/models/{model}"), 200)["snapshot"]["version"]
            ranking = eventually(
                lambda model=model: made(self.rank(model), 200),
                lambda one, version=version: (one["snapshot"] or {}).get("version") == version,
                seconds=30,
            )
            offers = [(one["id"], round(one["propensity"], 6)) for one in ranking["offers"]]
            found[model] = {"source": ranking["source"], "version": version, "offers": offers}
        return found


@dataclass(frozen=True)
class Before:
    """What the earlier commit told at last. `shown` is a ranking of its own that nobody has told of yet."""

    shop: Shop
    has_aliases: bool
    events: list[dict[str, Any]]
    shown: dict[str, Any]
    storage: dict[str, str]
    definitions: dict[str, Any]
    counts: list[dict[str, Any]]
    rankings: dict[str, Any]
    received: int


@dataclass(frozen=True)
class Meanwhile:
    """What those were answered who asked while the present code was deployed."""

    asks: list[int]
    visits: list[int]


@pytest.fixture(scope="module", params=os.environ.get("FROM", "").split())
def commit(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def emulator(commit: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    folder = tmp_path_factory.mktemp(f"emulator-{commit}")
    mended = folder / "ministack"
    mended.write_text(f"#!/bin/sh\nexec {executable().absolute().parent}/python {MENDED}\n")
    mended.chmod(0o755)
    with Emulator(free_port(), folder / "log", mended) as running:
        yield running


@pytest.fixture(scope="module")
def before(commit: str, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory) -> Before:
    earlier = tree(commit, tmp_path_factory.mktemp("earlier"))
    shop = Shop.fill(Stack.deploy(emulator, build(earlier)))
    events = shop.learn()
    assert shop.visit().status_code == 200
    eventually(lambda: shop.counts()[0]["accounting"]["received"], lambda lines: lines == len(events), seconds=120)
    eventually(shop.received, lambda lines: lines == 1, seconds=120)
    shop.settle()
    shown = made(shop.rank(shop.models[0]), 200)
    has_aliases = ALIASES in (earlier / "template.yaml").read_text()
    told = shop.storage(), shop.definitions(), shop.counts(), shop.rankings(), shop.received()
    return Before(shop, has_aliases, events, shown, *told)


@pytest.fixture(scope="module")
def meanwhile(before: Before) -> Meanwhile:
    shop, path = before.shop, f"/models/{before.shop.models[0]}"
    with (
        asking(lambda: shop.read(path), lambda: shop.rank(shop.models[0]), lambda: shop.read(f"{path}/report")) as asks,
        asking(shop.visit) as visits,
    ):
        shop.let_go_of_domain()
        Stack.deploy(shop.emulator, build())
        asked = len(asks)
        eventually(lambda: len(asks), lambda now: now >= asked + 6, seconds=60)
    return Meanwhile(asks, visits)


def test_nobody_is_answered_an_error_meanwhile(before: Before, meanwhile: Meanwhile) -> None:
    """Where functions have no aliases yet, each is new code with its old layer for a moment, and answers 502."""
    answers = meanwhile.asks + meanwhile.visits
    assert {200} <= set(answers) <= ({200, 404} if before.has_aliases else {200, 404, 502}), (
        "404: at an address that MiniStack left"
    )
    assert set(meanwhile.asks[-6:]) == {200}, "in the end"


@pytest.mark.usefixtures("meanwhile")
def test_tables_buckets_and_queues_stay_what_they_are(before: Before) -> None:
    """But those of dead letters, which are one since a while: what lies there is found by a sweep."""
    now = before.shop.storage()
    assert {key: name for key, name in before.storage.items() if "Dlq" not in key}.items() <= now.items()


@pytest.mark.usefixtures("meanwhile")
def test_definitions_are_told_as_they_were(before: Before) -> None:
    now = before.shop.definitions()
    for path, (told, etag) in before.definitions.items():
        assert lacking(told, now[path][0]) == [], path
        assert now[path][1] == etag, path


@pytest.mark.usefixtures("meanwhile")
def test_models_rank_by_what_they_had_learned(before: Before) -> None:
    assert {one["source"] for one in before.rankings.values()} == {"fresh"}
    assert before.shop.rankings() == before.rankings


def test_what_visitors_did_meanwhile_is_counted(before: Before, meanwhile: Meanwhile) -> None:
    sent = before.received + meanwhile.visits.count(200)
    eventually(before.shop.received, lambda lines: lines == sent, seconds=180)


@pytest.mark.usefixtures("meanwhile")
def test_counts_stay_when_everything_is_looked_at_again(before: Before) -> None:
    assert before.shop.counts() == before.counts
    before.shop.sweep()
    before.shop.settle()
    assert before.shop.counts() == before.counts


@pytest.mark.usefixtures("meanwhile")
def test_new_events_count_on_top_of_old_ones_and_copies_do_not(before: Before) -> None:
    """What was ranked by the earlier code is shown now; and some of its events are sent once more."""
    shop, copies = before.shop, before.events[:5]
    shop.put("two", event("display", before.shown), *copies)
    old = before.counts[0]
    new = eventually(
        lambda: shop.counts()[0],
        lambda now: now["accounting"]["received"] == old["accounting"]["received"] + 1 + len(copies),
        seconds=120,
    )
    assert new["accounting"]["duplicate"] == old["accounting"]["duplicate"] + len(copies)
    assert new["totals"]["impressions"] == old["totals"]["impressions"] + 1
    assert new["totals"]["conversions"] == old["totals"]["conversions"]
    shop.settle()
    assert shop.rankings()[shop.models[0]]["version"] > before.rankings[shop.models[0]]["version"]


@pytest.mark.usefixtures("meanwhile")
def test_the_same_deployment_again_changes_nothing(before: Before) -> None:
    shop = before.shop

    def all_of_it() -> Any:
        resources = Teardown(shop.stack.client, shop.stack.name).resources()
        return resources, shop.stack.outputs, shop.definitions(), shop.counts(), shop.rankings()

    there = all_of_it()
    Stack.deploy(shop.emulator, build())
    assert all_of_it() == there
