"""What a model's offers did, what each part of its traffic earned, and whether that is more than chance."""

from __future__ import annotations

from typing import TYPE_CHECKING, NotRequired, TypedDict

import numpy as np

from offer_ranking.catalog.listing import size_of, within
from offer_ranking.catalog.model import ModelType
from offer_ranking.catalog.settings import Settings
from offer_ranking.learning.evidence import Evidence, Weights
from offer_ranking.learning.race import first_places
from offer_ranking.learning.rates import Rates
from offer_ranking.learning.versions import Versions
from offer_ranking.measuring.audiences import AudienceReport, audience_reports
from offer_ranking.measuring.history import History, Membership
from offer_ranking.measuring.interval import credible_intervals
from offer_ranking.measuring.lift import Lift, lift
from offer_ranking.measuring.rate import Rate
from offer_ranking.measuring.traffic import (
    CONTEXTUAL,
    MODEL,
    NONCONTEXTUAL,
    RANDOM,
    OwnTraffic,
    Traffic,
    TrafficOverTime,
    arm,
    totals,
    traffic,
    traffic_over_time,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from offer_ranking.catalog.model import Model
    from offer_ranking.counting.accounting import Accounting
    from offer_ranking.counting.counts import Counts


class OfferReport(TypedDict):
    """One offer, by all its events. `interval` holds its true rate with 95 % probability; `probabilityBest` says how
    probably that is the highest of all these offers; `share` is the offer's part of all impressions. Of more than
    10,000 offers, as many as a model ranks, or of fewer with long ids, the most shown ones are told.
    """

    id: str
    impressions: int
    conversions: int
    conversionRate: float | None
    interval: list[float]
    probabilityBest: float
    share: float


class AccountingReport(TypedDict):
    """What became of every line of the model's datasets, whatever its time."""

    received: int
    counted: int
    duplicate: int
    other: int
    late: int
    refused: dict[str, int]


class Report(TypedDict):
    """A model's report. `lift` is the model's over its random share.

    A personalized model has `audiences`, and `personalization`: how much more those convert for whom it ranks than
    those whom it ranks for as for everybody. Each lift is of all the time since the model was created, however far the
    report looks back: its interval holds however often one looks, because its beginning never moves.
    """

    asOf: str
    snapshotVersion: int | None
    totals: Rate
    accounting: AccountingReport
    offers: list[OfferReport]
    traffic: Traffic
    lift: Lift
    trafficOverTime: TrafficOverTime
    audiences: NotRequired[list[AudienceReport]]
    personalization: NotRequired[Lift]


MOST_OFFERS = 10_000
_BESIDE_ID = 300  # bytes of an offer's numbers and their names, as Lambda writes them
_ALL_TIME = Settings(window_days=None)
_LONG_AFTER = 2**41  # hours: all conversions have come, and every impression counts in full


def report(  # noqa: PLR0913 - what a report is made of
    counts: Counts,
    accounting: Accounting,
    *,
    history: Iterable[Counts],
    model: Model,
    as_of: str,
    snapshot_version: int | None,
) -> Report:
    """The report of a model from the counts of its datasets, already cut to the time that is asked for.

    `history` are those since the model was created, in parts.

    Rates learn from every event, also of people to whom other offers were not shown; so they say what an offer earned,
    and not which offer earns more among the same people. What is compared, lift and the gain of personalizing, is
    so among the model's own events only, arm by arm within each hour: see `traffic`.
    """
    own = OwnTraffic.of(counts, model.id)
    membership = Membership(model.audiences)
    past = History.of(history, model, membership)
    made = Report(
        asOf=as_of,
        snapshotVersion=snapshot_version,
        totals=totals(counts),
        accounting=AccountingReport(**accounting.to_json()),  # type: ignore[typeddict-item]
        offers=_offers(counts),
        traffic=traffic(own.by_hour().sum(axis=0), model),
        lift=lift(arm(past.everybody, MODEL), arm(past.everybody, RANDOM)),
        trafficOverTime=traffic_over_time(counts, own, model, past.lift_until),
    )
    if model.type is ModelType.PERSONALIZED:
        made["audiences"] = audience_reports(own, past, membership)
        made["personalization"] = lift(arm(past.everybody, CONTEXTUAL), arm(past.everybody, NONCONTEXTUAL))
    return made


def _offers(counts: Counts) -> list[OfferReport]:
    """Whatever versions an offer had: people look for it by its id."""
    tallies = Weights.of(counts, _ALL_TIME, as_of_hour=_LONG_AFTER)
    offers = Versions.of(counts.offer.words)
    evidence = Evidence(offers, *tallies.sums(counts.offer.codes.astype(np.intp), len(offers)))
    rates = Rates.learned(evidence)
    most_shown = np.argsort(-evidence.impressions, kind="stable")[:MOST_OFFERS].tolist()
    shown = np.sort(np.array(within(most_shown, lambda row: size_of(offers.offers[row]) + _BESIDE_ID), dtype=np.intp))
    intervals = credible_intervals(*rates.shapes(shown))
    best = first_places(rates.draws(shown))
    total = max(evidence.impressions.sum(), 1.0)
    ids = [offers.offers[row] for row in shown.tolist()]
    rows = zip(ids, evidence.impressions[shown], evidence.conversions[shown], intervals, best, strict=True)
    return [
        OfferReport(
            id=offer,
            impressions=int(impressions),
            conversions=int(conversions),
            conversionRate=float(conversions / impressions) if impressions else None,
            interval=[float(interval[0]), float(interval[1])],
            probabilityBest=float(first),
            share=float(impressions / total),
        )
        for offer, impressions, conversions, interval, first in rows
    ]
