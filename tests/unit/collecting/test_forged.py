"""Thousands of tokens that nobody earned, through the collector and the engine that counts: none counts."""

from __future__ import annotations

import base64
import json
import random
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from offer_ranking.collecting.collector import Collector
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.engine import count_object
from offer_ranking.events.token import TokenKey, TokenKeys, sign
from tests.support.collecting import (
    KEYS,
    NOW_MS,
    SOURCE,
    FakeCaps,
    FakeDelivery,
    a_token,
    datastream,
    event,
    proposition,
)

LEAST = 10_000
HOUR_MS = 3_600_000
NS = "https://ns.adobe.com/experience/decisioning/"
EARNED = a_token("o1", "o2", "o3", shown=2, etags=("1", "2"), cell='["gold"]')
TEXT = sign(EARNED, KEYS.current)
LETTERS = string.ascii_letters + string.digits + "-_.=+/ é"


def edited() -> Iterator[str]:
    """The token with each character exchanged for each other, left out, and doubled."""
    for place, letter in enumerate(TEXT):
        yield from (TEXT[:place] + other + TEXT[place + 1 :] for other in LETTERS if other != letter)
        yield TEXT[:place] + TEXT[place + 1 :]
        yield TEXT[:place] + letter + TEXT[place:]


def cut() -> Iterator[str]:
    yield from (TEXT[:end] for end in range(len(TEXT)))
    yield from (TEXT[start:] for start in range(1, len(TEXT)))
    payload, _, signature = TEXT.partition(".")
    yield from (payload, "." + signature, payload + ".", signature + "." + payload, TEXT + "=", TEXT * 2, TEXT + "\0")


def rewritten() -> Iterator[str]:
    """What it says changed, and the signature kept, swapped for that of another token, or left out."""
    payload, _, signature = TEXT.partition(".")
    other = sign(a_token("o9"), KEYS.current).partition(".")[2]
    fields = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    changes: list[Any] = [
        "",
        "x",
        0,
        1,
        -1,
        3.5,
        None,
        True,
        [],
        {},
        ["o9"],
        [0.5],
        NOW_MS,
        "k1",
        "k2",
        "shop",
        '["gold"]',
    ]
    for place in range(len(fields)):
        for change in changes:
            if change != fields[place]:
                spelled = json.dumps([*fields[:place], change, *fields[place + 1 :]], separators=(",", ":")).encode()
                altered = base64.urlsafe_b64encode(spelled).decode().rstrip("=")
                yield from (f"{altered}.{mark}" for mark in (signature, other, "A" * 22, ""))


def of_others() -> Iterator[str]:
    """Signed well, by whom we do not know or for what it is not."""
    strangers = [TokenKey(id_, b"%032d" % n) for n in range(100) for id_ in ("k1", "k2", "k3")]
    yield from (sign(EARNED, key) for key in strangers)
    for key in (KEYS.current, KEYS.other):
        assert key is not None
        for n in range(100):
            yield sign(a_token("o1", datastream=f"shop{n}"), key)
            yield sign(a_token("o1", issued_ms=NOW_MS - 48 * HOUR_MS - 1 - n), key)
            yield sign(a_token("o1", issued_ms=NOW_MS + 300_001 + n), key)


class Shop:
    """A page's events, collected where tokens are enforced, and what they count as."""

    def __init__(self, folder: Path, keys: TokenKeys = KEYS) -> None:
        self._file = folder / "collected.json"
        self._delivery = FakeDelivery()
        self._collector = Collector(lambda: keys, FakeCaps(), self._delivery)

    def take(self, *events: dict[str, Any]) -> None:
        self._collector.take(events, datastream=datastream(), source=SOURCE, now_ms=NOW_MS)

    def counted(self) -> Delta:
        self._file.write_bytes(b"\n".join(self._delivery.stored["events"]))
        return count_object(self._file).delta


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def with_token(text: str, n: int, *items: str) -> dict[str, Any]:
    """A proposition that looks right in everything but its token, in one of the spellings there are."""
    shown: Any = proposition(EARNED, *(items or ("o1", "o2")))
    characteristics = shown["scopeDetails"]["characteristics"] | {"eventToken": text}
    if n % 3 == 0:
        return shown | {"scopeDetails": shown["scopeDetails"] | {"characteristics": characteristics}}
    if n % 3 == 1:
        return {"xdm:items": [{"xdm:id": "o1"}], "xdm:scopeDetails": {"xdm:characteristics": {"xdm:eventToken": text}}}
    return {"scopeDetails": {"characteristics": characteristics}}


@pytest.mark.parametrize("kind", ["display", "interact"])
def test_of_ten_thousand_forged_tokens_none_counts_beside_the_one_that_was_earned(shop: Shop, kind: str) -> None:
    forged = [*edited(), *cut(), *rewritten(), *of_others()]
    assert TEXT not in forged
    assert len(set(forged)) >= LEAST
    shop.take(event(kind, proposition(EARNED, "o1")))
    for n, text in enumerate(forged):
        shop.take(event(kind, with_token(text, n), id=f"f{n}", eventToken=text))
    delta = shop.counted()
    assert [(key.offer, count) for key, count in delta.counts.items()] == [("o1", 1)]
    assert delta.accounting.counted == 1
    assert delta.accounting.refused["untrusted"] == len(forged)


