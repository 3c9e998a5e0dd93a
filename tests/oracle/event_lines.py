"""Hypothesis strategies for lines of events: plain ones in every spelling, and ones that a hostile hand has changed."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import strategies as st

NS = "https://ns.adobe.com/experience/decisioning/"
TYPES = ["send", "decision", "trigger", "display", "interact", "dismiss", "unsubscribe", "suppressSend"]

offers = st.sampled_from(
    ["o1", "o2", "o3", "o4", "a/b", "a~1", "", "xcore:personalized-offer:1", 'q"uo\\te', "é\u2028"]
)
SIGNATURE = "." + "s" * 22


def base64url(value: Any) -> str:
    """JSON as tokens and sub-propositions hold it."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def our_token(*offers: Any, version: int = 3, shown: Any = None, etags: Any = ()) -> str:
    """A token of this system that names these offers."""
    given, shares = len(offers) if shown is None else shown, [1.0] * len(offers)
    fields = [version, "k", "p", 1, "m", 1, "random", "", "", "", list(offers), shares, given, list(etags)]
    return base64url(fields) + SIGNATURE


def sub_propositions(*items: Any, step: str = "aiModel") -> str:
    """Adobe's base64 text of the propositions inside of one."""
    part = {"id": "inner", "scopeDetails": {"strategies": [{"step": step, "strategyID": "m3"}]}, "items": list(items)}
    return base64url([part])


tokens = st.sampled_from([
    "foreign", "t1" + SIGNATURE, "t2" + SIGNATURE, "t3" + SIGNATURE, our_token("o1"), our_token("o1", "o2"),
    our_token("o1", 5), our_token("o1", version=2), our_token("o1", "o2", shown=1),
    our_token("o1", shown=2), our_token("o1", shown="1"), our_token("o1", etags=["1"]),
    our_token("o1", etags=["", ""]), "",
])  # fmt: skip
insides = st.sampled_from([
    sub_propositions({"id": "o1", "token": "i1"}, {"id": "o2", "token": "i2"}),
    sub_propositions({"id": "o3", "token": "i1"}),
    sub_propositions({"id": "o3"}, step="fallback"),
    sub_propositions(),
    base64url({"propositions": [{"items": [{"id": "o4"}]}]}),
    base64url(5),
    "no base64!",
    "",
])  # fmt: skip
sound_times = st.sampled_from(
    [
        "2026-11-24T22:05:12.613Z",
        "2026-11-24T22:05:12.613+00:00",
        "2026-11-25T00:05:12.613+02:00",
        "2026-11-24T22:05:13Z",
        "2026-11-26T22:05:12.999999Z",
        "2026-11-24T23:59:60Z",
        "2026-11-24 22:05:12z",
        "2026-11-24t22:05:12.1234567-01:30",
        "1970-01-01T00:00:00Z",
        "2026-11-24T22:05:12+23:59",
    ]
)
broken_times = st.sampled_from(
    [
        "2026-11-24T22:05:12",
        "2026-11-24T24:00:00Z",
        "2026-02-30T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59-05:00",
        "9999999-01-01T00:00:00Z",
        "2026-11-24T22:05:12+24:00",
        "2026-11-24T22:05:12.Z",
        "",
    ]
)
times = st.one_of(*[sound_times] * 6, broken_times, st.datetimes().map(lambda at: at.isoformat() + "Z"))
issues = st.one_of(
    times,
    st.sampled_from([1764021912613, "1764021912613", 1764021912613.7, -1, 10**16, "12", "1234567890123456", True, 0]),
)
ids = st.sampled_from(["e1", "e2", "e3", "e4", "e5", "e6", "e7", "\u0000x", ""])
proposition_ids = st.sampled_from(
    [
        "p1",
        "019ab8e2-7c45-7abc-9abc-0123456789ab",
        "019AB8E2-7C45-7ABC-BABC-0123456789AB",
        "ffffffff-ffff-7fff-8fff-ffffffffffff",
        "",
    ]
)
marks = st.sampled_from([1, 1, 1, 1, 1.0, True, 0, 2, "1", None, False])
words = st.sampled_from(["m1", "m2", "random", "noncontextual", "aiModel", "aiModel", "priority", "fallback", ""])


