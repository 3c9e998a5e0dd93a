"""What the demo shows at the end: tables on the terminal, and a plot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from infra.local.shop import Shop

_TOP = 10
_NEXT = """
[bold]What to try next[/bold]
  make serve                 the same system, for your own client: see .local/env for its secrets and addresses
  curl http://127.0.0.1:8080/openapi.json      every operation of the API
  make demo again, with other visitors:        .venvs/local/bin/python -m infra.local.demo --seed 2
  make test                  what is claimed here, checked
  README.md                  the words, the flows, and how to deploy to AWS\
"""


@dataclass(frozen=True, slots=True)
class Round:
    """Visits of one round, how many converted, and the true rate of what was shown first, on average."""

    visits: int
    conversions: int
    true_rate: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A shop's rounds, and the model's report after the last."""

    shop: Shop
    rounds: Sequence[Round]
    report: Mapping[str, Any]

    def last_half(self) -> Round:
        """The later rounds, from the middle on, as one."""
        some = self.rounds[len(self.rounds) // 2 :]
        visits = sum(one.visits for one in some)
        rate = sum(one.visits * one.true_rate for one in some) / visits
        return Round(visits, sum(one.conversions for one in some), rate)


def show(outcome: Outcome, picture: Path, console: Console) -> None:
    """Print the tables."""
    late, shop = outcome.last_half(), outcome.shop
    console.print(_rates(outcome))
    console.print(_traffic(outcome))
    console.print(_offers(outcome))
    console.print(
        f"Over the last half, what was shown first converts at {late.true_rate / shop.random_rate:.3f} times the rate "
        f"of random order. Plot: {picture}",
        soft_wrap=True,
    )
    console.print(_NEXT, soft_wrap=True, highlight=False)


def plot(outcome: Outcome, picture: Path) -> None:
    """Draw the conversion rate, round by round."""
    import matplotlib as mpl  # noqa: PLC0415 - a second of import, paid when there is something to draw

    mpl.use("svg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - only after the backend is chosen

    visits = list(accumulate(one.visits for one in outcome.rounds))
    figure, axes = plt.subplots(figsize=(9, 5), layout="constrained")
    realised = [100 * one.conversions / one.visits for one in outcome.rounds]
    axes.plot(visits, realised, "o", color="tab:blue", alpha=0.3, label="realised in each round")
    true = [100 * one.true_rate for one in outcome.rounds]
    axes.plot(visits, true, "o-", color="tab:blue", label="shown first by the model")
    axes.axhline(100 * outcome.shop.best_rate, color="tab:green", linestyle="--", label="always the best offer")
    axes.axhline(100 * outcome.shop.random_rate, color="tab:gray", linestyle="--", label="random order")
    axes.set(xlabel="visits", ylabel="conversion rate, %", title="What the shop earned from each visit", ylim=(0, None))
    axes.legend(loc="lower right")
    figure.savefig(picture, metadata={"Date": None})
    plt.close(figure)


def _rates(outcome: Outcome) -> Table:
    late, shop = outcome.last_half(), outcome.shop
    table = Table(title=f"Conversion rate over the last {late.visits:,} visits", title_justify="left")
    for column in ("", "true rate", "against random order", "realised"):
        table.add_column(column, justify="left" if not column else "right")
    rows = {
        "shown first by the model": late.true_rate,
        "random order": shop.random_rate,
        "always the best offer": shop.best_rate,
    }
    realised = {"shown first by the model": _percent(late.conversions / late.visits)}
    for name, rate in rows.items():
        table.add_row(name, _percent(rate), f"{rate / shop.random_rate:.2f} x", realised.get(name, ""))
    return table


def _traffic(outcome: Outcome) -> Table:
    """What a shop sees that does not know the true rates."""
    random, model = outcome.report["traffic"]["random"], outcome.report["traffic"]["model"]
    table = Table(
        title="Traffic ranked at random and by the model, as reported: GET /models/{id}/report", title_justify="left"
    )
    for column in ("traffic", "impressions", "conversions", "realised", "lift (95 %)"):
        table.add_column(column, justify="left" if column == "traffic" else "right")
    table.add_row("random", *_realised(random), "")
    lift = _lift(model, random)
    table.add_row("model", *_realised(model), lift)
    return table


def _lift(model: Mapping[str, Any], random: Mapping[str, Any]) -> str:
    """Gain over the random share, and a 95 % interval of it: the log of a ratio of small rates is about normal."""
    if not model["conversions"] or not random["conversions"]:
        return ""
    ratio = model["conversionRate"] / random["conversionRate"]
    spread = math.exp(1.96 * math.sqrt(1 / model["conversions"] + 1 / random["conversions"]))
    return f"{ratio - 1:+.0%} ({ratio / spread - 1:+.0%} to {ratio * spread - 1:+.0%})"


def _offers(outcome: Outcome) -> Table:
    known = {offer["id"]: offer for offer in outcome.report["offers"]}
    rates = dict(zip(outcome.shop.offers, outcome.shop.rates.tolist(), strict=True))
    table = Table(title=f"The {_TOP} best offers, which the model was never told", title_justify="left")
    for column in ("offer", "true rate", "impressions", "share", "estimate", "95 % interval"):
        table.add_column(column, justify="left" if column == "offer" else "right")
    for offer in sorted(rates, key=rates.__getitem__, reverse=True)[:_TOP]:
        found = known.get(offer)
        if found is None:
            table.add_row(offer, _percent(rates[offer]), "0")
            continue
        low, high = found["interval"]
        impressions, _, estimate = _realised(found)
        interval = f"{100 * low:.3f} to {100 * high:.3f} %"
        table.add_row(offer, _percent(rates[offer]), impressions, f"{found['share']:.1%}", estimate, interval)
    return table


def _realised(found: Mapping[str, Any]) -> tuple[str, str, str]:
    rate = found["conversionRate"]
    return f"{found['impressions']:,}", f"{found['conversions']:,}", "" if rate is None else _percent(rate)


def _percent(rate: float) -> str:
    return f"{100 * rate:.3f} %"
