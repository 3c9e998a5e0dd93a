"""What is counted of an object, offer by offer, until copies are taken out and it becomes a delta."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import HOURS_PER_DAY, Counts
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.identities import Identities
from offer_ranking.counting.text import Text
from offer_ranking.counting.unreadable import UnreadableObjectError

MOST_DAYS = 4_000
"""Of one object: eleven years. Each has files of its own."""
MOST_OFFERS = 4_000_000
"""Of one object, copies among them. A worker has 2 GB, and an overwrite is merged with 400 bytes of each offer."""
MOST_NAMED = 64 * 2**20
"""Of one object, in characters: its distinct contexts and places, each with its share of the tables that hold it."""
_OF_EACH = 100


class Context(NamedTuple):
    """What an offer's event and proposition say of it."""

    kind: int
    model: str
    traffic: str
    cell: str


class Place(NamedTuple):
    """What an offer's item says of it."""

    offer: str
    etag: str
    position: int


class Columns(NamedTuple):
    """Offers that count unless they are copies; shape (n,) each, those of one line in its order.

    line: from 1. context, place: their numbers. hour, key: of the identity. shown: the impression's hour. lag: hours
    from it to the event.
    """

    line: NDArray[np.int64]
    context: NDArray[np.int32]
    place: NDArray[np.int32]
    hour: NDArray[np.int32]
    key: NDArray[np.uint64]
    shown: NDArray[np.int32]
    lag: NDArray[np.int32]


_TYPES = "qiiiQii"
"""Of the columns, as `array` names them."""


