"""The handlers in this process, called as Lambda calls them: one event at a time, with a context."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO

from infra.local.template import ACCOUNT, REGION, Function
from offer_ranking.storage import clients


class Handler(Protocol):
    """A lambda_handler."""

    def __call__(self, event: dict[str, Any], context: Context, /) -> Any: ...  # noqa: ANN401 - JSON


@dataclass(frozen=True, slots=True)
class Context:
    """What Lambda hands to a handler beside the event. Names are Lambda's own."""

    function_name: str
    memory_limit_in_mb: int
    deadline: float
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    function_version: str = "$LATEST"

    @property
    def invoked_function_arn(self) -> str:
        return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{self.function_name}"

    def get_remaining_time_in_millis(self) -> int:
        return max(0, round(1000 * (self.deadline - time.monotonic())))


@dataclass(frozen=True, slots=True)
class LocalFunction:
    """A function with its handler imported. `turn` admits one event at a time, as an instance on Lambda does."""

    function: Function
    handler: Handler
    turn: threading.Lock

    def invoke(self, event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Call the handler through JSON both ways, as Lambda does. Raises what the handler raises."""
        copy = json.loads(json.dumps(event))
        with self.turn:
            deadline = time.monotonic() + self.function.timeout_seconds
            context = Context(self.function.name, self.function.memory_megabytes, deadline)
            return json.loads(json.dumps(self.handler(copy, context)))


@contextlib.contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Have these variables, and nothing else of AWS's, in the environment of this process."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("AWS_"):
            del os.environ[name]
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def loaded(
    functions: Mapping[str, Function], routed: set[str], shared: Mapping[str, str], log: TextIO
) -> Iterator[dict[str, LocalFunction]]:
    """The functions by logical id, imported afresh, each with no more around it than its own and `shared` variables.

    `routed` are those behind the API. They share one turn, since Powertools keeps the current request in a class
    attribute, which in one process is the same for all of them. Their loggers write to `log`.
    """
    modules = {function.handler[0] for function in functions.values()}
    before = {module: sys.modules.pop(module) for module in modules if module in sys.modules}
    api_turn = threading.Lock()
    loggers = _taken_loggers()  # Powertools sets one up once a process: those of another system write elsewhere
    try:
        with contextlib.redirect_stdout(log):  # loggers take hold of standard output when they are made
            local = {
                name: LocalFunction(
                    function, _imported(function, shared), api_turn if name in routed else threading.Lock()
                )
                for name, function in functions.items()
            }
        yield local
    finally:
        for module in modules:
            sys.modules.pop(module, None)
        sys.modules.update(before)
        _taken_loggers()
        logging.root.manager.loggerDict.update(loggers)
        _forget_clients()


def _imported(function: Function, shared: Mapping[str, str]) -> Handler:
    _forget_clients()  # those of another system in this process lead elsewhere
    module, attribute = function.handler
    with environment({**shared, **function.environment}):
        handler: Handler = getattr(importlib.import_module(module), attribute)
    return handler


def _taken_loggers() -> dict[str, logging.Logger]:
    """The loggers that Powertools has set up, out of the process's register of loggers."""
    known = logging.root.manager.loggerDict
    found = {
        name: one for name, one in known.items() if isinstance(one, logging.Logger) and getattr(one, "init", False)
    }
    for name in found:
        del known[name]
    return found


def _forget_clients() -> None:
    for cached in (clients.dynamodb, clients.s3, clients.sqs, clients.stepfunctions, clients.firehose, clients.ssm):
        cached.cache_clear()
