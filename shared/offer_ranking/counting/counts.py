"""How often each kind of event was counted: an integer for every key, zero almost everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import starmap
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

from offer_ranking.counting import stored
from offer_ranking.counting.grouping import summed
from offer_ranking.counting.stored import CorruptCountsError
from offer_ranking.counting.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["CONVERSION", "HOURS_PER_DAY", "IMPRESSION", "MAX_POSITION", "CorruptCountsError", "Counts", "Key"]

IMPRESSION = 0
CONVERSION = 1
HOURS_PER_DAY = 24
MAX_POSITION = 30
_TEXTS = ("offer", "etag", "model", "traffic", "cell")
_NUMBERS = {"hour": np.int64, "kind": np.int8, "position": np.int8, "lag": np.int32}
# Keys sort by these columns in this order; the hour leads, so that a day is a slice.
_KEY = ("hour", *_TEXTS, "kind", "position", "lag")
_RANGES = {
    "hour": (-(2**40), 2**40),
    "kind": (IMPRESSION, CONVERSION),
    "position": (0, MAX_POSITION),
    "lag": (0, 2**31 - 1),
}


class Key(NamedTuple):
    """What is counted apart. Absent texts are "".

    hour: of the impression, in whole hours since 1970 UTC; a conversion is filed under its impression's hour.
    kind: IMPRESSION or CONVERSION. position: 1 to 30, 0 for any other or none.
    lag: hours from the impression's hour to the conversion's, 0 for impressions.
    """

    hour: int
    offer: str
    etag: str = ""
    model: str = ""
    traffic: str = ""
    cell: str = ""
    kind: int = IMPRESSION
    position: int = 0
    lag: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Counts:
    """An element of an abelian group, held as columns with one row for each key whose count is not zero.

    Rows are unique and sorted by key (texts in code point order), words sorted and all in use: equal counts
    have equal columns and equal bytes. Counts may be negative: differences are elements too.
    Make one by `zero`, `of`, `from_columns` or `from_bytes`; the constructor trusts its caller.
    Shapes: every column (rows,); `hour` and `count` int64, `lag` int32, `kind` and `position` int8.
    """

    hour: NDArray[np.int64]
    offer: Text
    etag: Text
    model: Text
    traffic: Text
    cell: Text
    kind: NDArray[np.int8]
    position: NDArray[np.int8]
    lag: NDArray[np.int32]
    count: NDArray[np.int64]

    @classmethod
    def zero(cls) -> Self:
        return cls.of(())

    @classmethod
    def of(cls, keys: Iterable[Key], counts: Iterable[int] | None = None) -> Self:
        """Take keys in any order, repeated or not, each with its count (one each if none are given)."""
        rows = list(keys)
        columns = dict(zip(_KEY, zip(*rows, strict=True) if rows else [()] * len(_KEY), strict=True))
        numbers = {name: np.array(columns[name], np.int64) for name in _NUMBERS}
        texts = {name: Text.of(columns[name]) for name in _TEXTS}
        count = np.ones(len(rows), np.int64) if counts is None else np.array(list(counts), np.int64)
        return cls._canonical(texts, numbers, count)

    @classmethod
    def from_columns(  # noqa: PLR0913 - one argument a column
        cls,
        *,
        hour: NDArray[Any],
        offer: Text,
        etag: Text,
        model: Text,
        traffic: Text,
        cell: Text,
        kind: NDArray[Any],
        position: NDArray[Any],
        lag: NDArray[Any],
        count: NDArray[Any],
    ) -> Self:
        """Take rows in any order; equal keys are added, zeros dropped.

        Raises:
            ValueError: columns of different lengths, or a kind, position or lag that no key can have.

        """
        texts = {"offer": offer, "etag": etag, "model": model, "traffic": traffic, "cell": cell}
        return cls._canonical(texts, {"hour": hour, "kind": kind, "position": position, "lag": lag}, count)

    @classmethod
    def _canonical(cls, texts: Mapping[str, Text], numbers: Mapping[str, NDArray[Any]], count: NDArray[Any]) -> Self:
        lengths = {len(text) for text in texts.values()} | {len(number) for number in numbers.values()}
        if lengths != {len(count)}:
            raise ValueError("the columns of counts differ in length")
        for name, (low, high) in _RANGES.items():
            if len(count) and not low <= int(numbers[name].min()) <= int(numbers[name].max()) <= high:
                raise ValueError(f"a {name} lies outside {low} to {high}")
        rows, sums = summed([texts[name].codes if name in texts else numbers[name] for name in _KEY], count)
        kept: dict[str, Any] = {name: text.take(rows) for name, text in texts.items()}
        kept |= {name: numbers[name][rows].astype(kind) for name, kind in _NUMBERS.items()}
        return cls(**kept, count=sums)

    def __len__(self) -> int:
        """How many keys have a count."""
        return len(self.count)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts):
            return NotImplemented
        same_words = all(getattr(self, name).words == getattr(other, name).words for name in _TEXTS)
        mine, theirs = self.columns(), other.columns()
        return same_words and all(np.array_equal(mine[name], theirs[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment] # arrays have no hash

    def __neg__(self) -> Self:
        return self._part(slice(None), -self.count)

    @classmethod
    def total(cls, parts: Iterable[Counts]) -> Self:
        """Add up any number of them at once."""
        tables = [part for part in parts if len(part)]
        if not tables:
            return cls.zero()
        numbers = {name: np.concatenate([getattr(part, name) for part in tables]) for name in _NUMBERS}
        texts = {name: Text.joined([getattr(part, name) for part in tables]) for name in _TEXTS}
        return cls._canonical(texts, numbers, np.concatenate([part.count for part in tables]))

    def __add__(self, other: Self) -> Self:
        return self.total((self, other))

    def __sub__(self, other: Self) -> Self:
        return self + -other

    def where(self, rows: NDArray[np.bool_]) -> Self:
        """Select by a mask of shape (rows,)."""
        return self._part(rows, self.count[rows])

    def weighted(self, count: NDArray[Any]) -> Self:
        """The same keys with other counts, of shape (rows,); a key whose count is zero drops out."""
        kept = count != 0
        return self._part(kept, count[kept].astype(np.int64))

    def by_day(self) -> dict[int, Self]:
        """Partition by day (whole days since 1970 UTC); days without counts are absent."""
        days = self.hour // HOURS_PER_DAY
        starts = [int(row) for row in np.flatnonzero(np.diff(days, prepend=days[:1] - 1))]
        ends = [*starts[1:], len(days)]
        return {
            int(days[start]): self._part(slice(start, end), self.count[start:end])
            for start, end in zip(starts, ends, strict=False)  # no start at all in zero
        }

    def items(self) -> Iterator[tuple[Key, int]]:
        """Each key with its count, in order."""
        values = [getattr(self, name) for name in _KEY]
        lists = [value.strings() if isinstance(value, Text) else value.tolist() for value in values]
        return zip(starmap(Key, zip(*lists, strict=True)), self.count.tolist(), strict=True)

    def columns(self) -> dict[str, NDArray[Any]]:
        """Every column by name, the codes for a text."""
        values = {name: getattr(self, name) for name in (*_KEY, "count")}
        return {name: value.codes if isinstance(value, Text) else value for name, value in values.items()}

    def to_bytes(self) -> bytes:
        """Equal counts, equal bytes."""
        return stored.to_bytes(self.to_stored())

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            CorruptCountsError: the bytes are cut, changed, or something else.

        """
        return cls.from_stored(stored.from_bytes(data))

    def to_stored(self) -> dict[str, NDArray[Any]]:
        """Name the columns as they lie in a file."""
        return self.columns() | {"words": stored.json_column({name: getattr(self, name).words for name in _TEXTS})}

    @classmethod
    def from_stored(cls, columns: Mapping[str, NDArray[Any]]) -> Self:
        """Read the columns of a file, which must be in canonical form.

        Raises:
            CorruptCountsError: a column is missing, or the rows are not what canonical counts look like.

        """
        try:
            words = stored.json_value(columns["words"])
            texts = {name: Text.coded(columns[name], words[name]) for name in _TEXTS}
            counts = cls._canonical(texts, {name: columns[name] for name in _NUMBERS}, columns["count"])
        except (KeyError, ValueError, TypeError, RecursionError) as error:
            raise CorruptCountsError(f"not a table of counts: {error!r}") from error
        is_same = all(np.array_equal(columns[name], column) for name, column in counts.columns().items())
        if not is_same or words != {name: list(getattr(counts, name).words) for name in _TEXTS}:
            raise CorruptCountsError("the rows of a table of counts are not in canonical form")
        return counts

    def _part(self, rows: NDArray[np.bool_] | slice, count: NDArray[np.int64]) -> Self:
        """Keep some rows in their order: canonical again once unused words are gone."""
        kept: dict[str, Any] = {name: getattr(self, name).take(rows) for name in _TEXTS}
        kept |= {name: getattr(self, name)[rows] for name in _NUMBERS}
        return type(self)(**kept, count=count)
