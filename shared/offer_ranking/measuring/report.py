"""What a model's offers did: rates with credible intervals, shares, and what each part of its traffic earned."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

import numpy as np

from offer_ranking.catalog.settings import Settings
from offer_ranking.counting.counts import CONVERSION, IMPRESSION
from offer_ranking.learning.evidence import evidence_of
from offer_ranking.learning.rates import Rates
from offer_ranking.measuring.interval import credible_intervals

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offer_ranking.counting.accounting import Accounting
    from offer_ranking.counting.counts import Counts


class Rate(TypedDict):
    """Conversions / impressions; null before the first impression."""

    impressions: int
    conversions: int
    conversionRate: float | None


class OfferReport(TypedDict):
    """One offer. `interval` holds its true rate with 95 % probability; `share` is its part of all impressions."""

    id: str
    impressions: int
    conversions: int
    conversionRate: float | None
    interval: list[float]
    share: float


class Traffic(TypedDict):
    """What this model's own rankings earned: the part ranked at random, and the part ranked by what it learned."""

    random: Rate
    model: Rate


class AccountingReport(TypedDict):
    """What became of every line of the model's datasets, whatever its time."""

    received: int
    counted: int
    duplicate: int
    other: int
    late: int
    refused: dict[str, int]


class Report(TypedDict):
    """A model's report."""

    asOf: str
    snapshotVersion: int | None
    totals: Rate
    accounting: AccountingReport
    offers: list[OfferReport]
    traffic: Traffic


_ALL_TIME = Settings(window_days=None)


def report(
    counts: Counts, accounting: Accounting, *, model_id: str, as_of: str, snapshot_version: int | None
) -> Report:
    """The report of a model from the counts of its datasets, already cut to the days that are asked for.

    Rates learn from every event; traffic counts only events whose ranking names this model.
    """
    own = np.array([model == model_id for model in counts.model.words], np.bool_)[counts.model.codes]
    random = np.array([traffic == "random" for traffic in counts.traffic.words], np.bool_)[counts.traffic.codes]
    everything = np.ones(len(counts), np.bool_)
    return Report(
        asOf=as_of,
        snapshotVersion=snapshot_version,
        totals=_rate(counts, everything),
        accounting=AccountingReport(**accounting.to_json()),  # type: ignore[typeddict-item]
        offers=_offers(counts),
        traffic=Traffic(random=_rate(counts, own & random), model=_rate(counts, own & ~random)),
    )


def _offers(counts: Counts) -> list[OfferReport]:
    evidence = evidence_of(counts, _ALL_TIME, as_of_hour=0)
    rates = Rates.learned(evidence)
    intervals = credible_intervals(rates.alpha, rates.beta)
    total = max(evidence.impressions.sum(), 1.0)
    rows = zip(evidence.versions.offers, evidence.impressions, evidence.conversions, intervals, strict=True)
    return [
        OfferReport(
            id=offer,
            impressions=int(impressions),
            conversions=int(conversions),
            conversionRate=float(conversions / impressions) if impressions else None,
            interval=[float(interval[0]), float(interval[1])],
            share=float(impressions / total),
        )
        for offer, impressions, conversions, interval in rows
    ]


def _rate(counts: Counts, rows: NDArray[np.bool_]) -> Rate:
    impressions = int(counts.count[rows & (counts.kind == IMPRESSION)].sum())
    conversions = int(counts.count[rows & (counts.kind == CONVERSION)].sum())
    return Rate(
        impressions=impressions,
        conversions=conversions,
        conversionRate=conversions / impressions if impressions else None,
    )
