"""What a model would learn from, told before anybody activates it; and how long until its lift would be seen."""

from __future__ import annotations

from dataclasses import dataclass
from math import expm1, log1p, sqrt
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from offer_ranking.catalog.lifecycle import Status
from offer_ranking.catalog.listing import size_of, within
from offer_ranking.counting.counts import CONVERSION, HOURS_PER_DAY, IMPRESSION
from offer_ranking.measuring.lift import LEAST_CONVERSIONS, half_width
from offer_ranking.measuring.rate import Rate, rate_of
from offer_ranking.measuring.report import MOST_OFFERS, AccountingReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offer_ranking.catalog.model import Model
    from offer_ranking.counting.accounting import Accounting
    from offer_ranking.counting.counts import Counts

RECENT_DAYS = 14  # two whole weeks: no weekday counts more than another
LIFTS = (0.05, 0.1, 0.2)
_POWER_80 = 0.8416212335729143  # the normal quantile of 80 %
_LEAST_INFORMATION, _MOST_INFORMATION = 1e-3, 1e9
_HALVINGS = 80


class OfferEvents(Rate):
    """What is counted of one offer in the model's window."""

    id: str


class ExpectedDays(TypedDict):
    """From how many days of the present traffic on this `lift` would be seen, with a probability of 80 % on that day
    and more on each later one; null when it never would.
    """

    lift: float
    days: float | None


class Readiness(TypedDict):
    """What a model's datasets hold. All but `accounting`, which is of all lines, is of the last `windowDays`.

    `ready` when there are impressions and conversions to learn from. `offersWithoutImpressions` are those that were
    asked for and were not shown, and those that have conversions only: they start with what is believed of any offer.
    Of more than 10,000 offers, or of fewer with long ids, the most shown ones are told.
    `impressionsPerDay` is of the last 14 whole days, or of as many as there are since the first event;
    null before there is any. `expectedDays` take it that the model ranks all of this traffic, in which
    `baseRate` is earned, and `randomShare` of it at random. `notes` say what is amiss or uncertain.
    """

    asOf: str
    ready: bool
    notes: list[str]
    windowDays: int | None
    totals: Rate
    offers: list[OfferEvents]
    offersWithoutImpressions: list[str]
    accounting: AccountingReport
    impressionsPerDay: float | None
    baseRate: float | None
    randomShare: float
    expectedDays: list[ExpectedDays]


@dataclass(frozen=True, slots=True)
class Experiment:
    """What a lift is measured from: impressions a day, the random share of them, and the rate that this earns."""

    impressions_per_day: float
    random_share: float
    base_rate: float

    def days_until(self, lift: float) -> float | None:
        """From which day on the interval excludes 0 with a probability of 80 %.

        At information I the estimate is normal around theta = ln(1 + lift) with variance 1 / I, and information grows
        evenly, so it is the day of the I at which half_width(I) + z / sqrt(I) = theta, z = 0.84; or the day on which
        each arm has enough events for an interval, if that is later. None without traffic, or where that many
        conversions are not possible.
        """
        lifted = self.base_rate * (1 + lift)
        if not (self.impressions_per_day > 0 and self.base_rate > 0 and lifted < 1):
            return None
        arms = (
            (self.random_share * self.impressions_per_day, self.base_rate),
            ((1 - self.random_share) * self.impressions_per_day, lifted),
        )
        hourly = self.impressions_per_day / HOURS_PER_DAY
        comparable = 1 + expm1(-hourly) / hourly  # the mean of 1 - 1 / N over hours of N impressions, Poisson
        variance = sum((1 - rate) / (rate * shown) for shown, rate in arms) / comparable  # of one day
        enough = max(LEAST_CONVERSIONS / (shown * min(rate, 1 - rate)) for shown, rate in arms)
        return max(_information_for(log1p(lift)) * variance, enough)


