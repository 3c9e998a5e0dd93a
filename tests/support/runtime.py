"""A built function under Lambda's own runtime client and interface emulator.

Nothing of the test environment is on its path but the runtime client: what a function needs, function and layer carry.
"""

from __future__ import annotations

import importlib.metadata
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from infra.local.emulator import free_port
from infra.local.template import REGION
from tests.support.stack import BUILT, ROOT, ROOT_KEYS, SAM

_TICK = os.sysconf("SC_CLK_TCK")


def linked_runtime_client(folder: Path) -> Path:
    """The folder, with AWS's runtime client alone in it, as the real runtime has it."""
    for distribution in ("awslambdaric", "snapshot-restore-py", "simplejson"):
        for top in {file.parts[0] for file in importlib.metadata.files(distribution) or () if file.parts[0] != ".."}:
            whole = importlib.metadata.distribution(distribution).locate_file(top)
            if not (folder / top).exists():
                (folder / top).symlink_to(str(whole))
    return folder


@dataclass(frozen=True, slots=True)
class Invoke:
    """A function that runs: called with an event, it returns the answer."""

    url: str
    session: int
    log: Path

    def __call__(self, event: Any) -> Any:
        for _ in range(100):
            try:
                return httpx.post(self.url, json=event, timeout=60).json()
            except httpx.ConnectError:
                time.sleep(0.05)
        raise AssertionError(self.log.read_text())

    def cpu_seconds(self) -> float:
        """What the function's processes have used until now, user and system: the runtime and what stands before it."""
        stats = [line.rpartition(")")[2].split() for line in map(_stat, Path("/proc").glob("[0-9]*")) if line]
        return sum(int(stat[11]) + int(stat[12]) for stat in stats if int(stat[3]) == self.session) / _TICK


def _stat(process: Path) -> str:
    try:
        return (process / "stat").read_text()
    except OSError:
        return ""  # it has ended


@contextmanager
def running(code: Path, environment: Mapping[str, str], runtime_client: Path, log: Path) -> Iterator[Invoke]:
    """The function in this folder, beside the built layer, ready to be invoked."""
    python = subprocess.run([ROOT / "infra/python", "3.13"], check=True, capture_output=True, text=True).stdout.strip()
    (interface,) = SAM.parent.parent.glob("lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-x86_64")
    port = free_port()
    addresses = [
        "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
        "--runtime-api-address", f"127.0.0.1:{free_port()}",
    ]  # fmt: skip
    command = [str(interface), *addresses, python, "-m", "awslambdaric", "handler.lambda_handler"]
    own = {
        "PATH": os.environ["PATH"],
        "LAMBDA_TASK_ROOT": str(code),
        "PYTHONPATH": os.pathsep.join(map(str, [code, BUILT / "SharedLayer/python", runtime_client])),
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_LAMBDA_FUNCTION_NAME": code.name,
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
        **ROOT_KEYS,
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=code, env={**own, **environment}, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield Invoke(f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations", process.pid, log)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
