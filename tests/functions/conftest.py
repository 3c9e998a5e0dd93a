from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.aws import in_process, set_environment

set_environment()  # before any handler is imported

from tests.support.system import System  # noqa: E402 - imports handlers' libraries, which read the environment


@pytest.fixture
def system() -> Iterator[System]:
    with in_process():
        yield System()
