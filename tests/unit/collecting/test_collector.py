from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from offer_ranking.catalog.datastream import TokenMode
from offer_ranking.collecting.caps import Limits
from offer_ranking.collecting.collector import Collector, Taken
from offer_ranking.collecting.delivery import UnavailableError
from offer_ranking.collecting.trust import MAIL_LIFE, WEB_LIFE
from offer_ranking.events.item_token import item_token
from offer_ranking.events.proposition_event import DISPLAY, Kind, Other, PropositionEvent, Refused, parse_event
from offer_ranking.events.reason import Reason
from offer_ranking.events.token import KeysUnavailableError, Token, TokenKey, TokenKeys
from offer_ranking.events.visitor import visitor_of
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

HOUR_MS = 3_600_000
ENFORCE, OBSERVE, OFF = TokenMode.ENFORCE, TokenMode.OBSERVE, TokenMode.OFF
NS = "https://ns.adobe.com/experience/decisioning/"


def _text_of(token: Token) -> str:
    return proposition(token)["scopeDetails"]["characteristics"]["eventToken"]


class Door:
    """A collector with what it stands on."""

    def __init__(self) -> None:
        self.caps = FakeCaps()
        self.delivery = FakeDelivery()
        self.keys: Callable[[], TokenKeys | None] = lambda: KEYS
        self.collector = Collector(self._live, self.caps, self.delivery)

    def _live(self) -> TokenKeys | None:
        return self.keys()

    def take(self, *events: dict[str, Any], mode: TokenMode = ENFORCE, source: str = SOURCE, **more: Any) -> Taken:
        asked = {"datastream": datastream(mode), "source": source, "now_ms": NOW_MS} | more
        return self.collector.take(events, **asked)

    @property
    def lines(self) -> list[dict[str, Any]]:
        return self.delivery.lines

    @property
    def outcomes(self) -> list[Any]:
        return [parse_event(line) for line in self.lines]

    @property
    def offers(self) -> list[str]:
        """Those that count."""
        return [one.offer for found in self.outcomes if isinstance(found, PropositionEvent) for one in found.offers]


@pytest.fixture
def door() -> Door:
    return Door()


def test_a_line_is_stamped_with_what_its_token_says(door: Door) -> None:
    token = a_token("o1", "o2", "o3", cell='["gold"]', shown=2, etags=("5", ""))
    assert door.take(event("display", proposition(token, "o1", "o2"))) == Taken(1)
    [line] = door.lines
    assert line["offerRanking"] == {
        "dataset": "events", "datastream": "shop", "trust": "signed", "receivedAt": "2026-11-30T00:53:20.000Z",
        "model": "m1", "snapshot": 7, "offers": ["o1", "o2"], "cell": '["gold"]', "trafficType": "noncontextual",
        "issuedAt": "2026-11-30T00:53:15.000Z",
    }  # fmt: skip
    [shown] = line["_experience"]["decisioning"]["propositions"]
    assert shown["items"] == [{"id": "o1", "etag": "5"}, {"id": "o2"}]
    found = parse_event(line)
    assert isinstance(found, PropositionEvent)
    assert [(one.offer, one.etag, one.model, one.traffic_type, one.cell) for one in found.offers] == [
        ("o1", "5", "m1", "noncontextual", '["gold"]'), ("o2", "", "m1", "noncontextual", '["gold"]'),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("altered", "item"),
    [
        ({"strategyID": "forged"}, {}),
        ({"trafficType": "random"}, {}),
        ({}, {"etag": "forged"}),
        ({}, {"itemSelection": {"rankingDetail": {"strategyID": "forged", "trafficType": "random"}}}),
    ],
)
@pytest.mark.parametrize("token", [a_token("o1"), a_token("o1", model="", snapshot_version=0)])
def test_what_is_altered_in_clear_is_as_it_was_signed(
    door: Door, token: Token, altered: dict[str, str], item: dict[str, Any]
) -> None:
    shown: Any = proposition(token, {"id": "o1"} | item)
    shown["scopeDetails"]["strategies"][0] |= altered
    shown["scopeDetails"]["characteristics"] |= {
        "cell": "forged",
        "etags": {"o1": "forged"},
        "issuedAt": "2020-01-01T00:00:00Z",
    }
    shown["xdm:scopeDetails"] = {"xdm:characteristics": {"cell": "forged", "xdm:etags": {"o1": "forged"}}}
    door.take(event("display", shown))
    [found] = door.outcomes
    [offer] = found.offers
    assert (offer.model, offer.traffic_type, offer.cell, offer.etag) == (token.model, "noncontextual", "", "")
    assert offer.issued_at == token.issued_ms * 1000
    assert "forged" not in repr(door.lines)


