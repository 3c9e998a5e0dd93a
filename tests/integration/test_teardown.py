"""Emptying a bucket before it can go, in the process and on the emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra import teardown
from infra.doctor import __main__ as doctor
from infra.teardown import Teardown


def test_a_bucket_goes_with_more_versions_than_one_call_lists_markers_and_uploads(
    client: Callable[[str], Any],
) -> None:
    s3 = client("s3")
    s3.create_bucket(Bucket="kept-for-long")
    s3.put_bucket_versioning(Bucket="kept-for-long", VersioningConfiguration={"Status": "Enabled"})
    for n in range(1005):
        s3.put_object(Bucket="kept-for-long", Key=str(n % 5), Body=b"")
    s3.delete_object(Bucket="kept-for-long", Key="0")
    s3.create_multipart_upload(Bucket="kept-for-long", Key="upload")
    Teardown(client, "any")._delete_bucket("kept-for-long")
    with pytest.raises(ClientError):
        s3.head_bucket(Bucket="kept-for-long")


def test_a_protected_table_goes_and_one_beside_it_stays(client: Callable[[str], Any]) -> None:
    dynamodb = client("dynamodb")
    dynamodb.update_table(TableName="Ledger", DeletionProtectionEnabled=True)
    with pytest.raises(ClientError):
        dynamodb.delete_table(TableName="Ledger")
    Teardown(client, "any")._delete_table("Ledger")
    assert {"Catalog", "TokenKeys"} <= set(dynamodb.list_tables()["TableNames"])
    assert "Ledger" not in dynamodb.list_tables()["TableNames"]


@pytest.mark.parametrize(("command", "wanted"), [(teardown, "STACK=name"), (doctor, "BUCKET=name")])
def test_without_a_name_nothing_is_touched(
    command: Any, wanted: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["command", "", "--stack", ""] if command is doctor else ["command", "", "--purge"])
    with pytest.raises(SystemExit):
        command.main()
    assert wanted in capsys.readouterr().err
