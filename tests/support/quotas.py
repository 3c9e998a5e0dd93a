"""The counter of quotas in memory; it keeps the contract that the adapter keeps."""

from __future__ import annotations

from collections import Counter

from offer_ranking.ranking.quota import QuotaUnavailableError


class FakeCounter:
    """See ranking.quota.SharedCounter. `away` while it cannot be asked; `asked` is how often it was."""

    def __init__(self) -> None:
        self.told: Counter[tuple[str, int]] = Counter()
        self.asked = 0
        self.away = False

    def add(self, client: str, window: int, rankings: int) -> int:
        self.asked += 1
        if self.away:
            raise QuotaUnavailableError
        self.told[client, window] += rankings
        return self.told[client, window]
