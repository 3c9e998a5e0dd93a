from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from offer_ranking.measuring import imported_log
from offer_ranking.measuring.imported_log import LoggedRanking, UnreadableLogError, log_of, logs_of
from offer_ranking.measuring.log import Contest

RECORD: dict[str, Any] = {"offers": ["b", "a"], "chosen": "b", "propensity": 0.25, "converted": True}


def test_a_record_is_read_into_columns() -> None:
    more = {"audiences": ["y", "x", "y"], "context": {"hour": 3, "app": True}}
    log = log_of([LoggedRanking.model_validate(RECORD | {"offers": ("b", "a")})] * 2 + [read(**more)])
    assert log.contests == (Contest(("a", "b")), Contest(("a", "b"), ("x", "y"), (("app", True), ("hour", 3))))
    assert log.contest.tolist() == [0, 0, 1]
    assert log.chosen.tolist() == [1, 1, 1]
    assert log.propensity.tolist() == [0.25] * 3
    assert log.reward.tolist() == [1.0] * 3


def read(**changes: Any) -> LoggedRanking:
    return LoggedRanking.model_validate_json(json.dumps(RECORD | changes))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"chosen": "c"}, "chosen"),
        ({"chosen": None}, "chosen"),
        ({"offers": []}, "offers"),
        ({"offers": ["a", "a"]}, "offers"),
        ({"offers": "ab"}, "offers"),
        ({"propensity": 0}, "propensity"),
        ({"propensity": 1.0001}, "propensity"),
        ({"propensity": -0.5}, "propensity"),
        ({"propensity": "0.5"}, "propensity"),
        ({"propensity": float("nan")}, "propensity"),
        ({"converted": 1}, "converted"),
        ({"converted": None}, "converted"),
        ({"audiences": "x"}, "audiences"),
        ({"context": {"k": {}}}, "context"),
        ({"context": {"k": "x" * 257}}, "context"),
        ({"position": 1}, "position"),
    ],
)
def test_a_record_that_is_wrong_names_the_field(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(**changes)
    assert caught.value.errors()[0]["loc"][0] == field


def written(path: Path, *lines: str, zipped: bool = False) -> Path:
    text = "".join(line + "\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if zipped else text)
    return path


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_a_file_is_read_part_by_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool) -> None:
    monkeypatch.setattr(imported_log, "_RECORDS_AT_ONCE", 2)
    lines = [json.dumps(RECORD | {"converted": n == 3}) for n in range(5)]
    logs = list(logs_of(written(tmp_path / "log", *lines[:1], "", *lines[1:], zipped=zipped)))
    assert [log.reward.tolist() for log in logs] == [[0.0, 0.0], [0.0, 1.0], [0.0]]


def test_an_empty_file_is_an_empty_log(tmp_path: Path) -> None:
    assert list(logs_of(written(tmp_path / "log"))) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", "line 2: the record: Invalid JSON"),
        ("[]", "line 2: the record: "),
        (json.dumps(RECORD | {"chosen": "c"}), "line 2: chosen: .*must be one of the offers"),
        (json.dumps(RECORD | {"offers": ["a", 3]}), "line 2: offers/1: "),
    ],
)
def test_a_line_that_is_no_record_is_named_by_number_and_field(tmp_path: Path, line: str, told: str) -> None:
    with pytest.raises(UnreadableLogError, match=told):
        list(logs_of(written(tmp_path / "log", json.dumps(RECORD), line)))


def test_a_damaged_gzip_file_is_told(tmp_path: Path) -> None:
    path = written(tmp_path / "log", *[json.dumps(RECORD)] * 1000, zipped=True)
    whole = path.read_bytes()
    for damaged in (whole[:-12], whole[:30] + bytes(20) + whole[50:]):
        path.write_bytes(damaged)
        with pytest.raises(UnreadableLogError, match="damaged"):
            list(logs_of(path))


def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imported_log, "_LONGEST_LINE", 200)
    with pytest.raises(UnreadableLogError, match="line 2: more than 200 bytes"):
        list(logs_of(written(tmp_path / "log", json.dumps(RECORD), json.dumps(RECORD) + " " * 200)))
