"""Which field groups an XDM schema has, and so whether a dataset may teach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

PROPOSITION_INTERACTIONS = "https://ns.adobe.com/experience/decisioning/proposition-interaction"
"""The field group "Experience Event - Proposition Interactions"."""

EXPERIENCE_EVENT = "https://ns.adobe.com/xdm/context/experienceevent"
BUILT_IN = {"experience-event-proposition-interactions": (PROPOSITION_INTERACTIONS,)}

# Classes stand in `allOf` beside field groups, but say what a record is, not what it means.
_CLASSES = frozenset({EXPERIENCE_EVENT, "https://ns.adobe.com/xdm/context/profile", "https://ns.adobe.com/xdm/data/record",
                      "https://ns.adobe.com/xdm/data/time-series"})  # fmt: skip


class UnknownSchemaError(ValueError):
    """The schema is named, and no built-in schema has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no built-in schema is named {name!r}; there is: {', '.join(sorted(BUILT_IN))}")
        self.name = name


def field_groups(schema: str | dict[str, Any]) -> tuple[str, ...]:
    """URIs of the field groups of a schema, sorted.

    `schema` is the name of a built-in one or an XDM schema document, whose field groups stand as `$ref` under
    `allOf` and flattened in `meta:extends`. Raises UnknownSchemaError.
    """
    if isinstance(schema, str):
        if schema not in BUILT_IN:
            raise UnknownSchemaError(schema)
        return BUILT_IN[schema]
    found = {uri.removesuffix("#") for uri in _references(schema)}
    return tuple(sorted(found - _CLASSES))


def _references(schema: dict[str, Any]) -> Iterator[str]:
    extends = schema.get("meta:extends")
    if isinstance(extends, list):
        yield from (uri for uri in extends if isinstance(uri, str))
    parts = schema.get("allOf")
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict):
            reference = part.get("$ref")
            if isinstance(reference, str):
                yield reference
            yield from _references(part)
