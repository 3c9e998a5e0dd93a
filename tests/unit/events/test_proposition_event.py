from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offer_ranking.events.instant import of_rfc3339
from offer_ranking.events.proposition_event import Kind, Late, Other, PropositionEvent, Refused, parse_line
from offer_ranking.events.reason import Reason
from tests.oracle import event_lines
from tests.oracle.hand_written import EVENTS, TIME, UUID7, event, proposition

WEB_SDK = Path(__file__).parents[4] / "shared" / "fixtures" / "web-sdk"  # beside the clone, not in it


def parsed(value: dict[str, Any]) -> Any:
    return parse_line(json.dumps(value))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("two marks", Reason.AMBIGUOUS_EVENT_TYPE),
        ("untrusted", Reason.UNTRUSTED),
        ("capped", Reason.CAPPED),
        ("time missing", Reason.TIME_MISSING),
        ("time unreadable", Reason.TIME_UNREADABLE),
        ("time as number", Reason.TIME_UNREADABLE),
        ("no id", Reason.NO_ID),
        ("offers without token", Reason.NO_ID),
        ("unresolved", Reason.OFFER_UNRESOLVED),
        ("unresolved, no proposition", Reason.OFFER_UNRESOLVED),
    ],
)
def test_a_line_is_refused_with_the_first_reason_that_applies(name: str, reason: Reason) -> None:
    assert parsed(EVENTS[name]) == Refused(reason)


@pytest.mark.parametrize(
    "name",
    [
        "mark decides before type", "mark as text", "dry run", "fallback", "fallback interact", "fallback untrusted",
        "fallbacks only", "fallback by items", "email sent", "email without offer", "another event", "nothing",
    ],
)  # fmt: skip
def test_events_that_teach_nothing_are_other_and_no_errors(name: str) -> None:
    assert parsed(EVENTS[name]) == Other()


@pytest.mark.parametrize(("name", "is_late"), [("late by nothing", False), ("late", True), ("early", True)])
def test_a_collected_event_is_late_beyond_48_hours_between_its_own_time_and_its_receipt(
    name: str, is_late: bool
) -> None:
    assert (parsed(EVENTS[name]) == Late()) is is_late


def test_an_event_that_the_collector_did_not_write_is_never_late() -> None:
    assert isinstance(parsed(event(proposition("o1"), timestamp="1999-01-01T00:00:00Z")), PropositionEvent)


def test_the_time_of_receipt_is_the_time_of_the_event() -> None:
    assert parsed(EVENTS["time of receipt"]).time == of_rfc3339("2026-11-24T23:05:12Z")


def test_the_namespaced_spelling_counts_as_the_compact_one() -> None:
    found = parsed(EVENTS["namespaced"])
    (offer,) = found.offers
    assert (found.kind, found.id, found.time) == (Kind.CONVERSION, "e1", of_rfc3339(TIME))
    assert (offer.offer, offer.etag, offer.model, offer.traffic_type) == ("o1", "4", "m1", "random")
    assert (offer.cell, offer.token) == ("c", "t")


def test_an_opened_email_is_an_impression_and_a_click_a_conversion_of_each_of_its_offers() -> None:
    assert parsed(EVENTS["email open"]).kind is Kind.IMPRESSION
    assert [offer.offer for offer in parsed(EVENTS["email open"]).offers] == ["o1", "o2"]
    assert parsed(EVENTS["email click"]).kind is Kind.CONVERSION


def test_each_offer_takes_what_its_own_proposition_says() -> None:
    first = proposition("o1", step="aiModel")
    second = proposition("o2", scopeDetails={"characteristics": {"eventToken": "t2", "cell": "c2"}})
    one, two = parsed(event(first, second)).offers
    assert (one.model, one.cell, one.token) == ("m1", "", "")
    assert (two.model, two.cell, two.token) == ("", "c2", "t2")


def test_items_that_name_no_offer_keep_their_place() -> None:
    offers = parsed(EVENTS["items that are not objects"]).offers
    assert [(offer.offer, offer.position) for offer in offers] == [("o3", 3), ("o7", 7)]