@st.composite
def objects(draw: st.DrawFn, fields: dict[str, st.SearchStrategy[Any]], chance: int = 11) -> dict[str, Any]:
    """Each field is there in `chance` of 12 cases."""
    return {key: draw(values) for key, values in fields.items() if draw(st.integers(1, 12)) <= chance}


def spelled(prefix: str) -> st.SearchStrategy[dict[str, Any]]:
    """A proposition, its keys with or without `xdm:`."""
    p = prefix
    detail = objects({f"{p}step": words, f"{p}strategyID": words, f"{p}trafficType": words}, 4)
    item = objects(
        {
            f"{p}id": offers,
            "etag": st.sampled_from(["1", "2", ""]),
            f"{p}itemSelection": st.fixed_dictionaries({f"{p}rankingDetail": detail}),
            "data": st.just({"content": "x"}),
        },
        9,
    )
    strategy = objects(
        {
            f"{p}step": st.sampled_from(["aiModel"] * 8 + ["fallback", "targeting"]),
            f"{p}strategyID": words,
            f"{p}trafficType": words,
        }
    )
    characteristics = objects(
        {
            "eventToken": tokens,
            "cell": st.sampled_from(["c1", "c2"]),
            "etags": st.dictionaries(offers, st.sampled_from(["7", "8", 9]), max_size=3),
            "issuedAt": issues,
            "snapshotVersion": st.just("3"),
            "subPropositions": insides,
        },
        7,
    )
    details = objects({f"{p}strategies": st.lists(strategy, max_size=2), f"{p}characteristics": characteristics})
    return objects(
        {
            f"{p}id": proposition_ids,
            f"{p}scope": st.just("s"),
            f"{p}scopeDetails": details,
            f"{p}items": st.lists(item, min_size=1, max_size=3),
        }
    )


stamps = objects(
    {
        "trust": st.sampled_from(["verified", "verified", "verified", "untrusted"]),
        "capped": st.sampled_from([False, False, False, True]),
        "model": words,
        "trafficType": words,
        "cell": st.just("stamped"),
        "offers": st.lists(offers, max_size=3),
        "issuedAt": issues,
        "receivedAt": times,
    },
    5,
)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    p = draw(st.sampled_from(["", "xdm:"]))
    event_types = st.sampled_from(
        [
            *["decisioning.propositionDisplay", "decisioning.propositionInteract"] * 3,
            "message.tracking",
            "web.pageViews",
        ]
    )
    event = draw(objects({("@id" if p else "_id"): ids, f"{p}timestamp": times, f"{p}eventType": event_types}))
    kinds = {draw(st.sampled_from(["display", "interact"] * 5 + TYPES)): draw(marks)}
    if draw(st.integers(0, 9)) == 0:
        kinds |= draw(st.dictionaries(st.sampled_from(TYPES), marks, max_size=2))
    propositions = draw(st.lists(spelled(p), min_size=draw(st.sampled_from([0, 1, 1, 1])), max_size=2))
    array = draw(st.sampled_from(["propositions", "propositions", "propositions", "proposition"]))
    if p:
        event |= {
            NS + "propositionEventType": {f"xdm:{kind}": mark for kind, mark in kinds.items()},
            NS + array: propositions,
        }
    else:
        event["_experience"] = {"decisioning": {"propositionEventType": kinds, array: propositions}}
    if draw(st.integers(0, 7)) == 0:
        offer = objects({"offerID": offers, "placementID": st.just("pl"), "propositionID": proposition_ids})
        interaction = objects(
            {"interactionType": st.sampled_from(["open", "click", "send"]), "offers": st.lists(offer, max_size=3)}
        )
        event.setdefault("_experience", {})["customerJourneyManagement"] = {"messageInteraction": draw(interaction)}
    if draw(st.integers(0, 3)) == 0:
        action = {f"{p}tokens": draw(st.lists(st.sampled_from(["i1", "i2", "", 5]), max_size=2))}
        holder = event if p else event["_experience"]["decisioning"]
        holder[NS + "propositionAction" if p else "propositionAction"] = action
    if draw(st.integers(0, 3)) == 0:
        event["offerRanking"] = draw(stamps)
    if draw(st.integers(0, 19)) == 0:
        event["data"] = {"__adobe": {"ajo": {"dryRun": draw(st.sampled_from([True, True, False, "true", 1]))}}}
    return event


