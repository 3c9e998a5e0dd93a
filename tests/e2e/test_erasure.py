"""An erasure on one machine: what the doors collected of one person goes, and the report knows of her no more."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from infra.local.system import System
from tests.e2e.conftest import Caller
from tests.e2e.world import SCHEMA, name, within

ADA, BOB = "1" * 38, "2" * 38
OFFERS = [{"id": offer, "etag": "1", "format": "text/plain", "content": offer} for offer in ("apple", "banana")]


@pytest.fixture
def shop(admin: Caller) -> dict[str, Any]:
    """A live model, two decisions that ask it, and the datastream that collects into its dataset."""
    dataset = admin.post("/datasets", {"name": name("shop"), "schema": SCHEMA}).json()
    body = {"name": name("shop"), "type": "auto-optimization", "datasetIds": [dataset["id"]]}
    model = admin.post("/models", body).json()["id"]
    assert admin.post(f"/models/{model}/activate").status_code == 200
    fallback = {"id": "none", "etag": "1", "format": "text/plain", "content": ""}
    decisions = [
        {"name": name("place"), "modelId": model, "offers": OFFERS, "fallback": fallback} for _ in ("hero", "footer")
    ]
    ids = [admin.post("/decisions", one).json()["id"] for one in decisions]
    body = {"name": name("shop"), "orgId": "shop@AdobeOrg", "datasetId": dataset["id"], "decisionIds": ids}
    datastream = admin.post("/datastreams", body).json()["id"]
    return {"dataset": dataset, "model": model, "scopes": [one["name"] for one in decisions], "id": datastream}


def visit(system: System, shop: dict[str, Any], ecid: str, *, clicks: bool = True) -> None:
    """A person is shown both places in one event, and may click in one of them."""
    url = f"{system.url}/ee/v1"
    whole = {"xdm": {"identityMap": {"ECID": [{"id": ecid}]}}}
    query = {"personalization": {"decisionScopes": shop["scopes"]}}
    fetch = {"xdm": {"eventType": "decisioning.propositionFetch"}, "query": query}
    asked = httpx.post(f"{url}/interact", params={"configId": shop["id"]}, json=whole | {"events": [fetch]})
    handles = asked.json()["handle"]
    (given,) = (one["payload"] for one in handles if one["type"] == "personalization:decisions")
    assert len(given) == 2
    told = [("display", given), *([("interact", given[:1])] if clicks else [])]
    events = [
        {
            "xdm": {
                "_id": str(uuid.uuid4()),
                "eventType": f"decisioning.proposition{kind.capitalize()}",
                "_experience": {"decisioning": {"propositionEventType": {kind: 1}, "propositions": propositions}},
            }
        }
        for kind, propositions in told
    ]
    sent = httpx.post(f"{url}/collect", params={"configId": shop["id"]}, json=whole | {"events": events})
    assert sent.status_code == 204, sent.text


def totals(admin: Caller, shop: dict[str, Any]) -> tuple[int, int]:
    found = admin.get(f"/models/{shop['model']}/report?days=all").json()["totals"]
    return found["impressions"], found["conversions"]


def ended(admin: Caller, erasure_id: str) -> dict[str, Any]:
    def over() -> dict[str, Any] | None:
        found: dict[str, Any] = admin.get(f"/erasures/{erasure_id}").json()
        return found if found["status"] != "running" else None

    return within(60, over)


def texts(system: System, prefix: str) -> list[bytes]:
    """All that lies there, and all that lay there."""
    s3, bucket = system.aws("s3"), system.datasets_bucket
    versions = s3.list_object_versions(Bucket=bucket, Prefix=prefix)["Versions"]
    read = [s3.get_object(Bucket=bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read() for one in versions]
    return [unpacked(one) for one in read]


def unpacked(content: bytes) -> bytes:
    import gzip  # noqa: PLC0415 - the emulator's stream writes plain text

    return gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content


def test_the_counts_fall_by_exactly_what_she_did_and_she_is_nowhere(
    system: System, admin: Caller, shop: dict[str, Any]
) -> None:
    visit(system, shop, ADA)
    visit(system, shop, BOB)
    visit(system, shop, BOB, clicks=False)
    within(20, lambda: totals(admin, shop) == (6, 2) or None)
    prefix = shop["dataset"]["prefix"]
    assert any(ADA.encode() in text for text in texts(system, prefix))

    answer = admin.http.delete(f"/profiles/{ADA}", params={"namespace": "ECID"})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/erasures/{answer.json()['id']}"
    erasure = ended(admin, answer.json()["id"])
    assert (erasure["status"], erasure["notErased"], erasure["objects"]["failed"]) == ("succeeded", [], 0)
    assert erasure["lines"] == 3, "two of one event, and a click"
    within(20, lambda: totals(admin, shop) == (4, 1) or None)
    left = texts(system, prefix)
    assert not any(ADA.encode() in text for text in left)
    assert sum(text.count(b"\n") for text in left) == 5
    account = admin.get(f"/datasets/{shop['dataset']['id']}/accounting").json()
    assert account["accounting"]["counted"] == account["accounting"]["received"] == 5

    again = ended(admin, admin.post("/erasures", {"identities": [{"id": ADA}]}).json()["id"])
    assert (again["status"], again["lines"]) == ("succeeded", 0)
    caps = next(one for one in system.aws("dynamodb").list_tables()["TableNames"] if "Caps" in one)
    kept = system.aws("dynamodb").scan(TableName=caps)["Items"]
    assert not [one for one in kept if one["pk"]["S"].startswith("erasure ")], "whom it looked for is forgotten"
