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
    found = _shallow(_fast(text) or _strict(text), text)
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
        again = encode(found)
    except (DecodeError, RecursionError):
        return None
    return found if again.count(b'"') == text.count('"') else None


def _strict(text: str) -> object:
    try:
        return _whole(text)
    except RecursionError as error:
        raise _refused("", f"is nested more than {DEEPEST} deep") from error


def _whole(text: str) -> object:
    try:
        found = _read(text)
    except ValueError as error:
        raise _named(text, error) from error
    if "\\ud" in text.lower():
        for pointer, value in _walk(_shallow(found, text), ""):
            if isinstance(value, str) and not _is_text(value):
                raise _refused(pointer, "holds half of a surrogate pair")
    return found


def _shallow(found: object, text: str) -> object:
    """The same, unless it is nested too deeply, for which it must have that many brackets."""
    if isinstance(found, dict | list) and text.count("{") + text.count("[") > DEEPEST:
        way = _too_deep(found, DEEPEST)
        if way is not None:
            raise _refused("".join(f"/{_escaped(step)}" for step in way), f"is nested more than {DEEPEST} deep")
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


def _constant(name: str) -> float:
    raise ValueError(name)


_read = json.JSONDecoder(object_pairs_hook=_distinct, parse_float=_number, parse_constant=_constant).decode


def _named(text: str, error: ValueError) -> RefusedError:
    """Why a body cannot be read, by the field where that is a number, else by the place."""
    if isinstance(error, json.JSONDecodeError):
        return _no_json(error)

    def marked(read: Callable[[str], float]) -> Callable[[str], object]:
        def number(digits: str) -> object:
            try:
                return read(digits)
            except ValueError:
                return _Unstorable()

        return number

    try:
        found = json.loads(text, parse_constant=marked(_constant), parse_float=marked(_number), parse_int=marked(int))
    except json.JSONDecodeError as later:  # behind the number, where the first reading did not come
        return _no_json(later)
    pointer = next(
        (pointer for pointer, value in _walk(_shallow(found, text), "") if isinstance(value, _Unstorable)), ""
    )
    return _refused(pointer, "is no number that can be stored")


def _no_json(error: json.JSONDecodeError) -> RefusedError:
    return _refused("", f"is no JSON: {error.msg} at character {error.pos}")


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


def _too_deep(value: dict[str, Any] | list[Any], left: int) -> list[object] | None:
    """The way to a value that is nested deeper than so many levels more; None where there is none."""
    if left == 0:
        return []
    for step, inside in value.items() if isinstance(value, dict) else enumerate(value):
        if isinstance(inside, dict | list) and (way := _too_deep(inside, left - 1)) is not None:
            return [step, *way]
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
    """A pointer is made of the client's own keys, which nobody is to remember."""
    return RefusedError.of_field(UNREADABLE, pointer, detail, kept=f"the body: {detail}")
