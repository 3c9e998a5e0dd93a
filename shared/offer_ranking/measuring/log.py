"""A log of rankings: which offers competed, which came first, how probable that was, and whether it converted."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FOLDS = 2


class Contest(NamedTuple):
    """What a policy is asked: which of these offers comes first for this cell?

    offers: distinct ids, sorted. audiences and context: of the request, sorted, as far as the log tells them.
    """

    offers: tuple[str, ...]
    audiences: tuple[str, ...] = ()
    context: tuple[tuple[str, str | float | bool], ...] = ()


class Record(NamedTuple):
    """One ranking that was shown.

    id: what it is known by, which decides its fold. chosen: the offer that came first, a row of the contest's offers.
    propensity: probability with which it did, in (0, 1]. reward: 1 when it converted, else 0.
    """

    id: str
    contest: Contest
    chosen: int
    propensity: float
    reward: float


@dataclass(frozen=True, slots=True, eq=False)
class Log:
    """Records as columns, shape (n,) each, and the distinct contests that they were in.

    Args:
        contests: C of them.
        contest: which of these, 0 to C - 1.
        chosen: the row of the offer that came first, among the contest's offers.
        propensity: float64 in (0, 1].
        reward: float64, 0 or 1.
        fold: 0 or 1; a hash of the record's id, so that a record is always in the same one.

    """

    contests: tuple[Contest, ...]
    contest: NDArray[np.intp]
    chosen: NDArray[np.intp]
    propensity: Array
    reward: Array
    fold: NDArray[np.intp]

    @classmethod
    def of(cls, records: Iterable[Record]) -> Self:
        """Take records in any order."""
        numbers: dict[Contest, int] = {}
        rows = [
            (numbers.setdefault(one.contest, len(numbers)), one.chosen, one.propensity, one.reward, fold_of(one.id))
            for one in records
        ]
        contest, chosen, propensity, reward, fold = zip(*rows, strict=True) if rows else ((), (), (), (), ())
        return cls(
            tuple(numbers),
            np.array(contest, np.intp),
            np.array(chosen, np.intp),
            np.array(propensity, np.float64),
            np.array(reward, np.float64),
            np.array(fold, np.intp),
        )

    def __len__(self) -> int:
        """How many records there are."""
        return len(self.reward)

    def by_contest(self) -> Iterator[tuple[Contest, NDArray[np.intp]]]:
        """Each contest with the rows of its records."""
        order = np.argsort(self.contest, kind="stable")
        ends = np.cumsum(np.bincount(self.contest, minlength=len(self.contests)))
        return zip(self.contests, np.split(order, ends[:-1]), strict=True) if self.contests else iter(())


def fold_of(id: str) -> int:  # noqa: A002 - the field is called id
    """Which half of a log a record is in, the same one wherever it is read."""
    return hashlib.blake2b(id.encode(errors="replace"), digest_size=1).digest()[0] % FOLDS
