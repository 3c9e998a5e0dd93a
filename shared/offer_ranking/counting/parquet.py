"""Rows of Parquet as lines of JSON, and files without some of theirs. The only module that knows DuckDB."""
# ruff: noqa: S608 - these queries are made of quoted names and paths

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
from duckdb.sqltypes import DuckDBPyType

from offer_ranking.catalog.mapping import FieldMapping
from offer_ranking.counting.unreadable import UnreadableObjectError
from offer_ranking.events import spelling
from offer_ranking.events.spelling import Paths

_ROWS_AT_ONCE = 1024
_MEMORY_LIMIT = "512MB"  # reached only by pages of tens of megabytes: others take 150 MB
_MAGIC = b"PAR1"
_CODECS = ("zstd", "snappy", "gzip", "lz4_raw", "brotli", "uncompressed")
_ROWS_OF_A_GROUP = 20_480  # held at once: some 40 MB of events

_LISTS: Mapping[str, Mapping[str, Paths]] = {
    "propositions": spelling.PROPOSITION,
    "items": spelling.ITEM,
    "strategies": spelling.STRATEGY,
    "email_offers": spelling.EMAIL_OFFER,
}
_TIMES = frozenset({"time", "received_at"})
# `data` is free to be anything.
_FREE = frozenset({"dry_run"})
_RFC3339 = "'%Y-%m-%dT%H:%M:%S.%fZ'"
# The type of a column of which nothing but nulls is known.
_NOTHING = '"NULL"'
# Its name, the expression of its value, its type.
_Member = tuple[str, str, DuckDBPyType]


@dataclass(slots=True)
class _Wanted:
    """What is read at a place: its own value, its members, or, where it is a list, members of its elements."""

    is_value: bool = False
    is_time: bool = False
    is_free: bool = True
    members: dict[str, _Wanted] = field(default_factory=dict)
    element: _Wanted | None = None


def lines_of(path: Path, mapping: FieldMapping, *, limit_rows: int) -> Iterator[list[bytes]]:
    """Each row as a line, in order, holding of its columns those that the table of spellings and `mapping` name.

    A name is taken in its own case. Times are written as RFC 3339 in UTC with microseconds, so that an event exported
    as JSON and as Parquet is the same one; a whole number that stands for a time is milliseconds since 1970. A float
    that is no number is none. Other values keep their type, a MAP is an object.

    Raises UnreadableObjectError: `column-type` where a time is of a type that holds none, or a list or an object is
    something else; `parquet-truncated`, `parquet-corrupt`, `parquet-unsupported` (a codec, an encoding);
    `parquet-not-utf-8`; `too-many-lines`; `too-large` where a page outgrows memory.
    """
    with _told(path), _connected(path) as connection:
        [(rows,)] = connection.execute(f"SELECT num_rows FROM parquet_file_metadata({_text(path)})").fetchall()
        if rows > limit_rows:
            raise UnreadableObjectError("too-many-lines")
        source = f"read_parquet({_text(path)}, binary_as_string = true, hive_partitioning = false)"
        columns = connection.execute(f"FROM {source} LIMIT 0").description or []
        line = _line([(name, kind) for name, kind, *_ in columns], mapping)
        connection.execute(f"SELECT {line} FROM {source}")
        while batch := connection.fetchmany(_ROWS_AT_ONCE):
            yield [line for (line,) in batch]


def whole_rows_of(path: Path, *, binary_as_string: bool = True) -> Iterator[bytes]:
    r"""Each row as a line, in order, with all of its columns; floats may be `NaN` and `Infinity`, which no JSON is.

    Some writers do not say of their texts that they are; without `binary_as_string` such have `\xC3` in place of what
    is not ASCII, which bytes that are no UTF-8 make necessary.

    Raises UnreadableObjectError, as `lines_of` does.
    """
    with _told(path), _connected(path) as connection:
        source = f"read_parquet({_text(path)}, binary_as_string = {binary_as_string}, hive_partitioning = false)"
        connection.execute(f"SELECT encode(to_json(each)::VARCHAR) FROM {source} AS each")
        while batch := connection.fetchmany(_ROWS_AT_ONCE):
            yield from (line for (line,) in batch)


def copy_without(path: Path, target: Path, rows: Sequence[int]) -> None:
    """Write a file of all rows but these (from 0), in their order; columns, types and compression stay.

    Raises UnreadableObjectError: `parquet-types` where the copy has another schema, and those of `lines_of`.
    """
    with _told(path), _connected(path, target) as connection:
        codecs = connection.execute(f"SELECT DISTINCT lower(compression) FROM parquet_metadata({_text(path)})")
        codec = next((codec for (codec,) in codecs.fetchall() if codec in _CODECS), _CODECS[0])
        source = f"read_parquet({_text(path)}, file_row_number = true, hive_partitioning = false)"
        kept = f"SELECT * EXCLUDE (file_row_number) FROM {source} WHERE file_row_number NOT IN (SELECT unnest(?))"
        options = f"FORMAT parquet, COMPRESSION {codec}, ROW_GROUP_SIZE {_ROWS_OF_A_GROUP}"
        connection.execute(f"COPY ({kept}) TO {_text(target)} ({options})", [rows])
        is_alike = _schema(connection, path) == _schema(connection, target)
    if not is_alike:
        raise UnreadableObjectError("parquet-types")


