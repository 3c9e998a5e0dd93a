"""Every adapter's contract is tested twice: on AWS in the process, and on the emulator that serves one machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import httpx
import moto
import pytest

from infra.local.emulator import Emulator, executable
from tests.support.aws import create_storage, set_environment

set_environment()


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    if not executable().exists():
        pytest.skip(f"there is no emulator at {executable()}: run `make test`, or set EMULATOR")
    with Emulator.on(0, tmp_path_factory.mktemp("emulator") / "log") as started:
        yield started


@pytest.fixture(params=["in process", "emulator"])
def client(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Any]]:
    """Makes clients of an AWS that is empty but for the storage."""
    if request.param == "in process":
        with moto.mock_aws():
            create_storage()
            yield boto3.client
        return
    started: Emulator = request.getfixturevalue("emulator")
    httpx.post(f"{started.endpoint}/_ministack/reset", timeout=10).raise_for_status()
    place = {"endpoint_url": started.endpoint, "region_name": "us-east-1"}
    create_storage(**place)
    yield lambda service: boto3.client(service, **place)
