"""CPU time of an interact call with one scope of 30 offers, beside handlers that only read and answer.

All get the same requests by turns, in one process: the Web SDK's own body, and the same log line. Ours is held against
a handler that only parses the body (`json.loads`) and answers a constant as long as ours with the same headers. Another
one is our door with the answering taken out: it reads the call and its body as ours does, which tells what reading
costs. A turn is one call of each, since a function is called so: what a processor has at hand in the midst of ten
thousand equal calls, no Lambda has.

    python -m tests.benchmarks.interact_cost [turns]
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from tests.support.aws import in_process, set_environment

FIXTURE = Path(__file__).parents[1] / "functions" / "bodies" / "web-sdk-fetch.json"
Handler = Callable[[dict[str, Any]], Any]
OURS, READS, PARSES = "interact", "only reads and answers", "only parses and answers"

OFFERS, BOUND, WARM = 30, 2.5, 500
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


def only_answers(constant: str) -> dict[str, Handler]:
    """Handlers that answer a constant: one that reads as our door does, one that only parses."""
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - after standard output is led away

    from offer_ranking.edge.body import read_body  # noqa: PLC0415
    from offer_ranking.edge.request import read_request  # noqa: PLC0415
    from offer_ranking.http.door import Answer, Call  # noqa: PLC0415

    logger = Logger(service="only_answers")

    def logged(call: Call, started: float) -> dict[str, Any]:
        milliseconds = round(1000 * (time.perf_counter() - started), 2)
        logger.info("request", method=call.method, route=call.path, status=200, milliseconds=milliseconds,
                    request_id=call.gateway_id)  # fmt: skip
        return Answer.of_json(200, constant).for_origin(call.origin)

    def reads(event: dict[str, Any]) -> dict[str, Any]:
        started, call = time.perf_counter(), Call.of(event)
        read_request(read_body(call.body()), call.headers.get("cookie", ""))
        return logged(call, started)

    def parses(event: dict[str, Any]) -> dict[str, Any]:
        started, call = time.perf_counter(), Call.of(event)
        json.loads(call.body())
        return logged(call, started)

    return {READS: reads, PARSES: parses}


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


def race(handlers: Mapping[str, Handler], datastream: str, turns: int) -> dict[str, list[int]]:
    """CPU nanoseconds of each call by handler: a call each a turn, another one first every time."""
    spent: dict[str, list[int]] = {name: [] for name in handlers}
    order = deque(handlers.items())
    gc.collect()
    gc.disable()
    for turn in range(-WARM, turns):
        order.rotate()
        for name, handler in order:
            event = call(datastream, turn)
            start = time.process_time_ns()
            handler(event)
            spent[name].append(time.process_time_ns() - start)
    gc.enable()
    return {name: each[WARM:] for name, each in spent.items()}


def measured(turns: int) -> dict[str, list[int]]:
    """Of ours and the others; log lines are written, but not into the figures."""
    set_environment()
    stdout, sys.stdout = sys.stdout, _NOWHERE
    try:
        with in_process():
            ours, datastream = world()
            whole = ours(call(datastream, 0), None)
            assert whole["statusCode"] == 200, whole
            assert whole["body"].count('"score"') == OFFERS
            handlers = {OURS: lambda event: ours(event, None), **only_answers(whole["body"])}
            return race(handlers, datastream, turns)
    finally:
        sys.stdout = stdout


def main() -> int:
    """Print the figures; 1 where the bound is missed."""
    turns = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    found = measured(turns)
    print(f"one scope, {OFFERS} offers, {turns} turns; medians of CPU time, and of the ratio within a turn")
    ratios = {}
    for name, theirs in found.items():
        ratios[name] = median(mine / other for mine, other in zip(found[OURS], theirs, strict=True))
        print(f"{name:24} {median(theirs) / 1000:7.1f} us   interact takes {ratios[name]:5.2f} times that")
    missed = ratios[PARSES] > BOUND
    print(f"at most {BOUND} times the handler that {PARSES}: {'missed' if missed else 'met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
