"""How the decoder takes plain lines apart: structs made from the table of spellings and a dataset's mapping.

Of a line it makes texts of what differs from event to event (ids, times), and keeps what thousands share (types, marks,
strategies, items) as the bytes it is written in. All else is passed over. A line that does not fit is no plain one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import lru_cache, partial
from operator import attrgetter
from typing import Any, NamedTuple

from msgspec import Raw, Struct, defstruct
from msgspec import field as struct_field
from msgspec.json import Decoder

from offer_ranking.catalog.mapping import FieldMapping
from offer_ranking.events.spelling import EVENT, PROPOSITION, PROPOSITION_EVENT_TYPES, Path, Paths, event_paths

NULL = Raw(b"null")
_STAMPS = ("trust", "capped", "stamped_model", "stamped_traffic", "stamped_cell")
_FLAT_CONTEXT = ("event_type", "dry_run")
_FLAT_TEXTS = ("model", "traffic", "cell")
_FLAT_ITEM = ("offer", "etag", "position")
_FLAT_OWN = ("token", "issued_at", "proposition_id")


class _Leaf(NamedTuple):
    """An attribute, its type and its default."""

    name: str
    kind: Any
    default: Any = None


def _text(name: str) -> _Leaf:
    return _Leaf(name, str | None)


def _raw(name: str) -> _Leaf:
    return _Leaf(name, Raw, NULL)


def _moment(name: str) -> _Leaf:
    return _Leaf(name, str | int | float | None)


def _absent(number: int) -> _Leaf:
    """What decides otherwise than the rest of the layout, were it there."""
    return _Leaf(f"absent{number}", None)


class _ConflictError(Exception):
    """Two fields of a mapping lie at one place, or one inside of the other."""


class _Shape(NamedTuple):
    """A struct, and the way to each of its leaves: the names of attributes, joined by dots."""

    struct: type[Struct]
    ways: Mapping[str, str]


def _shape(leaves: Mapping[Path, _Leaf], *, is_nullable: bool = True) -> _Shape:
    """Nest a struct for each object on the way to the leaves, which may be null or not. Raises _ConflictError."""
    below: dict[str, dict[Path, _Leaf]] = {}
    for path, leaf in leaves.items():
        below.setdefault(path[0], {})[path[1:]] = leaf
    fields: list[tuple[str, Any, Any]] = []
    ways: dict[str, str] = {}
    for key, inner in below.items():
        if () in inner:
            if len(inner) > 1:
                raise _ConflictError
            leaf = inner[()]
            fields.append((leaf.name, leaf.kind, struct_field(name=key, default=leaf.default)))
            ways[leaf.name] = leaf.name
        else:
            shape = _shape(inner, is_nullable=is_nullable)
            name = f"in_{re.sub(r'[^A-Za-z0-9]', '', key.removeprefix('xdm:'))}"
            if any(name == taken for taken, *_ in fields):
                name = f"{name}_{len(fields)}"
            kind = shape.struct | None if is_nullable else shape.struct
            fields.append((name, kind, struct_field(name=key, default=shape.struct())))
            ways |= {leaf: f"{name}.{way}" for leaf, way in shape.ways.items()}
    return _Shape(defstruct("Plain", fields, frozen=True, gc=False), ways)


def _leaves(pairs: Iterator[tuple[Path, _Leaf]]) -> dict[Path, _Leaf]:
    leaves: dict[Path, _Leaf] = {}
    for path, leaf in pairs:
        if path in leaves:
            raise _ConflictError
        leaves[path] = leaf
    return leaves


class Nested(NamedTuple):
    """The layout of events with propositions, in one spelling.

    decode: a line to a struct; raises where the line is not of this layout. top, ways: (event type, marks, id, time,
    propositions) of a struct, and their attributes. is_usual: they are its attributes of these names, those of marks
    and propositions in `in_experience.in_decisioning`. at, inside: where each noun lies in an event, and in a
    proposition. proposition: its struct. lean: as decode, where is_usual, but of signed events alone: neither their
    ids nor their types are kept, and nothing on the way to what is kept may be null.
    """

    decode: Callable[[bytes], Any]
    top: Callable[[Any], tuple[Any, ...]]
    ways: tuple[tuple[str, ...], ...]
    is_usual: bool
    at: Mapping[str, Path]
    inside: Mapping[str, Path]
    proposition: type[Struct]
    lean: Callable[[bytes], Any] | None


class Flat(NamedTuple):
    """The layout of rows that have their one offer at the top.

    context, item: the parts of a struct that thousands share, which lie at `context_at` and `item_at`; the first
    `heads` of the context decide what kind of event it is. own: (time, issue time, token, id, proposition's id).
    """

    decode: Callable[[bytes], Any]
    context: Callable[[Any], tuple[Any, ...]]
    context_at: tuple[tuple[str, Path], ...]
    heads: int
    item: Callable[[Any], tuple[Any, ...]]
    item_at: tuple[tuple[str, Path], ...]
    own: Callable[[Any], tuple[Any, ...]]
    marks: Path


@lru_cache(maxsize=64)
def layouts(mapping: FieldMapping) -> tuple[Nested | Flat, ...]:
    """Every layout of a dataset, the most frequent first; none where its mapping allows of none."""
    found: list[Nested | Flat] = []
    nested = [partial(_nested, mapping, path, spelling) for path, spelling in _arrays(mapping)]
    makes: list[Callable[[], Nested | Flat]] = [*nested, partial(_flat, mapping)]
    for make in makes:
        with suppress(_ConflictError):
            found.append(make())
    return tuple(found)


def _arrays(mapping: FieldMapping) -> Iterator[tuple[Path, int]]:
    """Where propositions may lie, and how they are spelled there: 0 compact, 1 namespaced."""
    *mapped, one, several, namespaced, several_namespaced = event_paths(mapping)["propositions"]
    if mapped:
        yield from ((mapped[0], spelling) for spelling in (0, 1))
    else:
        yield from ((one, 0), (several, 0), (namespaced, 1), (several_namespaced, 1))


def _nested(mapping: FieldMapping, propositions: Path, spelling: int) -> Nested:
    mapped = {noun: paths[0] for noun, paths in event_paths(mapping).items() if len(paths) > len(EVENT[noun])}
    containers = dict.fromkeys(path[:-1] for paths in PROPOSITION_EVENT_TYPES.values() for path in paths)
    marks, *others = list(containers)[::-1] if spelling else list(containers)
    at = {noun: mapped.get(noun, EVENT[noun][spelling]) for noun in ("id", "time", "event_type")}
    at |= {"marks": marks, "propositions": propositions}
    inside = {noun: paths[min(spelling, len(paths) - 1)] for noun, paths in PROPOSITION.items()}
    proposition = _proposition(inside)
    never = [*others, *(mapped[noun] for noun in ("offer", "dry_run") if noun in mapped)]

    def pairs() -> Iterator[tuple[Path, _Leaf]]:
        yield at["id"], _text("id")
        yield at["time"], _text("time")
        yield at["event_type"], _raw("event_type")
        yield at["marks"], _raw("marks")
        yield at["propositions"], _Leaf("propositions", list[proposition] | None)  # type: ignore[valid-type]
        yield _below(("trust",))[0], _Leaf("stamp", _stamp() | None)
        yield _below(("dry_run",))[0], _Leaf("data", _data() | None)
        yield from ((path, _absent(number)) for number, path in enumerate(never))

    shape = _shape(_leaves(pairs()))
    ways = tuple(shape.ways[noun] for noun in ("event_type", "marks", "id", "time", "propositions"))
    usual = (
        "event_type",
        "in_experience.in_decisioning.marks",
        "id",
        "time",
        "in_experience.in_decisioning.propositions",
    )
    return Nested(
        decode=Decoder(shape.struct).decode,
        top=attrgetter(*ways),
        ways=tuple(tuple(way.split(".")) for way in ways),
        is_usual=ways == usual,
        at=at,
        inside=inside,
        proposition=proposition,
        lean=_lean(at, inside, never) if ways == usual else None,
    )


def _lean(at: Mapping[str, Path], inside: Mapping[str, Path], never: list[Path]) -> Callable[[bytes], Any]:
    nouns = ("items", "strategies", "token", "cell", "issued_at")
    proposition = _proposition(inside, nouns, is_nullable=False)
    stamps = [EVENT[noun][0][:1] for noun in ("trust", "dry_run")]
    leaves = {
        at["time"]: _text("time"),
        at["marks"]: _raw("marks"),
        at["propositions"]: _Leaf("propositions", list[proposition], ()),  # type: ignore[valid-type]
        **{path: _absent(number) for number, path in enumerate([*never, *stamps])},
    }
    return Decoder(_shape(leaves, is_nullable=False).struct).decode


def _below(nouns: tuple[str, ...]) -> tuple[Path, dict[Path, _Leaf]]:
    """What nouns lie below one key of an event, and where below it."""
    (first,) = {path[:1] for noun in nouns for path in EVENT[noun]}
    return first, {path[1:]: _raw(noun) for noun in nouns for path in EVENT[noun]}


def _stamp() -> type[Struct]:
    _, leaves = _below(_STAMPS)
    own = {EVENT["received_at"][0][1:]: _text("received_at"), EVENT["stamped_issued_at"][0][1:]: _moment("issued_at")}
    return _shape(leaves | own).struct


def _data() -> type[Struct]:
    return _shape(_below(("dry_run",))[1]).struct


_KINDS: Mapping[str, Callable[[str], _Leaf]] = {
    "id": _text,
    "items": _raw,
    "strategies": _raw,
    "token": _text,
    "cell": _raw,
    "etags": lambda name: _Leaf(name, dict[str, str] | None),
    "issued_at": _moment,
}


def _proposition(
    inside: Mapping[str, Path], nouns: Iterable[str] = tuple(_KINDS), *, is_nullable: bool = True
) -> type[Struct]:
    """A proposition of which these nouns are kept; the others it must not have."""
    leaves = {inside[noun]: _KINDS[noun](noun) for noun in nouns}
    places = {path[:depth] for path in leaves for depth in range(1, len(path) + 1)}
    # Where other spellings leave the way of this one; ids do not matter to those who do not ask for them.
    others = dict.fromkeys(
        next(path[:depth] for depth in range(1, len(path) + 1) if path[:depth] not in places)
        for noun in _KINDS
        if noun in nouns or noun != "id"
        for path in PROPOSITION[noun]
        if path not in leaves
    )
    absent = {path: _absent(number) for number, path in enumerate(others)}
    return _shape(leaves | absent, is_nullable=is_nullable).struct


def _flat(mapping: FieldMapping) -> Flat:
    paths = event_paths(mapping)
    containers = tuple(dict.fromkeys(path[:-1] for types in PROPOSITION_EVENT_TYPES.values() for path in types))
    context: dict[str, Paths] = {noun: paths[noun] for noun in _FLAT_CONTEXT} | {"marks": containers}
    texts = {noun: paths[noun] for noun in _FLAT_TEXTS}
    item = {noun: paths[noun] for noun in _FLAT_ITEM}
    is_mapped = len(paths["offer"]) > len(EVENT["offer"])
    never = [EVENT["trust"][0][:1], *(path for noun in _FLAT_OWN for path in paths[noun][1:] if path != paths[noun][0])]
    never += [] if is_mapped else paths["propositions"]

    def named(nouns: Mapping[str, Paths]) -> tuple[tuple[str, Path], ...]:
        return tuple(
            (f"{noun}{number}", path) for noun, some in nouns.items() for number, path in enumerate(dict.fromkeys(some))
        )

    def pairs() -> Iterator[tuple[Path, _Leaf]]:
        yield from ((path, _raw(name)) for name, path in named(context | texts | item))
        yield paths["id"][0], _text("id")
        yield paths["time"][0], _text("time")
        yield paths["token"][0], _text("token")
        yield paths["issued_at"][0], _moment("issued_at")
        yield paths["proposition_id"][0], _text("proposition_id")
        yield from ((path, _absent(number)) for number, path in enumerate(never))

    shape = _shape(_leaves(pairs()))

    def got(names: Iterator[str]) -> Callable[[Any], tuple[Any, ...]]:
        return attrgetter(*(shape.ways[name] for name in names))

    return Flat(
        Decoder(shape.struct).decode,
        got(name for name, _ in named(context | texts)),
        named(context | texts),
        len(named(context)),
        got(name for name, _ in named(item)),
        named(item),
        got(iter(("time", "issued_at", "token", "id", "proposition_id"))),
        containers[0],
    )