def test_items_that_were_not_given_are_dropped_and_without_any_that_was_nothing_counts(door: Door) -> None:
    token = a_token("o1", "o2", "o3", shown=2)
    door.take(event("display", proposition(token, "o3", "o2", "foreign", "o2")))
    assert door.offers == ["o2"]
    assert door.take(event("display", proposition(token, "o3", "foreign"))) == Taken(1, untrusted=1)


def test_a_display_without_items_is_of_all_that_was_given(door: Door) -> None:
    door.take(event("display", proposition(a_token("o1", "o2", "o3", shown=2))))
    assert door.offers == ["o1", "o2"]


def test_an_interact_without_items_is_of_the_one_that_was_given_and_of_none_of_several(door: Door) -> None:
    door.take(event("interact", proposition(a_token("o1", "o2", shown=1))), event("interact", proposition(a_token())))
    assert door.offers == ["o1"]
    assert door.outcomes[1] == Refused(Reason.OFFER_UNRESOLVED)
    assert door.caps.asked == 1


def test_what_is_not_proven_keeps_the_tokens_that_name_its_items_beside_what_is(door: Door) -> None:
    inside = [{"id": "p", "items": [{"id": "x", "token": "tx"}, {"id": "y", "token": "ty"}]}]
    encoded = base64.b64encode(json.dumps(inside).encode()).decode()
    foreign = {"id": "p", "scope": "s", "scopeDetails": {"characteristics": {"subPropositions": encoded}}}
    token = a_token("o1", "o2")
    sent = event("display", proposition(token), foreign)
    sent["_experience"]["decisioning"]["propositionAction"] = {"tokens": ["ty", item_token(token.proposition, "o2")]}
    door.take(sent, mode=OBSERVE)
    assert door.offers == ["o2", "y"]


def test_items_are_named_by_their_tokens(door: Door) -> None:
    token = a_token("o1", "o2", "o3", shown=2)
    names = [item_token(token.proposition, offer) for offer in ("o2", "o3")]
    for named in (names[:1], names, [names[1]], ["foreign"], [5, "", None]):
        shown = event("display", proposition(token))
        shown["_experience"]["decisioning"]["propositionAction"] = {"tokens": named}
        door.take(shown)
    assert door.offers == ["o2", "o2", "o1", "o2"]
    assert [line["offerRanking"]["trust"] for line in door.lines] == ["signed"] * 2 + ["untrusted"] * 2 + ["signed"]


def test_no_two_offers_of_a_proposition_share_a_name() -> None:
    assert len({item_token(f"p{n % 3}", f"o{n}") for n in range(3000)}) == 3000
    assert item_token("p", "o") != item_token("po", "")
    assert len(item_token("p", "\ud800")) == 12


def test_several_propositions_of_an_event_become_a_line_each_and_what_is_not_proven_one_more(door: Door) -> None:
    good, other = proposition(a_token("a"), "a"), proposition(a_token("b"), "b")
    forged = proposition(a_token("c"), "c", keys=TokenKeys(TokenKey("k2", b"f" * 32)))
    unsigned = proposition(a_token("d"), "d", keys=None)
    shown = event("display", good, forged, other, unsigned, web={"name": "x" * 5000})
    assert door.take(shown) == Taken(3, untrusted=1)
    assert door.offers == ["a", "b"]
    assert [line["offerRanking"]["trust"] for line in door.lines] == ["signed", "signed", "untrusted"]
    assert ["web" in line for line in door.lines] == [True, False, False]
    assert [len(line["_experience"]["decisioning"]["propositions"]) for line in door.lines] == [1, 1, 2]


def test_an_event_of_many_propositions_is_not_stored_as_many_times(door: Door) -> None:
    shown = event("display", *(proposition(a_token("a"), "a") for _ in range(50)), id="e" * 9000, big="x" * 100_000)
    door.take(shown)
    assert sum(map(len, door.delivery.stored["events"])) < 109_000 + 50 * 2_000


