"""The versions of offers: a creative that changes is another thing to learn of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from offer_ranking.counting.counts import Counts

_NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, eq=False)
class Versions:
    """Version i is the offer `offers[i]` with the content `etags[i]`; pairs are distinct and sorted.

    An etag of "" stands for whatever content the offer had; only an offer of which no event names one has it.

    Args:
        offers: ids, (V,).
        etags: (V,).
        started: hour of the first event that names the version (whole hours since 1970 UTC), shape (V,).

    """

    offers: tuple[str, ...]
    etags: tuple[str, ...]
    started: NDArray[np.int64]
    _rows: dict[tuple[str, str], int] = field(init=False, repr=False)
    _newest: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        pairs = list(zip(self.offers, self.etags, strict=True))
        newest: dict[str, int] = {}
        for row in np.argsort(self.started, kind="stable").tolist():
            newest[self.offers[row]] = row
        object.__setattr__(self, "_rows", {pair: row for row, pair in enumerate(pairs)})
        object.__setattr__(self, "_newest", newest)

    @classmethod
    def of(cls, offers: Sequence[str]) -> Self:
        """One version each, of unknown content; ids distinct and sorted."""
        return cls(tuple(offers), ("",) * len(offers), np.zeros(len(offers), np.int64))

    @classmethod
    def named_in(cls, counts: Counts) -> tuple[Self, NDArray[np.intp]]:
        """Find the versions that a count table names, and the version of each of its rows, shape (rows,).

        A row without an etag, of an offer that has some, belongs to the version in force at its hour: the one that
        started last, and before any started the first.
        """
        span = max(len(counts.etag.words), 1)
        pair = counts.offer.codes.astype(np.int64) * span + counts.etag.codes
        pairs, index = np.unique(pair, return_inverse=True)
        offer, etag = pairs // span, pairs % span
        started = np.full(len(pairs), _NEVER)
        np.minimum.at(started, index, counts.hour)
        is_unnamed = np.array([word == "" for word in counts.etag.words], np.bool_)[etag]
        has_named = np.bincount(offer[~is_unnamed], minlength=len(counts.offer.words)).astype(np.bool_)
        is_version = ~is_unnamed | ~has_named[offer]
        number = np.cumsum(is_version) - 1
        rows: NDArray[np.intp] = number[index]
        lost = ~is_version[index]
        if lost.any():
            rows[lost] = number[_in_force(offer, started, is_version, counts.offer.codes[lost], counts.hour[lost])]
        kept = np.flatnonzero(is_version)
        names = tuple(counts.offer.words[code] for code in offer[kept].tolist())
        etags = tuple(counts.etag.words[code] for code in etag[kept].tolist())
        return cls(names, etags, started[kept]), rows

    def __len__(self) -> int:
        return len(self.offers)

    @property
    def ids(self) -> tuple[str, ...]:
        """The offers, distinct and sorted."""
        return tuple(dict.fromkeys(self.offers))

    def rows(self, ids: Sequence[str], etags: Sequence[str | None]) -> NDArray[np.intp]:
        """Which version each candidate is, shape (len(ids),); V for one that is not known.

        A candidate without an etag is its offer's newest version.
        """
        unknown = len(self)

        def row(offer: str, etag: str | None) -> int:
            newest = self._newest.get(offer, unknown)
            if etag is None or newest == unknown or self.etags[newest] == "":
                return newest
            return self._rows.get((offer, etag), unknown)

        return np.fromiter(map(row, ids, etags), np.intp, len(ids))


def _in_force(
    offer: NDArray[np.int64],
    started: NDArray[np.int64],
    is_version: NDArray[np.bool_],
    wanted: NDArray[np.int32],
    hour: NDArray[np.int64],
) -> NDArray[np.intp]:
    """Index, into the pairs, of the version of the wanted offers that was in force at an hour."""
    pairs = np.flatnonzero(is_version)
    order = pairs[np.lexsort((started[pairs], offer[pairs]))]
    # offer and start as one number, so that one search finds both
    low = min(int(np.min(started)), int(np.min(hour)))
    width = max(int(np.max(started[pairs])), int(np.max(hour))) - low + 1
    keys = offer[order] * width + (started[order] - low)
    first = np.searchsorted(offer[order], wanted)
    found = np.searchsorted(keys, wanted.astype(np.int64) * width + (hour - low), side="right") - 1
    in_force: NDArray[np.intp] = order[np.maximum(found, first)]
    return in_force
