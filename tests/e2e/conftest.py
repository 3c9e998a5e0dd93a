"""A system for each module: the real handlers over the emulator, on free ports.

Not for the session, since it takes over the AWS environment of this process, which other suites set for themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from infra.local.emulator import executable
from infra.local.system import System, running

MANAGERS = ("ranking-managers",)


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody with a token; every call returns the answer as it came."""

    http: httpx.Client

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def post(self, path: str, body: object = None) -> httpx.Response:
        return self.http.post(path, json=body) if body is not None else self.http.post(path)


@pytest.fixture(scope="module")
def emulator_needed() -> None:
    if not executable().exists():
        pytest.skip(f"there is no emulator at {executable()}: run `make test`, or set EMULATOR")


@pytest.fixture(scope="module")
def system(
    emulator_needed: None,  # noqa: ARG001 - skips
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("system")
    with (folder / "functions.log").open("w") as log, running(folder=folder, log=log) as running_system:
        yield running_system


@pytest.fixture(scope="module")
def calling(system: System) -> Iterator[Callable[[str | None], Caller]]:
    """Makes a caller that sends this Authorization header, or none."""
    made: list[httpx.Client] = []

    def call_with(authorization: str | None) -> Caller:
        headers = {} if authorization is None else {"Authorization": authorization}
        made.append(httpx.Client(base_url=system.url, headers=headers, timeout=30, trust_env=False))
        return Caller(made[-1])

    yield call_with
    for client in made:
        client.close()


@pytest.fixture(scope="module")
def admin(system: System, calling: Callable[[str | None], Caller]) -> Caller:
    return calling(f"Bearer {system.issuer.machine_token('admin')}")


@pytest.fixture(scope="module")
def ranker(system: System, calling: Callable[[str | None], Caller]) -> Caller:
    return calling(f"Bearer {system.issuer.machine_token('ranker')}")
