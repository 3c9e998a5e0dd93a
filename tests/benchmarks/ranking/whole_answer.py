"""The whole answer of the rank handler: authorized, parsed, ranked, signed, written as JSON; AWS in the process."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.ranking.models import names
from tests.support.aws import in_process, set_environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.ranking.contenders import Call


# Where log lines and metrics go: written as in a Lambda function, but not into the tables.
_NOWHERE = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - loggers keep it


@contextmanager
def answers(size: int) -> Iterator[dict[str, Call]]:
    """Callers of a live model that has learned of these offers; the snapshot lies in the handler's cache."""
    set_environment()
    stdout, sys.stdout = sys.stdout, _NOWHERE
    try:
        with in_process():
            yield _callers(size)
    finally:
        sys.stdout = stdout


def _callers(size: int) -> dict[str, Call]:
    from tests.support.system import System, display  # noqa: PLC0415 - the handlers read the environment

    system = System()
    dataset, model = system.live_model()
    system.land(dataset, "events.jsonl.gz", [display(offer) for offer in names(size)])
    path, offers = f"/models/{model['id']}/rankings", [{"id": offer} for offer in names(size)]

    def caller(**asked: Any) -> Call:
        return lambda seed: _good(system.call("POST", path, {"offers": offers, "seed": seed, **asked}))

    return {"whole answer, all offers": caller(), "whole answer, the first": caller(count=1)}


def _good(reply: Any) -> object:
    assert reply.status == 200, reply
    return reply
