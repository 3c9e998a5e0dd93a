from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from offer_ranking.catalog.decision import (
    MOST_BYTES,
    MOST_OFFERS,
    Decision,
    DecisionEdit,
    DecisionOffer,
    NewDecision,
    OfferStatus,
    define_decision,
    edit_decision,
    eligible,
)
from offer_ranking.catalog.errors import UnsuitableError
from offer_ranking.http.problem import pointer
from tests.support.decisions import FALLBACK, NOW, a_decision, an_offer, decision_body, offer_body

SECOND, MILLISECOND = timedelta(seconds=1), timedelta(milliseconds=1)


def left(offer: DecisionOffer, now: datetime = NOW, *audiences: str) -> bool:
    return eligible(a_decision("s", offer), audiences, now) == (offer,)


@pytest.mark.parametrize(
    ("after_start", "shown"), [(-SECOND, False), (-MILLISECOND, False), (timedelta(0), True), (SECOND, True)]
)
def test_an_offer_is_eligible_from_the_very_second_of_its_start(after_start: timedelta, shown: bool) -> None:
    assert left(an_offer(starts_at=NOW), NOW + after_start) is shown


@pytest.mark.parametrize(
    ("after_end", "shown"), [(-SECOND, True), (-MILLISECOND, True), (timedelta(0), False), (SECOND, False)]
)
def test_an_offer_is_no_more_eligible_at_the_very_second_of_its_end(after_end: timedelta, shown: bool) -> None:
    assert left(an_offer(ends_at=NOW), NOW + after_end) is shown


def test_start_and_end_are_the_same_moment_in_any_zone() -> None:
    body = offer_body(startsAt="2026-01-02T04:04:05+01:00", endsAt="2026-01-01T22:04:05.9999-05:00")
    offer = DecisionOffer.model_validate_json(json.dumps(body))
    assert (offer.starts_at, offer.ends_at) == (NOW, NOW + 999 * MILLISECOND)
    assert left(offer)
    assert offer.json_ready()["startsAt"] == "2026-01-02T03:04:05.000Z"


@pytest.mark.parametrize(
    ("wanted", "of", "shown"),
    [
        ((), (), True),
        ((), ("gold",), True),
        (("gold",), (), False),
        (("gold",), ("gold",), True),
        (("gold", "new"), ("new", "other"), True),
        (("gold", "new"), ("other",), False),
        (("gold",), ("Gold",), False),
    ],
)
def test_an_offer_is_for_whoever_is_in_any_of_its_audiences(
    wanted: tuple[str, ...], of: tuple[str, ...], shown: bool
) -> None:
    assert left(an_offer(audiences_any=wanted), NOW, *of) is shown


def test_an_archived_offer_is_never_eligible() -> None:
    assert not left(an_offer(status=OfferStatus.ARCHIVED))


def test_what_is_left_keeps_the_order_of_the_decision() -> None:
    a, b, c = an_offer("c"), an_offer("a", status=OfferStatus.ARCHIVED), an_offer("b")
    assert eligible(a_decision("s", a, b, c), (), NOW) == (a, c)


def test_when_none_is_left_the_fallback_is_shown() -> None:
    decision = a_decision("s", an_offer(ends_at=NOW))
    assert (eligible(decision, (), NOW) or decision.fallback) == decision.fallback
    assert (eligible(decision, (), NOW - SECOND) or decision.fallback) == decision.offers


