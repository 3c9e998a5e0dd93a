"""The emulator's process."""

from __future__ import annotations

import io
import json
import tempfile
import zipfile
from pathlib import Path

import pytest

from infra.local.emulator import Emulator, executable
from tests.e2e.world import within


def test_an_emulator_that_ends_leaves_nothing_of_the_functions_that_it_ran(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not executable().exists():
        pytest.skip(f"there is no emulator at {executable()}: run `make test`, or set EMULATOR")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("handler.py", "import os\ndef lambda_handler(event, context): return os.getcwd()\n")
    with Emulator.on(0, tmp_path / "log") as emulator:
        functions = emulator.client("lambda")
        functions.create_function(
            FunctionName="one", Runtime="python3.13", Handler="handler.lambda_handler",
            Role="arn:aws:iam::000000000000:role/one", Code={"ZipFile": code.getvalue()},
        )  # fmt: skip
        functions.get_waiter("function_active_v2").wait(FunctionName="one", WaiterConfig={"Delay": 1})
        answer = json.loads(functions.invoke(FunctionName="one")["Payload"].read())
        assert list(scratch.rglob("handler.py")), answer
    assert within(30, lambda: None if list(scratch.iterdir()) else True)