@dataclass(slots=True)
class Entries:
    """All offers of an object so far, and which contexts and places there are; `kinds` are those of the contexts."""

    contexts: dict[Context, int] = field(default_factory=dict)
    places: dict[Place, int] = field(default_factory=dict)
    _parts: list[Columns] = field(default_factory=list)
    kinds: array[int] = field(default_factory=lambda: array("b"))
    offers: int = 0
    _named: int = 0
    _singles: tuple[array[int], ...] = field(default_factory=lambda: tuple(array(kind) for kind in _TYPES))

    def context(self, context: Context) -> int:
        """The number of a context. Raises UnreadableObjectError (`too-varied`)."""
        number = self.contexts.get(context)
        if number is None:
            self._hold(context.model, context.traffic, context.cell)
            number = self.contexts[context] = len(self.contexts)
            self.kinds.append(context.kind)
        return number

    def place(self, place: Place) -> int:
        """The number of a place. Raises UnreadableObjectError (`too-varied`)."""
        number = self.places.get(place)
        if number is None:
            self._hold(place.offer, place.etag)
            number = self.places[place] = len(self.places)
        return number

    def add(self, columns: Columns) -> None:
        """Raises UnreadableObjectError (`too-many-offers`)."""
        self.offers += len(columns.line)
        check_offers(self.offers)
        self._parts.append(columns)

    def add_one(self, *values: int) -> None:
        """One offer, by the fields of `Columns`. Raises UnreadableObjectError (`too-many-offers`)."""
        self.offers += 1
        check_offers(self.offers)
        for column, value in zip(self._singles, values, strict=True):
            column.append(value)

    def delta(self, ends: Mapping[str, int]) -> Delta:
        """Count each identity once: the first line that has it, and of its offers each once.

        Args:
            ends: lines without offers that may count, by "other", "late" or the reason of refusal.

        Raises UnreadableObjectError (`too-many-days`).

        """
        found = self._joined()
        kept = self._without_copies(found)
        if len(np.union1d(kept.shown // HOURS_PER_DAY, kept.hour // HOURS_PER_DAY)) > MOST_DAYS:
            raise UnreadableObjectError("too-many-days")
        lines, counted = _distinct(found.line), _distinct(kept.line)
        whole = {"counted": counted, "duplicate": lines - counted, "other": 0, "late": 0} | dict(ends)
        parts = {end: whole[end] for end in ("counted", "duplicate", "other", "late")}
        accounting = Accounting.of(**parts, refused={end: whole[end] for end in whole.keys() - parts})
        counts, row = self._counts(kept)
        return Delta(counts, accounting, _identities(kept, row))

    def _hold(self, *texts: str) -> None:
        self._named += _OF_EACH + sum(map(len, texts))
        if self._named > MOST_NAMED:
            raise UnreadableObjectError("too-varied")

    def _joined(self) -> Columns:
        singles = Columns(*(np.array(column) for column in self._singles))
        return Columns(*(np.concatenate(column) for column in zip(singles, *self._parts, strict=True)))

    def _without_copies(self, found: Columns) -> Columns:
        """Those that count, sorted by identity."""
        if len(found.key) == 0:
            return found
        order = np.argsort(found.key)
        twins = order[~_singles(_changes(found.key[order]))]  # nearly none: only they need to be looked at
        offers = {offer: number for number, offer in enumerate({place.offer for place in self.places})}
        offer_of = np.array([offers[place.offer] for place in self.places], np.int32)
        line, hour, key, place = (column[twins] for column in (found.line, found.hour, found.key, found.place))
        offer = offer_of[place] if len(twins) else place
        by = np.lexsort((twins, offer, line, hour, key))
        starts = np.where(_changes(key[by], hour[by]), np.arange(len(by)), 0)
        is_first = line[by] == line[by][np.maximum.accumulate(starts)]
        is_first &= _changes(key[by], hour[by], line[by], offer[by])
        is_copy = np.zeros(len(order), np.bool_)
        is_copy[twins[by][~is_first]] = True
        kept = order[~is_copy[order]]
        kept = kept[_stable_order(found.hour[kept])]
        columns: list[NDArray[Any]] = [column[kept] for column in found]
        return Columns(*columns)

    def _counts(self, kept: Columns) -> tuple[Counts, NDArray[np.int32]]:
        """The counts, and for each offer its row among them."""
        if len(kept.key) == 0:
            return Counts.zero(), np.zeros(0, np.int32)
        key, group = _grouped(kept.shown, kept.context, kept.place, kept.lag)
        hour, context, place, lag = key
        contexts, places = list(self.contexts), list(self.places)
        texts = {
            "offer": Text.coded(place, [one.offer for one in places]),
            "etag": Text.coded(place, [one.etag for one in places]),
            "model": Text.coded(context, [one.model for one in contexts]),
            "traffic": Text.coded(context, [one.traffic for one in contexts]),
            "cell": Text.coded(context, [one.cell for one in contexts]),
        }
        kind = np.array(self.kinds)[context]
        position = np.array([one.position for one in places])[place]
        counts = Counts.from_columns(
            hour=hour, **texts, kind=kind, position=position, lag=lag, count=np.bincount(group)
        )
        # The order of rows of counts, whose words are sorted.
        order = np.lexsort([lag, position, kind, *(text.codes for text in reversed(texts.values())), hour])
        row_of = np.empty(len(order), np.int32)
        row_of[order] = np.arange(len(order), dtype=np.int32)
        return counts, row_of[group]


def check_offers(count: int) -> None:
    """Raises UnreadableObjectError (`too-many-offers`) where so many are more than an object may have."""
    if count > MOST_OFFERS:
        raise UnreadableObjectError("too-many-offers")


def _grouped(*columns: NDArray[Any]) -> tuple[list[NDArray[np.int64]], NDArray[np.intp]]:
    """The distinct rows of columns, and of which of them each row is."""
    firsts = [int(column.min()) for column in columns]
    sizes = [int(column.max()) - first + 1 for column, first in zip(columns, firsts, strict=True)]
    if math.prod(sizes) >= 2**62:
        rows, group = np.unique(np.stack(columns, axis=1).astype(np.int64), axis=0, return_inverse=True)
        return list(rows.T), group
    code = np.zeros(len(columns[0]), np.int64)
    for column, first, size in zip(columns, firsts, sizes, strict=True):
        code = code * size + (column - first)
    code, group = np.unique(code.astype(np.int32) if math.prod(sizes) < 2**31 else code, return_inverse=True)
    distinct = []
    for first, size in zip(reversed(firsts), reversed(sizes), strict=True):
        code, rest = np.divmod(code, size)
        distinct.append(rest.astype(np.int64) + first)
    return distinct[::-1], group


def _identities(kept: Columns, row: NDArray[np.int32]) -> Identities:
    """As `Identities.of`, but of offers that are sorted by identity already: a sort by four columns is spared."""
    row = row.copy()
    ties = np.flatnonzero(~_singles(_changes(kept.hour, kept.key)))  # offers of one line that share its id
    row[ties] = row[ties][np.lexsort([row[ties], kept.key[ties], kept.hour[ties]])]
    return Identities(kept.hour.astype(np.int64), kept.key, kept.line.astype(np.int32), row)


def _stable_order(hours: NDArray[np.int32]) -> NDArray[np.intp]:
    if len(hours) == 0:
        return np.zeros(0, np.intp)
    since = hours - int(np.min(hours))
    return np.argsort(
        since.astype(np.uint16) if int(np.max(since)) < 2**16 else since, kind="stable"
    )  # 16 bits: by radix


def _changes(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """Where any of sorted columns differs from the row before; shape (n,)."""
    changed = np.ones(len(columns[0]), np.bool_)
    changed[1:] = np.any([column[1:] != column[:-1] for column in columns], axis=0)
    return changed


def _singles(is_new: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of sorted rows, given where a new value begins, those whose value no other has; shape (n,)."""
    is_last = np.ones(len(is_new), np.bool_)
    is_last[:-1] = is_new[1:]
    return is_new & is_last


def _distinct(lines: NDArray[np.int64]) -> int:
    is_there = np.zeros(int(np.max(lines, initial=0)) + 1, np.bool_)
    is_there[lines] = True
    return int(is_there.sum())
