from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offer_ranking.counting import engine
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.tally import tally
from offer_ranking.events import instant
from tests.oracle import event_lines, hand_written, plain_counter

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Counting line by line would hide what SQL gets wrong."""
    if "way_out" not in request.fixturenames:

        def refuse(_lines: object) -> Delta:
            raise AssertionError("the engine gave up on a file that it should read")

        monkeypatch.setattr(engine, "tally", refuse)


@pytest.fixture
def way_out() -> None:
    """Allow the engine to give up on a file."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine") / "it's lines.json"


def counted(file: Path, data: bytes) -> Delta:
    file.write_bytes(data)
    return engine.count_lines(file)


def display(**changes: Any) -> dict[str, Any]:
    proposition = {"id": "p1", "items": [{"id": "o1"}]}
    return {
        "_id": "e1",
        "timestamp": "2026-11-24T22:05:12.613Z",
        "eventType": "decisioning.propositionDisplay",
        "_experience": {"decisioning": {"propositionEventType": {"display": 1}, "propositions": [proposition]}},
    } | changes


def assert_as_oracle(delta: Delta, data: bytes) -> None:
    counts, accounting = plain_counter.count(data)
    assert Counter({tuple(key): n for key, n in delta.counts.items()}) == counts
    assert delta.accounting == Accounting(**accounting)