flat_events = objects(
    {
        "_id": ids,
        "timestamp": times,
        "eventType": st.sampled_from(["display", "interact", "decisioning.propositionDisplay", "message.tracking", ""]),
        "offerId": offers,
        "columns": objects({"offer": offers, "at": times, "key": ids, "kind": st.just("display"), "place": st.just(4)}),
        "offerEtag": st.sampled_from(["1", 2]),
        "modelId": words,
        "trafficType": words,
        "cell": st.just("flat"),
        "eventToken": tokens,
        "issuedAt": issues,
        "propositionId": proposition_ids,
        "position": st.sampled_from([1, 30, 31, 0, 2.0, 2.5, True, "3", None]),
        "offerRanking": stamps,
        "data": st.sampled_from([{}, {}, {"__adobe": {"ajo": {"dryRun": True}}}]),
    },
    9,
)
MAPPINGS: list[dict[str, str]] = [
    {},
    {"offer": "columns.offer"},
    {"offer": "columns.offer", "timestamp": "columns.at", "id": "columns.key", "eventType": "columns.kind"},
    {"position": "columns.place", "etag": "columns.key"},
    {"propositions": "_experience.decisioning.elsewhere", "dryRun": "columns.dry"},
    {"id": "columns", "offer": "columns.offer"},
]


strange: st.SearchStrategy[Any] = st.sampled_from(
    [None, 0, 1, -0.0, 1e300, 10**400, True, "1", "x", [], {}, [[]], [None], [5, "s"], {"id": 1}, float("nan")]
)


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) inside a value."""
    keys = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, part in keys for place in [(value, key), *_places(part)]]


@st.composite
def swapped_events(draw: st.DrawFn) -> dict[str, Any]:
    """An event with null, a number, a list or an object put anywhere."""
    event: dict[str, Any] = draw(events())
    places = _places(event)
    for _ in range(draw(st.integers(1, 2))):
        if places:
            container, key = draw(st.sampled_from(places))
            container[key] = draw(strange)
    return event


def written(event: dict[str, Any]) -> bytes:
    return json.dumps(event, ensure_ascii=False).encode()


@st.composite
def repeated_keys(draw: st.DrawFn) -> bytes:
    """Two events glued into one object, so that keys repeat."""
    first, second = written(draw(events()))[1:-1], written(draw(events()))[1:-1]
    return b"{" + b",".join(part for part in (first, second) if part) + b"}"


garbage = st.one_of(
    st.binary(max_size=30).map(lambda data: data.replace(b"\n", b" ")),
    st.sampled_from(
        [
            b"", b"   ", b"\t\r", b"null", b"5", b'"text"', b"[]", b"{}", b"{", b'{"_id":', b"NaN", b"not json",
            b'{"_id":"\\ud800"}', b'{"_id":"\xff"}', b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b'{"a":1}{"b":2}',
            b'{"_id":"a\x00b"}', b'{"_id":"\\u0000"}', b" {} ", b"{}\r", b'{"_id":"x"}\r{"_id":"y"}', b"\x0b",
            b"\x0c{}",
        ]
    ),
)  # fmt: skip
lines = st.one_of(
    *[events().map(written)] * 4, flat_events.map(written), swapped_events().map(written), repeated_keys(), garbage
)