@given(
    offers=st.lists(
        st.tuples(
            st.sampled_from(OfferStatus),
            st.none() | st.integers(-3, 3),
            st.none() | st.integers(4, 6),
            st.frozensets(st.sampled_from("abc")),
        ),
        max_size=8,
    ),
    audiences=st.frozensets(st.sampled_from("abcd")),
    second=st.integers(-4, 7),
)
def test_eligibility_is_decided_offer_by_offer(offers: Any, audiences: frozenset[str], second: int) -> None:
    made = [
        an_offer(
            str(n),
            status=status,
            starts_at=None if start is None else NOW + start * SECOND,
            ends_at=None if end is None else NOW + end * SECOND,
            audiences_any=tuple(sorted(wanted)),
        )
        for n, (status, start, end, wanted) in enumerate(offers)
    ]
    expected = {
        str(n)
        for n, (status, start, end, wanted) in enumerate(offers)
        if status == "approved"
        and second in range(-9 if start is None else start, 9 if end is None else end)
        and (wanted & audiences or not wanted)
    }
    decision = a_decision().model_copy(update={"offers": tuple(made)})
    assert {offer.id for offer in eligible(decision, audiences, NOW + second * SECOND)} == expected


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"content": None}, "/offers/0/content"),
    ({"deliveryURL": "https://x.example/a"}, "/offers/0/content"),
    ({"format": "image/png"}, "/offers/0/content"),
    ({"format": "image/png", "content": None}, "/offers/0/content"),
    ({"content": None, "deliveryURL": "javascript:alert(1)"}, "/offers/0/deliveryURL"),
    ({"content": None, "deliveryURL": "https://x.example/a b"}, "/offers/0/deliveryURL"),
    ({"format": "video/mp4"}, "/offers/0/format"),
    ({"format": "application/json"}, "/offers/0/content"),
    ({"format": "application/json", "content": "NaN"}, "/offers/0/content"),
    ({"format": "application/json", "content": "[" * 100_000}, "/offers/0/content"),
    ({"content": 5}, "/offers/0/content"),
    ({"content": "x" * (MOST_BYTES + 1)}, "/offers/0/content"),
    ({"id": ""}, "/offers/0/id"),
    ({"etag": None}, "/offers/0/etag"),
    ({"priority": "1"}, "/offers/0/priority"),
    ({"priority": 1e10}, "/offers/0/priority"),
    ({"language": ["en us"]}, "/offers/0/language/0"),
    ({"characteristics": {"a": 1}}, "/offers/0/characteristics/a"),
    ({"characteristics": {str(n): "" for n in range(51)}}, "/offers/0/characteristics"),
    ({"startsAt": "2026-01-01T00:00:00"}, "/offers/0/startsAt"),
    ({"startsAt": "2026-01-01"}, "/offers/0/startsAt"),
    ({"startsAt": "2026"}, "/offers/0/startsAt"),
    ({"startsAt": 1767225600}, "/offers/0/startsAt"),
    ({"startsAt": "-1.5"}, "/offers/0/startsAt"),
    ({"startsAt": "0001-01-01T00:00:00+14:00"}, "/offers/0/startsAt"),
    ({"endsAt": "9999-12-31T23:59:59-12:00"}, "/offers/0/endsAt"),
    ({"startsAt": "2026-01-01T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}, "/offers/0/endsAt"),
    ({"startsAt": "2026-01-01T00:00:00.0001Z", "endsAt": "2026-01-01T00:00:00.0009Z"}, "/offers/0/endsAt"),
    ({"startsAt": "2026-01-02T00:00:00Z", "endsAt": "2026-01-01T00:00:00Z"}, "/offers/0/endsAt"),
    ({"status": "draft"}, "/offers/0/status"),
    ({"audiencesAny": ["a", "a"]}, "/offers/0/audiencesAny"),
    ({"audiencesAny": [str(n) for n in range(51)]}, "/offers/0/audiencesAny"),
    ({"url": "https://x.example/"}, "/offers/0/url"),
]


@pytest.mark.parametrize(("fields", "at"), REFUSED)
def test_an_offer_that_cannot_be_is_refused_with_the_field_that_is_wrong(fields: dict[str, Any], at: str) -> None:
    with pytest.raises(ValidationError) as refused:
        NewDecision.model_validate_json(json.dumps(decision_body(offers=[offer_body(**fields)])))
    assert [pointer(one["loc"]) for one in refused.value.errors()] == [at]


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"surface": "not a surface"}, "/surface"),
        ({"offers": [offer_body("a"), offer_body("a")]}, "/offers"),
        ({"offers": [offer_body(str(n)) for n in range(MOST_OFFERS + 1)]}, "/offers"),
        ({"offers": None}, "/offers"),
        ({"fallback": None}, "/fallback"),
        ({"fallback": FALLBACK | {"priority": 1}}, "/fallback/priority"),
        ({"activityId": "a\nb", "placementId": "p"}, "/activityId"),
        ({"name": "\u200b"}, "/name"),
    ],
)
def test_a_decision_that_cannot_be_is_refused_with_the_field_that_is_wrong(fields: dict[str, Any], at: str) -> None:
    with pytest.raises(ValidationError) as refused:
        NewDecision.model_validate_json(json.dumps(decision_body(**fields)))
    assert [pointer(one["loc"]) for one in refused.value.errors()] == [at]


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"activityId": "a"}, "/placementId"),
        ({"placementId": "p"}, "/activityId"),
        ({"fallback": FALLBACK | {"id": "summer"}}, "/fallback/id"),
        ({"offers": [offer_body(content="x" * MOST_BYTES)]}, "/offers"),
        ({"fallback": FALLBACK | {"content": "x" * MOST_BYTES}}, "/fallback"),
        ({"offers": [offer_body(str(n), content="\u20ac" * 2000) for n in range(30)]}, "/offers"),
    ],
)
def test_parts_that_do_not_go_together_are_refused_with_the_field_that_is_wrong(
    fields: dict[str, Any], at: str
) -> None:
    new = NewDecision.model_validate_json(json.dumps(decision_body(**fields)))
    with pytest.raises(UnsuitableError) as refused:
        define_decision(new, id="s", now=NOW)
    assert refused.value.pointer == at


