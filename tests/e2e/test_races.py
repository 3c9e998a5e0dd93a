"""Writers that race over HTTP: one wins, and the others hear why they did not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from infra.local.system import System
from tests.e2e.conftest import Caller
from tests.e2e.world import SCHEMA, name
from tests.support.decisions import decision_body

WRITERS = 32


@pytest.fixture
def dataset(admin: Caller) -> str:
    return str(admin.post("/datasets", {"name": name("events"), "schema": SCHEMA}).json()["id"])


def race(
    system: System, method: str, path: str, body: dict[str, Any] | Callable[[int], dict[str, Any]], **headers: str
) -> list[httpx.Response]:
    """The same request, or one each, from 32 callers at once, each over a connection of its own."""
    sent = {"Authorization": f"Bearer {system.issuer.machine_token('admin')}"}
    sent |= {key.replace("_", "-"): value for key, value in headers.items()}

    def call(n: int) -> httpx.Response:
        sends = body(n) if callable(body) else body
        return httpx.request(method, system.url + path, json=sends, headers=sent, timeout=60, trust_env=False)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(call, range(WRITERS)))


def test_of_32_creates_of_one_name_one_is_created_and_31_conflict(system: System, admin: Caller, dataset: str) -> None:
    body = {"name": name("wanted"), "type": "auto-optimization", "datasetIds": [dataset]}
    answers = race(system, "POST", "/models", body)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 31}
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {
        "urn:offer-ranking:problem:name-taken"
    }
    (winner,) = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert admin.get(f"/datasets/{dataset}").json()["usedBy"] == [winner]


@pytest.mark.parametrize("wanted", ["name", "scope"])
def test_of_32_decisions_that_want_one_name_or_one_activity_and_placement_one_gets_it(
    system: System, admin: Caller, wanted: str
) -> None:
    one, pair = name("wanted"), {"activityId": name("activity"), "placementId": "xcore:offer-placement:1"}

    def body(n: int) -> dict[str, Any]:
        return decision_body(**({"name": one} if wanted == "name" else {"name": f"{one} {n}", **pair}))

    answers = race(system, "POST", "/decisions", body)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 31}
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} == {
        f"urn:offer-ranking:problem:{wanted}-taken"
    }
    found = admin.get("/decisions?" + urlencode({"name": one})).json()["results"]
    assert [decision["id"] for decision in found] == [
        answer.json()["id"] for answer in answers if answer.status_code == 201
    ]


def test_of_32_edits_of_one_version_one_wins(system: System, admin: Caller, dataset: str) -> None:
    body = {"name": name("edited"), "type": "auto-optimization", "datasetIds": [dataset]}
    model = admin.post("/models", body).json()["id"]
    edit = {"description": "mine"}
    answers = race(system, "PATCH", f"/models/{model}", edit, If_Match='"1"')
    # A caller that reads the winner's version before it compares finds its own ETag stale: the same 412.
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 31}
    assert admin.get(f"/models/{model}").json()["version"] == 2
    assert [one["action"] for one in admin.get(f"/models/{model}/history").json()["results"]] == ["create", "edit"]


def test_of_32_creates_with_one_idempotency_key_all_hear_the_same_201(
    system: System, admin: Caller, dataset: str
) -> None:
    body = {"name": name("once"), "type": "auto-optimization", "datasetIds": [dataset]}
    answers = race(system, "POST", "/models", body, Idempotency_Key=name("key"))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(admin.get(f"/datasets/{dataset}").json()["usedBy"]) == 1


def test_of_32_datasets_that_want_one_prefix_one_gets_it(system: System, admin: Caller, dataset: str) -> None:
    bucket = admin.get(f"/datasets/{dataset}").json()["bucket"]
    place = {"bucket": bucket, "prefix": f"{name('place').replace(' ', '-')}/"}

    def create(n: int) -> httpx.Response:
        headers = {"Authorization": f"Bearer {system.issuer.machine_token('admin')}"}
        body = {"name": name(f"rival {n}"), "schema": SCHEMA, **place}
        return httpx.post(f"{system.url}/datasets", json=body, headers=headers, timeout=60, trust_env=False)

    with ThreadPoolExecutor(WRITERS) as pool:
        answers = list(pool.map(create, range(WRITERS)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 31}
