"""Where the fields of a dataset's events lie, when they are named otherwise than in XDM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

# `offer` to `position` belong to flat events: rows that have their one offer at the top.
Field = Literal[
    "id", "timestamp", "eventType", "propositions", "offer", "etag", "model", "trafficType", "cell", "token",
    "issuedAt", "propositionId", "position", "dryRun",
]  # fmt: skip
FieldMapping = tuple[tuple[Field, tuple[str, ...]], ...]
"""Each field once, in the order of their names, with the object keys that lead to it."""

NO_MAPPING: FieldMapping = ()
FIELDS: tuple[Field, ...] = get_args(Field)
MOST_FIELDS = 16
LONGEST_PATH = 512


def field_mapping(given: object) -> FieldMapping:
    """Read what a person writes, such as {"offer": "columns.offer_id"}: keys joined by dots.

    Raises ValueError, naming the field.
    """
    if not isinstance(given, Mapping):
        msg = 'must be an object of fields and paths, such as {"offer": "columns.offer_id"}'
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns only this into a refusal
    if len(given) > MOST_FIELDS:
        msg = f"must not have more than {MOST_FIELDS} fields"
        raise ValueError(msg)
    return tuple(sorted((_field(name), _path(name, path)) for name, path in given.items()))


def written(mapping: FieldMapping) -> dict[str, str]:
    """Spell as `field_mapping` reads."""
    return {field: ".".join(path) for field, path in mapping}


def _field(name: object) -> Field:
    for field in FIELDS:
        if field == name:
            return field
    msg = f"{str(name)[:LONGEST_PATH]!r} is no field: there are {', '.join(FIELDS)}"
    raise ValueError(msg)


def _path(field: str, path: object) -> tuple[str, ...]:
    if not isinstance(path, str):
        msg = f"{field} must be text: keys joined by dots"
        raise ValueError(msg)  # noqa: TRY004 - pydantic turns only this into a refusal
    problems = {
        "must not be empty": not path,
        f"must not exceed {LONGEST_PATH} characters": len(path) > LONGEST_PATH,
        "must not hold an empty key: keys are joined by single dots": not all(path.split(".")),
        "must not hold control characters": not path.isprintable(),
    }
    for problem, present in problems.items():
        if present:
            msg = f"{field} {problem}"
            raise ValueError(msg)
    return tuple(path.split("."))
