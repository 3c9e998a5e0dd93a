"""Files of Parquet, written by DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

_STRATEGIES = "STRUCT(step VARCHAR, strategyID VARCHAR, algorithmID VARCHAR, trafficType VARCHAR)[]"
_CHARACTERISTICS = "STRUCT(eventToken VARCHAR, cell VARCHAR, issuedAt VARCHAR, etags MAP(VARCHAR, VARCHAR))"
_RANKING = "STRUCT(rankingDetail STRUCT(step VARCHAR, strategyID VARCHAR, algorithmID VARCHAR, trafficType VARCHAR))"
_ITEMS = f"STRUCT(id VARCHAR, etag VARCHAR, itemSelection {_RANKING}, data STRUCT(content VARCHAR, format VARCHAR))[]"
_DETAILS = f"STRUCT(correlationID VARCHAR, strategies {_STRATEGIES}, characteristics {_CHARACTERISTICS})"
_PROPOSITIONS = f"STRUCT(id VARCHAR, scope VARCHAR, scopeDetails {_DETAILS}, items {_ITEMS})[]"
_MARKS = "STRUCT(display INTEGER, interact INTEGER, dismiss INTEGER)"
_DECISIONING = f"STRUCT(propositionEventType {_MARKS}, propositions {_PROPOSITIONS})"

# Events as an export of Experience Platform holds them, with columns that nothing is read from.
XDM = {
    "_id": "VARCHAR",
    "timestamp": "TIMESTAMPTZ",
    "eventType": "VARCHAR",
    "identityMap": "MAP(VARCHAR, STRUCT(id VARCHAR, authenticatedState VARCHAR)[])",
    "web": "STRUCT(webPageDetails STRUCT(URL VARCHAR, name VARCHAR))",
    "data": "STRUCT(__adobe STRUCT(ajo STRUCT(dryRun BOOLEAN)))",
    "_experience": f"STRUCT(decisioning {_DECISIONING})",
}


def parquet(
    path: Path, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str] = XDM, *, codec: str = "gzip"
) -> Path:
    """Write rows, given as of JSON, into columns of these DuckDB types."""
    lines = path.with_name(f"{path.name}.json")
    lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
    types = ", ".join(f"{_text(name)}: {_text(kind)}" for name, kind in columns.items())
    given = f"columns = {{{types}}}, format = 'newline_delimited', maximum_object_size = {32 << 20}"
    copied(path, f"FROM read_json({_text(lines)}, {given})", codec=codec)
    lines.unlink()
    return path


def copied(path: Path, query: str, *, codec: str = "gzip", row_group: int = 2048) -> Path:
    """Write what a query of DuckDB finds."""
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            f"COPY ({query}) TO {_text(path)} (FORMAT parquet, CODEC {codec}, ROW_GROUP_SIZE {row_group})"
        )
    return path


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
