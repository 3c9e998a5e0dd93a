"""What a personalized model earned among each of its audiences."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np

from offer_ranking.counting.counts import CONVERSION, IMPRESSION
from offer_ranking.measuring.interval import credible_intervals
from offer_ranking.measuring.lift import Lift, lift
from offer_ranking.measuring.rate import rate_of
from offer_ranking.measuring.traffic import MODEL, RANDOM, OwnTraffic, arm

if TYPE_CHECKING:
    from offer_ranking.measuring.history import History, Membership

_HALF = 0.5  # Jeffreys' prior (Brown, Cai, DasGupta, "Interval estimation for a binomial proportion", 2001)


class AudienceReport(TypedDict):
    """The model's own traffic among people of one audience; who is in several counts in each. Null: in none of them.

    `interval` holds the true rate with 95 % probability. `lift` compares the model with its random share within the
    audience, hour by hour, so among the same people. Each audience's interval holds with its own 95 %: of many
    audiences, some are outside.
    """

    audience: str | None
    impressions: int
    conversions: int
    conversionRate: float | None
    interval: list[float]
    lift: Lift


def audience_reports(own: OwnTraffic, history: History, membership: Membership) -> list[AudienceReport]:
    """One for each audience of a model, as it is defined now, and one for people in none of them."""
    members = membership.of(own.counts.cell.words)
    tallies = np.array([own.by_hour(member[own.counts.cell.codes]).sum(axis=(0, 1)) for member in members])
    impressions = tallies[:, IMPRESSION]
    conversions = np.minimum(tallies[:, CONVERSION], impressions)
    intervals = credible_intervals(conversions + _HALF, impressions - conversions + _HALF)
    rows = zip([*membership.audiences, None], tallies, intervals, history.audiences, strict=True)
    return [
        AudienceReport(
            audience=audience,
            **rate_of(tally),
            interval=interval.tolist(),
            lift=lift(arm(table, MODEL), arm(table, RANDOM)),
        )
        for audience, tally, interval, table in rows
    ]
