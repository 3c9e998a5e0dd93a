"""Lists of definitions: ordered, and in pages that stay right while definitions come and go."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import methodcaller
from typing import Generic, Protocol, TypeVar

from offer_ranking.catalog.errors import UnsuitableError
from offer_ranking.catalog.value import fold


class Definition(Protocol):
    """What can be listed."""

    @property
    def id(self) -> str: ...


D = TypeVar("D", bound=Definition)
T = TypeVar("T")

MOST_BYTES = 4_000_000
"""Of a page or of the offers of an answer, by `size_of`: Lambda answers with 6 MB at most."""


@dataclass(frozen=True, slots=True)
class Page(Generic[D]):
    """One page: its definitions, how many there are on all pages, and where the next one starts (None: no more)."""

    results: tuple[D, ...]
    total: int
    next: str | None


def page(
    definitions: Sequence[D],
    *,
    order_by: str,
    limit: int,
    start: str | None,
    size: Callable[[D], int] = lambda _: 0,
) -> Page[D]:
    """The page that starts after the place `start`.

    `order_by` is a field in snake_case, descending with a leading `-`; equal ones are ordered by id. A place names
    the last definition seen by value, not by number, so that nothing is seen twice or missed when others are created
    or deleted between two pages. A page ends before its definitions have more than `MOST_BYTES`, by their `size`.
    Raises UnsuitableError for a `start` that no page of this order gave.
    """
    field, descending = order_by.removeprefix("-"), order_by.startswith("-")

    def place(definition: D) -> tuple[str, str]:
        value = getattr(definition, field)
        return (
            fold(value) if field == "name" else value.isoformat() if hasattr(value, "isoformat") else str(value)
        ), definition.id

    ordered = sorted(definitions, key=place, reverse=descending)
    if start is not None:
        last = read_place(start, order_by)
        ordered = [one for one in ordered if (place(one) < last if descending else place(one) > last)]
    shown = within(ordered[:limit], size)
    more = len(ordered) > len(shown)
    return Page(tuple(shown), len(definitions), write_place(order_by, *place(shown[-1])) if more else None)


def within(things: Iterable[T], size: Callable[[T], int]) -> list[T]:
    """The first of them that together have no more than `MOST_BYTES`; one at least, if there is any."""
    taken: list[T] = []
    total = 0
    for thing in things:
        total += size(thing)
        if taken and total > MOST_BYTES:
            break
        taken.append(thing)
    return taken


def size_of(thing: object) -> int:
    """In bytes, as Lambda writes an answer: JSON as a text within JSON, which doubles each quote and backslash.

    `thing` is a Value, or what JSON can hold.
    """
    return len(json.dumps(json.dumps(thing, default=methodcaller("json_ready"))))


def write_place(order: str, *parts: str) -> str:
    """A place in an order, for a URL."""
    return base64.urlsafe_b64encode(json.dumps([order, *parts]).encode()).decode().rstrip("=")


def read_place(start: str, order: str, parts: int = 2) -> tuple[str, ...]:
    """So many parts of a place in this order. Raises UnsuitableError for what `write_place` did not write so."""
    try:
        found = json.loads(base64.b64decode(start + "=" * (-len(start) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise UnsuitableError("/query/start", "start is not a place that a list answered as next") from error
    match found:
        case [str(its_order), *rest] if its_order == order and len(rest) == parts and all(map(_is_of_a_place, rest)):
            return tuple(rest)
    raise UnsuitableError("/query/start", "start belongs to a list of another order")


def _is_of_a_place(part: object) -> bool:
    """Whether it is text that a store can compare: half of a surrogate pair is not UTF-8."""
    return isinstance(part, str) and not any("\ud800" <= char <= "\udfff" for char in part)