def test_thirty_offers_of_four_kilobytes_fit() -> None:
    offers = [an_offer(str(n), content="x" * 4000) for n in range(30)]
    assert len(a_decision("s", *offers).offers) == 30


def test_ids_of_journey_optimizer_are_taken_as_they_are() -> None:
    ids = {"activity_id": "xcore:offer-activity:11a2b3c4d5e6f708", "placement_id": "xcore:offer-placement:1a2b3c"}
    assert a_decision(**ids).scope == tuple(ids.values())
    assert a_decision().scope is None


def test_an_edit_changes_what_is_given_and_null_clears_what_may_be_absent() -> None:
    decision = a_decision(description="d", surface="web://x/y", activity_id="a", placement_id="p", model_id="m")
    assert edit_decision(decision, DecisionEdit(), now=NOW) is decision
    renamed = edit_decision(decision, DecisionEdit(name="new"), now=NOW + SECOND)
    assert (renamed.name, renamed.version, renamed.updated_at) == ("new", 2, NOW + SECOND)
    assert (renamed.scope, renamed.model_id) == (decision.scope, "m")
    cleared = DecisionEdit(description=None, surface=None, activity_id=None, placement_id=None, model_id=None)
    bare = edit_decision(renamed, cleared, now=NOW)
    assert (bare.description, bare.surface, bare.scope, bare.model_id) == (None, None, None, None)
    with pytest.raises(UnsuitableError):
        edit_decision(decision, DecisionEdit(activity_id=None), now=NOW)


def test_a_decision_is_read_as_it_was_written() -> None:
    offer = an_offer(starts_at=NOW, ends_at=datetime(2027, 1, 1, tzinfo=UTC), audiences_any=("gold",), priority=1)
    decision = a_decision("s", offer, an_offer("b", content=None, delivery_url="https://x.example/b.png"))
    assert Decision.model_validate_json(decision.model_dump_json()) == decision
    assert decision.json_ready()["offers"][1]["deliveryURL"] == "https://x.example/b.png"
