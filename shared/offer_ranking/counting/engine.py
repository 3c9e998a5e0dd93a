"""What a file of JSON lines counts as, computed by DuckDB. The only module that knows DuckDB."""
# ruff: noqa: S608 - these queries are made of names of this package alone, and of a quoted path

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from offer_ranking.counting import projection
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import Counts, Key
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.projection import LATE, OFFERS, OTHER, PARSE
from offer_ranking.counting.tally import identity_of, key_of, tally
from offer_ranking.events.proposition_event import (
    Late,
    Other,
    PropositionEvent,
    Refused,
    parse_line,
)

# A longer line makes DuckDB give up on the file, which is then counted line by line.
_LONGEST_LINE = 16 * 2**20
_INSERTED_AT_ONCE = 10_000

_UNCLEAR = f"""
CREATE TEMP TABLE unclear AS SELECT line FROM found GROUP BY line
HAVING any_value(verdict) = '{PARSE}'
  OR (any_value(verdict) = '{OFFERS}' AND (bool_or(is_odd) OR count(identity) = 0))"""
_FORGET = f"DELETE FROM found WHERE line IN (FROM unclear) OR (verdict = '{OFFERS}' AND identity IS NULL)"
_PARSED = ("line", "place", "identity", *Key._fields)
_INSERT = f"""
INSERT INTO found BY NAME SELECT * REPLACE (md5_number(identity) AS identity), '{OFFERS}' AS verdict
FROM (SELECT {", ".join(f"unnest(${index}) AS {name}" for index, name in enumerate(_PARSED, start=1))})"""
# The first line of an identity has it; an offer that this line names twice counts once, at its first place.
# Losers are few, and only they need what a sort of all rows would hold in memory.
_LOSERS = """
CREATE TEMP TABLE losers AS SELECT line, place FROM (
  SELECT line, place, min(line) OVER (PARTITION BY identity) AS first_line,
    min(place) OVER (PARTITION BY identity, line, hash(offer), offer) AS first_place
  FROM found SEMI JOIN (SELECT identity FROM found GROUP BY identity HAVING count(*) > 1) AS twins USING (identity))
WHERE line > first_line OR place > first_place"""
_KEPT = "found ANTI JOIN losers USING (line, place)"
_ENDS = f"""
SELECT verdict, count(*) FROM found WHERE verdict <> '{OFFERS}' GROUP BY verdict
UNION ALL SELECT if(is_counted, 'counted', 'duplicate'), count(*) FROM (
  SELECT bool_or(losers.line IS NULL) AS is_counted FROM found LEFT JOIN losers USING (line, place)
  WHERE verdict = '{OFFERS}' GROUP BY found.line) GROUP BY is_counted"""
_COUNTS = f"SELECT {', '.join(Key._fields)}, count(*) FROM {_KEPT} WHERE verdict = '{OFFERS}' GROUP BY ALL"


def count_lines(path: Path, *, memory_limit: str = "300MB") -> Delta:
    """Count a file of JSON lines, not compressed; blank lines are no lines.

    The answer is that of `tally` for every line: DuckDB reads the plain ones, the parser the others. Where DuckDB
    fails as a whole (a line beyond 16 MiB, memory) or sees other lines than the file has, the parser reads all.
    """
    try:
        with _connected(path, memory_limit) as connection:
            delta = _counted(connection, path)
    except duckdb.Error:
        delta = None
    if delta is not None:
        return delta
    with path.open("rb") as lines:
        return tally(lines)


@contextmanager
def _connected(path: Path, memory_limit: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that reaches one file and nothing else: no network, no extension, no spilling."""
    config: dict[str, Any] = {
        "threads": 1,  # a single thread keeps the order of lines
        "memory_limit": memory_limit,
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute(f"SET allowed_paths = [{_quoted(path)}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        connection.execute(projection.MACROS)
        yield connection


def _counted(connection: duckdb.DuckDBPyConnection, path: Path) -> Delta | None:
    """Count by SQL, and by the parser what SQL leaves to it; None where the two see different lines."""
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in projection.columns().items())
    source = f"""read_json({_quoted(path)}, format = 'newline_delimited', columns = {{{columns}}},
      ignore_errors = true, compression = 'uncompressed', maximum_object_size = {_LONGEST_LINE})"""
    connection.execute(f"CREATE TEMP TABLE found AS {projection.offers_of(source)}")
    [(read,)] = connection.execute("SELECT coalesce(max(line), 0) FROM found").fetchall()
    connection.execute(_UNCLEAR)
    unclear = {line for (line,) in connection.execute("FROM unclear").fetchall()}
    connection.execute(_FORGET)
    present, ends = _parse(connection, path, unclear)
    if present != read:
        return None
    connection.execute(_LOSERS)
    ends.update(dict(connection.execute(_ENDS).fetchall()))
    keys = [(Key(*row[:-1]), row[-1]) for row in connection.execute(_COUNTS).fetchall()]
    accounted = {end: ends.pop(end, 0) for end in ("counted", "duplicate", OTHER, LATE)}
    counts = Counts.of([key for key, _ in keys], [count for _, count in keys])
    return Delta(counts, Accounting.of(**accounted, refused=ends))


def _parse(connection: duckdb.DuckDBPyConnection, path: Path, unclear: set[int]) -> tuple[int, Counter[str]]:
    """Parse these lines: their offers join those that SQL found. Returns how many lines there are, and other ends."""
    ends: Counter[str] = Counter()
    rows: list[tuple[object, ...]] = []
    number = 0
    with path.open("rb") as lines:
        for number, line in enumerate((line for line in lines if not line.isspace()), start=1):
            if number not in unclear:
                continue
            outcome = parse_line(line)
            if isinstance(outcome, PropositionEvent):
                rows += _rows(number, outcome)
            else:
                ends[_end(outcome)] += 1
            if len(rows) >= _INSERTED_AT_ONCE:
                _insert(connection, rows)
    _insert(connection, rows)
    return number, ends


def _rows(line: int, event: PropositionEvent) -> Iterator[tuple[object, ...]]:
    for place, offer in enumerate(event.offers):
        yield line, place, identity_of(event, offer), *key_of(event, offer)


def _end(outcome: Other | Late | Refused) -> str:
    if isinstance(outcome, Refused):
        return outcome.reason.value
    return LATE if isinstance(outcome, Late) else OTHER


def _insert(connection: duckdb.DuckDBPyConnection, rows: list[tuple[object, ...]]) -> None:
    if rows:
        connection.execute(_INSERT, [list(column) for column in zip(*rows, strict=True)])
        rows.clear()


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
