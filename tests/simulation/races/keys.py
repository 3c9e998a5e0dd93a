"""Races for the keys that sign, and for the counters that many environments share."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from offer_ranking.collecting.caps import Interact, Limits
from offer_ranking.storage.caps import DynamoCaps
from offer_ranking.storage.quotas import DynamoQuotas
from offer_ranking.storage.token_keys import ContendedError, KeyRing
from tests.simulation.races.field import Field


class _Noting:
    """A client that notes which key each rotation that was made came after."""

    def __init__(self, client: Any, noted: list[tuple[str, str]]) -> None:
        self._client, self._noted = client, noted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **asked: Any) -> Any:
        answer = self._client.update_item(**asked)
        values = asked["ExpressionAttributeValues"]
        self._noted.append((values[":seen"]["S"], values[":id"]["S"]))
        return answer


def token_keys(field: Field) -> int:
    """All make the first key, and all rotate: each key has one successor."""
    noted: list[tuple[str, str]] = []
    ring = partial(KeyRing, _Noting(field.dynamodb, noted), "TokenKeys")

    def attempt(_: int, n: int) -> bool | None:
        if n == 0:
            ring().ensure()
        try:
            ring().rotate(force=True)
        except ContendedError:
            return None
        return True

    won = field.race(attempt)
    following = dict(noted)
    assert len(following) == len(noted) == len(won)
    (first,) = following.keys() - following.values()
    chain = list(_chain(first, following))
    assert len(chain) == len(won) + 1
    keys = KeyRing(field.dynamodb, "TokenKeys", clock=lambda: time.time() + 86_400).keys()
    assert keys is not None
    assert keys.other is not None
    assert [keys.other.id, keys.current.id] == chain[-2:]
    return len(won)


def _chain(first: str, following: dict[str, str]) -> Iterator[str]:
    one: str | None = first
    while one is not None:
        yield one
        one = following.get(one)


def caps(field: Field) -> int:
    """A visitor's interacts come to all at once: as many are admitted as there is room for."""
    limit = max(1, field.tries // 16)
    counters = DynamoCaps(field.dynamodb, "Caps", Limits(per_visitor=limit, per_source=field.tries))

    def attempt(writer: int, n: int) -> bool | None:
        return True if counters.admits(Interact("o", f"{writer} {n}", "v", "s"), now_ms=0) else None

    won = field.race(attempt)
    assert len(won) == limit
    return len(won)


def quotas(field: Field) -> int:
    """All tell of what they admitted of one client: each hears a total that nobody else hears, up to the sum."""
    counter = DynamoQuotas(field.dynamodb, "Caps")
    told = field.race(lambda _writer, _n: counter.add("c", 1, 3))
    assert sorted(told) == [3 * n for n in range(1, field.tries + 1)]
    return len(told)
