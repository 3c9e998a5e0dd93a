"""One line as an object of JSON, by RFC 8259: UTF-8, no NaN, no comma too many, no depth beyond the interpreter's.

Of repeated keys the last counts. Numbers may have any size.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import DecodeError, Struct, ValidationError
from msgspec.json import Decoder


class MalformedError(ValueError):
    """A line is no object of JSON; the message says why, and repeats nothing of the line."""


class _Object(Struct):
    """Any object, of which nothing is kept."""


_grammar = Decoder(_Object)
# Without the hook a float that is too large is an error.
_objects = Decoder(dict[str, Any], float_hook=float)


def read_object(raw: bytes | str) -> dict[str, Any]:
    """Read a line. Raises MalformedError, and nothing else, whatever the line holds."""
    try:
        return _objects.decode(raw)
    except ValidationError:
        return _with_monstrous_numbers(raw)
    except DecodeError as error:
        raise MalformedError(str(error)) from error
    except UnicodeError as error:
        raise MalformedError("not UTF-8") from error
    except RecursionError as error:
        raise MalformedError("nested too deeply") from error


def _with_monstrous_numbers(raw: bytes | str) -> dict[str, Any]:
    """Read an object with integers of more than 4,300 digits, which are refused where they are kept."""
    try:
        _grammar.decode(raw)
        found = json.loads(raw if isinstance(raw, str) else raw.decode(), parse_int=float)
    except RecursionError as deep:
        raise MalformedError("nested too deeply") from deep
    except UnicodeError as wrong:
        raise MalformedError("not UTF-8") from wrong
    except DecodeError as wrong:
        raise MalformedError(str(wrong)) from wrong
    return dict(found)
