from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from offer_ranking.catalog.mapping import NO_MAPPING, FieldMapping
from offer_ranking.counting import parquet as reader
from offer_ranking.counting.object_file import lines_of
from offer_ranking.counting.unreadable import UnreadableObjectError
from offer_ranking.events import instant, spelling
from offer_ranking.events.proposition_event import PropositionEvent, parse_line
from tests.support.parquet_files import XDM, copied, parquet

NS = "https://ns.adobe.com/experience/decisioning/"
TIME = "2026-11-24T22:05:12.613789Z"
TOKEN = "cGF5bG9hZA.AAAAAAAAAAAAAAAAAAAAAA"
_NAMESPACED_STRATEGIES = 'STRUCT("xdm:step" VARCHAR, "xdm:strategyID" VARCHAR, "xdm:trafficType" VARCHAR)[]'
_NAMESPACED_DETAILS = f'STRUCT("xdm:strategies" {_NAMESPACED_STRATEGIES}, "xdm:characteristics" MAP(VARCHAR, VARCHAR))'
NAMESPACED = {
    "@id": "VARCHAR",
    "xdm:timestamp": "TIMESTAMP",
    "xdm:eventType": "VARCHAR",
    NS + "propositionEventType": 'STRUCT("xdm:display" BOOLEAN, "xdm:interact" BOOLEAN)',
    NS + "propositions": f'STRUCT("xdm:id" VARCHAR, "xdm:scopeDetails" {_NAMESPACED_DETAILS}, '
    f'"xdm:items" STRUCT("xdm:id" VARCHAR, "repo:etag" VARCHAR)[])[]',
    "xdm:environment": "VARCHAR",
}
EMAIL = {
    "_id": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "eventType": "VARCHAR",
    "_experience": "STRUCT(customerJourneyManagement STRUCT(messageInteraction STRUCT(interactionType VARCHAR, "
    "offers STRUCT(offerID VARCHAR, propositionID VARCHAR, placementID VARCHAR)[])))",
}
COLLECTED = {
    "_id": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "offerRanking": "STRUCT(trust VARCHAR, model VARCHAR, snapshot BIGINT, offers VARCHAR[], cell VARCHAR, "
    "trafficType VARCHAR, issuedAt TIMESTAMP, receivedAt TIMESTAMPTZ, capped BOOLEAN)",
}
FLAT = {
    "_id": "VARCHAR",
    "timestamp": "TIMESTAMP",
    "eventType": "VARCHAR",
    "offerId": "VARCHAR",
    "offerEtag": "VARCHAR",
    "modelId": "VARCHAR",
    "trafficType": "VARCHAR",
    "cell": "VARCHAR",
    "eventToken": "VARCHAR",
    "issuedAt": "BIGINT",
    "propositionId": "VARCHAR",
    "position": "SMALLINT",
    "price": "DECIMAL(10, 2)",
}

