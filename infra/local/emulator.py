"""The AWS services of one machine: a MiniStack process, and the storage stack in it.

MiniStack rather than a moto server: it is about twice as fast, runs outside this process, reports deleted objects, and
really carries S3's events through EventBridge into SQS.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import boto3

from infra.local import ROOT
from infra.local.template import REGION, NestedStack

EXECUTABLE = ROOT / ".venvs/emulator/bin/ministack"  # where `make` puts it
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
_START_SECONDS = 30
_STOP_SECONDS = 5
_STACK_SECONDS = 30
# On Linux the kernel ends the emulator when the thread that started it dies, however that happens. A Python between
# asks for this and then becomes the emulator: preexec_fn would run our code in a fork, which is unsafe beside threads.
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_ASK_AND_BECOME = f"""
import ctypes, os, sys
ctypes.CDLL(None).prctl({_PR_SET_PDEATHSIG}, {int(signal.SIGKILL)})
os.execv(sys.argv[1], sys.argv[1:])
"""
_ENDING_WITH_PARENT = [sys.executable, "-I", "-S", "-c", _ASK_AND_BECOME] if sys.platform == "linux" else []


class StartError(Exception):
    """The system, or the emulator alone, could not be started: why, in one sentence."""


@dataclass(slots=True)
class Emulator:
    """A MiniStack process on 127.0.0.1, which keeps everything in memory; `log` takes what it says."""

    port: int
    log: Path
    executable: Path
    _process: subprocess.Popen[bytes] | None = None
    _scratch: Path | None = None  # where it unpacks functions, 250 MB of each, and does not clear up when it is ended

    @classmethod
    def on(cls, port: int, log: Path) -> Self:
        """An emulator to be started; EMULATOR names its executable, port 0 means any free one."""
        return cls(port or free_port(), log, executable())

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        if not self.executable.exists():
            raise StartError(f"There is no emulator at {self.executable}: run `make` first, or set EMULATOR.")
        check_free(self.port)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._scratch = Path(tempfile.mkdtemp(prefix="offer-ranking-emulator-"))
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the executable is the deployment's own setting
                [*_ENDING_WITH_PARENT, str(self.executable.absolute())],
                env=_environment(self.port, self._scratch),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for us: we stop it, once nobody needs it any more
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the process and its children, if need be by force."""
        if self._process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_STOP_SECONDS)
                break
        self._process = None
        if self._scratch is not None:
            # Nobody waits for it: tens of thousands of files take a while.
            command = ["/bin/sh", "-c", 'rm -rf "$0" >/dev/null 2>&1 &', str(self._scratch)]
            subprocess.run(command, check=False, stdin=subprocess.DEVNULL)  # noqa: S603 - a folder that we made

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients' types at run time
        """A boto3 client of one service of this emulator."""
        make: Callable[..., Any] = boto3.client  # its stubs know services by literal names only
        return make(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def create(self, name: str, stack: NestedStack) -> dict[str, str]:
        """Create a child stack, and return its outputs. Raises StartError."""
        cloudformation = self.client("cloudformation")
        parameters = [{"ParameterKey": key, "ParameterValue": one} for key, one in stack.parameters.items()]
        body = stack.file.read_text(encoding="utf-8")
        cloudformation.create_stack(StackName=name, TemplateBody=body, Parameters=parameters)
        until = time.monotonic() + _STACK_SECONDS
        while time.monotonic() < until:
            found = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            if found["StackStatus"] == "CREATE_COMPLETE":
                return {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", [])}
            if "FAILED" in found["StackStatus"] or "ROLLBACK" in found["StackStatus"]:
                break
            time.sleep(0.05)
        reason = found.get("StackStatusReason", found["StackStatus"])
        raise StartError(f"The stack {stack.file.name} could not be created: {reason}.")

    def _wait(self) -> None:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            if self._process is not None and self._process.poll() is not None:
                break
            with suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                urllib.request.urlopen(f"{self.endpoint}/_ministack/health", timeout=1).close()  # noqa: S310 - http
                return
            time.sleep(0.05)
        lines = self.log.read_text(errors="replace").strip().splitlines()
        raise StartError(f"The emulator did not start; {self.log} ends with: {lines[-1] if lines else 'nothing'}")


def executable() -> Path:
    """Where the emulator's executable is, by EMULATOR or else where `make` puts it."""
    return Path(os.environ.get("EMULATOR") or EXECUTABLE)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_free(port: int) -> None:
    """Raises StartError when somebody listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # else one just given back counts as taken
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise StartError(f"Port {port} of 127.0.0.1 cannot be had: {error.strerror}.") from error


def _environment(port: int, scratch: Path) -> Mapping[str, str]:
    """The emulator's own environment: nothing of AWS's in it, since it would follow AWS_ENDPOINT_URL to itself."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return inherited | {
        "GATEWAY_PORT": str(port),
        "TMPDIR": str(scratch),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
