"""The plain counter of tests/oracle behind the engine's port, and the recount that every history must agree with."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from offer_ranking.catalog.mapping import FieldMapping
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import Counts, Key
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.engine import Counted
from offer_ranking.counting.ledger import CountObject
from offer_ranking.counting.refused import RefusedLine
from offer_ranking.counting.unreadable import UnreadableObjectError
from tests.oracle import plain_counter
from tests.simulation.lines import UNDERSTOOD_LATER, UNREADABLE

FIRST_PARSER = 100  # a deploy adds one
_ENDS = ("counted", "duplicate", "other", "late")


class Offer(NamedTuple):
    """One offer of a line: what it counts as, and what its copies share."""

    key: Key
    identity: str
    hour: int


class Tally(NamedTuple):
    """What lines come to: (line, offer) of those that count, what became of the lines, and the refused ones."""

    counted: list[tuple[int, Offer]]
    ends: Counter[str]
    refused: list[RefusedLine]

    def accounting(self) -> Accounting:
        parts = {end: self.ends[end] for end in _ENDS}
        refused = {end: lines for end, lines in self.ends.items() if end not in _ENDS}
        return Accounting.of(**parts, refused=refused)


def tally(lines: Iterable[bytes], mapping: FieldMapping, parser: int) -> Tally:
    """Of an object, or of all objects of a dataset one after the other in the order of their keys: the rule is one."""
    owner: dict[str, int] = {}
    result = Tally([], Counter(), [])
    for number, line in enumerate(lines, 1):
        end, offers = _examined(line, mapping, parser)
        if end == "offers":
            had: set[tuple[str, str]] = set()
            for offer in offers:
                mark = (offer.identity, offer.key.offer)
                if owner.setdefault(offer.identity, number) == number and mark not in had:
                    had.add(mark)
                    result.counted.append((number, offer))
            end = "counted" if had else "duplicate"
        elif end not in _ENDS:
            result.refused.append(RefusedLine(number, end, ""))
        result.ends[end] += 1
    return result


def recount(objects: Mapping[str, bytes], mapping: FieldMapping, parser: int) -> tuple[Counts, Accounting]:
    """What a dataset must count as: COUNT(DISTINCT identity), each as its first copy in the order of keys."""
    readable = [objects[key] for key in sorted(objects) if not objects[key].startswith(UNREADABLE)]
    result = tally([line for data in readable for line in data.splitlines()], mapping, parser)
    counted = Counter(offer.key for _, offer in result.counted)
    return Counts.of(counted.keys(), counted.values()), result.accounting()


def counter(parser: int, read: Callable[[Path], bytes] = Path.read_bytes) -> CountObject:
    """A CountObject of this version of the parser."""

    def count_object(path: Path, mapping: FieldMapping) -> Counted:
        return counted(read(path), mapping, parser)

    return count_object


@lru_cache(maxsize=4096)
def counted(data: bytes, mapping: FieldMapping, parser: int) -> Counted:
    """What an object counts as. Raises UnreadableObjectError."""
    if data.startswith(UNREADABLE):
        raise UnreadableObjectError("gzip-truncated")
    result = tally(data.splitlines(), mapping, parser)
    keys = list(dict.fromkeys(offer.key for _, offer in result.counted))
    number = {key: place for place, key in enumerate(keys)}
    delta = Delta.tallied(
        keys,
        hour=[offer.hour for _, offer in result.counted],
        key=[_hash(offer.identity) for _, offer in result.counted],
        line=[line for line, _ in result.counted],
        group=[number[offer.key] for _, offer in result.counted],
        accounting=result.accounting(),
    )
    return Counted(delta, tuple(result.refused))


@lru_cache(maxsize=4096)
def _examined(line: bytes, mapping: FieldMapping, parser: int) -> tuple[str, tuple[Offer, ...]]:
    if parser == FIRST_PARSER and UNDERSTOOD_LATER in line:
        return "other", ()
    paths = {field: ".".join(path) for field, path in mapping}
    end, offers = plain_counter.examine(plain_counter.read(line), paths)
    return end, tuple(_offer(**offer) for offer in offers)


def _offer(*, key: tuple[Any, ...], identity: tuple[Any, ...], issued: int | None, signed: bool, **_: Any) -> Offer:
    hour = issued if signed else identity[-1] // plain_counter.HOUR
    return Offer(Key(*key), repr(identity), int(hour or 0))


def _hash(identity: str) -> int:
    return int.from_bytes(hashlib.md5(identity.encode(), usedforsecurity=False).digest()[:8], "big")
