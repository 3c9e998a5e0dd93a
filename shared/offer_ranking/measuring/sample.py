"""A look into a dataset: what a sample of its events is, before anybody waits for a model to learn from it."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import TYPE_CHECKING, Protocol, TypedDict

from offer_ranking.counting.ledger import Listed
from offer_ranking.events.proposition_event import Kind, Late, Other, PropositionEvent, Refused, parse_line

if TYPE_CHECKING:
    from offer_ranking.catalog.dataset import Dataset

_OBJECTS = 10
_BYTES = 256 * 1024  # of each object, as it lies there
_LINES = 2000  # of each object
_INFLATED = 8 * 1024 * 1024


class SampledObjects(Protocol):
    """Where the objects lie."""

    def listing(self, bucket: str, prefix: str, after: str | None, limit: int) -> list[Listed]: ...

    def beginning(self, bucket: str, key: str, size: int) -> bytes: ...


class Sample(TypedDict):
    """What a sample's lines are. `unreadable` counts objects that are no lines at all."""

    objects: int
    lines: int
    displays: int
    interacts: int
    other: int
    late: int
    refused: dict[str, int]
    unreadable: int


def sample(dataset: Dataset, objects: SampledObjects) -> Sample:
    """Read the beginnings of the first objects of a dataset."""
    keys = [
        key
        for key, _ in objects.listing(dataset.bucket, dataset.prefix, None, _OBJECTS + 1)
        if dataset.holds(dataset.bucket, key)
    ]
    beginnings = [_lines(objects.beginning(dataset.bucket, key, _BYTES)) for key in keys[:_OBJECTS]]
    kinds: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    for line in (line for lines in beginnings if lines is not None for line in lines):
        match parse_line(line):
            case PropositionEvent(kind=kind):
                kinds["displays" if kind is Kind.IMPRESSION else "interacts"] += 1
            case Other():
                kinds["other"] += 1
            case Late():
                kinds["late"] += 1
            case Refused(reason=reason):
                refused[reason.value] += 1
    return Sample(
        objects=len(beginnings),
        lines=kinds.total() + refused.total(),
        displays=kinds["displays"],
        interacts=kinds["interacts"],
        other=kinds["other"],
        late=kinds["late"],
        refused=dict(sorted(refused.items())),
        unreadable=beginnings.count(None),
    )


def _lines(beginning: bytes) -> list[bytes] | None:
    """The whole lines of an object's first bytes; None when they are neither lines nor gzip."""
    whole = len(beginning) < _BYTES
    if beginning.startswith(b"\x1f\x8b"):
        inflater = zlib.decompressobj(wbits=31)
        try:
            beginning = inflater.decompress(beginning, _INFLATED)
        except zlib.error:
            return None
        whole = whole and inflater.eof
    elif beginning.startswith((b"PAR1", b"\x28\xb5\x2f\xfd")):
        return None
    lines = beginning.split(b"\n")
    complete = lines if whole else lines[:-1]
    return [line for line in complete if line.strip()][:_LINES]