def test_a_dry_run_stays_one_in_all_its_lines(door: Door) -> None:
    dry = {"data": {"__adobe": {"ajo": {"dryRun": True}}}}
    door.take(event("interact", proposition(a_token("a"), "a"), proposition(a_token("b"), "b"), **dry))
    assert door.outcomes == [Other(), Other()]
    assert door.caps.asked == 0


@pytest.mark.parametrize(
    ("mode", "trust", "taken"),
    [
        (ENFORCE, "untrusted", Taken(1, untrusted=1)),
        (OBSERVE, "observed", Taken(1, observed=1)),
        (OFF, "unchecked", Taken(1)),
    ],
)
def test_what_nothing_proves_is_as_the_datastream_has_it(door: Door, mode: TokenMode, trust: str, taken: Taken) -> None:
    sent = event("display", proposition(a_token("a"), "a", keys=None), {"id": "p", "items": [{"id": "b"}]})
    assert door.take(sent, mode=mode) == taken
    [line] = door.lines
    assert line["offerRanking"]["trust"] == trust
    assert line | {"offerRanking": None} == sent | {"offerRanking": None}, "it stays as it was sent"
    assert door.offers == ([] if mode is ENFORCE else ["a", "b"])


@pytest.mark.parametrize(("mode", "trust"), [(ENFORCE, "signed"), (OBSERVE, "signed"), (OFF, "unchecked")])
def test_a_token_resolves_offers_in_every_mode(door: Door, mode: TokenMode, trust: str) -> None:
    assert door.take(event("display", proposition(a_token("a", "b"))), mode=mode) == Taken(1)
    assert door.offers == ["a", "b"]
    assert door.lines[0]["offerRanking"]["trust"] == trust


@pytest.mark.parametrize("mode", [OBSERVE, OFF])
def test_where_tokens_are_not_enforced_items_count_that_none_of_them_gave(door: Door, mode: TokenMode) -> None:
    door.take(event("display", proposition(a_token("a"), "a", "other")), mode=mode)
    assert door.offers == ["a", "other"]


@pytest.mark.parametrize(
    ("age_ms", "life", "is_good"),
    [
        (48 * HOUR_MS, WEB_LIFE, True), (48 * HOUR_MS + 1, WEB_LIFE, False),
        (720 * HOUR_MS, MAIL_LIFE, True), (720 * HOUR_MS + 1, MAIL_LIFE, False),
        (-300_000, WEB_LIFE, True), (-300_001, WEB_LIFE, False),
    ],
)  # fmt: skip
def test_a_token_is_good_for_its_time(door: Door, age_ms: int, life: Any, *, is_good: bool) -> None:
    door.take(event("display", proposition(a_token("a", issued_ms=NOW_MS - age_ms), "a")), life=life)
    assert door.offers == (["a"] if is_good else [])


@pytest.mark.parametrize(("of", "is_good"), [("shop", True), ("", True), ("other", False)])
def test_a_token_is_good_at_its_own_datastream_and_that_of_a_server_at_any(
    door: Door, of: str, *, is_good: bool
) -> None:
    door.take(event("display", proposition(a_token("a", datastream=of), "a")))
    assert door.offers == (["a"] if is_good else [])


def test_what_no_model_has_chosen_teaches_nothing_whatever_is_said_in_clear(door: Door) -> None:
    chosen = proposition(a_token("a"), "a")
    by_priority_since_the_store_failed = a_token("b", snapshot_version=0, traffic_type="noncontextual")
    fallback: Any = proposition(a_token("c"), "c")
    fallback["scopeDetails"]["strategies"][0]["step"] = "fallback"
    door.take(
        event("display", chosen), event("display", proposition(by_priority_since_the_store_failed, "b")),
        event("display", fallback), event("display", proposition(a_token("d"), "d", keys=None) | fallback),
    )  # fmt: skip
    assert door.offers == ["a"]
    assert door.outcomes[1:] == [Other()] * 3


def test_a_decision_without_a_model_counts_as_of_none(door: Door) -> None:
    door.take(event("display", proposition(a_token("a", model="", snapshot_version=0), "a")))
    assert door.offers == ["a"]


CLICKED = {"messageInteraction": {"interactionType": "click", "offers": [{"offerID": "a"}]}}
OTHER_FORMS: list[dict[str, Any]] = [
    {"offerId": "a", "eventType": "display"},
    {"offerId": "a", "eventType": "display", "eventToken": _text_of(a_token("a"))},
    {"eventType": "message.tracking", "_experience": {"customerJourneyManagement": CLICKED}},
    {"eventType": DISPLAY, "_experience": {"decisioning": {"propositions": [{"items": [{"id": "a"}]}]}}},
]


