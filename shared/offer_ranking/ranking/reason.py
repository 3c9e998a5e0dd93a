"""Why the first offer is first, in a sentence for people who rank no offers for a living."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from offer_ranking.learning.snapshot import Snapshot
    from offer_ranking.ranking.candidates import Candidates
    from offer_ranking.ranking.ranking import Ranking

_KNOWN_TO_BE_LIKELY = 0.5


def reason(ranking: Ranking, candidates: Candidates, snapshot: Snapshot | None) -> str:
    """Say it of a ranking that this snapshot gave."""
    first = int(ranking.order[0])
    name = f"“{candidates.ids[first]}”"
    if len(candidates) == 1:
        return f"{name} is first because it was the only offer."
    if snapshot is None:
        return f"Nothing had been learned yet: chance put {name} first, one of {len(candidates)} offers."
    if ranking.traffic_type == "random":
        share = _percent(snapshot.settings.random_share)
        return (
            f"Chance put {name} first: this request belongs to the {share} of traffic that is ranked at random, so "
            "that there is something to compare with."
        )
    often = float(ranking.propensities[0])
    whom = "requests like this one" if ranking.traffic_type == "contextual" else "requests with these offers"
    seen = _seen(snapshot, candidates, first)
    because = _because(often, len(candidates))
    return f"{name} is first because {because}: {seen}, and it comes first in {_percent(often)} of {whom}."


def _because(often: float, candidates: int) -> str:
    if often >= _KNOWN_TO_BE_LIKELY:
        return "it is most probably the best"
    return "it may well be the best" if often * candidates >= 1 else "it cannot be ruled out yet to be the best"


def _seen(snapshot: Snapshot, candidates: Candidates, first: int) -> str:
    (row,) = snapshot.versions.rows(candidates.ids[first : first + 1], candidates.etags[first : first + 1])
    if row == len(snapshot.versions) or snapshot.impressions[row] < 1:
        return "it is new, so it is taken to be like the others until it has been shown"
    shown, converted = snapshot.impressions[row], snapshot.conversions[row]
    lately = "" if snapshot.settings.window_days is None else f" in the last {snapshot.settings.window_days} days"
    return f"{_percent(converted / shown)} of {round(shown):,} impressions{lately} converted"


def _percent(part: float) -> str:
    """With two digits that say something: 83 %, 3.1 %, 0.04 %."""
    percent = 100 * part
    if percent < 0.01:
        return "less than 0.01 %" if percent > 0 else "none"
    decimals = max(0, 1 - int(np.floor(np.log10(percent))))
    return f"{percent:.{decimals}f} %"