def _schema(connection: duckdb.DuckDBPyConnection, path: Path) -> list[Any]:
    return connection.execute(f"DESCRIBE FROM read_parquet({_text(path)}, hive_partitioning = false)").fetchall()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What DuckDB finds wrong with a file, as our own error."""
    try:
        yield
    except (duckdb.Error, UnicodeDecodeError, RuntimeError) as error:
        # the two others are raised where a name, or a message that quotes one, is no UTF-8
        raise UnreadableObjectError(_reason(path, error)) from error


@contextmanager
def _connected(*paths: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database in memory that reaches these files and nothing else: no network, no extension, no spilling."""
    config: dict[str, Any] = {
        "threads": 1,  # a single thread keeps the order of rows
        "memory_limit": _MEMORY_LIMIT,
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(":memory:", config=config) as connection:
        connection.execute(f"SET allowed_paths = [{', '.join(map(_text, paths))}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, duckdb.OutOfMemoryException):
        return "too-large"
    if isinstance(error, duckdb.NotImplementedException) or "Unsupported" in str(error):
        return "parquet-unsupported"
    if "not valid UTF8" in str(error):
        return "parquet-not-utf-8"
    with path.open("rb") as file:
        file.seek(-len(_MAGIC), 2)
        return "parquet-corrupt" if file.read() == _MAGIC else "parquet-truncated"


def _wanted(table: Mapping[str, Paths]) -> _Wanted:
    root = _Wanted()
    for noun, paths in table.items():
        for path in paths:
            place = root
            for key in path:
                place = place.members.setdefault(key, _Wanted())
                place.is_free = place.is_free and noun in _FREE
            if noun in _LISTS:
                place.element = _wanted(_LISTS[noun])
            else:
                place.is_value = True
                place.is_time = place.is_time or noun in _TIMES
    return root


def _line(columns: Iterable[tuple[str, DuckDBPyType]], mapping: FieldMapping) -> str:
    """Write the expression of a row's line, as bytes."""
    wanted = _wanted({**spelling.event_paths(mapping), **spelling.PROPOSITION_EVENT_TYPES})
    packed = _packed([(name, _name(name), kind) for name, kind in columns], wanted)
    return f"encode(to_json({packed})::VARCHAR)" if packed else "encode('{}')"


def _packed(members: Iterable[_Member], wanted: _Wanted, depth: int = 0) -> str | None:
    """Write the expression of an object of those members that are wanted."""
    parts = [
        f"{_name(name)} := {value}"
        for name, place, kind in members
        if name in wanted.members and (value := _value(place, kind, wanted.members[name], depth))
    ]
    return f"struct_pack({', '.join(parts)})" if parts else None


def _value(place: str, kind: DuckDBPyType, wanted: _Wanted, depth: int) -> str | None:
    """Write the expression of what is wanted at a place; None for nothing. Raises UnreadableObjectError."""
    if str(kind) == _NOTHING:
        return None
    if wanted.is_value or str(kind) == "JSON":
        return _leaf(place, kind, is_time=wanted.is_time)
    if wanted.element and kind.id == "list":
        return _elements(place, kind, wanted.element, depth)
    if wanted.members and (members := _members(place, kind, wanted)):
        return _packed(members, wanted, depth)
    if wanted.is_free:
        return None
    raise UnreadableObjectError("column-type")


def _elements(place: str, kind: DuckDBPyType, wanted: _Wanted, depth: int) -> str | None:
    """Write the expression of a list of objects."""
    child = _children(kind)["child"]
    if str(child) == _NOTHING:
        return None
    each = f"e{depth}"
    element = _value(each, child, replace(wanted, is_free=False), depth + 1)
    return f"[{element or 'NULL'} FOR {each} IN {place}]"


def _members(place: str, kind: DuckDBPyType, wanted: _Wanted) -> list[_Member]:
    """List the members of an object; of a map those that are wanted; of anything else none."""
    if kind.id == "struct":
        return [(key, f"struct_extract({place}, {_text(key)})", child) for key, child in _children(kind).items()]
    if kind.id == "map" and str(_children(kind)["key"]) == "VARCHAR":
        return [(key, f"{place}[{_text(key)}]", _children(kind)["value"]) for key in wanted.members]
    return []


def _children(kind: DuckDBPyType) -> dict[str, DuckDBPyType]:
    return {name: child for name, child in kind.children if isinstance(child, DuckDBPyType)}


def _leaf(place: str, kind: DuckDBPyType, *, is_time: bool) -> str:
    if str(kind) == "JSON":
        return f"CASE WHEN json_valid({place}) THEN {place} END"
    if is_time or str(kind).startswith("TIMESTAMP"):
        return _time(place, kind)
    if kind.id in {"float", "double"}:
        # whole numbers of which some are missing are written by some libraries as floats with NaN
        return f"CASE WHEN isfinite({place}) THEN {place} END"
    return place


def _time(place: str, kind: DuckDBPyType) -> str:
    match str(kind):
        case "VARCHAR":
            return place
        case "BIGINT":
            return f"coalesce(strftime(try(make_timestamp_ms({place})), {_RFC3339}), {place}::VARCHAR)"
        case "TIMESTAMP WITH TIME ZONE":  # not strftime of this: it asks for the ICU extension
            return f"strftime(make_timestamp(epoch_us({place})), {_RFC3339})"
        case "TIMESTAMPTZ_NS":
            return f"strftime(make_timestamp_ns(epoch_ns({place})), {_RFC3339})"
        case name if name.startswith("TIMESTAMP"):
            return f"strftime({place}, {_RFC3339})"
    raise UnreadableObjectError("column-type")


def _name(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def _text(value: object) -> str:
    return "'" + str(value).replace("'", "''") + "'"