@pytest.mark.parametrize("sent", OTHER_FORMS)
@pytest.mark.parametrize(
    "stamp",
    [
        None,
        {"trust": "signed", "offers": ["a"], "receivedAt": "2026-11-30T00:00:00Z", "capped": False},
        {"trust": "unchecked"},
        5,
    ],
)
def test_no_other_form_of_event_counts_where_tokens_are_enforced_nor_does_a_stamp_that_a_client_sends(
    door: Door, sent: dict[str, Any], stamp: Any
) -> None:
    plain = {"_id": "e", "timestamp": "2026-11-30T00:53:00Z"} | sent | ({"offerRanking": stamp} if stamp else {})
    assert door.take(plain) == Taken(1, untrusted=1)
    assert door.outcomes == [Refused(Reason.UNTRUSTED)]
    door.take(plain, mode=OFF)
    assert door.offers == ["a"]


def test_a_signed_event_is_read_by_its_token_alone_whatever_stands_beside_it(door: Door) -> None:
    signed = event("display", proposition(a_token("a"), "a"))
    decoy = {"id": "p", "xdm:id": "p", "items": [{"id": "decoy"}], "xdm:items": [{"xdm:id": "decoy"}]}
    beside: list[dict[str, Any]] = [
        {NS + "propositions": [decoy]},
        {NS + "proposition": [decoy], "offerId": "decoy", "modelId": "decoy"},
        {NS + "propositionEventType": {"xdm:display": 1}},
        {"offerRanking": {"offers": ["decoy"], "model": "decoy", "capped": False, "trust": "signed"}},
        {"eventType": "message.tracking"},
        {"xdm:eventType": "decisioning.propositionInteract"},
    ]
    for one in beside:
        door.take(signed | one)
    twins: Any = event("display", proposition(a_token("a"), "a") | {"xdm:items": [{"xdm:id": "decoy"}]})
    twins["_experience"]["decisioning"]["proposition"] = [decoy]
    twins["_experience"]["customerJourneyManagement"] = {
        "messageInteraction": {"interactionType": "click", "offers": [{"offerID": "decoy"}]}
    }
    door.take(twins)
    assert door.offers == ["a"] * 7
    assert {found.kind for found in door.outcomes} == {Kind.IMPRESSION}


def test_namespaced_spelling_is_as_good_as_the_compact_one(door: Door) -> None:
    token = a_token("a", "b")
    characteristics = {"eventToken": proposition(token)["scopeDetails"]["characteristics"]["eventToken"]}
    shown = {
        "xdm:id": "p",
        "xdm:scopeDetails": {"xdm:characteristics": characteristics},
        "xdm:items": [{"xdm:id": "b"}],
    }
    door.take({"_id": "e", NS + "propositionEventType": {"xdm:interact": 1}, NS + "propositions": [shown]})
    assert door.offers == ["b"]
    assert door.outcomes[0].kind is Kind.CONVERSION


def test_events_of_other_types_are_stored_as_they_are(door: Door) -> None:
    others = [
        {"_id": "e1", "eventType": "web.pageViews", "timestamp": "2026-11-30T00:53:00Z"},
        event("dismiss", proposition(a_token("a"), "a")),
        event("display", proposition(a_token("a"), "a")),
    ]
    others[2]["_experience"]["decisioning"]["propositionEventType"] = {"display": 1, "interact": 1}
    assert door.take(*others) == Taken(3)
    assert door.outcomes == [Other(), Other(), Refused(Reason.AMBIGUOUS_EVENT_TYPE)]


@pytest.mark.parametrize("kept", [5, "text", None, {"decisioning": 5}, []])
def test_what_is_no_object_where_one_belongs_harms_nothing(door: Door, kept: Any) -> None:
    shown = {
        "xdm:scopeDetails": {"xdm:characteristics": {"eventToken": _text_of(a_token("a"))}},
        "items": [{"id": "a"}, 5],
    }
    door.take(
        {
            "_experience": kept,
            NS + "proposition": [shown],
            "eventType": "decisioning.propositionDisplay",
            "identityMap": kept,
        }
    )
    assert door.offers == ["a"]


# ---- Caps ------------------------------------------------------------------------------------------------------------


def click(offer: str = "a", *, visitor: str = "v1", **more: Any) -> dict[str, Any]:
    return event("interact", proposition(a_token(offer, visitor=visitor), offer), **more)