def readiness(  # noqa: PLR0913 - a question
    counts: Counts, accounting: Accounting, *, model: Model, asked: Sequence[str], as_of: str, hour: int
) -> Readiness:
    """Tell what the counts of a model's datasets hold at an hour (whole hours since 1970 UTC).

    `counts` reach back over the model's window and over the last 14 days, whichever is longer; `asked` are offers.
    """
    window = model.settings.window_days
    inside = counts if window is None else counts.where(counts.hour >= hour - window * HOURS_PER_DAY)
    offers = _offers(inside)
    total = rate_of(np.array([sum(one[kind] for one in offers) for kind in ("impressions", "conversions")]))
    shown = {one["id"] for one in offers if one["impressions"]}
    most_shown = sorted(offers, key=lambda one: -one["impressions"])[:MOST_OFFERS]
    told = sorted(within(most_shown, _size), key=lambda one: one["id"])
    missing = sorted({*asked, *(one["id"] for one in told)} - shown)
    per_day, days = _recent_impressions(counts, hour // HOURS_PER_DAY)
    base_rate = min(total["conversionRate"], 1.0) if total["conversionRate"] is not None else None
    experiment = Experiment(per_day or 0.0, model.settings.random_share, base_rate or 0.0)
    return Readiness(
        asOf=as_of,
        ready=model.status is not Status.ARCHIVED and bool(total["impressions"] and total["conversions"]),
        notes=[
            *_general_notes(model, total, accounting),
            *_offer_notes(offers, missing),
            *_traffic_notes(per_day, days),
        ],
        windowDays=window,
        totals=total,
        offers=told,
        offersWithoutImpressions=missing,
        accounting=AccountingReport(**accounting.to_json()),  # type: ignore[typeddict-item]
        impressionsPerDay=per_day,
        baseRate=base_rate,
        randomShare=model.settings.random_share,
        expectedDays=[ExpectedDays(lift=lift, days=experiment.days_until(lift)) for lift in LIFTS],
    )


def _information_for(theta: float) -> float:
    """The information at which half width and z standard deviations are theta; both only fall as it grows."""
    low, high = _LEAST_INFORMATION, _MOST_INFORMATION
    for _ in range(_HALVINGS):  # of the ratio, until it is that of neighbouring numbers
        middle = sqrt(low * high)
        if float(half_width(middle)) + _POWER_80 / sqrt(middle) > theta:
            low = middle
        else:
            high = middle
    return high


def _offers(counts: Counts) -> list[OfferEvents]:
    codes, words = counts.offer.codes, counts.offer.words
    tallies = np.stack(
        [
            np.bincount(codes, np.where(counts.kind == kind, counts.count, 0), minlength=len(words))
            for kind in (IMPRESSION, CONVERSION)
        ],
        axis=1,
    )
    return [OfferEvents(id=offer, **rate_of(tally)) for offer, tally in zip(words, tallies, strict=True)]


def _recent_impressions(counts: Counts, today: int) -> tuple[float | None, int]:
    """Impressions a day, and over how many whole days; 0 days when only today has any, which then stands for a day."""
    shown = counts.kind == IMPRESSION
    days, impressions = counts.hour[shown] // HOURS_PER_DAY, counts.count[shown]
    if not len(days):
        return None, 0
    since = max(today - RECENT_DAYS, int(days[0]))
    if since >= today:
        return float(impressions.sum()), 0
    return float(impressions[(days >= since) & (days < today)].sum()) / (today - since), today - since


def _general_notes(model: Model, total: Rate, accounting: Accounting) -> list[str]:
    notes = []
    if model.status is Status.ARCHIVED:
        notes.append("The model is archived; duplicate it to rank with it again.")
    if not total["impressions"]:
        notes.append("There are no impressions to learn from: every ranking will be random.")
    elif not total["conversions"]:
        notes.append("There are no conversions to learn from: no offer is yet better than another.")
    elif total["conversions"] > total["impressions"]:
        notes.append("There are more conversions than impressions: displays may be missing from the events.")
    notes += [f"{_lines(lines)} refused: {reason}." for reason, lines in accounting.refused.items()]
    if accounting.late:
        notes.append(f"{_lines(accounting.late)} too late to count.")
    return notes


def _lines(lines: int) -> str:
    return "1 line was" if lines == 1 else f"{lines} lines were"


def _offer_notes(offers: Sequence[OfferEvents], missing: Sequence[str]) -> list[str]:
    known = {one["id"] for one in offers}
    return [_conversions_only(one) if one in known else f"Offer {one!r} has no events." for one in missing]


def _conversions_only(offer: str) -> str:
    return f"Offer {offer!r} has conversions only."


def _size(one: OfferEvents) -> int:
    """In an answer; one without impressions stands in it three times."""
    return size_of(one if one["impressions"] else [one, one["id"], _conversions_only(one["id"])])


def _traffic_notes(per_day: float | None, days: int) -> list[str]:
    if per_day is None:
        return ["There is no traffic: it cannot be said when a lift would be seen."]
    if not per_day:
        return [f"There were no impressions in the last {days} days: it cannot be said when a lift would be seen."]
    if not days:
        return ["The first impressions are of today, which is taken for a whole day of traffic."]
    if days < RECENT_DAYS:
        return [
            f"The present traffic is known from {days} whole days only, the first of which may have been cut short."
        ]
    return []
