"""The edge API as deployed: what a browser asks, is shown, sends back, and what the report makes of it."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

import httpx
import pytest

from tests.deployed.test_as_deployed import eventually
from tests.support.decisions import decision_body, offer_body
from tests.support.stack import Stack, live_model, made

ORIGIN = "https://www.shop.example"
PAIR = {"activityId": "xcore:offer-activity:1", "placementId": "xcore:offer-placement:1"}
SCOPE = base64.b64encode(json.dumps(PAIR).encode()).decode()


def post(stack: Stack, path: str, body: Any, *, origin: str = ORIGIN, **query: str) -> httpx.Response:
    """As the Web SDK sends it: JSON under another name."""
    headers = {"Host": stack.host("EdgeUrl", "execute-api"), "Origin": origin, "Content-Type": "text/plain"}
    url = f"{stack.emulator.endpoint}/ee{path}"
    return httpx.post(url, content=json.dumps(body), params=query, headers=headers, timeout=60)


def event(kind: str, proposition: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    shown = {key: proposition[key] for key in ("id", "scope", "scopeDetails")} | {"items": [{"id": item["id"]}]}
    decisioning = {"propositions": [shown], "propositionEventType": {kind: 1}}
    return {"xdm": {"eventType": f"decisioning.proposition{kind.title()}", "_experience": {"decisioning": decisioning}}}


@pytest.mark.parametrize("deployed", ["stack", "guarded_stack"])
def test_what_the_edge_gave_and_was_told_is_what_the_report_counts(
    deployed: str, request: pytest.FixtureRequest
) -> None:
    stack: Stack = request.getfixturevalue(deployed)
    admin = stack.token("Admin")
    dataset, model = live_model(stack, admin, "the edge")
    offers = [offer_body("summer"), offer_body("winter")]
    decision = decision_body(name="hero", modelId=model["id"], offers=offers, **PAIR)
    decided = made(stack.call("POST", "/decisions", decision, token=admin), 201)
    wanted = {"name": "shop", "orgId": "ORG@AdobeOrg", "datasetId": dataset["id"], "origins": [ORIGIN]}
    datastream = made(stack.call("POST", "/datastreams", wanted | {"decisionIds": [decided["id"]]}, token=admin), 201)

    query = {
        "query": {"personalization": {"decisionScopes": [SCOPE]}},
        "xdm": {"eventType": "web.webpagedetails.pageViews"},
    }
    request_id = str(uuid.uuid4())
    answer = post(stack, "/v1/interact", {"events": [query]}, configId=datastream["id"], requestId=request_id)
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    handles = {one["type"]: one["payload"] for one in answer.json()["handle"]}
    (proposition,) = handles["personalization:decisions"]
    (item,) = proposition["items"]

    for kind in ("display", "interact", "interact"):
        sent = post(stack, "/or2/v1/collect", {"events": [event(kind, proposition, item)]}, configId=datastream["id"])
        assert sent.status_code == 204, sent.text

    def report() -> Any:
        return made(stack.call("GET", f"/models/{model['id']}/report", token=admin), 200)

    found = eventually(report, lambda one: one["accounting"]["received"] == 4, seconds=60)
    assert {one["id"]: (one["impressions"], one["conversions"]) for one in found["offers"]} == {item["id"]: (1, 1)}
    assert found["accounting"]["counted"] == 2
    assert (found["accounting"]["duplicate"], found["accounting"]["other"]) == (1, 1)


def test_a_page_that_may_not_ask_is_told_so_in_words_that_it_may_read(stack: Stack, admin: str) -> None:
    dataset, _ = live_model(stack, admin, "origins")
    wanted = {"name": "origins", "orgId": "ORG@AdobeOrg", "datasetId": dataset["id"], "origins": [ORIGIN]}
    datastream = made(stack.call("POST", "/datastreams", wanted, token=admin), 201)
    answer = post(stack, "/v1/interact", {"events": []}, origin="https://elsewhere.example", configId=datastream["id"])
    assert answer.status_code == 403
    assert answer.headers["access-control-allow-origin"] == "https://elsewhere.example"
