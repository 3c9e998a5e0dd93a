"""`python -m infra.local.serve`: the system until Ctrl-C, for any client."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from infra.local.emulator import StartError
from infra.local.intrinsics import UnresolvedError
from infra.local.system import FOLDER, running


def main() -> int:
    """Serve until told to stop; the exit code is 0 then."""
    parser = argparse.ArgumentParser(prog="infra.local.serve", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="of the API; 0: any free one")
    parser.add_argument("--aws-port", type=int, default=4566, help="of the AWS services; 0: any free one")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="takes `env` and the emulator's log")
    given = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        with running(port=given.port, aws_port=given.aws_port, folder=given.folder, log=sys.stderr) as system:
            file = given.folder / "env"
            write_settings(file, system.settings())
            print(f"ready {system.url}", flush=True)
            print(f"console at {system.url}/console/", file=sys.stderr)
            print(f"AWS at {system.emulator.endpoint}; secrets in {file}", file=sys.stderr, flush=True)
            stop.wait()
    except (StartError, UnresolvedError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def write_settings(file: Path, settings: Mapping[str, str]) -> None:
    """NAME=value a line, for the owner's eyes only."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)  # so that the mode below is the mode it gets
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as target:
        target.writelines(f"{name}={value}\n" for name, value in settings.items())


if __name__ == "__main__":
    sys.exit(main())
