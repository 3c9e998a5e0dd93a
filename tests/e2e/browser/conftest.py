from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.system import System
from tests.e2e.browser.chromium import Street, Visitor, street


@pytest.fixture(scope="module")
def outside(system: System) -> Iterator[Street]:
    with street(system.url) as made:
        yield made


@pytest.fixture
def visitor(outside: Street) -> Iterator[Visitor]:
    with outside.visitor() as somebody:
        yield somebody
