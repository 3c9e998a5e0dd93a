from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from offer_ranking.learning import training
from tests.support.aws import in_process, set_environment

set_environment()  # before any handler is imported

from tests.support.system import System, handler  # noqa: E402 - imports handlers' libraries, which read the environment


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> Iterator[System]:
    """Models learn at once, however lately they did: time does not pass in most tests."""
    monkeypatch.setattr(training, "LEAST_BETWEEN_FITS", timedelta(0))
    door = handler("collect_events")
    monkeypatch.setattr(door, "collector", door.collector)  # tests put fakes in its place
    with in_process():
        yield System()
