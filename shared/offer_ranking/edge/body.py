"""A request's body as JSON that means one thing only: RFC 8259, without duplicate keys, within limits."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import DecodeError
from msgspec.json import decode, encode

from offer_ranking.edge.problem import UNREADABLE, RefusedError

MOST_BYTES = 256 * 1024
DEEPEST = 32
_LONGEST_WHOLE = 20  # characters of a number of 64 bits


class _Unstorable:
    """Stands where a number stood that JSON, or a double, cannot hold."""


def read_body(text: str) -> dict[str, Any]:
    """Read a body, an object. Raises RefusedError, and nothing else, whatever it holds."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise _refused("", "must be UTF-8") from error
    if size > MOST_BYTES:
        raise _refused("", f"{size} bytes exceed {MOST_BYTES}")
    found = _fast(text)
    if found is None:
        found = _strict(text)
    if text.count("{") + text.count("[") > DEEPEST and (deep := _too_deep(found, 0, "")) is not None:
        raise _refused(deep, f"is nested more than {DEEPEST} deep")
    if not isinstance(found, dict):
        raise _refused("", "must be an object")
    return found


def _fast(text: str) -> object:
    """What most bodies are; None where only the strict reader, five times as slow, can tell.

    Written again, a body has as many quotes as before, unless of equal keys one was dropped. Escaped ones might make up
    for that, so none is taken here.
    """
    if "\\u" in text:
        return None
    try:
        found = decode(text)
    except (DecodeError, RecursionError):
        return None
    return found if encode(found).count(b'"') == text.count('"') else None


def _strict(text: str) -> object:
    try:
        found = _read(text)
    except ValueError as error:
        raise _named(text, error) from error
    except RecursionError as error:
        raise _refused("", f"is nested more than {DEEPEST} deep") from error
    if "\\ud" in text.lower():
        for pointer, value in _walk(found, ""):
            if isinstance(value, str) and not _is_text(value):
                raise _refused(pointer, "holds half of a surrogate pair")
    return found


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise _refused(f"/{_escaped(twice)}", "stands twice in one object")
    return found


def _number(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


def _whole(digits: str) -> int:
    """64 bits, as XDM's integers have: what is longer, many a reader of the stored lines could not hold."""
    if len(digits) > _LONGEST_WHOLE or not -(2**63) <= (number := int(digits)) < 2**63:
        raise ValueError(digits)
    return number


def _constant(name: str) -> float:
    raise ValueError(name)


_read = json.JSONDecoder(
    object_pairs_hook=_distinct, parse_float=_number, parse_int=_whole, parse_constant=_constant
).decode


def _named(text: str, error: ValueError) -> RefusedError:
    """Why a body cannot be read, by the field where that is a number, else by the place."""
    if isinstance(error, json.JSONDecodeError):
        return _refused("", f"is no JSON: {error.msg} at character {error.pos}")

    def marked(read: Callable[[str], float]) -> Callable[[str], object]:
        def number(digits: str) -> object:
            try:
                return read(digits)
            except ValueError:
                return _Unstorable()

        return number

    found = json.loads(text, parse_constant=marked(_constant), parse_float=marked(_number), parse_int=marked(_whole))
    pointer = next((pointer for pointer, value in _walk(found, "") if isinstance(value, _Unstorable)), "")
    return _refused(pointer, "is no number that can be stored")


def _walk(value: object, pointer: str) -> Iterator[tuple[str, object]]:
    """Every value with its place, keys as values too."""
    yield pointer, value
    if isinstance(value, dict):
        for key, inside in value.items():
            place = f"{pointer}/{_escaped(key)}"
            yield place, key
            yield from _walk(inside, place)
    elif isinstance(value, list):
        for n, inside in enumerate(value):
            yield from _walk(inside, f"{pointer}/{n}")


def _too_deep(value: object, depth: int, pointer: str) -> str | None:
    if isinstance(value, dict):
        inside = value.items()
    elif isinstance(value, list):
        inside = enumerate(value)  # type: ignore[assignment]
    else:
        return None
    if depth == DEEPEST:
        return pointer
    for key, one in inside:
        if (
            isinstance(one, dict | list)
            and (found := _too_deep(one, depth + 1, f"{pointer}/{_escaped(key)}")) is not None
        ):
            return found
    return None


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _escaped(key: object) -> str:
    """A step of a JSON pointer, fit to be shown: cut, and without what cannot be encoded."""
    text = str(key)[:100].encode(errors="replace").decode()
    return text.replace("~", "~0").replace("/", "~1")


def _refused(pointer: str, detail: str) -> RefusedError:
    return RefusedError.of_field(UNREADABLE, pointer, detail)
