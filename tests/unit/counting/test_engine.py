from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offer_ranking.catalog.mapping import NO_MAPPING, FieldMapping, field_mapping
from offer_ranking.counting import engine, entries, plain, rows
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.copies import Change, difference
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.index import Index
from offer_ranking.counting.unreadable import UnreadableObjectError
from tests.oracle import event_lines, hand_written, plain_counter

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine") / "it's lines.json"


def counted(file: Path, data: bytes, mapping: FieldMapping = NO_MAPPING) -> Delta:
    file.write_bytes(data)
    return engine.count_object(file, mapping).delta


def display(**changes: Any) -> dict[str, Any]:
    proposition = {"id": "p1", "items": [{"id": "o1"}]}
    return {
        "_id": "e1",
        "timestamp": "2026-11-24T22:05:12.613Z",
        "eventType": "decisioning.propositionDisplay",
        "_experience": {"decisioning": {"propositionEventType": {"display": 1}, "propositions": [proposition]}},
    } | changes


def one_by_one(file: Path, data: bytes, mapping: FieldMapping = NO_MAPPING) -> Delta:
    """What the rules say when they are asked about every line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine.PlainLines, "take", lambda _, lines, __: range(len(lines)))
        return counted(file, data, mapping)


def assert_as_oracle(delta: Delta, data: bytes, mapping: Mapping[str, str] | None = None) -> None:
    counts, accounting = plain_counter.count(data, mapping)
    assert Counter({tuple(key): n for key, n in delta.counts.items()}) == counts
    assert delta.accounting == Accounting(**accounting)


@given(st.lists(event_lines.lines, min_size=10, max_size=30), st.sampled_from([0, 300, 1000, 5000]))
@settings(SLOW, max_examples=20)
def test_what_is_forgotten_for_want_of_room_changes_no_count(file: Path, lines: list[bytes], held: int) -> None:
    data = b"\n".join([b"{}", *lines, *lines])  # first, since the first bytes say what it is
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "_MOST_HELD", held)
        delta = counted(file, data)
    assert delta == one_by_one(file, data)
    assert_as_oracle(delta, data)


@given(st.lists(event_lines.lines, min_size=20, max_size=60))
@SLOW
def test_every_line_counts_as_the_oracle_and_the_rules_have_it(file: Path, lines: list[bytes]) -> None:
    data = b"\n".join([b"{}", *lines])  # first, since the first bytes of an object say what it is packed in
    delta = counted(file, data)
    assert_as_oracle(delta, data)
    assert delta == one_by_one(file, data)


@given(
    st.lists(st.one_of(event_lines.flat_events, event_lines.events()).map(event_lines.written), max_size=30),
    st.sampled_from(event_lines.MAPPINGS),
)
@SLOW
def test_a_mapping_places_fields_as_the_oracle_and_the_rules_have_it(
    file: Path, lines: list[bytes], places: dict[str, str]
) -> None:
    data, mapping = b"\n".join(lines), field_mapping(places)
    delta = counted(file, data, mapping)
    assert_as_oracle(delta, data, places)
    assert delta == one_by_one(file, data, mapping)


@given(st.lists(st.lists(event_lines.events().map(event_lines.written), max_size=8), max_size=4))
@SLOW
def test_objects_one_by_one_come_to_what_the_oracle_counts_of_the_dataset(
    file: Path, objects: list[list[bytes]]
) -> None:
    dataset = {f"{number}.json": b"\n".join(lines) for number, lines in enumerate(objects)}
    deltas = {name: counted(file, data) for name, data in dataset.items()}
    merged = difference([Change(n, None, n) for n in deltas], deltas.__getitem__, lambda _: Index.none())
    counts, accounting = plain_counter.count_dataset(dataset)
    assert Counter({tuple(key): n for key, n in merged.counts.items()}) == counts
    assert merged.accounting == Accounting(**accounting)


@given(st.lists(event_lines.events(), max_size=12, unique_by=json.dumps), st.randoms(use_true_random=False))
@SLOW
def test_the_order_of_distinct_events_changes_no_count(
    file: Path, events: list[dict[str, Any]], random: Random
) -> None:
    distinct = [event | {"_id": f"e{index}", "@id": f"e{index}"} for index, event in enumerate(events)]
    for event in distinct:
        for proposition in _all_propositions(event):
            proposition.pop("scopeDetails", None)
            proposition.pop("xdm:scopeDetails", None)
    lines = [event_lines.written(event) for event in distinct]
    straight = counted(file, b"\n".join(lines))
    random.shuffle(lines)
    shuffled = counted(file, b"\n".join(lines))
    assert shuffled.counts.to_bytes() == straight.counts.to_bytes()
    assert shuffled.accounting == straight.accounting


def _all_propositions(event: dict[str, Any]) -> list[dict[str, Any]]:
    decisioning = event.get("_experience", {}).get("decisioning", {})
    arrays = [holder.get(key, []) for holder in (decisioning,) for key in ("propositions", "proposition")]
    arrays += [event.get(event_lines.NS + key, []) for key in ("propositions", "proposition")]
    return [proposition for array in arrays for proposition in array]


@pytest.mark.parametrize(
    "line",
    [
        b'{"_id":"x",}',
        b'{"_id":"x","a":[1,],}',
        b'{"a":[,]}',
        b'{"a":[1,,2]}',
        b'{"a":1,,}',
        b"{,}",
        b'{"a":inf,"b":-Infinity,"c":nan,"d":-NaN,"e":INF}',
        b'{"a":+inf}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1.}',
        b'{"a":01}',
        b'{"a":0x10}',
        b'{"a":1e400}',
        b'{"a":-0}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' + b"[" * 200 + b"]" * 200 + b"}",
        b'{"a":' + b'{"b":' * 200 + b"1" + b"}" * 200 + b"}",
        b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a":' + b"[" * 5000 + b"}",
        b'{"a":"\\ud83d\\ude00 \\\\ud800"}',
        b'{"a":"\\ud83d"}',
        b'{"a":"\\ude00"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\x01"}',
        b'{"a":"\\x"}',
        b'{"a":1 /* note */}',
        b"{'a':1}",
    ],
    ids=lambda line: re.sub(r"\W+", "_", repr(line[:30])),
)
@pytest.mark.parametrize("joined", [b"", event_lines.written(hand_written.EVENTS["display"])[1:-1] + b","])
def test_what_is_json_is_so_to_the_decoder_the_rules_and_the_oracle(file: Path, line: bytes, joined: bytes) -> None:
    line = line[:1] + joined + line[1:]
    data = b"\n".join([line, event_lines.written(display())])
    delta = counted(file, data)
    assert delta == one_by_one(file, data)
    assert_as_oracle(delta, data)


def test_lines_are_told_apart_by_token_and_offer_where_there_is_a_token(file: Path) -> None:
    def shown(offers: list[str], **changes: Any) -> bytes:
        details = {"characteristics": {"eventToken": "t1" + event_lines.SIGNATURE, "issuedAt": "2026-11-24T22:00:00Z"}}
        proposition = {"id": "p", "scopeDetails": details, "items": [{"id": offer} for offer in offers]}
        decisioning = {"propositionEventType": {"display": 1}, "propositions": [proposition]}
        return event_lines.written(display(_experience={"decisioning": decisioning}) | changes)

    lines = [shown(["o1"]), shown(["o1"], _id="e2"), shown(["o1", "o2"], _id="e3", timestamp="2026-11-25T00:00:00Z")]
    delta = counted(file, b"\n".join(lines))
    assert delta.accounting == Accounting.of(counted=2, duplicate=1)
    assert [key.offer for key, _ in delta.counts.items()] == ["o1", "o2"]


def test_a_later_copy_of_an_event_without_token_is_a_duplicate_and_another_time_is_not(file: Path) -> None:
    first, copy = display(), display(timestamp="2026-11-24T22:05:12.613000+00:00")
    other = display(timestamp="2026-11-24T22:05:12.614Z")
    delta = counted(file, b"\n".join(map(event_lines.written, (first, copy, other))))
    assert delta.accounting == Accounting.of(counted=2, duplicate=1)


@pytest.mark.parametrize("data", [b"", b"\n\n", b" \r\n\t\n"])
def test_a_file_without_lines_is_zero(file: Path, data: bytes) -> None:
    assert counted(file, data) == Delta.zero()


def test_a_line_longer_than_sixteen_mebibytes_is_malformed_and_the_next_one_counts(file: Path) -> None:
    long = event_lines.written(display(_id="long", pad="x" * (17 * 2**20)))
    delta = counted(file, b"\n".join([event_lines.written(display()), long, event_lines.written(display(_id="e2"))]))
    assert delta.accounting == Accounting.of(counted=2, refused={"malformed": 1})


def test_the_token_of_an_activity_tells_no_visitors_apart(file: Path) -> None:
    lines = []
    for number in range(3):
        proposition = {
            "id": "p",
            "items": [{"id": "o1"}],
            "scopeDetails": {"characteristics": {"eventToken": "Ab/c=="}},
        }
        decisioning = {"propositionEventType": {"interact": 1}, "propositions": [proposition]}
        lines.append(event_lines.written(display(_id=f"e{number}", _experience={"decisioning": decisioning})))
    assert counted(file, b"\n".join(lines)).accounting == Accounting.of(counted=3)


def test_the_first_hundred_refused_lines_are_kept_with_their_reason_and_nothing_of_a_person(file: Path) -> None:
    secret = {"identityMap": {"ECID": [{"id": "4711"}]}, "web": {"webPageDetails": {"URL": "https://x/?mail=a@b"}}}
    refused = [event_lines.written(display(_id=None, **secret))] * 150
    file.write_bytes(b"\n".join([b"{broken", event_lines.written(display()), *refused]))
    lines = engine.count_object(file).refused
    assert len(lines) == 100
    assert [(line.line, line.reason) for line in lines[:3]] == [(1, "malformed"), (3, "no-id"), (4, "no-id")]
    assert not any(word in line.text for line in lines for word in ("4711", "mail", "ECID", "broken"))
    assert "o1" in lines[1].text


def test_many_lines_for_the_parser_are_put_beside_the_others(file: Path) -> None:
    odd = [event_lines.written(display(_id=f"e{n}", timestamp="2026-11-24t22:05:12Z")) for n in range(12_000)]
    plain = [event_lines.written(display(_id=f"e{n}", timestamp="2026-11-24T22:05:12Z")) for n in range(6_000, 18_000)]
    delta = counted(file, b"\n".join(odd + plain))
    assert delta.accounting == Accounting.of(counted=18_000, duplicate=6_000)


def _of_propositions(*lists: list[str], **changes: Any) -> bytes:
    propositions = [{"id": "p", "items": [{"id": offer} for offer in offers]} for offers in lists]
    shown = {"propositionEventType": {"display": 1}, "propositions": propositions}
    return event_lines.written(display(_experience={"decisioning": shown}, **changes)) + b"\n"


def _odd(number: int) -> bytes:
    """Two offers, and a fallback in a proposition of its own: only the rules can read that."""
    fallback = {"id": "f", "itemSelection": {"rankingDetail": {"step": "fallback"}}}
    propositions = [{"id": "p", "items": [{"id": "a"}, {"id": "b"}]}, {"id": "q", "items": [fallback]}]
    shown = {"propositionEventType": {"display": 1}, "propositions": propositions}
    return event_lines.written(display(_id=f"odd {number}", _experience={"decisioning": shown})) + b"\n"


_MANY: dict[str, Callable[[int], bytes]] = {
    "a line of many items": lambda n: _of_propositions([f"o{k}" for k in range(n)]),
    "many lines of the same items": lambda n: b"".join(
        _of_propositions(["a"] * 10, _id=f"e{k}") for k in range(n // 10)
    ),
    "many lines of other items": lambda n: b"".join(
        _of_propositions([f"o{k}"] * 10, _id=f"e{k}") for k in range(n // 10)
    ),
    "many propositions": lambda n: b"".join(_of_propositions(*[["a"]] * 10, _id=f"e{k}") for k in range(n // 10)),
    "a line of many propositions": lambda n: _of_propositions(*[["a"]] * n),
    "lines for the rules": lambda n: b"".join(map(_odd, range(n // 2))),
}


@pytest.mark.parametrize("kind", _MANY)
def test_an_object_of_too_many_offers_is_set_aside_and_of_one_less_is_not(
    file: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Seven packed megabytes can hold twelve million offers, which take 2.2 GB to count and more to merge."""
    monkeypatch.setattr(entries, "MOST_OFFERS", 10_000)
    monkeypatch.setattr(rows, "_ADDED_AT_ONCE", 4_000)
    counted(file, _MANY[kind](10_000))
    with pytest.raises(UnreadableObjectError, match="too-many-offers"):
        counted(file, _MANY[kind](10_000) + _of_propositions(["one more"], _id="one more"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Who asked the rules: "plain" for a part of lines, "engine" for a whole one."""
    found: list[str] = []
    for module in (plain, engine):
        name, rules = module.__name__.rpartition(".")[2], module.parse_event

        def parse(*given: Any, name: str = name, rules: Any = rules) -> Any:
            found.append(name)
            return rules(*given)

        monkeypatch.setattr(module, "parse_event", parse)
    return found


def test_ranked_lists_are_read_by_their_items(file: Path, asked: list[str]) -> None:
    """Hardly any list is there twice: asked about each, the rules took 200 microseconds a line where others take 4."""
    random = Random(4)
    offers = [f"o{n}" for n in range(100)]
    lists = [random.sample(offers, 40) for _ in range(500)]
    data = b"".join(_of_propositions(one, _id=f"e{n}") for n, one in enumerate(lists))
    delta = counted(file, data)
    assert len(asked) <= len(offers) + 5
    assert delta == one_by_one(file, data)
    assert_as_oracle(delta, data)


def test_cells_without_number_stay_plain(file: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many cells each further line was read by the rules, which takes ten times as long."""
    monkeypatch.setattr(plain, "_MOST_HELD", 5_000)

    def of_cell(number: int) -> dict[str, Any]:
        details = {"characteristics": {"cell": f"c{number}"}}
        proposition = {"id": "p1", "items": [{"id": "o1"}], "scopeDetails": details}
        shown = {"propositionEventType": {"display": 1}, "propositions": [proposition]}
        return display(_id=f"e{number}", _experience={"decisioning": shown})

    data = b"\n".join(event_lines.written(of_cell(n)) for n in range(1_000))
    delta = counted(file, data)
    assert len(asked) <= 5
    assert delta == one_by_one(file, data)


def test_what_parts_mean_is_kept_within_bounds_however_long_they_are(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """65,536 of them were kept: of items that hold their content, a gigabyte and more."""
    monkeypatch.setattr(plain, "_MOST_HELD", 20_000)
    readers = []
    made = plain._NestedReader.__init__

    def kept(self: Any, *given: Any) -> None:
        made(self, *given)
        readers.append(self)

    monkeypatch.setattr(plain._NestedReader, "__init__", kept)
    items = [[{"id": "o1", "content": f"{n:05}" * 1_000}] for n in range(50)]
    propositions = [
        {"propositionEventType": {"display": 1}, "propositions": [{"id": "p", "items": one}]} for one in items
    ]
    data = b"\n".join(
        event_lines.written(display(_id=f"e{n}", _experience={"decisioning": one}))
        for n, one in enumerate(propositions)
    )
    assert counted(file, data).accounting == Accounting.of(counted=50)
    caches = [one for reader in readers for one in vars(reader).values() if isinstance(one, plain._Meanings)]
    assert caches
    assert max(sum(map(len, one)) for one in caches) <= 20_000 + 5_100  # the last one is kept, however long


def test_an_object_of_too_many_lines_for_the_rules_is_set_aside(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At 50 microseconds each, ten million of them take four times the worker's 120 seconds."""
    monkeypatch.setattr(engine, "MOST_ODD_LINES", 100)
    data = b"".join(event_lines.written(display(_id=f"p{n}")) + b"\n" for n in range(200))
    odd = b"".join(map(_odd, range(100)))
    assert counted(file, odd + data).accounting == Accounting.of(counted=300)
    with pytest.raises(UnreadableObjectError, match="too-many-odd-lines"):
        counted(file, odd + data + _odd(100))


@pytest.mark.parametrize("part", ["offer", "cell", "model"])
def test_an_object_that_names_too_much_is_set_aside(file: Path, monkeypatch: pytest.MonkeyPatch, part: str) -> None:
    monkeypatch.setattr(entries, "MOST_NAMED", 100_000)

    def row(number: int, length: int) -> bytes:
        named = {"offerId": "o", "cell": "c", "modelId": "m"} | {
            {"offer": "offerId", "cell": "cell", "model": "modelId"}[part]: f"{number:0{length}}"
        }
        event = {"_id": f"e{number}", "timestamp": hand_written.TIME, "eventType": "display", **named}
        return event_lines.written(event) + b"\n"

    counted(file, row(1, 99_000))
    counted(file, b"".join(row(n, 4) for n in range(900)))
    for lines in (row(1, 100_000), b"".join(row(n, 4) for n in range(1_000))):
        with pytest.raises(UnreadableObjectError, match="too-varied"):
            counted(file, lines)


@pytest.mark.parametrize("name", hand_written.EVENTS)
def test_every_rule_of_reading_is_the_same_in_the_decoder_the_rules_and_the_oracle(file: Path, name: str) -> None:
    line = event_lines.written(hand_written.EVENTS[name])
    delta = counted(file, line)
    assert_as_oracle(delta, line)
    assert delta == one_by_one(file, line)


def _signed(number: int) -> dict[str, Any]:
    details = {"characteristics": {"eventToken": f"t{number}{event_lines.SIGNATURE}", "issuedAt": hand_written.TIME}}
    proposition = {"id": "p1", "items": [{"id": "o1"}], "scopeDetails": details}
    return {"_experience": {"decisioning": {"propositionEventType": {"display": 1}, "propositions": [proposition]}}}


@pytest.mark.parametrize(
    "odd",
    [
        b'{"cut": ',
        b'{"_id": 5, "timestamp": "2026-11-24T22:05:12.613Z"}',
        b'{"_id": "odd", "timestamp": "2026-11-24T22:05:12.613Z", "_experience": null}',
        event_lines.written(hand_written.EVENTS["namespaced"]),
        event_lines.written(hand_written.EVENTS["flat"]),
        event_lines.written(hand_written.EVENTS["stamp wins"]),
    ],
    ids=["cut", "number for id", "null for object", "namespaced", "flat", "stamped"],
)
@pytest.mark.parametrize("share", [1, 3])
def test_odd_lines_among_signed_ones_count_as_the_rules_have_it(file: Path, odd: bytes, share: int) -> None:
    signed = [event_lines.written(display(_id=f"e{number}", **_signed(number))) for number in range(600)]
    data = b"\n".join(
        line for one in signed for line in [one, *([odd] * (share - 1)), *([odd] if one is signed[9] else [])]
    )
    delta = counted(file, data)
    assert delta.accounting.counted >= 600
    assert delta == one_by_one(file, data)
    assert_as_oracle(delta, data)


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_plain_time_is_never_read_otherwise_than_by_the_rules(file: Path, *, is_signed: bool) -> None:
    random = Random(20261124)
    days = [1, 28, 29, 30, 31, 32]
    zones = ["Z", "Z", "Z", "z", "+00:00", "-00:00", "+02:00", "-05:30", "+15:59", "+23:59", "+24:00", "", "+02"]
    fractions = ["", ".1", ".123", ".123456", ".1234567", ".999999", "."]
    lines = [
        event_lines.written(
            display(
                _id=f"e{number}",
                **(_signed(number) if is_signed else {}),
                timestamp=f"{random.choice([2024, 2025, 2026, 1969, 1970, 9999]):04}-{random.randint(0, 13):02}-"
                f"{random.choice(days):02}T{random.randint(0, 24):02}:"
                f"{random.randint(0, 60):02}:{random.randint(0, 60):02}"
                f"{random.choice(fractions)}{random.choice(zones)}",
            )
        )
        for number in range(3_000)
    ]
    data = b"\n".join(lines)
    delta = counted(file, data)
    assert delta.accounting.counted > 800
    assert delta == one_by_one(file, data)
    assert_as_oracle(delta, data)


def collected(received: str, **changes: Any) -> dict[str, Any]:
    return display(offerRanking={"trust": "unchecked", "receivedAt": f"2026-11-{received}Z"}, **changes)


@pytest.mark.parametrize(
    ("first", "again", "own", "counts"),
    [
        ("24T22:59:59.9", "24T23:00:02", "2026-11-24T22:59:58Z", 1),
        ("24T23:59:59.9", "25T00:00:02", "2026-11-24T23:59:58Z", 1),
        ("24T22:59:59.9", "24T23:00:02", None, 1),
        ("24T23:59:59.9", "25T00:00:02", None, 2),  # all that a client can do that says no time is to say it in one day
    ],
)
def test_a_collected_event_that_is_sent_again_counts_once_by_its_own_time(
    file: Path, first: str, again: str, own: str | None, counts: int
) -> None:
    objects = {
        name: (json.dumps(collected(received, timestamp=own)) + "\n").encode()
        for name, received in (("a", first), ("b", again))
    }
    deltas = {name: counted(file, data) for name, data in objects.items()}
    merged = difference([Change(name, None, name) for name in deltas], deltas.__getitem__, lambda _: Index.none())
    assert merged.accounting.counted == counts
    assert counted(file, b"".join(objects.values())).accounting.counted == counts
    assert one_by_one(file, b"".join(objects.values())) == counted(file, b"".join(objects.values()))
    assert plain_counter.count_dataset(objects)[1]["counted"] == counts


def test_two_events_of_one_id_and_of_different_times_both_count_when_they_came_in_together(file: Path) -> None:
    lines = [collected("24T22:00:00", timestamp=f"2026-11-24T21:00:0{second}Z") for second in range(2)]
    assert counted(file, "\n".join(map(json.dumps, lines)).encode()).accounting.counted == 2


def test_a_mapping_says_nothing_of_what_was_collected(file: Path) -> None:
    mapping = field_mapping({"offer": "shop.offer", "timestamp": "shop.at"})
    line = collected("24T22:00:00", shop={"offer": "smuggled", "at": "2026-01-01T00:00:00Z"})
    delta = counted(file, json.dumps(line).encode(), mapping)
    assert [key.offer for key, _ in delta.counts.items()] == ["o1"]
    assert delta == one_by_one(file, json.dumps(line).encode(), mapping)
    theirs = {**line, "offerRanking": None, "eventType": "display"}
    assert [key.offer for key, _ in counted(file, json.dumps(theirs).encode(), mapping).counts.items()] == ["smuggled"]


def test_rows_of_several_models_and_kinds_count_each_for_its_own(file: Path) -> None:
    """More rows than are read at once: the quick way for them is taken after the first."""
    mapping = {"offer": "columns.offer"}
    rows = [
        {"_id": f"e{n}", "timestamp": "2026-11-24T22:05:12Z", "columns": {"offer": f"o{n % 5}"}, "modelId": f"m{n % 4}",
         "trafficType": ("random", "noncontextual")[n % 2], "eventType": f"decisioning.proposition{kind}"}
        for n, kind in enumerate(["Display", "Interact", "Dismiss"] * 2000)
    ]  # fmt: skip
    data = b"\n".join(event_lines.written(row) for row in rows)
    delta = counted(file, data, field_mapping(mapping))
    assert_as_oracle(delta, data, mapping)
    assert len(delta.counts) == 40
