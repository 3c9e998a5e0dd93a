from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.local.emulator import Emulator
from tests.support.stack import ROOT, SAM, Stack, build, lifted


@pytest.fixture(scope="session")
def built() -> Path:
    assert SAM.exists(), f"There is no SAM CLI at {SAM.relative_to(ROOT)}: `make test` puts it there."
    return build()


@pytest.fixture(scope="session")
def stack(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Emulator.on(0, tmp_path_factory.mktemp("emulator") / "log") as emulator:
        yield Stack.deploy(emulator, built)


@pytest.fixture(scope="session")
def guarded_stack(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The same where IAM is enforced: functions may do what their roles say, and nothing else."""
    with ExitStack() as ends:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AUTH", "true")
            emulator = ends.enter_context(Emulator.on(0, tmp_path_factory.mktemp("guarded") / "log"))
        with lifted(built):
            stack = Stack.deploy(emulator, built)
        yield stack


@pytest.fixture(scope="session")
def admin(stack: Stack) -> str:
    return stack.token("Admin")


@pytest.fixture(scope="session")
def ranker(stack: Stack) -> str:
    return stack.token("Ranker")
