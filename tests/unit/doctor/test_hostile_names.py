"""Whoever may create datasets or put objects gives names; an administrator reads them, and pastes the commands."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.doctor.checks import look
from infra.doctor.finding import Finding, Health, ok, wrong
from infra.doctor.shell import quoted
from tests.support.doctor import BUCKET, DATASET, REFUSED, Account

PREFIX = "x'$(touch owned);`touch owned`\";touch owned #/"
FORGED = f"{PREFIX}\n\x1b[2Kok      rule        the stack's rule hears of this bucket.json"
_PROGRAMS = 'set -eu; aws() { printf \'%s\\0\' "$@"; }; curl() { aws "$@"; }; TOKEN=t; '


def arguments(command: str, folder: Path) -> list[str]:
    """What the program is given when its command is pasted into a shell."""
    bash = ["bash", "-c", _PROGRAMS + command]
    ran = subprocess.run(bash, cwd=folder, capture_output=True, check=True)
    assert not list(folder.iterdir()), command
    return ran.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize(
    "text", ["plain/-_.:", "a b", PREFIX, FORGED, "", "\\n'\n", "\x7f", "é\u202e\u200b", "$'", "~", "*"]
)
def test_a_shell_takes_a_quoted_text_as_it_is(text: str, tmp_path: Path) -> None:
    assert quoted(text).isprintable()
    assert arguments(f"aws {quoted(text)}", tmp_path) == [text]


def found(given: str | None, objects: list[dict[str, str]], rows: list[dict[str, Any]]) -> list[Finding]:
    """Of a bucket with a dataset, where whatever names something in a command is hostile."""
    deny = {"Sid": PREFIX, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}
    queue = {"Id": PREFIX, "QueueArn": "arn:aws:sqs:::q", "Events": []}
    account = Account({
        "Query": {"Items": [{"definition": {"S": json.dumps(DATASET | {"prefix": PREFIX})}}]},
        "BatchGetItem": {"Responses": {"L": rows}},
        "ListObjectsV2": {"Contents": objects},
        "SimulatePrincipalPolicy": REFUSED,
        "GetBucketPolicy": {"Policy": json.dumps({"Statement": deny})},
        "GetBucketNotificationConfiguration": {"QueueConfigurations": [queue]},
    })  # fmt: skip
    return list(look(account.bucket(given), account.place))


@pytest.mark.parametrize(
    ("given", "objects", "state", "told"),
    [
        (None, [], None, f"s3://{BUCKET}/{PREFIX}"),
        (FORGED, [], None, f"s3://{BUCKET}/{FORGED}"),
        (FORGED, [{"Key": FORGED}], None, f"s3://{BUCKET}/{FORGED}"),
        (None, [{"Key": FORGED, "StorageClass": "GLACIER"}], None, FORGED),
        (None, [{"Key": FORGED}], "bad", f"s3://{BUCKET}/{FORGED}"),
    ],
)
def test_no_command_runs_what_a_name_says_and_it_names_it_letter_by_letter(
    given: str | None, objects: list[dict[str, str]], state: str | None, told: str, tmp_path: Path
) -> None:
    reading = {"M": {"state": {"S": state}, "reason": {"S": FORGED}}}
    rows = [{"pk": {"S": "d1"}, "sk": {"S": f"o#{FORGED.removeprefix(PREFIX)}"}, "reading": reading}] if state else []
    wrongs = [one.mend for one in found(given, objects, rows) if one.health is Health.WRONG]
    assert told in [argument for mend in wrongs for argument in arguments(mend, tmp_path)]


@pytest.mark.parametrize("finding", [ok("objects", FORGED), wrong("prefix", FORGED, "aws s3 ls")])
def test_a_finding_is_one_line_whatever_it_tells_of(finding: Finding) -> None:
    assert str(finding).isprintable()
    assert "/\\n\\x1b[2Kok      rule" in str(finding)


def test_what_can_be_printed_stays_as_it_is() -> None:
    assert str(ok("objects", "Größe/日本.json \\n")) == "ok      objects     Größe/日本.json \\n"