def test_interacts_beyond_the_cap_of_a_visitor_are_stored_and_do_not_count(door: Door) -> None:
    assert door.take(*(click() for _ in range(5))) == Taken(5, capped=2)
    assert door.outcomes[3:] == [Refused(Reason.CAPPED)] * 2
    assert [line["offerRanking"].get("capped") for line in door.lines] == [None] * 3 + [True] * 2
    assert door.take(click("b")) == Taken(1)


def test_a_visitor_is_known_by_its_ecid_where_the_token_does_not_say(door: Door) -> None:
    other = {"identityMap": {"ECID": [{"id": "2" * 38}]}}
    assert door.take(*(click(visitor="") for _ in range(3))).capped == 0
    assert door.take(click(visitor="", **other)) == Taken(1)
    assert door.take(click(visitor="", **other)).capped == 1, "by source"
    assert door.take(click(visitor="", **other), source="203.0.113.9").capped == 0
    assert door.take(click(visitor=""), source="203.0.113.9").capped == 1, "by visitor"
    assert door.take(click(visitor=visitor_of("1" * 38)), source="203.0.113.8").capped == 1, "the same visitor"


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("198.51.100.7", "198.51.100.8", False),
        ("::ffff:198.51.100.7", "198.51.100.7", True),
        ("test-invoke-source-ip", "test-invoke-source-ip", True),
    ],
)
def test_a_source_is_what_one_subscriber_has_of_addresses(door: Door, one: str, other: str, *, are_one: bool) -> None:
    for n in range(4):
        door.take(click(visitor=f"v{n}"), source=one)
    assert door.take(click(visitor="v9"), source=other).capped == are_one


def test_a_click_that_is_sent_again_takes_no_room(door: Door) -> None:
    again = click()
    for _ in range(9):
        assert door.take(again) == Taken(1)


def test_one_request_asks_of_an_interact_once_and_of_a_hundred_at_most(door: Door) -> None:
    shown = proposition(a_token(*(f"o{n}" for n in range(30)), visitor="v1"), *(f"o{n}" for n in range(30)))
    assert door.take(event("interact", *[shown] * 50)) == Taken(50)
    assert door.caps.asked == 30
    door.caps.asked = 0
    found = door.take(*(click(f"offer-{n}", visitor=f"v{n}", id=f"e{n}") for n in range(120)))
    assert (door.caps.asked, found.capped) == (100, 20)


def test_displays_and_what_is_not_proven_ask_no_cap(door: Door) -> None:
    door.take(event("display", proposition(a_token("a"), "a")), click() | {"_experience": {}})
    for mode in (OBSERVE, OFF):
        door.take(click(), mode=mode)
    assert door.caps.asked == 0


def test_caps_that_are_away_hold_nobody_and_are_asked_once_a_request(door: Door) -> None:
    door.caps.away = True
    assert door.take(*(click() for _ in range(9))) == Taken(9, unasked=9)
    assert door.offers == ["a"] * 9
    assert door.caps.asked == 1


def test_limits_are_by_visitor_and_source() -> None:
    assert (Limits().per_visitor, Limits().per_source) == (3, 2)
    assert visitor_of("") == ""
    assert len(visitor_of("1" * 38)) == 16


# ---- Faults ----------------------------------------------------------------------------------------------------------


def test_events_that_nothing_takes_are_to_be_sent_again(door: Door) -> None:
    door.delivery.away = True
    with pytest.raises(UnavailableError):
        door.take(click())
    door.delivery.away = False
    for _ in range(3):
        assert door.take(click()).capped == (_ == 2)


def test_lines_past_the_stream_are_told(door: Door) -> None:
    door.delivery.busy = True
    assert door.take(click(), click()) == Taken(2, overflowed=2)
    assert door.take() == Taken()


def test_without_keys_nothing_is_decided_that_only_they_could(door: Door) -> None:
    def away() -> TokenKeys | None:
        raise KeysUnavailableError

    door.keys = away
    with pytest.raises(UnavailableError):
        door.take(click())
    assert door.lines == []
    assert door.take({"_id": "e", "eventType": "web.pageViews"}) == Taken(1)
    assert door.take(click(), mode=OBSERVE) == Taken(1, observed=1)
    assert door.take(click(), mode=OFF) == Taken(1)
    door.keys = lambda: None
    assert door.take(click()) == Taken(1, untrusted=1)