COMPACT_EVENT = {
    "_id": "e1",
    "timestamp": TIME,
    "eventType": "decisioning.propositionDisplay",
    "web": {"webPageDetails": {"URL": "https://shop.example", "name": "home"}},
    "data": {"__adobe": {"ajo": {"dryRun": False}}},
    "_experience": {
        "decisioning": {
            "propositionEventType": {"display": 1, "interact": 0},
            "propositions": [
                {
                    "id": "p1",
                    "scope": "web://shop.example",
                    "scopeDetails": {
                        "strategies": [{"step": "aiModel", "strategyID": "m1", "trafficType": "random"}],
                        "characteristics": {
                            "eventToken": TOKEN,
                            "cell": "loyal",
                            "issuedAt": "2026-11-24T22:05:11Z",
                            "etags": {"o1": "1", "o2": "2"},
                        },
                    },
                    "items": [
                        {"id": "o1", "etag": "9", "data": {"content": "<p>", "format": "text/html"}},
                        {"id": 'q"uo\\te\u2028é\u0000', "itemSelection": {"rankingDetail": {"step": "priority"}}},
                    ],
                },
                {"id": "p2", "items": []},
            ],
        }
    },
}
NAMESPACED_EVENT = {
    "@id": "e2",
    "xdm:timestamp": TIME,
    "xdm:eventType": "decisioning.propositionInteract",
    NS + "propositionEventType": {"xdm:interact": True},
    NS + "propositions": [
        {
            "xdm:id": "p1",
            "xdm:scopeDetails": {
                "xdm:strategies": [{"xdm:step": "aiModel", "xdm:strategyID": "m1", "xdm:trafficType": "random"}],
                "xdm:characteristics": {"cell": "c", "xdm:eventToken": TOKEN, "issuedAt": TIME},
            },
            "xdm:items": [{"xdm:id": "o1", "repo:etag": "4"}],
        }
    ],
}
EMAIL_EVENT = {
    "_id": "e3",
    "timestamp": TIME,
    "eventType": "message.tracking",
    "_experience": {
        "customerJourneyManagement": {
            "messageInteraction": {
                "interactionType": "click",
                "offers": [{"offerID": "o1", "propositionID": "p1", "placementID": "x"}, {"offerID": "o2"}],
            }
        }
    },
}
COLLECTED_EVENT = {
    "_id": "e4",
    "timestamp": TIME,
    "offerRanking": {
        "trust": "trusted",
        "model": "m1",
        "snapshot": 7,
        "offers": ["o1", "o2"],
        "cell": "loyal",
        "trafficType": "random",
        "issuedAt": TIME,
        "receivedAt": "2026-11-24T22:05:13.000001Z",
        "capped": False,
    },
}
FLAT_EVENT = {
    "_id": "e5",
    "timestamp": TIME,
    "eventType": "interact",
    "offerId": "o1",
    "offerEtag": "1",
    "modelId": "m1",
    "trafficType": "random",
    "cell": "loyal",
    "eventToken": TOKEN,
    "issuedAt": 1764021911613,
    "propositionId": "p1",
    "position": 3,
    "price": 1.5,
}
KINDS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "compact": (XDM, COMPACT_EVENT),
    "namespaced": (NAMESPACED, NAMESPACED_EVENT),
    "email": (EMAIL, EMAIL_EVENT),
    "collected": (COLLECTED, COLLECTED_EVENT),
    "flat": (FLAT, FLAT_EVENT),
}


def read(path: Path, mapping: FieldMapping = NO_MAPPING) -> list[dict[str, Any]]:
    return [json.loads(line) for batch in lines_of(path, mapping) for line in batch]


def read_one(folder: Path, query: str, mapping: FieldMapping = NO_MAPPING) -> dict[str, Any]:
    [found] = read(copied(folder / "object", query), mapping)
    return found


def refused(path: Path, mapping: FieldMapping = NO_MAPPING) -> str:
    with pytest.raises(UnreadableObjectError) as refusal:
        read(path, mapping)
    return refusal.value.reason


def without_nulls(value: Any) -> Any:
    """As JSON is written by hand: what is absent is not there."""
    if isinstance(value, dict):
        found = {key: without_nulls(inner) for key, inner in value.items()}
        return {key: inner for key, inner in found.items() if inner not in (None, {})}
    return [without_nulls(inner) for inner in value] if isinstance(value, list) else value


def nouns(holder: Any, table: Any) -> dict[str, Any]:
    """What the table of spellings finds in an event; times as microseconds."""
    lists = {name: rows for name, rows in reader._LISTS.items() if name in table}
    found = {}
    for name, paths in table.items():
        value = spelling.value(holder, paths)
        if name in lists and value is not None:
            value = [nouns(inner, lists[name]) for inner in value]
        elif (at := instant.of_rfc3339(value)) is not None:
            value = at
        found[name] = value
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_every_noun_is_the_same_in_parquet_and_in_json(tmp_path: Path, kind: str) -> None:
    columns, event = KINDS[kind]
    blank: dict[str, Any] = {}
    tables = {**spelling.EVENT, **spelling.PROPOSITION_EVENT_TYPES}
    found = read(parquet(tmp_path / "object", [event, blank, event], columns))
    assert [nouns(without_nulls(one), tables) for one in found] == [nouns(one, tables) for one in (event, blank, event)]
    assert any(value is not None for value in nouns(event, tables).values())


@pytest.mark.parametrize("kind", KINDS)
def test_an_event_counts_as_the_same_in_parquet_and_in_json(tmp_path: Path, kind: str) -> None:
    columns, event = KINDS[kind]
    [line] = [line for batch in lines_of(parquet(tmp_path / "object", [event], columns)) for line in batch]
    outcome = parse_line(line)
    assert outcome == parse_line(json.dumps(event))
    assert isinstance(outcome, PropositionEvent) == (kind != "collected")


