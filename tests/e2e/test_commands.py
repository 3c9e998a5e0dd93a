"""`serve` and `demo` as a person starts them."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.local import ROOT
from infra.local.emulator import executable, free_port
from tests.e2e.world import within

pytestmark = [pytest.mark.usefixtures("emulator_needed")]
LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=os.environ | {"EMULATOR": str(executable().absolute())},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Served:
    """`serve` in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.aws_port = free_port(), free_port()
        ports = ("--port", str(self.port), "--aws-port", str(self.aws_port))
        self.process = start("infra.local.serve", *ports, "--folder", str(folder))
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline()

    def ended(self) -> bool | None:
        """True once neither of the two ports answers."""
        return None if answers(self.port) or answers(self.aws_port) else True


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    one = Served(tmp_path)
    yield one
    if one.process.poll() is None:
        one.process.send_signal(signal.SIGINT)
    one.process.communicate(timeout=20)


def test_serve_says_when_it_is_ready_and_writes_what_clients_need(served: Served) -> None:
    assert served.first_line == f"ready http://127.0.0.1:{served.port}\n"

    file = served.folder / "env"
    found = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert found.keys() == {
        "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "DATASETS_BUCKET",
        "ADMIN_CLIENT_SECRET", "RANKER_CLIENT_SECRET",
    }  # fmt: skip
    assert found["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{served.aws_port}"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/health", timeout=5) as answer:
        assert answer.status == 200
    s3: Any = boto3.client(
        "s3",
        endpoint_url=found["AWS_ENDPOINT_URL"],
        region_name=found["AWS_REGION"],
        aws_access_key_id=found["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=found["AWS_SECRET_ACCESS_KEY"],
    )
    s3.head_bucket(Bucket=found["DATASETS_BUCKET"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_when_told_and_leaves_no_process(served: Served, number: signal.Signals) -> None:
    served.process.send_signal(number)

    assert served.process.wait(timeout=10) == 0
    assert served.ended()


@LINUX_ONLY
def test_a_killed_serve_takes_its_emulator_along(served: Served) -> None:
    served.process.kill()

    assert within(5, served.ended)


def test_a_taken_port_is_told_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments in (("--port", port, "--aws-port", "0"), ("--port", "0", "--aws-port", port)):
            process = start("infra.local.serve", *arguments, "--folder", str(tmp_path))
            output, errors = process.communicate(timeout=30)
            assert (process.returncode, output) == (1, "")
            assert errors == f"Port {port} of 127.0.0.1 cannot be had: Address already in use.\n"


def test_a_short_demo_ends_by_itself(tmp_path: Path) -> None:
    process = start("infra.local.demo", "--visits", "2000", "--folder", str(tmp_path))
    output, errors = process.communicate(timeout=120)

    assert process.returncode == 0, errors
    assert "random order" in output
    assert "What to try next" in output
    assert (tmp_path / "demo.svg").read_text().startswith("<?xml")
