from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from infra.local.gateway import MOST_AT_ONCE, Gateway, Request, Response
from infra.local.runtime import LocalFunction
from infra.local.template import Function, RestApi, Route, Template
from tests.support.template import ROOT

REQUEST = Request("GET", "/slow", "", [], b"", "127.0.0.1")


class Slow:
    """A function that answers when it is let; `came` counts who waits."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.came = threading.Semaphore(0)

    def __call__(self, _: Any, __: Any) -> Any:
        self.came.release()
        assert self.let.wait(30)
        return {"statusCode": 200, "body": "done"}


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow()
    yield slow
    slow.let.set()


class Free:
    """As many turns at once as anybody wants."""

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...


@pytest.fixture
def gateway(slow: Slow) -> Gateway:
    own = Template.read(ROOT / "template.yaml", {"OidcIssuer": "https://issuer.test"}).apis()
    (answers,) = [api.own_answers for api in own if api.name == "Api"]
    api = RestApi("Api", "v1", [Route("GET", "/slow", "Slow", None)], {}, answers, takes_binary=False,
                  compressed_from=None)  # fmt: skip
    free: Any = Free()
    function = LocalFunction(Function("Slow", ("", ""), {}, 30, 128), slow, free)
    return Gateway(api, {"Slow": function})


def test_who_comes_while_as_many_wait_as_may_is_told_at_once_to_come_again_and_then_is_served(
    gateway: Gateway, slow: Slow
) -> None:
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        waiting = [pool.submit(gateway.answer, REQUEST) for _ in range(MOST_AT_ONCE)]
        for _ in waiting:
            assert slow.came.acquire(timeout=30)
        refused: Response = gateway.answer(REQUEST)
        slow.let.set()
        assert {one.result().status for one in waiting} == {200}
    assert (refused.status, dict(refused.headers)["Retry-After"]) == (429, "1")
    assert json.loads(refused.body)["type"] == "urn:offer-ranking:problem:throttled"
    assert gateway.answer(REQUEST).status == 200
