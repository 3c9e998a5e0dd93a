"""Small changes of bytes that are JSON, base64 of it, or neither: what a fuzzer without structure seldom hits on."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from random import Random
from typing import Any

_VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 31, 2**63, 2**64, 1.5, 1e308, "", "1", "x", "\ud800", "\0", "\u202e", [], {}, [[]],
    [None], {"": ""}, "2026-11-24T22:05:12Z", "9999-12-31T23:59:60-23:59", 10**4300,
)  # fmt: skip


def changed(data: bytes, words: Sequence[str], random: Random, longest: int = 4096) -> bytes:
    """One to three changes: of the JSON that the bytes are or stand for, else of the bytes."""
    for _ in range(random.randint(1, 3)):
        way = random.random()
        if way < 0.4 and (value := _json(data)) is not None:
            data = _written(_within(value, words, random))
        elif way < 0.6 and (inner := _unpacked(data)) is not None:
            data = _packed(changed(inner, words, random, longest), random)
        else:
            data = _of_bytes(data, words, random)
    return data[:longest]


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None


def _written(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=True).encode()
    except (ValueError, RecursionError):
        return b"9" * 5000  # a number of more digits than Python writes


def _unpacked(data: bytes) -> bytes | None:
    try:
        return base64.b64decode(data + b"=" * (-len(data) % 4), altchars=b"-_", validate=True) or None
    except ValueError:
        return None


def _packed(data: bytes, random: Random) -> bytes:
    spelled = random.choice((base64.b64encode, base64.urlsafe_b64encode))(data)
    return spelled.rstrip(b"=") if random.random() < 0.5 else spelled


def _within(value: Any, words: Sequence[str], random: Random) -> Any:
    """The same with a value, somewhere in it, exchanged, dropped, doubled or put under another key."""
    if isinstance(value, dict) and value and random.random() < 0.85:
        key = random.choice(list(value))
        way = random.random()
        if way < 0.7:
            return value | {key: _within(value[key], words, random)}
        rest = {name: one for name, one in value.items() if name != key}
        return (
            rest
            if way < 0.8
            else rest | {random.choice(words): value[key]}
            if way < 0.9
            else value | _pair(words, random)
        )
    if isinstance(value, list) and value and random.random() < 0.85:
        place = random.randrange(len(value))
        way = random.random()
        if way < 0.7:
            return [*value[:place], _within(value[place], words, random), *value[place + 1 :]]
        return value[:place] + value[place + 1 :] if way < 0.85 else [*value, value[place]]
    if random.random() < 0.2:
        return random.choice(words)
    return random.choice(_VALUES)


def _pair(words: Sequence[str], random: Random) -> dict[str, Any]:
    return {random.choice(words): random.choice(_VALUES)}


def _of_bytes(data: bytes, words: Sequence[str], random: Random) -> bytes:
    place, end = random.randint(0, len(data)), random.randint(0, len(data))
    match random.randrange(6):
        case 0:
            return data[:place]
        case 1:
            return data[:place] + random.randbytes(random.randint(1, 4)) + data[place:]
        case 2:
            return data[:place] + random.choice(words).encode() + data[place:]
        case 3:
            return data[: min(place, end)] + data[max(place, end) :]
        case 4:
            return data[:place] + data[min(place, end) : max(place, end)] + data[place:]
        case _:
            return data[:place] + bytes([random.randrange(256)]) + data[place + 1 :]
