"""What lies in a dataset, told to who is about to define a model over it."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from offer_ranking.catalog.value import rfc3339
from offer_ranking.counting.counts import CONVERSION, IMPRESSION
from offer_ranking.counting.ledger import State
from offer_ranking.learning.cell import Cell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from offer_ranking.counting.counts import Counts
    from offer_ranking.counting.ledger import Ledger

MOST_OBJECTS = 1000
_MOST_VALUES = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AudienceSeen(TypedDict):
    """An audience that displays were for."""

    value: str
    displays: int


class ContextKeySeen(TypedDict):
    """A context key that displays had a value of, and of how many different ones."""

    key: str
    values: int
    displays: int


class DatasetSummary(TypedDict):
    """What was counted in the last `days`; interacts are filed under the hours of their displays.

    `audiences` and `contextKeys` are those that models looked at when they ranked what was displayed; of each the 200
    with the most displays are told. `objects` are of all time, and no more than 1,000 are counted. `lastEventAt` is
    the hour of the last event, null when there was none.
    """

    asOf: str
    days: int
    displays: int
    interacts: int
    offers: int
    audiences: list[AudienceSeen]
    contextKeys: list[ContextKeySeen]
    objects: int
    lastEventAt: str | None


def dataset_summary(counts: Counts, *, objects: int, as_of: str, days: int) -> DatasetSummary:
    """Sum up the counts of a dataset's last days."""
    audiences, keys, values = _seen(counts)
    return DatasetSummary(
        asOf=as_of,
        days=days,
        displays=int(counts.count[counts.kind == IMPRESSION].sum()),
        interacts=int(counts.count[counts.kind == CONVERSION].sum()),
        offers=len(counts.offer.words),
        audiences=[AudienceSeen(value=value, displays=displays) for value, displays in _most(audiences)],
        contextKeys=[
            ContextKeySeen(key=key, values=len(values[key]), displays=displays) for key, displays in _most(keys)
        ],
        objects=objects,
        lastEventAt=_hour(int(np.max(counts.hour + counts.lag))) if len(counts) else None,
    )


def objects_in(dataset_id: str, ledger: Ledger) -> int:
    """How many objects of a dataset are there, as far as they are counted here."""
    rows = ledger.between(dataset_id, "", None, MOST_OBJECTS)
    return sum(row.reading is None or row.reading.state is not State.DELETED for row in rows)


def _seen(counts: Counts) -> tuple[Counter[str], Counter[str], dict[str, set[str]]]:
    """Displays by audience and by context key, and the values of each key."""
    audiences: Counter[str] = Counter()
    keys: Counter[str] = Counter()
    values: defaultdict[str, set[str]] = defaultdict(set)
    shown = np.where(counts.kind == IMPRESSION, counts.count, 0)
    displays = np.bincount(counts.cell.codes, shown, minlength=len(counts.cell.words)).astype(np.int64).tolist()
    for text, times in zip(counts.cell.words, displays, strict=True):
        cell = Cell.read(text)
        if cell is None or not times:
            continue
        for audience in cell.audiences:
            audiences[audience] += times
        for key, value in cell.context:
            keys[key] += times
            values[key].add(value)
    return audiences, keys, values


def _hour(hour: int) -> str:
    return rfc3339(_EPOCH + timedelta(hours=hour))


def _most(displays: Counter[str]) -> Iterable[tuple[str, int]]:
    return sorted(displays.items(), key=lambda one: (-one[1], one[0]))[:_MOST_VALUES]
