"""One JSON line read as DuckDB's reader reads it, so that both ways of counting agree on every line.

Beyond RFC 8259 that reader takes a comma before a closing bracket and inf or nan as numbers, and any depth; of
repeated keys the first counts. A line with a lone surrogate or bytes that are not UTF-8 is no line for it.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

_MAX_INTEGER_DIGITS = 18
# Backslashes stand only in strings, so taking escapes from left to right never starts in the middle of one.
_ESCAPE = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<lone>u[dD][89a-fA-F])|.)", re.DOTALL
)
_TOKEN = re.compile(
    r"""[ \t\n\r]*+(?:
      (?P<mark>[{}\[\],:])
    | (?P<string>"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+")
    | (?P<number>-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?![0-9A-Za-z_.+-]))
    | (?P<word>true|false|null)
    | (?P<limit>-?(?i:infinity|inf|nan))
    )""",
    re.VERBOSE,
)
_WORDS = {"true": True, "false": False, "null": None}


def read_object(raw: bytes | str) -> dict[str, Any] | None:
    """Read the object on a line; None for anything else. Never raises, whatever the line holds."""
    try:
        # a round trip turns away lone surrogates in a str
        line = (raw.encode() if isinstance(raw, str) else raw).strip().decode()
    except UnicodeError:
        return None
    try:
        found = json.loads(line, object_pairs_hook=_first_of_each, parse_int=_number)
    except (ValueError, RecursionError):
        try:
            found = _read_iteratively(line)
        except ValueError:
            return None
    if not isinstance(found, dict) or any(escape["lone"] for escape in _ESCAPE.finditer(line)):
        return None
    return found


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


def _number(digits: str) -> int | float:
    # Python refuses to convert integers of more than 4,300 digits; nothing here needs more than a float's.
    return int(digits) if len(digits) <= _MAX_INTEGER_DIGITS else float(digits)


def _read_iteratively(line: str) -> object:
    """Read a document of any depth without recursion.

    Raises:
        ValueError: it is no document even for a tolerant reader.

    """
    document: list[Any] = []
    holders: list[tuple[list[Any] | dict[str, Any], str | None]] = [(document, None)]
    place, position, end = "first", 0, len(line.rstrip(" \t\n\r"))
    while position < end:
        token = _TOKEN.match(line, position, end)
        if token is None:
            raise ValueError("not a token of JSON")
        position = token.end()
        place = _take(token, holders, place)
    if place != "after" or len(holders) != 1 or len(document) != 1:
        raise ValueError("the document is cut")
    return document[0]


def _take(token: re.Match[str], holders: list[tuple[Any, str | None]], place: str) -> str:
    """Put one token into the innermost holder; returns the place after it.

    Places: "first" and "next" before a value or key (a closing bracket may stand there too), "colon", "value" between
    a colon and its value, "after" a value.
    """
    holder, key = holders[-1]
    mark = token["mark"]
    is_root = len(holders) == 1
    if mark in ("]", "}") and place in ("first", "next", "after") and not is_root:
        if isinstance(holder, dict) != (mark == "}"):
            raise ValueError("brackets do not match")
        holders.pop()
        return "after"
    if mark == "," and place == "after" and not is_root:
        return "next"
    if mark == ":" and place == "colon":
        return "value"
    if isinstance(holder, dict) and place in ("first", "next") and token["string"]:
        holders[-1] = (holder, json.loads(token["string"]))
        return "colon"
    if mark in ("[", "{", None) and (place == "value" or (isinstance(holder, list) and place in ("first", "next"))):
        value = [] if mark == "[" else {} if mark == "{" else _scalar(token)
        if isinstance(holder, list):
            holder.append(value)
        else:
            holder.setdefault(key, value)
        if mark is None:
            return "after"
        holders.append((value, None))
        return "first"
    raise ValueError("a token of JSON in a wrong place")


def _scalar(token: re.Match[str]) -> object:
    if token["string"]:
        return json.loads(token["string"])
    if token["number"]:
        return _number(token["number"]) if token["number"].lstrip("-").isdigit() else float(token["number"])
    return _WORDS[token["word"]] if token["word"] else math.nan
