"""Which lines are a person's: hers in every spelling, and nobody else's."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.collecting.collector import Collector
from offer_ranking.collecting.erasure import Sought
from offer_ranking.collecting.mail import open_mail
from offer_ranking.events.mail_link import LinkMaker
from offer_ranking.events.person import Identity
from offer_ranking.events.token import sign
from offer_ranking.events.visitor import visitor_by, visitor_of
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

ADA, BOB = "ada@example.org", "bob@example.org"
ECID, OTHER = "7" * 38, "8" * 38


def sought_by(id: str, namespace: str = "", visitors: Iterable[str] = ()) -> Sought:  # noqa: A002 - it is called so
    return Sought.of([Identity(namespace, id)], visitors)


def line(held: Any) -> bytes:
    return json.dumps(held).encode() + b"\n"


def is_hers(held: Any, sought: Sought | None = None) -> bool:
    return (sought or sought_by(ADA)).is_named_by(held if isinstance(held, bytes) else line(held))


SPELLINGS = {
    "compact": {"identityMap": {"Email": [{"id": ADA}]}},
    "second of two": {"identityMap": {"Email": [{"id": BOB}, {"id": ADA, "primary": True}]}},
    "second namespace": {"identityMap": {"ECID": [{"id": ECID}], "Email": [{"id": ADA}]}},
    "namespaced": {"xdm:identityMap": {"Email": [{"xdm:id": ADA}]}},
    "half namespaced": {"xdm:identityMap": {"Email": [{"id": ADA}]}},
    "no list": {"identityMap": {"Email": {"id": ADA}}},
    "end users": {"endUserIDs": {"_experience": {"emailid": {"id": ADA, "namespace": {"code": "Email"}}}}},
    "end users, namespaced": {
        "xdm:endUserIDs": {"_experience": {"emailid": {"@id": ADA, "xdm:namespace": {"xdm:code": "Email"}}}}
    },
    "a mail of Journey Optimizer": {
        "_experience": {"customerJourneyManagement": {"emailChannelContext": {"address": ADA}}}
    },
}  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_line_that_names_her_is_hers_in_every_spelling(spelling: str) -> None:
    assert is_hers(SPELLINGS[spelling])
    assert is_hers(SPELLINGS[spelling], sought_by(ADA, "Email"))
    assert not is_hers(SPELLINGS[spelling], sought_by(BOB[:-1]))


@pytest.mark.parametrize("spelling", [one for one in SPELLINGS if one != "a mail of Journey Optimizer"])
def test_of_another_namespace_it_is_not(spelling: str) -> None:
    assert not is_hers(SPELLINGS[spelling], sought_by(ADA, "Loyalty"))


def test_of_several_identities_each_is_meant_in_its_own_namespace() -> None:
    sought = Sought.of([Identity("Email", ADA), Identity("CRM", "1001"), Identity("", ECID)])
    named = [("Email", ADA), ("CRM", "1001"), ("ECID", ECID), ("Loyalty", ECID)]
    others = [("CRM", ADA), ("Email", "1001"), ("Loyalty", "1001"), ("ECID", OTHER)]
    for namespace, id_ in named + others:
        assert is_hers({"identityMap": {namespace: [{"id": id_}]}}, sought) is ((namespace, id_) in named)
    assert is_hers(b'broken "1001"\n', sought), "nobody can tell of which namespace"


def test_an_id_that_a_pipeline_wrote_as_a_number_is_the_same_id() -> None:
    assert is_hers({"identityMap": {"CRM": [{"id": 1001}]}}, sought_by("1001"))
    assert not is_hers({"identityMap": {"CRM": [{"id": True}]}}, sought_by("True"))


ELSEWHERE: list[Any] = [
    {"_id": ADA},
    {"note": {"identityMap": {"Email": [{"id": ADA}]}}},
    {"identityMap": ADA},
    {"identityMap": {"Email": [ADA, None, {"authenticatedState": ADA}]}},
    {"identityMap": {ADA: [{"id": BOB}]}},
    {"identityMap": {"Email": [{"id": f"{ADA} "}, {"id": ADA.upper()}, {"id": [ADA]}]}},
    {"_experience": {"decisioning": {"propositions": [{"items": [{"id": ADA}]}]}}},
    {"endUserIDs": {"a": {"b": {"c": {"d": {"e": {"id": ADA}}}}}}},
    {"endUserIDs": [{"id": ADA}]},
    {"rawData": "no base64"}, {"rawData": "a"}, {"rawData": "ä"}, {"rawData": 7},
    {}, b"\n", b"", b"   \n", b"\xff\xfe\n",
]  # fmt: skip


@pytest.mark.parametrize("other", ELSEWHERE, ids=str)
def test_what_merely_mentions_her_elsewhere_is_not_hers(other: Any) -> None:
    assert not is_hers(other)


def test_a_line_that_is_no_object_is_hers_by_any_of_its_texts() -> None:
    assert is_hers(b'{"identityMap": {"Email": [{"id": "ada@example.org"}]\n')
    assert is_hers(b'[{"who": "ada@example.org"}]\n')
    assert not is_hers(b'{"who": "bob@example.org", ada@example.org\n')


def test_what_the_stream_laid_aside_is_looked_into() -> None:
    record = line(SPELLINGS["compact"])
    assert is_hers({"errorCode": "S3.AccessDenied", "rawData": base64.b64encode(record).decode()})
    assert not is_hers({"rawData": base64.b64encode(line({"identityMap": {"Email": [{"id": BOB}]}})).decode()})


def collected(*events: dict[str, Any]) -> list[bytes]:
    delivery = FakeDelivery()
    collector = Collector(lambda: KEYS, FakeCaps(), delivery)
    collector.take(events, datastream=datastream(), source=SOURCE, now_ms=NOW_MS)
    return [one + b"\n" for lines in delivery.stored.values() for one in lines]


def told(ecid: str, id_: str, *, visitor: str = "", places: int = 2) -> dict[str, Any]:
    """A display of several propositions, which is collected as a line for each."""
    shown = [proposition(a_token("o1", visitor=visitor), "o1") for _ in range(places)]
    return event("display", *shown, id=id_) | {"identityMap": {"ECID": [{"id": ecid}]}}


@pytest.mark.parametrize("visitor", [True, False], ids=["token names her", "token names nobody"])
def test_all_lines_of_a_collected_event_are_hers_though_only_the_first_names_her(visitor: bool) -> None:
    hers = collected(told(ECID, "e1", visitor=visitor_of(ECID) if visitor else "", places=3))
    others = collected(told(OTHER, "e2", visitor=visitor_of(OTHER), places=2))
    assert (len(hers), len(others)) == (3, 2)
    assert b"identityMap" not in hers[1] + hers[2]
    lines = [hers[2], others[1], hers[0], others[0], hers[1]]
    sought = sought_by(ECID, visitors=[visitor_of(ECID)])
    found = sought.found_in(lines)
    assert (found.seen, found.named) == (5, 3 if visitor else 1)
    assert list(sought.others(lines, found)) == [others[1], others[0]]


def test_lines_of_pipelines_that_share_an_id_do_not_share_a_person() -> None:
    lines = [line({"_id": "0", "identityMap": {"Email": [{"id": one}]}}) for one in (ADA, BOB)]
    sought = sought_by(ADA)
    assert list(sought.others(lines, sought.found_in(lines))) == lines[1:]


def test_the_events_of_a_mail_are_hers_by_what_their_token_says() -> None:
    def opened(identity: str) -> list[bytes]:
        token = a_token("o1", visitor=visitor_by(identity, KEYS.current))
        url = LinkMaker("https://edge.test/ee", KEYS.current).open_url(sign(token, KEYS.current))
        found = open_mail(url.rpartition("/")[2], "GET", {"user-agent": "Mail"}, KEYS, now_ms=NOW_MS)
        return collected(*found.events)

    (hers,), (his,) = opened(ADA), opened(BOB)
    assert ADA.encode() not in hers
    sought = sought_by(ADA, visitors=[visitor_by(ADA, KEYS.current)])
    assert (sought.is_named_by(hers), sought.is_named_by(his)) == (True, False)


def test_tokens_that_name_nobody_and_texts_that_only_begin_like_one_are_nobodys() -> None:
    forged = "WzMs" + "A" * 40 + "." + "B" * 22
    assert not is_hers(
        {"t": [sign(a_token("o1", visitor=""), KEYS.current), forged, "WzMs"]}, sought_by("", visitors=[""])
    )


def test_nobody_can_read_whom_an_erasure_looks_for() -> None:
    first, second = sought_by(ADA), sought_by(ADA)
    assert first.digests != second.digests, "the same person twice is no pattern"
    assert ADA.encode() not in b"".join(first.digests)
    assert first.key.hex()[:8] not in repr(first)
    assert "key" not in repr(first)


texts = st.text(max_size=8)
maps = st.dictionaries(
    st.sampled_from(["ECID", "Email"]),
    st.lists(st.fixed_dictionaries({"id": st.sampled_from([ADA, BOB, ECID])}), max_size=2),
)
events = st.fixed_dictionaries({"note": texts}, optional={"identityMap": maps, "_id": texts})
lines = st.one_of(
    events.map(line), st.binary(max_size=20).map(lambda raw: raw.replace(b"\n", b" ") + b"\n"), st.just(b"\n")
)


@given(st.lists(lines, max_size=12))
def test_whatever_else_lies_there_stays_byte_for_byte_and_in_order(given_lines: list[bytes]) -> None:
    def expected(one: bytes) -> bool:
        try:
            identities = json.loads(one).get("identityMap", {}).values()
        except (ValueError, AttributeError):
            return f'"{ADA}"'.encode() in one
        return any(entry["id"] == ADA for entries in identities for entry in entries)

    sought = sought_by(ADA)
    found = sought.found_in(given_lines)
    assert list(sought.others(given_lines, found)) == [one for one in given_lines if not expected(one)]
    assert found.named == sum(map(expected, given_lines))


def test_an_identity_map_that_stands_in_a_table_as_its_json_is_one_too() -> None:
    assert is_hers({"identityMap": json.dumps({"Email": [{"id": ADA}]})})
    assert not is_hers({"identityMap": '{"Email": [{"id": "ada@example.org"}'})
