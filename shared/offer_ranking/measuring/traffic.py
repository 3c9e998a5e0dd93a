"""What each part of a model's own traffic earned, and how traffic moved over time.

Who is served by which arm is drawn by a ranking's seed alone, whatever the person and the offers that were eligible.
In any one hour all arms therefore hold the same mixture of people and of candidate sets, up to chance, and an arm that
is compared with another within each hour is compared with its like: no offer's rate among those who may see it is ever
held against another offer's rate among others.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

import numpy as np

from offer_ranking.catalog.model import ModelType
from offer_ranking.catalog.value import rfc3339
from offer_ranking.counting.counts import CONVERSION, HOURS_PER_DAY, IMPRESSION
from offer_ranking.measuring.lift import Arm, Lift
from offer_ranking.measuring.rate import Rate, rate_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from offer_ranking.catalog.model import Model
    from offer_ranking.counting.counts import Counts

    Array = NDArray[np.float64]
    Integers = NDArray[np.int64]

RANDOM, NONCONTEXTUAL, CONTEXTUAL, UNNAMED = ([arm] for arm in range(4))
MODEL = [*NONCONTEXTUAL, *CONTEXTUAL, *UNNAMED]
_WORDS = {"random": 0, "noncontextual": 1, "contextual": 2}
_ARMS, _KINDS = 4, 2

_MOST_SHOWN = 10  # offers with a share over time of their own
_HOURLY = 48  # hours; a longer time is told by days


class Traffic(TypedDict):
    """What this model's own rankings earned: those ranked at random, and all the others, `model`.

    A personalized model's others are those ranked by the rates of everybody (`noncontextual`), so that the gain of
    personalizing can be measured, and those ranked for the person (`contextual`).
    """

    random: Rate
    noncontextual: NotRequired[Rate]
    contextual: NotRequired[Rate]
    model: Rate


class TrafficPoint(Traffic):
    """An hour or a UTC day from `start` on. `impressions` and `conversions` are of all events of the datasets, and so
    are the parts of the impressions that the most shown offers (`shares`) and the `others` had. `lift` is of all the
    time from the model's creation to the end of the point, so that its intervals hold at all points at once.
    """

    start: str
    impressions: int
    conversions: int
    shares: list[float]
    others: float
    lift: Lift


class TrafficOverTime(TypedDict):
    """Points in the order of time; hours when all lie within 48 of them, else days. One without events is absent.

    `offers` are the most shown, ten at most, most shown first, in the order of each point's `shares`.
    """

    unit: Literal["hour", "day"]
    offers: list[str]
    points: list[TrafficPoint]


@dataclass(frozen=True, eq=False)
class OwnTraffic:
    """The events whose rankings name one model, whichever other models rank from the same datasets."""

    counts: Counts

    @classmethod
    def of(cls, counts: Counts, model_id: str) -> OwnTraffic:
        """Out of the counts of the model's datasets."""
        named = np.array([word == model_id for word in counts.model.words], np.bool_)
        return cls(counts.where(named[counts.model.codes]))

    def by(self, buckets: Integers, size: int) -> Array:
        """Shape (size, arms, kinds), from each row's bucket, shape (rows,)."""
        return _tally(buckets * _ARMS + self._arms, self.counts, size * _ARMS).reshape(size, _ARMS, _KINDS)

    def by_hour(self, rows: NDArray[np.bool_] | None = None) -> Array:
        """Shape (hours, arms, kinds), for each of `hours`; of all rows, or of some, by a mask of shape (rows,)."""
        hours, codes = self._hours
        some = slice(None) if rows is None else np.flatnonzero(rows)
        table = np.bincount(codes[some], self.counts.count[some], minlength=len(hours) * _ARMS * _KINDS)
        return table.reshape(len(hours), _ARMS, _KINDS)

    @property
    def hours(self) -> Integers:
        """Those that have events, since 1970 UTC, ascending."""
        return self._hours[0]

    @cached_property
    def _hours(self) -> tuple[Integers, Integers]:
        """Which hours there are, and where each row lies in a table by hour, laid out flat."""
        hours, buckets, _ = _buckets(self.counts, 1)
        return hours, (buckets * _ARMS + self._arms) * _KINDS + self.counts.kind

    @cached_property
    def _arms(self) -> Integers:
        words = np.array([_WORDS.get(word, UNNAMED[0]) for word in self.counts.traffic.words], np.int64)
        return words[self.counts.traffic.codes]