def test_only_what_events_are_read_from_is_read(tmp_path: Path) -> None:
    [line] = read(parquet(tmp_path / "object", [COMPACT_EVENT], XDM))
    assert set(line) == {"_id", "timestamp", "eventType", "data", "_experience"}
    [proposition, _] = line["_experience"]["decisioning"]["propositions"]
    assert set(proposition) == {"id", "scopeDetails", "items"}
    assert set(proposition["items"][0]) == {"id", "etag", "itemSelection"}
    assert set(proposition["scopeDetails"]["strategies"][0]) == {"step", "strategyID", "trafficType"}


def test_a_file_without_any_such_column_has_a_line_for_each_row(tmp_path: Path) -> None:
    assert read(copied(tmp_path / "object", "SELECT 1 AS size FROM range(3)")) == [{}, {}, {}]


def test_a_file_without_rows_has_no_lines(tmp_path: Path) -> None:
    assert read(parquet(tmp_path / "object", [], XDM)) == []


def test_rows_keep_their_order_across_row_groups(tmp_path: Path) -> None:
    path = copied(tmp_path / "object", "SELECT range::VARCHAR AS _id FROM range(10000)")
    batches = list(lines_of(path))
    assert [json.loads(line)["_id"] for batch in batches for line in batch] == [str(n) for n in range(10_000)]
    assert max(map(len, batches)) <= 1024


@pytest.mark.parametrize("codec", ["uncompressed", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_every_codec_is_read_whatever_the_name(tmp_path: Path, codec: str) -> None:
    path = parquet(tmp_path / "it's events.json.gz", [{"_id": "e1"}], {"_id": "VARCHAR"}, codec=codec)
    assert read(path) == [{"_id": "e1"}]


def test_a_name_is_taken_in_its_own_case(tmp_path: Path) -> None:
    query = "SELECT 'a' AS _ID, 'b' AS TIMESTAMP, {'Decisioning': {'propositions': []}} AS _experience"
    assert read_one(tmp_path, query) == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("TIMESTAMP '2026-11-24 22:05:12.613789'", "2026-11-24T22:05:12.613789Z"),
        ("TIMESTAMP '2026-11-24 22:05:12'", "2026-11-24T22:05:12.000000Z"),
        ("TIMESTAMPTZ '2026-11-25 00:05:12.613789+02'", "2026-11-24T22:05:12.613789Z"),
        ("TIMESTAMP_S '2026-11-24 22:05:12'", "2026-11-24T22:05:12.000000Z"),
        ("TIMESTAMP_MS '2026-11-24 22:05:12.613'", "2026-11-24T22:05:12.613000Z"),
        ("TIMESTAMP_NS '2026-11-24 22:05:12.613789999'", "2026-11-24T22:05:12.613789Z"),
        ("'2026-11-24 22:05:12.613789999Z'::TIMESTAMPTZ_NS", "2026-11-24T22:05:12.613789Z"),
        ("1764021912613", "2025-11-24T22:05:12.613000Z"),
        ("'2026-11-24T22:05:12.613+02:00'", "2026-11-24T22:05:12.613+02:00"),
        ("'yesterday'", "yesterday"),
        ("NULL::TIMESTAMP", None),
        ("NULL::BIGINT", None),
    ],
)
def test_a_time_of_any_type_is_the_same_instant_to_the_microsecond(
    tmp_path: Path, value: str, text: str | None
) -> None:
    found = read_one(tmp_path, f"SELECT {value} AS timestamp")
    assert found == {"timestamp": text}


@pytest.mark.parametrize("value", [-1, -(2**63) + 1, 2**63 - 1, 253_402_300_800_000, 10**17])
def test_a_number_that_is_no_time_is_an_unreadable_one(tmp_path: Path, value: int) -> None:
    found = read_one(tmp_path, f"SELECT {value}::BIGINT AS timestamp")["timestamp"]
    assert isinstance(found, str)
    assert instant.of_rfc3339(found) is None


def test_any_instant_keeps_its_microseconds(tmp_path: Path) -> None:
    random = Random(20261124)
    instants = [random.randrange(instant.END_OF_TIME) for _ in range(3000)]
    path = copied(tmp_path / "object", f"SELECT make_timestamp(unnest({instants})) AS timestamp")
    assert [instant.of_rfc3339(one["timestamp"]) for one in read(path)] == instants


