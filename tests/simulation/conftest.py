from __future__ import annotations

import pytest

from tests.support.aws import set_environment
from tests.support.system import handler


@pytest.fixture(autouse=True)
def _own_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    """The door has its own collector again after each test: simulations put a fake in its place."""
    set_environment()
    door = handler("collect_events")
    monkeypatch.setattr(door, "collector", door.collector)
