"""Whatever an event looks like: events in every spelling, and ones that a hostile hand has changed."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offer_ranking.catalog.datastream import TokenMode
from offer_ranking.collecting.collector import Collector, Taken
from offer_ranking.events.proposition_event import Outcome, PropositionEvent, Refused, parse_event
from offer_ranking.events.token import sign
from tests.oracle import event_lines
from tests.support.collecting import KEYS, NOW_MS, SOURCE, FakeCaps, FakeDelivery, a_token, datastream

MANY = settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
TOKEN = a_token("o1", "o2", "o3", shown=2, etags=("1", ""))
TEXT = sign(TOKEN, KEYS.current)
GIVEN = {("o1", "1", "m1", "noncontextual", ""), ("o2", "", "m1", "noncontextual", "")}

junk = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.text(max_size=5)
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@st.composite
def changed(draw: st.DrawFn, events: st.SearchStrategy[dict[str, Any]], *, token: str = "") -> dict[str, Any]:
    """An event in which something, somewhere, is something else; `token` stands wherever a token may."""
    event = deepcopy(draw(events))  # samples are shared
    holders = [event]
    for holder in holders:
        holders += [one for one in _values(holder) if isinstance(one, dict | list)]
    for holder in holders:
        for key in ("eventToken", "xdm:eventToken"):
            if token and isinstance(holder, dict) and (key in holder or (key == "eventToken" and "issuedAt" in holder)):
                holder[key] = token
    for holder in draw(st.lists(st.sampled_from(holders), max_size=2)):
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if keys:
            holder[draw(st.sampled_from(keys))] = draw(junk)
    return event


def _values(holder: Any) -> list[Any]:
    return list(holder.values()) if isinstance(holder, dict) else list(holder)


def collected(event: dict[str, Any], mode: TokenMode) -> tuple[list[Outcome], Taken]:
    delivery = FakeDelivery()
    collector = Collector(lambda: KEYS, FakeCaps(), delivery)
    taken = collector.take([event], datastream=datastream(mode), source=SOURCE, now_ms=NOW_MS)
    assert taken.lines == len(delivery.lines) >= 1
    assert all(line["offerRanking"]["dataset"] == "events" for line in delivery.lines)
    return [parse_event(line) for line in delivery.lines], taken


def offers(outcomes: list[Outcome]) -> list[tuple[str, ...]]:
    return [
        (offer.offer, offer.etag, offer.model, offer.traffic_type, offer.cell)
        for found in outcomes
        if isinstance(found, PropositionEvent)
        for offer in found.offers
    ]


sent = st.one_of(event_lines.events(), event_lines.flat_events)


@given(changed(sent))
@MANY
def test_without_a_token_of_ours_nothing_counts_where_tokens_are_enforced(event: dict[str, Any]) -> None:
    outcomes, _ = collected(event, TokenMode.ENFORCE)
    assert offers(outcomes) == []


@given(changed(sent, token=TEXT))
@MANY
def test_with_one_nothing_counts_but_what_it_gave(event: dict[str, Any]) -> None:
    outcomes, _ = collected(event, TokenMode.ENFORCE)
    assert set(offers(outcomes)) <= GIVEN


@given(changed(sent))
@MANY
def test_where_tokens_do_not_matter_an_event_counts_as_it_is(event: dict[str, Any]) -> None:
    plain = {key: value for key, value in event.items() if key != "offerRanking"}
    own = {key: value for key, value in plain.items() if key not in {"timestamp", "xdm:timestamp"}}
    [outcome], taken = collected(own | {"offerRanking": event.get("offerRanking")}, TokenMode.OFF)
    bare = parse_event(own | {"timestamp": "2026-11-30T00:53:20Z"})
    assert type(outcome) is type(bare)
    if isinstance(bare, Refused):
        assert outcome == bare
    assert offers([outcome]) == offers([bare])
    assert (taken.untrusted, taken.observed, taken.capped) == (0, 0, 0)