def test_values_keep_their_type(tmp_path: Path) -> None:
    query = """SELECT 7 AS _id, 1.5 AS eventType, TRUE AS cell, 'x'::BLOB AS offerId, DATE '2026-11-24' AS modelId,
      UUID 'c0fe6012-9799-4145-a549-f14efb2c12cb' AS propositionId, 2.0::DOUBLE AS position"""
    assert read_one(tmp_path, query) == {
        "_id": 7,
        "eventType": 1.5,
        "cell": True,
        "offerId": "x",
        "modelId": "2026-11-24",
        "propositionId": "c0fe6012-9799-4145-a549-f14efb2c12cb",
        "position": 2.0,
    }


@pytest.mark.parametrize(
    ("mark", "value"),
    [
        ("1::TINYINT", 1),
        ("1::BIGINT", 1),
        ("TRUE", True),
        ("FALSE", False),
        ("1.0::DOUBLE", 1.0),
        ("'NaN'::DOUBLE", None),
        ("'Infinity'::FLOAT", None),
        ("'1'", "1"),
        ("NULL::INTEGER", None),
    ],
)
def test_marks_of_the_event_type_keep_their_type(tmp_path: Path, mark: str, value: Any) -> None:
    found = read_one(
        tmp_path, f"SELECT {{'decisioning': {{'propositionEventType': {{'display': {mark}}}}}}} AS _experience"
    )
    display = found["_experience"]["decisioning"]["propositionEventType"]["display"]
    assert (display, type(display)) == (value, type(value))


def test_a_column_of_nothing_but_nulls_is_none(tmp_path: Path) -> None:
    query = """SELECT 'e1' AS _id, NULL AS timestamp, {'decisioning': {'propositions': [NULL]}} AS _experience"""
    assert read_one(tmp_path, query) == {"_id": "e1"}


def test_absent_objects_and_lists_are_absent(tmp_path: Path) -> None:
    events = [
        {"_experience": None},
        {"_experience": {"decisioning": {"propositions": None}}},
        {"_experience": {"decisioning": {"propositions": [None, {"items": [None]}]}}},
    ]
    found = [without_nulls(one) for one in read(parquet(tmp_path / "object", events, XDM))]
    assert found[:2] == [{}, {}]
    [_, proposition] = found[2]["_experience"]["decisioning"]["propositions"]
    assert proposition == {"items": [{}]}


def test_characteristics_may_be_a_map(tmp_path: Path) -> None:
    query = f"""SELECT {{'decisioning': {{'propositions': [{{'scopeDetails': {{'characteristics':
      MAP {{'cell': 'loyal', 'eventToken': '{TOKEN}', 'other': 'x'}}}}}}]}}}} AS _experience"""
    [proposition] = read_one(tmp_path, query)["_experience"]["decisioning"]["propositions"]
    found = without_nulls(proposition)["scopeDetails"]["characteristics"]
    assert found == {"cell": "loyal", "eventToken": TOKEN}


def test_text_that_is_marked_as_json_is_json(tmp_path: Path) -> None:
    query = """SELECT '{"decisioning": {"propositions": [{"id":\n "p1"}]}}'::JSON AS _experience, 'e1' AS _id"""
    assert read_one(tmp_path, query)["_experience"]["decisioning"]["propositions"] == [{"id": "p1"}]


def test_data_may_be_anything(tmp_path: Path) -> None:
    assert read_one(tmp_path, "SELECT 'e1' AS _id, 'free text' AS data") == {"_id": "e1"}
    assert read_one(tmp_path, "SELECT 'e1' AS _id, {'__adobe': [1]} AS data") == {"_id": "e1"}


def test_a_mapping_names_the_columns(tmp_path: Path) -> None:
    mapping: FieldMapping = (("offer", ("columns", "offer id")), ("timestamp", ("at",)))
    query = """SELECT 1764021912613 AS at, {'offer id': 'o1', 'other': 2} AS columns, 'x' AS untold"""
    found = read_one(tmp_path, query, mapping)
    assert found == {"at": "2025-11-24T22:05:12.613000Z", "columns": {"offer id": "o1"}}


def test_a_mapped_list_of_propositions_is_read_as_one(tmp_path: Path) -> None:
    mapping: FieldMapping = (("propositions", ('a"b', "it's")),)
    query = """SELECT {'it''s': [{'id': 'p1', 'scope': 's', 'items': [{'id': 'o1', 'x': 1}]}]} AS "a""b" """
    assert read_one(tmp_path, query, mapping) == {'a"b': {"it's": [{"id": "p1", "items": [{"id": "o1"}]}]}}