def test_positions_after_the_thirtieth_are_none() -> None:
    assert [offer.position for offer in parsed(EVENTS["thirty-first position"]).offers][28:] == [29, 30, 0, 0]


@pytest.mark.parametrize(
    ("name", "at"),
    [
        ("issued as time", "2026-11-24T20:59:59.999Z"),
        ("issued as number", "2025-11-24T22:05:12.613Z"),
        ("issued in digits", "2025-11-24T22:05:12.613Z"),
        ("issued by id", None),
        ("issued never", None),
        ("issued later", TIME),
        ("interact", TIME),
        ("stamp wins", "2026-11-24T20:00:00Z"),
    ],
)
def test_a_conversion_belongs_to_the_time_of_its_impression_and_never_to_a_later_one(name: str, at: str | None) -> None:
    (offer,) = parsed(EVENTS[name]).offers
    inside_id = int(UUID7.replace("-", "")[:12], 16) * 1000
    assert offer.impression_time == (of_rfc3339(at) if at else inside_id)


def test_what_the_collector_verified_outranks_clear_text() -> None:
    (offer,) = parsed(EVENTS["stamp wins"]).offers
    assert (offer.model, offer.traffic_type, offer.cell) == ("m2", "noncontextual", "signed")


def test_the_collector_names_offers_where_the_event_does_not() -> None:
    offers = parsed(EVENTS["offers of the stamp"]).offers
    assert [(offer.offer, offer.position) for offer in offers] == [("o1", 1), ("o2", 4)]


@pytest.mark.parametrize("name", ["2-display", "3-interact", "4-collect-beacon"])
def test_events_of_the_unmodified_web_sdk_name_their_offer(name: str) -> None:
    path = WEB_SDK / f"{name}.request.json"
    if not path.exists():
        pytest.skip(f"the recorded bodies are not at {WEB_SDK}")
    (recorded,) = json.loads(path.read_text())["events"]
    found = parsed(recorded["xdm"] | {"_id": "e1"})
    assert [offer.offer for offer in found.offers] == ["xcore:personalized-offer:124cc33209500001"]
    assert found.kind is (Kind.IMPRESSION if "display" in name else Kind.CONVERSION)


@pytest.mark.parametrize(
    "line",
    [
        b"", b"   ", b"null", b"[]", b"5", b'"x"', b"{", b"nope", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}",
        b'{"a":"\xff"}', b'{"a":"\\ud800"}', b'{"a":"\x00"}', b"[" * 200_000, b'{"a":' * 100_000, "\ud800", "",
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"a":NaN}', b'{"a":-Infinity}', b'{"a":1,}', b'{"a":[1,]}',
        b'{"a":1}{"b":2}', b"\x0c{}", b'{"a":' + b"9" * 5000 + b',"b":"\xff"}', b'{"a":' + b"9" * 5000 + b"}x",
    ],
    ids=lambda line: repr(line[:12]),
)  # fmt: skip
def test_what_is_no_json_object_is_malformed(line: bytes | str) -> None:
    assert parse_line(line) == Refused(Reason.MALFORMED)


@pytest.mark.parametrize(
    "value",
    [
        b"[" * 500 + b"]" * 500,
        b'{"b":' * 500 + b"1" + b"}" * 500,
        b"9" * 5000,
        b"-" + b"9" * 5000,
        b"1e400",
        b"-0",
        b'"\\u0000"',
    ],
    ids=lambda value: repr(value[:8]),
)
def test_a_monstrous_value_elsewhere_does_not_hide_the_event(value: bytes) -> None:
    line = json.dumps(event(proposition("o1"))).encode()
    assert isinstance(parse_line(line[:-1] + b',"monster":' + value + b"}"), PropositionEvent)


@given(st.one_of(event_lines.lines, st.binary(max_size=200), st.text(st.characters(), max_size=100)))
@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
def test_no_line_makes_the_parser_raise(line: bytes | str) -> None:
    assert isinstance(parse_line(line), PropositionEvent | Other | Late | Refused)
