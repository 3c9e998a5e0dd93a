# ruff: noqa: S608 - these queries name files of the tests
"""Objects of Parquet without a person's rows: all else is counted as if she had never been."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest

from offer_ranking.collecting.erasing import Erased, Erasing, Lying, UnerasableError
from offer_ranking.collecting.erasure import Sought
from offer_ranking.counting import parquet as tables
from offer_ranking.counting.engine import count_object
from offer_ranking.events.person import Identity
from tests.support.collecting import event
from tests.support.parquet_files import copied, parquet

ADA, BOB = "ada@example.org", "bob@example.org"


@dataclass
class OneObject:
    """See collecting.erasing.ErasableObjects: one object, in a file."""

    file: Path
    versions: list[bytes] = field(default_factory=list)

    def read(self, key: str, target: Path) -> Lying | None:
        assert key == "events.parquet"
        target.write_bytes(self.file.read_bytes())
        return Lying("1")

    def replace(self, key: str, lying: Lying, content: Path, erasure_id: str) -> bool:
        assert (key, lying.version, erasure_id) == ("events.parquet", "1", "e1")
        self.versions.append(self.file.read_bytes())
        self.file.write_bytes(content.read_bytes())
        return True

    def delete_older(self, key: str) -> int:
        assert key == "events.parquet"
        return len(self.versions)


def erased(file: Path, identity: str = ADA) -> Erased:
    return Erasing("e1", Sought.of([Identity("", identity)]), OneObject(file)).erase("events.parquet")


def seen(person: str, n: int) -> dict[str, Any]:
    """A display of an offer in a proposition, with what counting reads of it and what it does not."""
    details = {"characteristics": {"cell": "gold", "issuedAt": "2026-11-29T00:00:00Z", "etags": {f"o{n % 5}": "7"}}}
    shown = {"id": f"p{n}", "scope": "s", "scopeDetails": details, "items": [{"id": f"o{n % 5}", "etag": "7"}]}
    identity = {"identityMap": {"Email": [{"id": person}]}}
    return event("display", shown, id=f"e{n}") | identity | {"web": {"webPageDetails": {"URL": f"/{n}"}}}


@pytest.mark.parametrize("codec", ["gzip", "snappy"])
def test_what_is_left_counts_as_if_she_had_never_been_and_is_packed_as_it_was(tmp_path: Path, codec: str) -> None:
    events = [seen(ADA if n % 7 == 3 else BOB, n) for n in range(3000)]
    file = parquet(tmp_path / "events.parquet", events, codec=codec)
    others = [one for one in events if one["identityMap"]["Email"][0]["id"] == BOB]
    alone = parquet(tmp_path / "alone.parquet", others, codec=codec)
    assert erased(file) == Erased(lines=3000 - len(others), rewritten=1, versions=1)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        left, expected = (connection.execute(f"FROM '{one}'").fetchall() for one in (file, alone))
        assert left == expected, "in the same order"
        codecs = connection.execute(f"SELECT DISTINCT compression FROM parquet_metadata('{file}')").fetchall()
    assert codecs == [(codec.upper(),)]
    assert count_object(file, ()).delta.to_bytes() == count_object(alone, ()).delta.to_bytes()


def test_where_she_is_not_nothing_is_written(tmp_path: Path) -> None:
    file = parquet(tmp_path / "events.parquet", [seen(BOB, n) for n in range(3)])
    before = file.read_bytes()
    assert erased(file) == Erased()
    assert file.read_bytes() == before


ODD = """SELECT {identity} AS identityMap, 'nan'::DOUBLE AS score, 'inf'::FLOAT AS other, '\\xFF'::BLOB AS raw,
    1.50::DECIMAL(12, 4) AS price, uuid() AS u, TIME '12:00:00' AS t, TIMESTAMP_NS '2026-11-28 00:00:00.12345678' AS ns,
    TIMESTAMPTZ '2026-11-28 00:00:00+00' AS tz, [{{'a': MAP {{'k': 1::UTINYINT}}}}] AS nested, NULL::INTEGER AS nothing
    FROM range(3) AS r(n)"""


@pytest.mark.parametrize(
    "identity",
    [
        "MAP {{'Email': [{{'id': CASE n WHEN 1 THEN '{ada}' ELSE '{bob}' END}}]}}",
        "{{'Email': [{{'id': CASE n WHEN 1 THEN '{ada}' ELSE '{bob}' END}}]}}",
        """'{{"Email": [{{"id": "' || CASE n WHEN 1 THEN '{ada}' ELSE '{bob}' END || '"}}]}}'""",
    ],
    ids=["map", "struct", "text"],
)
def test_columns_of_every_type_stay_as_they_are(tmp_path: Path, identity: str) -> None:
    named = identity.format(ada=ADA, bob=BOB)
    file = copied(tmp_path / "events.parquet", ODD.format(identity=named))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        read = f"SELECT * REPLACE (score::VARCHAR AS score) FROM '{file}'"
        before = connection.execute(read).fetchall()
        assert erased(file).lines == 1
        assert connection.execute(read).fetchall() == [before[0], before[2]]


def test_a_row_that_is_nested_too_deeply_is_hers_by_any_of_its_texts(tmp_path: Path) -> None:
    deep = "'" + "[" * 100_000 + "]" * 100_000 + "'"
    query = f"SELECT {deep}::JSON AS deep, CASE n WHEN 1 THEN '{ADA}' ELSE '{BOB}' END AS who FROM range(3) AS r(n)"
    file = copied(tmp_path / "events.parquet", query)
    assert erased(file).lines == 1


def test_a_copy_with_another_schema_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = parquet(tmp_path / "events.parquet", [seen(ADA, 1), seen(BOB, 2)])
    before = file.read_bytes()
    monkeypatch.setattr(tables, "_schema", lambda _, path: [path.name])
    with pytest.raises(UnerasableError, match="parquet-types"):
        erased(file)
    assert file.read_bytes() == before


def test_a_table_that_cannot_be_read_is_left(tmp_path: Path) -> None:
    file = parquet(tmp_path / "events.parquet", [seen(ADA, n) for n in range(100)])
    whole = file.read_bytes()
    for body, reason in (
        (whole[:-40], "parquet-truncated"),
        (whole[:40] + bytes(200) + whole[240:], "parquet-corrupt"),
    ):
        file.write_bytes(body)
        with pytest.raises(UnerasableError, match=reason):
            erased(file)