@given(st.lists(event_lines.lines, min_size=20, max_size=60))
@SLOW
def test_sql_counts_every_line_as_the_oracle_and_as_the_parser(file: Path, lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    delta = counted(file, data)
    assert_as_oracle(delta, data)
    assert delta == tally(data.splitlines(keepends=True) if b"\r" not in data else data.split(b"\n"))


@given(st.lists(event_lines.events(), max_size=12, unique_by=json.dumps), st.randoms(use_true_random=False))
@SLOW
def test_the_order_of_distinct_events_changes_no_byte(file: Path, events: list[dict[str, Any]], random: Random) -> None:
    distinct = [event | {"_id": f"e{index}", "@id": f"e{index}"} for index, event in enumerate(events)]
    for event in distinct:
        for proposition in _all_propositions(event):
            proposition.pop("scopeDetails", None)
            proposition.pop("xdm:scopeDetails", None)
    lines = [event_lines.written(event) for event in distinct]
    straight = counted(file, b"\n".join(lines)).to_bytes()
    random.shuffle(lines)
    assert counted(file, b"\n".join(lines)).to_bytes() == straight


def _all_propositions(event: dict[str, Any]) -> list[dict[str, Any]]:
    decisioning = event.get("_experience", {}).get("decisioning", {})
    arrays = [holder.get(key, []) for holder in (decisioning,) for key in ("propositions", "proposition")]
    arrays += [event.get(event_lines.NS + key, []) for key in ("propositions", "proposition")]
    return [proposition for array in arrays for proposition in array]


@pytest.mark.parametrize(
    "line",
    [
        b'{"_id":"x",}',
        b'{"_id":"x","a":[1,],}',
        b'{"a":[,]}',
        b'{"a":[1,,2]}',
        b'{"a":1,,}',
        b"{,}",
        b'{"a":inf,"b":-Infinity,"c":nan,"d":-NaN,"e":INF}',
        b'{"a":+inf}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1.}',
        b'{"a":01}',
        b'{"a":0x10}',
        b'{"a":1e400}',
        b'{"a":-0}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}",
        b'{"a":' + b'{"b":' * 5000 + b"1" + b"}" * 5000 + b"}",
        b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a":' + b"[" * 5000 + b"}",
        b'{"a":"\\ud83d\\ude00 \\\\ud800"}',
        b'{"a":"\\ud83d"}',
        b'{"a":"\\ude00"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\x01"}',
        b'{"a":"\\x"}',
        b'{"a":1 /* note */}',
        b"{'a':1}",
    ],
    ids=lambda line: repr(line[:30]),
)
@pytest.mark.parametrize("joined", [b"", event_lines.written(hand_written.EVENTS["display"])[1:-1] + b","])
def test_the_parser_takes_exactly_the_json_that_the_engine_takes(file: Path, line: bytes, joined: bytes) -> None:
    line = line[:1] + joined + line[1:]
    data = b"\n".join([line, event_lines.written(display())])
    assert counted(file, data) == tally([line, event_lines.written(display())])


def test_lines_are_told_apart_by_token_and_offer_where_there_is_a_token(file: Path) -> None:
    def shown(offers: list[str], **changes: Any) -> bytes:
        details = {"characteristics": {"eventToken": "t1"}}
        proposition = {"id": "p", "scopeDetails": details, "items": [{"id": offer} for offer in offers]}
        decisioning = {"propositionEventType": {"display": 1}, "propositions": [proposition]}
        return event_lines.written(display(_experience={"decisioning": decisioning}) | changes)

    lines = [shown(["o1"]), shown(["o1"], _id="e2"), shown(["o1", "o2"], _id="e3", timestamp="2026-11-25T00:00:00Z")]
    delta = counted(file, b"\n".join(lines))
    assert delta.accounting == Accounting.of(counted=2, duplicate=1)
    assert [key.offer for key, _ in delta.counts.items()] == ["o1", "o2"]


def test_a_later_copy_of_an_event_without_token_is_a_duplicate_and_another_time_is_not(file: Path) -> None:
    first, copy = display(), display(timestamp="2026-11-24T22:05:12.613000+00:00")
    other = display(timestamp="2026-11-24T22:05:12.614Z")
    delta = counted(file, b"\n".join(map(event_lines.written, (first, copy, other))))
    assert delta.accounting == Accounting.of(counted=2, duplicate=1)


@pytest.mark.parametrize("data", [b"", b"\n\n", b" \r\n\t\n"])
def test_a_file_without_lines_is_zero(file: Path, data: bytes) -> None:
    assert counted(file, data) == Delta.zero()


@pytest.mark.usefixtures("way_out")
def test_a_line_longer_than_the_engine_reads_is_counted_all_the_same(file: Path) -> None:
    long = event_lines.written(display(_id="long", pad="x" * (33 * 2**20)))
    delta = counted(file, b"\n".join([event_lines.written(display()), long]))
    assert delta.accounting == Accounting.of(counted=2)


def test_the_engine_reaches_no_other_file(file: Path, tmp_path: Path) -> None:
    other = tmp_path / "secret.json"
    other.write_text("{}")
    file.write_bytes(b"")
    with engine._connected(file, "100MB") as connection, pytest.raises(duckdb.PermissionException):
        connection.execute(f"FROM read_json('{other}')")


def test_many_lines_for_the_parser_are_put_beside_the_others(file: Path) -> None:
    odd = [event_lines.written(display(_id=f"e{n}", timestamp="2026-11-24t22:05:12Z")) for n in range(12_000)]
    plain = [event_lines.written(display(_id=f"e{n}", timestamp="2026-11-24T22:05:12Z")) for n in range(6_000, 18_000)]
    delta = counted(file, b"\n".join(odd + plain))
    assert delta.accounting == Accounting.of(counted=18_000, duplicate=6_000)


@pytest.mark.parametrize("name", hand_written.EVENTS)
def test_every_rule_of_reading_is_the_same_in_sql_in_the_parser_and_in_the_oracle(file: Path, name: str) -> None:
    line = event_lines.written(hand_written.EVENTS[name])
    delta = counted(file, line)
    assert_as_oracle(delta, line)
    assert delta == tally([line])


def test_sql_never_reads_a_time_otherwise_than_the_parser(file: Path) -> None:
    random = Random(20261124)
    file.write_bytes(b"")
    days = [1, 28, 29, 30, 31, 32]
    zones = [
        "Z",
        "z",
        "+00:00",
        "-00:00",
        "+02:00",
        "-05:30",
        "+14:00",
        "+15:59",
        "-19:00",
        "+23:59",
        "+24:00",
        "",
        "+02",
    ]
    fractions = ["", ".1", ".123456", ".1234567", ".999999", "."]
    times = [
        f"{random.choice([random.randint(0, 9999), 1969, 1970, 2024, 9999]):04}-{random.randint(0, 13):02}-"
        f"{random.choice(days):02}T{random.randint(0, 24):02}:{random.randint(0, 60):02}:{random.randint(0, 60):02}"
        f"{random.choice(fractions)}{random.choice(zones)}"
        for _ in range(20_000)
    ]
    with engine._connected(file, "300MB") as connection:
        query = "SELECT time, time_of(to_json(time)) FROM (SELECT unnest($1) AS time)"
        read = [(time, at) for time, at in connection.execute(query, [times]).fetchall() if at is not None]
    assert len(read) > 3_000
    assert [at for _, at in read] == [instant.of_rfc3339(time) for time, _ in read]
