"""What the collector stands on, in memory, keeping the contracts that the adapters keep; events as pages send them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from offer_ranking.catalog.datastream import Datastream, TokenMode
from offer_ranking.collecting.caps import MS_PER_DAY, CapsUnavailableError, Interact, Limits
from offer_ranking.collecting.delivery import UnavailableError
from offer_ranking.events.instant import to_rfc3339
from offer_ranking.events.proposition import Proposition, proposition_of
from offer_ranking.events.token import Token, TokenKey, TokenKeys
from offer_ranking.events.uuid7 import uuid7

NOW_MS = 1_796_000_000_000  # 2026-11-30
KEYS = TokenKeys(TokenKey("k2", b"n" * 32), TokenKey("k1", b"o" * 32))
SOURCE = "198.51.100.7"


class FakeCaps:
    """See collecting.caps.Caps. `away` while its table is."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits(per_visitor=3, per_source=4)
        self.away = False
        self.asked = 0
        self._marks: defaultdict[Any, set[str]] = defaultdict(set)

    def admits(self, interact: Interact, *, now_ms: int) -> bool:
        self.asked += 1
        if self.away:
            raise CapsUnavailableError
        for counter in self.limits.counters(interact):
            marks = self._marks[now_ms // MS_PER_DAY, counter.name]
            if interact.mark not in marks and len(marks) >= counter.limit:
                return False
            marks.add(interact.mark)
        return True


@dataclass
class FakeDelivery:
    """See collecting.delivery.Delivery. `away` while nothing takes lines, `busy` while only the bucket does."""

    stored: dict[str, list[bytes]] = field(default_factory=dict)
    away: bool = False
    busy: bool = False

    def deliver(self, dataset: str, lines: Sequence[bytes], *, now_ms: int) -> int:
        assert now_ms
        assert all(b"\n" not in line for line in lines)
        if self.away:
            raise UnavailableError
        self.stored.setdefault(dataset, []).extend(lines)
        return len(lines) if self.busy else 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for lines in self.stored.values() for line in lines]


def datastream(mode: TokenMode = TokenMode.ENFORCE, id: str = "shop", dataset_id: str = "events") -> Datastream:  # noqa: A002
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Datastream(
        name="shop", org_id="ORG@AdobeOrg", dataset_id=dataset_id, token_mode=mode, id=id, version=1,
        created_at=moment, updated_at=moment,
    )  # fmt: skip


def a_token(*offers: str, **fields: Any) -> Token:
    """A token that gives the first `shown` of these offers, all by default."""
    offers = offers or ("o1", "o2", "o3")
    known = {
        "proposition": uuid7(NOW_MS), "issued_ms": NOW_MS - 5000, "model": "m1", "snapshot_version": 7,
        "traffic_type": "noncontextual", "cell": "", "datastream": "shop", "visitor": "v1",
        "offers": tuple((offer, round(1 / len(offers), 9)) for offer in offers),
    }  # fmt: skip
    return Token(**known | fields)


def proposition(token: Token, *items: str | dict[str, Any], keys: TokenKeys | None = KEYS, **more: Any) -> Proposition:
    """What a page was given, with the items that it shows."""
    etags = {offer: etag for offer, etag in zip(token.given(), token.etags, strict=False) if etag}
    given: Any = proposition_of(token, scope="scope", step="aiModel", algorithm="ts", etags=etags, keys=keys)
    shown = [{"id": item} if isinstance(item, str) else item for item in items]
    return given | ({"items": shown} if shown else {}) | more


def event(kind: str, *propositions: Any, id: str = "e1", **more: Any) -> dict[str, Any]:  # noqa: A002
    """As a page sends it."""
    decisioning = {"propositionEventType": {kind: 1}, "propositions": list(propositions)}
    return {
        "_id": id,
        "timestamp": to_rfc3339((NOW_MS - 1000) * 1000),
        "eventType": f"decisioning.proposition{kind.capitalize()}",
        "identityMap": {"ECID": [{"id": "1" * 38}]},
        "_experience": {"decisioning": decisioning},
    } | more
