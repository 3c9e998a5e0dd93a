"""Step Functions on one machine: the emulator runs the state machines, and calls the functions in this process.

The emulator would run a function's code itself. But here it is loaded already, with its clients and with a turn that
admits one event at a time; so each function that a state machine calls is known to the emulator as an address of this
process only. The address holds a secret, since who knows it may call the function as AWS may.
"""

from __future__ import annotations

import hmac
import io
import json
import logging
import secrets
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from infra.local.emulator import Emulator
from infra.local.gateway import Request, Response
from infra.local.runtime import LocalFunction
from infra.local.template import ACCOUNT, StateMachine

_LOG = logging.getLogger(__name__)
_PATH = "/.functions/"
# The emulator gives an event to the address in this variable of a function, as JSON, and takes the answer's body.
_FORWARDED_TO = "MINISTACK_LAMBDA_PROXY_URL"
_PATIENCE_SECONDS = 900  # the most that a function may be given: a call waits here for the turns of those before it
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/local"


@dataclass(frozen=True, slots=True)
class Door:
    """Where functions of this process are called over HTTP. `url` is the server's."""

    url: str
    functions: Mapping[str, LocalFunction]
    _secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), init=False, repr=False)

    def address(self, function: str) -> str:
        """Where a function is called."""
        return f"{self.url}{_PATH}{self._secret}/{function}"

    def function(self, request: Request) -> LocalFunction | None:
        """The function that a request calls; None for a request of any other kind, as for one with a wrong secret."""
        secret, _, name = request.path.removeprefix(_PATH).partition("/")
        knows = hmac.compare_digest(secret.encode(), self._secret.encode())
        return self.functions.get(name) if knows and request.method == "POST" else None

    @staticmethod
    def answer(function: LocalFunction, request: Request) -> Response:
        """What the function answers, or that it failed."""
        try:
            answer = function.invoke(json.loads(request.body))
        except Exception as error:  # noqa: BLE001 - whatever a handler raises, the state machine hears of it
            _LOG.exception("%s failed", function.function.name)
            failure = {"errorType": type(error).__name__, "errorMessage": str(error)}
            return Response.json(HTTPStatus.INTERNAL_SERVER_ERROR, failure)
        return Response(HTTPStatus.OK, [("Content-Type", "application/json")], json.dumps(answer).encode())


def create(machines: Iterable[StateMachine], door: Door, emulator: Emulator) -> None:
    """Create the state machines, and the functions that they call."""
    stepfunctions, known = emulator.client("stepfunctions"), emulator.client("lambda")
    made: set[str] = set()
    for machine in machines:
        stepfunctions.create_state_machine(name=machine.name, definition=machine.definition, roleArn=_ROLE)
        made |= {name for name in door.functions if f':function:{name}"' in machine.definition}
    for name in sorted(made):
        known.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="none.none",
            Role=_ROLE,
            Code={"ZipFile": _empty()},
            Timeout=_PATIENCE_SECONDS,
            Environment={"Variables": {_FORWARDED_TO: door.address(name)}},
        )


def _empty() -> bytes:
    """An archive of nothing: no function comes without one."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("none.py", "")
    return archive.getvalue()
