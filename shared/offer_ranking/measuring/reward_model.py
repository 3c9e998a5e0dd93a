"""What an offer would have earned, guessed from its own records: the model in doubly robust estimates."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np

from offer_ranking.learning.prior import learn_prior
from offer_ranking.measuring.log import FOLDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offer_ranking.measuring.log import Log

    Array = NDArray[np.float64]


@dataclass(slots=True)
class FoldCounts:
    """How often each offer was shown and converted, fold by fold; grows with the distinct offers, not with the log."""

    _rows: dict[str, int] = field(default_factory=dict)
    _sums: Array = field(default_factory=lambda: np.zeros((0, 2, FOLDS)))

    def add(self, log: Log) -> None:
        """Count a part of the log."""
        rows = np.empty(len(log), np.intp)
        for contest, members in log.by_contest():
            known = [self._rows.setdefault(offer, len(self._rows)) for offer in contest.offers]
            rows[members] = np.array(known, np.intp)[log.chosen[members]]
        grown = np.zeros((len(self._rows), 2, FOLDS))
        grown[: len(self._sums)] = self._sums
        np.add.at(grown, (rows, 0, log.fold), 1.0)
        np.add.at(grown, (rows, 1, log.fold), log.reward)
        self._sums = grown

    def model(self) -> RewardModel:
        """Rates of each fold, for use on the other one."""
        return RewardModel.of(tuple(self._rows), self._sums[:, 0].T, self._sums[:, 1].T)


@dataclass(frozen=True, slots=True, eq=False)
class RewardModel:
    """A rate per offer and fold, learned from the records of the other fold, pooled with the prior of that one.

    A record's own outcome is thus in no rate that it is corrected by, which keeps the estimate free of bias whatever
    the rates are (cross-fitting: Chernozhukov et al., "Double/debiased machine learning", Econometrics Journal 2018).

    Args:
        offers: ids.
        rates: shape (2, K + 1); the last column is what an offer gets that no record showed.

    """

    offers: dict[str, int]
    rates: Array

    @classmethod
    def of(cls, offers: tuple[str, ...], impressions: Array, conversions: Array) -> Self:
        """Learn from counts of shape (2, K): row f holds those of fold f."""
        rates = np.empty((FOLDS, len(offers) + 1))
        for fold in range(FOLDS):
            n, c = impressions[1 - fold], conversions[1 - fold]
            prior = learn_prior(n, c)
            rates[fold] = (prior.alpha + np.append(c, 0.0)) / (prior.strength + np.append(n, 0.0))
        return cls({offer: row for row, offer in enumerate(offers)}, rates)

    def of_offers(self, offers: tuple[str, ...]) -> Array:
        """The rates of these offers, shape (2, len(offers)); row f is for records of fold f."""
        unknown = len(self.offers)
        return self.rates[:, [self.offers.get(offer, unknown) for offer in offers]]