def test_a_replayed_token_counts_once_an_offer_and_kind(shop: Shop) -> None:
    for n in range(300):
        kind = ("display", "interact")[n % 2]
        offer = ("o1", "o2", "o3")[n % 3]
        shop.take(event(kind, proposition(EARNED, offer), id=f"r{n}", timestamp=f"2026-11-30T00:{n % 50:02}:00Z"))
    counts = {(key.offer, key.kind): count for key, count in shop.counted().counts.items()}
    assert counts == {(offer, kind): 1 for offer in ("o1", "o2") for kind in (0, 1)}


def test_whatever_stands_beside_an_earned_token_nothing_else_counts(shop: Shop) -> None:
    """Decoys in every spelling and place, each alone and many at once: what counts is what was given."""
    chance = random.Random(2)
    decoy = {"id": "decoy", "xdm:id": "decoy", "etag": "decoy", "offerID": "decoy"}
    part = {"id": "p", "items": [decoy], "xdm:items": [decoy]}
    inside = base64.b64encode(json.dumps([part]).encode()).decode()
    strategies = [{"step": "aiModel", "strategyID": "decoy", "trafficType": "decoy", "xdm:strategyID": "decoy"}]
    of_event: list[tuple[str, Any]] = [
        (NS + "propositions", [part]), (NS + "proposition", [part]), ("offerId", "decoy"), ("offerEtag", "decoy"),
        ("modelId", "decoy"), ("trafficType", "decoy"), ("cell", "decoy"), ("eventToken", TEXT), ("position", 7),
        ("propositionId", "decoy"), (NS + "propositionEventType", {"xdm:display": 1, "display": 1}),
        (NS + "propositionAction", {"xdm:tokens": ["decoy"]}), ("eventType", "message.tracking"),
        ("xdm:eventType", "decoy"),
        ("offerRanking", {"offers": ["decoy"], "model": "decoy", "trust": "signed", "cell": "decoy", "issuedAt": 1}),
    ]  # fmt: skip
    of_proposition: list[tuple[str, Any]] = [
        ("xdm:items", [decoy]), ("xdm:id", "decoy"), ("id", "decoy"),
        ("xdm:scopeDetails", {"xdm:strategies": strategies, "xdm:characteristics": {"xdm:cell": "decoy"}}),
        ("items", [decoy, {"id": "o1", "etag": "decoy"}, {"id": "o3"}]), ("items", []), ("items", None),
    ]  # fmt: skip
    characteristics: list[tuple[str, Any]] = [
        ("subPropositions", inside), ("xdm:subPropositions", inside), ("cell", "decoy"), ("etags", {"o1": "decoy"}),
        ("issuedAt", "2020-01-01T00:00:00Z"), ("snapshotVersion", "decoy"),
    ]  # fmt: skip
    for n in range(1500):
        most = 1 if n < 200 else 4
        token = a_token("o1", "o2", "o3", shown=2, etags=("1", "2"), proposition=f"p{n}")
        shown: Any = proposition(token, "o1") | dict(chance.sample(of_proposition, chance.randint(0, most)))
        shown["scopeDetails"]["characteristics"] |= dict(chance.sample(characteristics, chance.randint(0, most)))
        if chance.random() < 0.5:
            shown["scopeDetails"]["strategies"] = strategies
        sent = event("display", shown, id=f"d{n}")
        decoys = dict(chance.sample(of_event, chance.randint(0, most)))
        sent["_experience"]["decisioning"]["proposition"] = [part]
        sent["_experience"]["customerJourneyManagement"] = {
            "messageInteraction": {"interactionType": "click", "offers": [decoy]}
        }
        shop.take(sent | decoys)
    delta = shop.counted()
    assert {(key.offer, key.etag, key.model, key.traffic, key.cell, key.kind) for key, _ in delta.counts.items()} <= {
        (offer, etag, "m1", "noncontextual", "", 0) for offer, etag in (("o1", "1"), ("o2", "2"))
    }
    assert delta.accounting.counted > 1000


def test_one_good_proposition_does_not_vouch_for_the_others_of_its_event(shop: Shop) -> None:
    for n in range(200):
        forged = proposition(a_token("o9"), "o9", keys=TokenKeys(TokenKey("k2", b"%032d" % n)))
        good = proposition(a_token("o1"), "o1")
        shop.take(event("display", *([good, forged] if n % 2 else [forged, good]), id=f"t{n}"))
    delta = shop.counted()
    assert {key.offer for key, _ in delta.counts.items()} == {"o1"}
    assert delta.accounting.counted == delta.accounting.refused["untrusted"] == 200


def test_what_is_marked_as_a_fallback_never_counts(shop: Shop) -> None:
    for n, step in enumerate(["fallback", "aiModel"] * 50):
        unsigned: Any = proposition(a_token("o9"), "o9", keys=None)
        unsigned["scopeDetails"]["strategies"] = [{"step": step}, {"step": "aiModel", "strategyID": "m1"}]
        shop.take(event("display", unsigned, id=f"b{n}"))
    accounting = shop.counted().accounting
    assert (accounting.counted, accounting.other, accounting.refused) == (0, 50, {"untrusted": 50})


def test_tokens_of_a_retired_key_no_longer_count(tmp_path: Path) -> None:
    shop = Shop(tmp_path, TokenKeys(TokenKey("k3", b"3" * 32), KEYS.current))
    shop.take(event("display", proposition(a_token("o1"), "o1")))
    assert KEYS.other is not None
    shop.take(event("display", proposition(a_token("o2"), "o2", keys=TokenKeys(KEYS.other))))
    assert [key.offer for key, _ in shop.counted().counts.items()] == ["o1"]
