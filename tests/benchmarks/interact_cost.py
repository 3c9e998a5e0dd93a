"""CPU time of an interact call with one scope of 30 offers, beside a handler that only reads and answers.

Both get the same requests, call by call in turns, in one process: the Web SDK's own body, the same log line, the same
headers. The other one parses with the standard library and answers a constant as long as ours. Call by call, since a
function is called so: what a processor has at hand after ten thousand equal calls, no Lambda ever has.

    python -m tests.benchmarks.interact_cost [calls]
"""

from __future__ import annotations

import gc
import json
import os
import statistics
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.aws import in_process, set_environment

FIXTURE = Path(__file__).parents[1] / "functions" / "bodies" / "web-sdk-fetch.json"
OFFERS, BOUND = 30, 2.5
CONTENT = '<p class="offer">Offer {} <a href="#go">go</a></p>'
SCOPE = b64encode(json.dumps({"activityId": "a", "placementId": "p", "itemCount": OFFERS}).encode()).decode()
_NOWHERE = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - loggers keep it


@cache
def body() -> str:
    """As the Web SDK sends it when a page loads."""
    sent = json.loads(FIXTURE.read_text())
    sent["events"][0]["query"]["personalization"]["decisionScopes"] = [SCOPE]
    return json.dumps(sent, separators=(",", ":"))


def call(datastream: str, number: int) -> dict[str, Any]:
    """API Gateway's event."""
    return {
        "resource": "/{path+}",
        "path": "/v1/interact",
        "httpMethod": "POST",
        "headers": {"Content-Type": "text/plain; charset=UTF-8", "Origin": "https://shop.test", "Host": "edge.test"},
        "queryStringParameters": {"configId": datastream, "requestId": f"request-{number}"},
        "requestContext": {"requestId": f"gateway-{number}", "identity": {"sourceIp": "192.0.2.1"}},
        "body": body(),
        "isBase64Encoded": False,
    }


class OnlyAnswers:
    """The handler that ours is held against."""

    def __init__(self, constant: str) -> None:
        from aws_lambda_powertools import Logger  # noqa: PLC0415 - after standard output is led away

        self._constant = constant
        self._logger = Logger(service="only_answers")

    def __call__(self, event: dict[str, Any]) -> dict[str, Any]:
        started = time.perf_counter()
        headers = {name.lower(): value for name, value in event["headers"].items() if value is not None}
        json.loads(event["body"])
        self._logger.info(
            "request",
            method=event["httpMethod"],
            route=event["path"],
            status=200,
            milliseconds=round(1000 * (time.perf_counter() - started), 2),
            request_id=event["requestContext"]["requestId"],
        )
        return {
            "statusCode": 200,
            "headers": {
                "Content-Type": "application/json; charset=utf-8",
                "Vary": "Origin",
                "Access-Control-Allow-Origin": headers["origin"],
                "Access-Control-Allow-Credentials": "true",
                "Access-Control-Expose-Headers": "Retry-After",
            },
            "body": self._constant,
        }


def world() -> tuple[Any, str]:
    """Our handler, and a datastream whose one decision has a live model that has learned of its 30 offers."""
    from tests.support.decisions import offer_body  # noqa: PLC0415 - the handlers read the environment
    from tests.support.system import System, display, handler  # noqa: PLC0415

    system = System()
    dataset, model = system.live_model()
    names = [f"xcore:personalized-offer:{n:016x}" for n in range(OFFERS)]
    system.land(dataset, "events.jsonl.gz", [display(name) for name in names])
    offers = [offer_body(name, content=CONTENT.format(n), language=["en-us"]) for n, name in enumerate(names)]
    decision = system.create_decision(activityId="a", placementId="p", modelId=model["id"], offers=offers)
    datastream = system.create_datastream(dataset["id"], decisionIds=[decision["id"]], origins=["https://shop.test"])
    return handler("collect_events").lambda_handler, datastream["id"]


def microseconds(
    contenders: Mapping[str, Callable[[dict[str, Any]], object]], datastream: str, calls: int
) -> dict[str, float]:
    """Median CPU time of a call, by contender; which one begins changes from turn to turn."""
    spent: dict[str, list[int]] = {name: [] for name in contenders}
    gc.collect()
    gc.disable()
    for number in range(calls):
        order = list(contenders.items())
        for name, contender in order if number % 2 else reversed(order):
            event = call(datastream, number)
            start = time.process_time_ns()
            contender(event)
            spent[name].append(time.process_time_ns() - start)
    gc.enable()
    return {name: statistics.median(each[calls // 10 :]) / 1000 for name, each in spent.items()}


def race(calls: int) -> tuple[dict[str, float], int]:
    """Both, and how long the answer is."""
    set_environment()
    stdout, sys.stdout = sys.stdout, _NOWHERE
    try:
        with in_process():
            ours, datastream = world()
            whole = ours(call(datastream, 0), None)
            assert whole["statusCode"] == 200, whole
            assert whole["body"].count('"score"') == OFFERS
            contenders = {"interact": lambda event: ours(event, None), "only answers": OnlyAnswers(whole["body"])}
            return microseconds(contenders, datastream, calls), len(whole["body"])
    finally:
        sys.stdout = stdout


def main() -> int:
    """Print the figures; 1 where the bound is missed."""
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    found, size = race(calls)
    ratio = found["interact"] / found["only answers"]
    print(f"answer of {size} characters, {calls} calls each, median CPU microseconds a call")
    print(f"interact, {OFFERS} offers    {found['interact']:8.1f}")
    print(f"only reads and answers {found['only answers']:8.1f}")
    print(f"ratio                  {ratio:8.2f}  (at most {BOUND})")
    return 0 if ratio <= BOUND else 1


if __name__ == "__main__":
    sys.exit(main())
