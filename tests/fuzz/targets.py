"""What takes bytes from strangers, each with a claim: only the documented errors, and agreement with a second opinion.

A target takes any bytes and raises AssertionError, or whatever the code under it lets out, where its claim does not
hold. `tests/fuzz/test_targets.py` runs all on their seeds and on some hundreds of changes; `make fuzz` goes on by
coverage.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.errors import UnsuitableError
from offer_ranking.catalog.listing import page, read_place, write_place
from offer_ranking.counting.engine import count_object
from offer_ranking.counting.hint import Fit, LookAt, Merge, Sweep
from offer_ranking.counting.protocol import Place, delta_name
from offer_ranking.edge.body import DEEPEST, MOST_BYTES, read_body
from offer_ranking.edge.problem import RefusedError
from offer_ranking.edge.request import MOST_EVENTS, MOST_SCOPES, read_request
from offer_ranking.edge.scope import MOST_ITEMS, read_scope
from offer_ranking.events import token as tokens
from offer_ranking.events.mail_link import InvalidLinkError, LinkKind, MailLink, is_address, read_link
from offer_ranking.events.mail_link import _signature as _link_signature
from offer_ranking.events.proposition_event import Late, Other, PropositionEvent, Refused, parse_line
from offer_ranking.events.token import InvalidTokenError, Token, TokenKey, TokenKeys, sign, verify
from offer_ranking.storage.hints import Hints, UnreadableHintError, read_hint
from tests.oracle import event_lines, hand_written, plain_counter

TESTS = Path(__file__).parents[1]
FOUND = Path(__file__).parent / "found"
KEYS = TokenKeys(TokenKey("k2", b"n" * 32), TokenKey("k1", b"o" * 32))
ORG = "kndctr_ABCDEF0123456789_AdobeOrg_"


@dataclass(frozen=True, slots=True)
class Target:
    """A claim about any bytes, where they begin, and the words that mean something in them."""

    claim: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]
    words: tuple[str, ...]

    def corpus(self) -> list[bytes]:
        """The seeds, and all that was ever found."""
        folder = FOUND / self.claim.__name__
        return [*self.seeds(), *(file.read_bytes() for file in sorted(folder.glob("*")))]


def text_of(data: bytes) -> str:
    """Any text that Python can hold, lone surrogates too."""
    return data.decode("utf-8", errors="surrogateescape")


# ---- Lines of events -------------------------------------------------------------------------------------------------


def event_lines_of_objects(data: bytes) -> None:
    """Every line has an outcome, and an object of them counts as the oracle has it."""
    for line in data.split(b"\n"):
        assert isinstance(parse_line(line), PropositionEvent | Other | Late | Refused)
    whole = b"{}\n" + data  # the first bytes of an object say what it is packed in
    _OBJECT.write_bytes(whole)
    counted = count_object(_OBJECT).delta
    counts, accounting = plain_counter.count(whole)
    assert Counter({tuple(key): n for key, n in counted.counts.items()}) == counts
    assert counted.accounting.to_json() == accounting


def _lines() -> Iterator[bytes]:
    every = [event_lines.written(event) for event in hand_written.EVENTS.values()]
    yield from every
    yield b"\n".join(every)


# ---- Tokens and links of mails ---------------------------------------------------------------------------------------


def signed_tokens(data: bytes) -> None:
    """A text is verified or invalid, and one whose payload is signed means what plain base64 and JSON read in it."""
    text = text_of(data)
    for one in (text, _signed(data)):
        try:
            found = verify(one, KEYS)
        except InvalidTokenError:
            found = None
        claimed, offers = tokens.claimed(one), tokens.offers_of(one)
        assert claimed is None or tokens.is_ours(one)
        if found is None:
            continue
        expected = _token_read_plainly(one)
        assert expected is not None
        assert (found, list(found.given())) == expected
        assert claimed in {None, found}
        assert not offers or offers == found.given()
    if found is None:
        assert _token_read_plainly(_signed(data)) is None


def _signed(payload: bytes) -> str:
    """The payload as base64url, signed well: of its shape alone it is to be refused."""
    spelled = base64.urlsafe_b64encode(payload).rstrip(b"=")
    return (spelled + b"." + tokens._signature(spelled, KEYS.current)).decode()


def _token_read_plainly(text: str) -> tuple[Token, list[str]] | None:
    """A token by the standard library alone; None for another shape."""
    payload = text.partition(".")[0]
    try:
        fields = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)).decode())
    except (ValueError, RecursionError):
        return None
    kinds = (int, str, str, int, str, int, str, str, str, str, list, list, int, list)
    if len(text) > 16_384 or not isinstance(fields, list) or [type(one) for one in fields] != list(kinds):
        return None
    version, key, *middle, offers, shares, shown, etags = fields
    texts = [key, *(one for one in middle if isinstance(one, str)), *offers, *etags]
    is_sound = (
        all(isinstance(one, str) and not re.search("[\ud800-\udfff]", one) for one in texts)
        and all(type(one) in {int, float} and math.isfinite(one) for one in shares)
        and (version, key, len(shares)) == (tokens.VERSION, KEYS.current.id, len(offers))
        and 0 <= shown <= len(offers)
        and len(etags) in {0, shown}
    )
    if not is_sound:
        return None
    ranked = tuple(zip(offers, map(float, shares), strict=True))
    given = None if shown == len(offers) else shown
    return Token(*middle[:6], ranked, *middle[6:], given, tuple(etags)), list(offers[:shown])


_TOKEN = Token(
    "p1", 1_796_000_000_000, "m1", 7, "random", '["gold"]', (("o1", 0.5), ("o2", 0.5)), "shop", "v1", 1, ("1",)
)


def _tokens() -> Iterator[bytes]:
    for token in (_TOKEN, Token("p", 0, "", 0, "", "", ())):
        text = sign(token, KEYS.current)
        yield text.encode()
        yield base64.urlsafe_b64decode(text.partition(".")[0] + "==")
    yield b"[" * 5000
    yield json.dumps([3, "k2", *[""] * 12]).encode()


def mail_links(data: bytes) -> None:
    """A link is read or invalid, signed or not; one that is read leads to an address that a header can hold."""
    text = text_of(data)
    for kind in LinkKind:
        sealed = [text]
        if text.isascii():
            sealed += [
                f"{said}.{_link_signature(kind, said, KEYS.current)}" for said in (text, f"{_TOKEN_TEXT}.{text}")
            ]
        for one in sealed:
            try:
                found = read_link(kind, one, KEYS)
            except InvalidLinkError:
                continue
            assert isinstance(found, MailLink)
            assert verify(found.text, KEYS) == found.token
            assert (kind is LinkKind.CLICK) == bool(found.address)
            if found.address:
                assert is_address(found.address)
                assert re.fullmatch(r"https?://[!-~]{1,2041}", found.address, re.ASCII)


_TOKEN_TEXT = sign(_TOKEN, KEYS.current)


def _links() -> Iterator[bytes]:
    yield b""
    for address in (
        b"https://shop.test/a?b=c#d",
        b"javascript:alert(1)",
        b"https://a\r\nSet-Cookie: b",
        b"http://[::1]/",
    ):
        encoded = base64.urlsafe_b64encode(address).rstrip(b"=")
        yield encoded
        yield _TOKEN_TEXT.encode() + b"." + encoded
    yield _TOKEN_TEXT.encode()


# ---- Decision scopes -------------------------------------------------------------------------------------------------


def decision_scopes(data: bytes) -> None:
    """A scope is a name, a pair, or at fault; what plain base64 and JSON read in it says which."""
    text = text_of(data)
    asked = read_scope(text)
    assert asked.spelled == text
    try:
        padded = text.rstrip("=")
        found = json.loads(base64.b64decode(padded + "=" * (-len(padded) % 4), altchars=b"-_", validate=False))
    except (ValueError, RecursionError, binascii.Error):
        found = None
    if asked.pair is not None:
        assert isinstance(found, dict)
        assert asked.pair.activity_id in found.values()
        assert asked.pair.placement_id in found.values()
        assert asked.count is None or 1 <= asked.count <= MOST_ITEMS
        assert (asked.name, asked.fault) == ("", "")
    elif asked.fault:
        assert isinstance(found, dict)
        assert not asked.name
    elif asked.name != text:
        assert isinstance(found, dict)
        assert found["xdm:name"] == asked.name


def _scopes() -> Iterator[bytes]:
    yield b"home"
    for named in (
        {"activityId": "a", "placementId": "p", "itemCount": 3},
        {"xdm:activityId": "xcore:offer-activity:1", "xdm:placementId": "p", "xdm:itemCount": None},
        {"xdm:name": "home"},
        {"activityId": 5, "itemCount": True},
    ):
        yield base64.b64encode(json.dumps(named).encode())
        yield base64.urlsafe_b64encode(json.dumps(named).encode()).rstrip(b"=")


# ---- Bodies at the edge ----------------------------------------------------------------------------------------------


def edge_bodies(data: bytes) -> None:
    """A body is refused, or is what strict JSON reads; a request of it holds no more than it may."""
    text = text_of(data)
    strict = _strict_json(text)
    try:
        body = read_body(text)
    except RefusedError:
        assert strict is None
        return
    assert body == strict
    try:
        request = read_request(body, f"{ORG}identity={text[:200]}; {ORG}consent=general=in")
    except RefusedError:
        return
    assert len(request.events) <= MOST_EVENTS
    assert sum(len(query.scopes) for query in request.queries) <= MOST_SCOPES
    request.is_out(ORG + "consent")
    ecid = request.ecid(ORG + "identity")
    assert ecid is None or re.fullmatch(r"\d{38}", ecid, re.ASCII)
    for query in request.queries:
        request.event(query)
    for event in request.events:
        collected = event.collected(id_="made", ecid="0" * 38)
        json.dumps(collected, ensure_ascii=False).encode()
        assert isinstance(parse_line(json.dumps(collected)), PropositionEvent | Other | Late | Refused)


def _strict_json(text: str) -> dict[str, Any] | None:
    """RFC 8259 without duplicate keys, lone surrogates, and numbers that no double holds; within the limits."""

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in found}) < len(found):
            raise ValueError
        return dict(found)

    def number(digits: str) -> float:
        if math.isinf(value := float(digits)):
            raise ValueError
        return value

    def constant(_: str) -> None:
        raise ValueError

    try:
        if len(text.encode()) > MOST_BYTES:
            return None
        found = json.loads(text, object_pairs_hook=pairs, parse_float=number, parse_constant=constant)
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) and _depth(found) <= DEEPEST else None


def _depth(value: object) -> int:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inside is None else 1 + max(map(_depth, inside), default=0)


def _bodies() -> Iterator[bytes]:
    for file in sorted((TESTS / "functions" / "bodies").glob("*.json")):
        yield json.dumps(json.loads(file.read_text(encoding="utf-8"))).encode()
    yield b'{"events":[{"xdm":{"a":[1e5,-0,null,true]}}],"meta":{"state":{"entries":[{"key":"k","value":"v"}]}}}'
    yield b'{"a":1,"a":2}'
    yield b'{"a":"\\ud83d\\ude00 \\u0041"}'


# ---- Notifications of objects ----------------------------------------------------------------------------------------


class _Sent:
    """SQS, as far as hints need it: what was sent last."""

    bodies: list[str]

    def send_message_batch(self, **call: Any) -> dict[str, Any]:
        self.bodies = [entry["MessageBody"] for entry in call["Entries"]]
        return {}


_DATASET = Dataset.model_construct(id="d1", bucket="events", prefix="shop/", mapping=())


def object_hints(data: bytes) -> None:
    """A message is a hint or unreadable; a key is never decoded, and no name made of it can leave its dataset."""
    body = text_of(data)
    try:
        hint = read_hint(body)
    except UnreadableHintError:
        hint = None
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        assert hint is None
        message = None
    if isinstance(hint, LookAt):
        assert any((hint.bucket, hint.key) == said for said in _said(message))
        _holds(hint, hint.bucket, hint.key)
    elif hint is not None:
        assert isinstance(hint, Sweep | Merge | Fit)
    _holds(LookAt("events", f"shop/{body}"), "events", f"shop/{body}")


def _said(message: Any) -> Iterator[tuple[Any, Any]]:
    """Bucket and key of an event of S3, and of a message of ours, to the letter."""
    for named in ("detail", "lookAt"):
        match message.get(named):
            case {"bucket": {"name": bucket}, "object": {"key": key}} | {"bucket": bucket, "key": key}:
                yield bucket, key


def _holds(hint: LookAt, bucket: str, key: str) -> None:
    assert (hint.bucket, hint.key) == (bucket, key)
    if re.search("[\ud800-\udfff]", bucket + key):
        return  # no UTF-8: of two halves JSON makes one letter
    sent = _Sent()
    Hints(sent, objects_queue="q").look_at(bucket, [key])  # type: ignore[arg-type]
    assert [read_hint(one) for one in sent.bodies] == [hint]
    if _DATASET.holds(bucket, key):
        assert key.startswith(_DATASET.prefix)
        place = Place.of(_DATASET, key)
        assert place.prefix + place.key == key
        assert re.fullmatch(r"d1/[0-9a-f]{32}/[0-9a-f]{32}", delta_name(place, '"etag"'))


def _hints() -> Iterator[bytes]:
    for key in ("shop/a.json", "shop/a+b%20c/../d", "shop/\n", "../shop/x", "shop/" + "k" * 1019, "", "shop/é\u202e"):
        event = {"source": "aws.s3", "detail": {"bucket": {"name": "events"}, "object": {"key": key, "size": 1}}}
        yield json.dumps(event).encode()
        yield json.dumps({"lookAt": {"bucket": "events", "key": key}}).encode()
        yield key.encode()
    for hint in ({"sweep": {"datasetId": "d", "after": "k"}}, {"merge": {"datasetId": "d"}}, {"fit": {"modelId": "m"}}):
        yield json.dumps(hint).encode()


# ---- Places in lists -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Definition:
    id: str
    name: str
    updated_at: datetime


_DEFINITIONS = [
    _Definition(f"d{n}", name, datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=n % 3))
    for n, name in enumerate(["b", "A", "a", "É", "zz", "b", "c"])
]


def page_places(data: bytes) -> None:
    """A place is one that was written, or refused; from any that is read a list goes on without repeating itself."""
    start = text_of(data)
    for order in ("name", "-updated_at"):
        for parts in (1, 2, 3):
            try:
                place = read_place(start, order, parts)
            except UnsuitableError:
                continue
            assert read_place(write_place(order, *place), order, parts) == place
            "".join(place).encode()
        seen: list[str] = []
        following: str | None = start
        while following is not None:
            try:
                shown = page(_DEFINITIONS, order_by=order, limit=2, start=following)
            except UnsuitableError:
                assert following == start
                break
            seen += [one.id for one in shown.results]
            following = shown.next
        assert len(seen) == len(set(seen))


def _places() -> Iterator[bytes]:
    yield b""
    for place in (
        ("name", "b", "d0"),
        ("-updated_at", "2026-01-02T00:00:00+00:00", "d1"),
        ("name", "x"),
        ("name", "\ud800"),
    ):
        yield write_place(*place).encode()
    yield base64.urlsafe_b64encode(b'["name",5,null]')
    yield base64.urlsafe_b64encode(b"[" * 3000)


_OBJECT = Path("/nonexistent")


def use_folder(folder: Path) -> None:
    """Where objects of lines may be written, one at a time."""
    global _OBJECT  # noqa: PLW0603 - a claim takes bytes alone
    _OBJECT = folder / "object.json"


_EVENT_WORDS = (
    "_id", "@id", "timestamp", "eventType", "_experience", "decisioning", "propositions", "propositionEventType",
    "propositionAction", "tokens", "scopeDetails", "characteristics", "eventToken", "strategies", "strategyID", "step",
    "aiModel", "fallback", "items", "id", "etag", "display", "interact", "offerRanking", "trust", "untrusted",
    "receivedAt", "issuedAt", "capped", "cell", "xdm:id", "xdm:items", "2026-11-24T22:05:12Z", "\\ud800", "1e400",
    "NaN",
)  # fmt: skip
_BODY_WORDS = (
    "events", "event", "xdm", "data", "query", "personalization", "decisionScopes", "surfaces", "identity", "fetch",
    "meta", "state", "entries", "key", "value", "identityMap", "ECID", "consents", "collect", "val", "__adobe", "ajo",
    "dryRun", "\\ud800", "\\u0022", "1e400", "NaN", "-Infinity", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
)  # fmt: skip
TARGETS = {
    target.claim.__name__: target
    for target in (
        Target(event_lines_of_objects, _lines, _EVENT_WORDS),
        Target(signed_tokens, _tokens, ("WzMs", "[3,", '"k2"', "1e400", "\\ud800", "18446744073709551616", "-1", ".")),
        Target(mail_links, _links, ("https://", "http://", "%0d%0a", "aHR0cHM6Ly9", ".")),
        Target(
            decision_scopes, _scopes, ("eyJ4ZG06bmFtZSI6", "xdm:name", "activityId", "placementId", "itemCount", "=")
        ),
        Target(edge_bodies, _bodies, _BODY_WORDS),
        Target(
            object_hints, _hints, ("aws.s3", "lookAt", "sweep", "merge", "fit", "%2F", "+", "../", "\\ud800", "shop/")
        ),
        Target(page_places, _places, ("WyJuYW1lIiwg", "null", "\\ud800", "=", "-", "_")),
    )
}