def arm(table: Array, arms: Sequence[int]) -> Arm:
    """Some arms together, out of a table of shape (strata, arms, kinds)."""
    tallies = table[:, arms].sum(axis=1)
    return Arm(tallies[:, IMPRESSION], tallies[:, CONVERSION])


def traffic(table: Array, model: Model) -> Traffic:
    """What each arm of a model earned, out of a table of shape (arms, kinds)."""
    earned = Traffic(random=rate_of(table[RANDOM].sum(axis=0)), model=rate_of(table[MODEL].sum(axis=0)))
    if model.type is ModelType.PERSONALIZED:
        earned["noncontextual"] = rate_of(table[NONCONTEXTUAL].sum(axis=0))
        earned["contextual"] = rate_of(table[CONTEXTUAL].sum(axis=0))
    return earned


def totals(counts: Counts) -> Rate:
    """All of the events."""
    return rate_of(_tally(np.zeros(len(counts), np.int64), counts, 1)[0])


def traffic_over_time(
    counts: Counts, own: OwnTraffic, model: Model, lift_until: Callable[[Integers], list[Lift]]
) -> TrafficOverTime:
    """How the traffic of a model's datasets, and the model's own, moved; `lift_until` tells the lift before hours."""
    span = int(counts.hour[-1] - counts.hour[0]) if len(counts) else 0
    unit: Literal["hour", "day"] = "hour" if span < _HOURLY else "day"
    length = 1 if unit == "hour" else HOURS_PER_DAY
    starts, buckets, size = _buckets(counts, length)
    everything = _tally(buckets, counts, size)
    arms = own.by(np.searchsorted(starts, own.counts.hour // length), size)
    offers, shares = _shares(counts, buckets, everything[:, IMPRESSION])
    points = [
        TrafficPoint(
            start=rfc3339(datetime.fromtimestamp(int(start) * length * 3600, UTC)),
            impressions=int(tally[IMPRESSION]),
            conversions=int(tally[CONVERSION]),
            shares=share[:-1].tolist(),
            others=float(share[-1]),
            lift=lift,
            **traffic(table, model),
        )
        for start, tally, table, share, lift in zip(
            starts, everything, arms, shares, lift_until((starts + 1) * length), strict=True
        )
    ]
    return TrafficOverTime(unit=unit, offers=offers, points=points)


def _shares(counts: Counts, buckets: Integers, impressions: Array) -> tuple[list[str], Array]:
    """The most shown offers, and the share of each and of all others, shape (buckets, offers + 1)."""
    shown = _tally(counts.offer.codes, counts, len(counts.offer.words))[:, IMPRESSION]
    most = np.argsort(-shown, kind="stable")[:_MOST_SHOWN]
    columns = np.full(len(shown), len(most), np.int64)
    columns[most] = np.arange(len(most))
    width = len(most) + 1
    table = _tally(buckets * width + columns[counts.offer.codes], counts, len(impressions) * width)
    parts = table[:, IMPRESSION].reshape(len(impressions), width) / np.maximum(impressions, 1.0)[:, None]
    return [counts.offer.words[code] for code in most], parts


def _buckets(counts: Counts, length: int) -> tuple[Integers, Integers, int]:
    """Times of so many hours that have events: which, of each row its place among them, and how many they are."""
    starts, buckets = np.unique(counts.hour // length, return_inverse=True)
    return starts, buckets, len(starts)


def _tally(codes: NDArray[np.integer], counts: Counts, size: int) -> Array:
    """Impressions and conversions of each code below `size`, shape (size, kinds)."""
    cells = codes.astype(np.int64) * _KINDS + counts.kind
    return np.bincount(cells, counts.count, minlength=size * _KINDS).reshape(size, _KINDS)
