"""Sequences of requests made from the OpenAPI document, each with what the links of earlier answers hand on."""

from __future__ import annotations

import json
import re
from collections import Counter
from contextlib import ExitStack
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.core.transport import Response

from infra.openapi import operations
from offer_ranking.http.openapi import document
from tests.functions.test_hostile import MADE
from tests.support.aws import in_process
from tests.support.system import System, caller_of, rest_event, send

SCENARIOS, STEPS = 12, 10
ETAG = re.compile(r'"[0-9]+"')
followed: Counter[tuple[str, bool]] = Counter()
_Machine: Any = schemathesis.openapi.from_dict(document(operations())).as_state_machine()


class Linked(_Machine):  # type: ignore[misc]
    """A system of its own for each sequence."""

    def setup(self) -> None:
        self._ends = ExitStack()
        self._ends.enter_context(in_process())
        self._system = System()
        self._dataset = self._system.create_dataset()["id"]
        self._made = 0

    def teardown(self) -> None:
        self._ends.close()

    def call(self, case: Any, **_: Any) -> Response:
        path = case.path
        for name, value in (case.path_parameters or {}).items():
            path = path.replace("{" + name + "}", str(value).replace("/", "%2F") or "%20")
        headers = {"Authorization": f"Bearer {self._system.tokens[caller_of(path)]}", "If-Match": "*"}
        given = {name: str(value) for name, value in (case.headers or {}).items()}
        headers |= {name: value for name, value in given.items() if name != "If-Match" or ETAG.fullmatch(value)}
        body = self._body(case)
        query = {name: str(value) for name, value in (case.query or {}).items()}
        reply = send(rest_event(case.method, path, json.dumps(body), query=query, headers=headers))
        told = {name: [value] for name, value in reply.headers.items()}
        request = requests.Request(case.method, "https://api.test" + case.path).prepare()
        return Response(reply.status, told, reply.text.encode(), request, 0.0, verify=True)

    def _body(self, case: Any) -> Any:
        """As the document has it; of what is made three in four can be made, or links would lead nowhere."""
        made = MADE.get(case.operation.definition.raw["operationId"])
        if made is not None:
            self._made += 1
            if self._made % 4:
                text = json.dumps(made | {"name": f"made {self._made}"})
                return json.loads(text.replace("{dataset_id}", self._dataset))
        return case.body if isinstance(case.body, dict | list | str | int | float | bool | None) else None

    def validate_response(self, response: Response, case: Any, *_: Any, **__: Any) -> None:
        followed[f"{case.method} {case.path}", response.status_code < 300] += 1
        assert response.status_code < 500, response.content
        assert str(response.status_code) in case.operation.definition.raw["responses"], response.content


def test_requests_that_follow_links_never_break_it_and_are_answered_as_the_document_says() -> None:
    Linked.run(
        settings=settings(
            max_examples=SCENARIOS, stateful_step_count=STEPS, derandomize=True, deadline=None, database=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )
    )  # fmt: skip
    reached = {operation for operation, succeeded in followed if succeeded and "{" in operation}
    assert reached, f"no link led to anything: {followed}"
