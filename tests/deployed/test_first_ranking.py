"""The way from `make deploy` to the first ranking, by the commands of docs/deploy.md as they stand there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

from infra import parameters
from infra.local.template import REGION
from tests.support.stack import ROOT, ROOT_KEYS, Stack

DOCUMENT = (ROOT / "docs/deploy.md").read_text()
CLI = ROOT / "tests/support/aws_cli.py"


def commands() -> list[str]:
    """The blocks of the numbered steps."""
    way = DOCUMENT.partition("## From `make deploy`")[2].partition("\n## ")[0]
    return [textwrap.dedent(block) for block in re.findall(r"^   ```sh\n(.+?)^   ```$", way, re.DOTALL | re.MULTILINE)]


def test_the_steps_lead_to_a_ranking(stack: Stack, tmp_path: Path) -> None:
    """By the AWS CLI where it is installed; else boto3 stands in for it, by the same commands."""
    deploy, *steps = commands()
    assert deploy == "make deploy\n", "the fixture has done that"
    if shutil.which("aws") is None:
        stand_in = tmp_path / "aws"
        stand_in.write_text(f'#!/bin/sh\nexec {sys.executable} {CLI} "$@"\n')
        stand_in.chmod(0o755)
    # On AWS the DNS knows the API by its name; MiniStack by the Host header.
    led = f"""
        set -euo pipefail
        curl() {{
          case "$*" in
            *"$api"*) command curl -H "Host: {stack.host("ApiUrl", "execute-api")}" "$@";;
            *) command curl "$@";;
          esac
        }}
    """
    script = "".join(steps).replace("api=$(output ApiUrl)", f"api={stack.emulator.endpoint}/v1")
    settings = ROOT_KEYS | {"AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": stack.emulator.endpoint}
    environment = os.environ | settings | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["/bin/bash", "-c", textwrap.dedent(led) + script],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told, ranking = done.stdout.splitlines(), json.loads(done.stdout.splitlines()[-1])
    assert any(line.split()[0] == "DatasetsBucket" for line in told), "the outputs"
    assert "live" in told
    assert (ranking["source"], ranking["offers"][0]["id"] in {"summer", "winter"}) == ("fresh", True)
    propensities = {offer["id"]: offer["propensity"] for offer in ranking["offers"]}
    assert propensities["winter"] > propensities["summer"], "it has learned"


def test_the_table_names_every_parameter_with_its_default_and_what_it_costs_idle() -> None:
    assert parameters.document() == DOCUMENT, "python -m infra.parameters"
    assert parameters.IDLE_USD.keys() <= set(re.findall(r"^\| `(\w+)` \|", DOCUMENT, re.MULTILINE))


def test_every_document_that_is_named_is_there() -> None:
    for name in ("deploy", "runbook", "cost"):
        text = (ROOT / "docs" / f"{name}.md").read_text()
        for file in re.findall(r"\]\(([a-z-]+\.(?:md|svg|webp))", text):
            assert (ROOT / "docs" / file).exists(), file