UNUSABLE = {
    "a time that is true or false": "SELECT TRUE AS timestamp",
    "a time that is a fraction": "SELECT 1.5::DOUBLE AS timestamp",
    "a time that is a day": "SELECT DATE '2026-11-24' AS timestamp",
    "a time that is an object": "SELECT {'at': 1} AS timestamp",
    "a time of receipt that is a small number": "SELECT {'receivedAt': 1::INTEGER} AS \"offerRanking\"",
    "an object that is text": "SELECT '{}' AS _experience",
    "an object that is a list": "SELECT [{'decisioning': 1}] AS _experience",
    "an object whose keys are numbers": "SELECT MAP {1: 2} AS _experience",
    "propositions that are text": "SELECT {'decisioning': {'propositions': '[]'}} AS _experience",
    "propositions that are an object": "SELECT {'decisioning': {'propositions': {'id': 'p1'}}} AS _experience",
    "propositions that are texts": "SELECT {'decisioning': {'propositions': ['p1']}} AS _experience",
    "items that are texts": "SELECT {'decisioning': {'propositions': [{'items': ['o1']}]}} AS _experience",
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_needed_column_of_another_type_is_refused(tmp_path: Path, name: str) -> None:
    assert refused(copied(tmp_path / "object", UNUSABLE[name])) == "column-type"


def test_a_mapped_column_of_another_type_is_refused(tmp_path: Path) -> None:
    path = copied(tmp_path / "object", "SELECT 'x' AS columns")
    assert refused(path, (("offer", ("columns", "offer")),)) == "column-type"


def test_wherever_a_file_is_cut_it_is_truncated(tmp_path: Path) -> None:
    path = parquet(tmp_path / "object", [COMPACT_EVENT] * 50, XDM)
    data = path.read_bytes()
    for end in (*range(4, 20), *range(20, len(data), 397), len(data) - 1):
        path.write_bytes(data[:end])
        assert refused(path) == ("parquet-corrupt" if data[:end].endswith(b"PAR1") else "parquet-truncated")


def test_whatever_byte_is_overwritten_nothing_but_a_refusal_is_raised(tmp_path: Path) -> None:
    path = parquet(tmp_path / "object", [COMPACT_EVENT] * 50, XDM, codec="uncompressed")
    data = path.read_bytes()
    random = Random(20261124)
    reasons = set()
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(random.choice([1, 2, 5])):
            broken[random.randrange(4, len(data))] = random.randrange(256)
        path.write_bytes(broken)
        try:
            read(path)
        except UnreadableObjectError as refusal:
            reasons.add(refusal.reason)
        except ValueError:
            continue  # a line that is no JSON is for the parser
    assert "parquet-corrupt" in reasons


def test_a_name_that_is_no_utf_8_is_corrupt(tmp_path: Path) -> None:
    path = copied(tmp_path / "object", "SELECT 'e1' AS abcdefgh, 1 AS _id")
    path.write_bytes(path.read_bytes().replace(b"abcdefgh", b"abcdefg\xff"))
    assert refused(path) == "parquet-corrupt"


def test_text_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    assert refused(copied(tmp_path / "object", r"SELECT '\xFF'::BLOB AS _id")) == "parquet-not-utf-8"


def test_a_codec_that_nobody_reads_is_told_as_such(tmp_path: Path) -> None:
    path = parquet(tmp_path / "object", [{"_id": "e1"}], {"_id": "VARCHAR"}, codec="gzip")
    data = path.read_bytes()
    gzip_codec, lzo_codec = b"\x04", b"\x06"  # as the footer writes them, in zigzag
    reasons = set()
    for place in [n for n in range(len(data)) if data[n : n + 1] == gzip_codec]:
        path.write_bytes(data[:place] + lzo_codec + data[place + 1 :])
        try:
            read(path)
        except UnreadableObjectError as refusal:
            reasons.add(refusal.reason)
    assert "parquet-unsupported" in reasons


def test_a_value_that_outgrows_memory_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "_MEMORY_LIMIT", "20MB")
    path = copied(tmp_path / "object", "SELECT repeat('x', 40_000_000) AS _id")
    assert path.stat().st_size < 100_000
    assert refused(path) == "too-large"


def test_the_reader_reaches_no_other_file(tmp_path: Path) -> None:
    path, other = tmp_path / "object", tmp_path / "secret.json"
    other.write_text("{}")
    with reader._connected(path) as connection, pytest.raises(duckdb.PermissionException):
        connection.execute(f"FROM read_json('{other}')")
