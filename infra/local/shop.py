"""A shop to learn in: offers with true rates that only the shop knows, visitors, and the events that they leave."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

_SEEDS = 2**53
_OPEN_BANDIT = Path(__file__).with_name("open_bandit_men.json")


@dataclass(frozen=True, slots=True)
class Shop:
    """Offers and their true conversion rates, shape (K,)."""

    offers: tuple[str, ...]
    rates: NDArray[np.float64]

    @classmethod
    def open_bandit_men(cls) -> Self:
        """34 offers with the rates of a real campaign (source: see the file)."""
        known = json.loads(_OPEN_BANDIT.read_text(encoding="utf-8"))
        alpha, beta = np.array(known["alpha"], np.float64), np.array(known["beta"], np.float64)
        return cls(tuple(f"men-{n:02d}" for n in range(len(alpha))), alpha / (alpha + beta))

    @property
    def random_rate(self) -> float:
        """What uniformly random order earns for each visit."""
        return float(np.mean(self.rates))

    @property
    def best_rate(self) -> float:
        """What always showing the best offer earns for each visit."""
        return float(np.max(self.rates))

    def rate_of(self, shown: Sequence[str]) -> float:
        """The true conversion rate of what was shown, on average."""
        row = {offer: n for n, offer in enumerate(self.offers)}
        return float(self.rates[[row[offer] for offer in shown]].mean())


@dataclass(frozen=True, slots=True)
class Visits:
    """Visitors of one round: the seed of each one's ranking, and how easily each is convinced, uniform in [0, 1)."""

    seeds: list[int]
    reluctance: list[float]

    def convinced(self, shop: Shop, shown: Sequence[str]) -> list[bool]:
        """Who of them converts at the offer shown to each."""
        rate = dict(zip(shop.offers, shop.rates.tolist(), strict=True))
        return [reluctance < rate[offer] for reluctance, offer in zip(self.reluctance, shown, strict=True)]


def rounds(visits: int, of: int, seed: int) -> Iterator[Visits]:
    """That many visits in rounds of some; the same seed gives the same visitors."""
    rng = np.random.default_rng(seed)
    for start in range(0, visits, of):
        n = min(of, visits - start)
        yield Visits(rng.integers(_SEEDS, size=n).tolist(), rng.random(n).tolist())


def events(rankings: Sequence[Mapping[str, Any]], converted: Sequence[bool]) -> Iterator[dict[str, Any]]:
    """XDM events of rankings whose first offer was shown: a display each, and an interact where it converted."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    for ranking, did in zip(rankings, converted, strict=True):
        shown = {**ranking["proposition"], "items": [{"id": ranking["offers"][0]["id"]}]}
        for kind in ("display", "interact")[: 1 + did]:
            yield {
                "_id": f"{ranking['rankingId']}-{kind}",
                "timestamp": now,
                "eventType": f"decisioning.proposition{kind.capitalize()}",
                "_experience": {"decisioning": {"propositionEventType": {kind: 1}, "propositions": [shown]}},
            }


def gzipped_lines(documents: Iterator[dict[str, Any]]) -> bytes:
    """JSON lines, compressed: what is put into a dataset."""
    lines = [json.dumps(document, separators=(",", ":")) for document in documents]
    return gzip.compress("\n".join([*lines, ""]).encode(), compresslevel=1, mtime=0)
