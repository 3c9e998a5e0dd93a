"""The base of everything people send and read: immutable, strict, camelCase outside and snake_case inside."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from math import isfinite
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema, WrapValidator
from pydantic.alias_generators import to_camel


class Value(BaseModel):
    """A frozen value. Unknown fields are refused, so that a misspelt one is not silently lost."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        defer_build=True,  # a cold start builds the validators that its function uses, and no others
    )

    def json_ready(self) -> dict[str, Any]:
        """As a dictionary of JSON types, camelCase."""
        return self.model_dump(mode="json", by_alias=True)


def _plain_text(text: str) -> str:
    """Refuse what cannot be shown: control characters and halves of surrogate pairs."""
    if text.isprintable():  # nearly always, and a hundred times faster
        return text
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        msg = "must not contain control characters"
        raise ValueError(msg)
    return text


def _name(text: str) -> str:
    stripped = text.strip()
    if not fold(stripped):
        msg = "must not be empty"
        raise ValueError(msg)
    return _plain_text(stripped)


def fold(name: str) -> str:
    """What two names are compared by: Unicode NFKC, case folded, inner space collapsed, invisible marks dropped.

    Folding can undo normal form and the reverse, so the pair is applied twice (Unicode 3.13, caseless matching).
    """
    for _ in range(2):
        name = unicodedata.normalize("NFKC", name).casefold()
    visible = "".join(character for character in name if unicodedata.category(character) != "Cf")
    return " ".join(visible.split())


Name = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(_name)]
Description = Annotated[str, Field(max_length=2000), AfterValidator(_plain_text)]
Key = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_plain_text)]
"""An identifier that somebody else made: an offer, an audience, a context key."""


def distinct(keys: tuple[str, ...]) -> tuple[str, ...]:
    """Refuse keys of which one stands twice."""
    if len(set(keys)) != len(keys):
        msg = "must be distinct"
        raise ValueError(msg)
    return keys


def _scalar(value: object) -> object:
    is_long, is_infinite = isinstance(value, str) and len(value) > 256, isinstance(value, float) and not isfinite(value)
    if not isinstance(value, str | int | float | bool) or is_long or is_infinite:
        msg = "must be a text of at most 256 characters, a number, true or false"
        raise ValueError(msg)
    return value


ContextValue = Annotated[
    str | float | bool,
    WrapValidator(lambda value, _: _scalar(value)),
    WithJsonSchema({"anyOf": [{"type": "string", "maxLength": 256}, {"type": "number"}, {"type": "boolean"}]}),
]
"""What a request says of its context under one key."""


def rfc3339(moment: datetime) -> str:
    """As `2026-11-24T22:05:12.613Z`: UTC, milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Moment = Annotated[datetime, PlainSerializer(rfc3339, return_type=str, when_used="json")]
