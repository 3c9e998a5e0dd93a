from __future__ import annotations

import base64
import hmac
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from offer_ranking.events.instant import of_rfc3339
from offer_ranking.events.proposition import proposition_of
from offer_ranking.events.proposition_event import PropositionEvent, parse_line
from offer_ranking.events.token import (
    BEGINNING,
    InvalidTokenError,
    Token,
    TokenKey,
    TokenKeys,
    claimed,
    offers_of,
    room_for,
    sign,
    verify,
)

NEW, OLD, FOREIGN = TokenKey("k2", b"n" * 32), TokenKey("k1", b"o" * 32), TokenKey("k2", b"f" * 32)
KEYS = TokenKeys(NEW, OLD)
TOKEN = Token(
    proposition="019ab8e2-7c45-7abc-9abc-0123456789ab",
    issued_ms=1764021912613,
    model="m1",
    snapshot_version=7,
    traffic_type="random",
    cell='["gold"]',
    offers=(("o1", 0.5), ("o2", 0.25), ("o3", 0.25)),
    datastream="d1",
    visitor="v",
    etags=("1", "", "3"),
)


def test_what_was_signed_is_what_is_verified_by_either_live_key() -> None:
    assert verify(sign(TOKEN, NEW), KEYS) == TOKEN
    assert verify(sign(TOKEN, OLD), KEYS) == TOKEN


@pytest.mark.parametrize(
    "changes",
    [{"offers": (), "etags": ()}, {"visitor": "???>>>"}, {"cell": "\u00fb\u00ff" * 3}, {"shown": 0, "etags": ()}],
    ids=["no offers", "letters that base64url has of its own", "no ASCII", "none shown"],
)
def test_any_token_is_verified_and_says_what_was_signed(changes: dict[str, object]) -> None:
    token = replace(TOKEN, **changes)
    assert verify(sign(token, NEW), KEYS) == token


def test_a_signed_token_that_is_too_long_is_none() -> None:
    text = sign(replace(TOKEN, visitor="v" * 16_384), NEW)
    with pytest.raises(InvalidTokenError):
        verify(text, KEYS)
    assert (offers_of(text), claimed(text)) == ((), None)


@pytest.mark.parametrize("end", ["", ".", ".short", "." + "s" * 23, "." + "s" * 21 + "=", ".s" * 11])
def test_without_a_signature_of_our_shape_a_payload_says_nothing(end: str) -> None:
    text = sign(TOKEN, NEW).partition(".")[0] + end
    assert (offers_of(text), claimed(text)) == ((), None)


def test_a_propensity_of_nothing_is_one() -> None:
    token = replace(TOKEN, offers=(("o1", 1.0), ("o2", 0.0)), etags=())
    assert claimed(sign(token, NEW)) == token


def test_a_key_that_is_no_longer_live_or_of_somebody_else_verifies_nothing() -> None:
    for token, keys in ((sign(TOKEN, OLD), TokenKeys(NEW)), (sign(TOKEN, FOREIGN), KEYS)):
        with pytest.raises(InvalidTokenError):
            verify(token, keys)


def test_every_edit_of_a_single_character_is_found() -> None:
    token = sign(TOKEN, NEW)
    alphabet = string.ascii_letters + string.digits + "-_.= é"
    for place in range(len(token)):
        edits = [token[:place] + token[place + 1 :]]
        edits += [token[:place] + char + token[place + 1 :] for char in alphabet if char != token[place]]
        edits += [token[:place] + char + token[place:] for char in "A.=~"]
        for edit in edits:
            with pytest.raises(InvalidTokenError):
                verify(edit, KEYS)


def test_a_token_says_what_was_signed_also_to_who_has_no_key() -> None:
    for key in (NEW, OLD, FOREIGN):
        text = sign(TOKEN, key)
        assert claimed(text) == TOKEN
        assert offers_of(text) == ("o1", "o2", "o3")
        assert text.encode().startswith(BEGINNING)


def test_of_the_offers_that_could_have_been_shown_only_those_that_were_are_served() -> None:
    cut = replace(TOKEN, shown=1, etags=("1",))
    for key in (NEW, OLD):
        text = sign(cut, key)
        assert verify(text, KEYS) == claimed(text) == cut
        assert offers_of(text) == ("o1",)


def forged(**changes: object) -> str:
    names = ("version", "key", "proposition", "issued", "model", "snapshot", "traffic", "cell", "stream", "visitor")
    fields = dict(zip(names, (3, "k", "p", 1, "m", 1, "random", "", "", ""), strict=True))
    fields |= {"offers": ["a"], "shares": [1.0], "shown": 1, "etags": []} | changes
    payload = base64.urlsafe_b64encode(json.dumps(list(fields.values())).encode()).rstrip(b"=").decode()
    return f"{payload}.{'s' * 22}"


def test_a_forged_token_of_our_shape_is_read() -> None:
    assert claimed(forged()) == Token("p", 1, "m", 1, "random", "", (("a", 1.0),))


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2}, {"proposition": None}, {"issued": "1"}, {"issued": True}, {"issued": 10**20}, {"issued": -1},
        {"model": 3}, {"snapshot": 1.5}, {"traffic": []}, {"cell": {}}, {"stream": None}, {"visitor": 1},
        {"offers": []}, {"offers": [], "shares": []}, {"offers": "a"}, {"offers": [1]}, {"offers": [""]},
        {"shares": None}, {"shares": []}, {"shares": [0.5, 0.5]}, {"shares": ["1"]}, {"shares": [True]},
        {"shown": 2}, {"shown": -1}, {"shown": True}, {"shown": "1"}, {"shown": None}, {"shown": 0.5},
        {"etags": None}, {"etags": [1]}, {"etags": ["1", "2"]}, {"etags": {"a": "1"}},
        {"shares": [-0.1]}, {"shares": [1.1]}, {"shares": [float("nan")]}, {"shares": [float("inf")]},
    ],
)  # fmt: skip
def test_what_no_signer_of_ours_writes_says_nothing(changes: dict[str, object]) -> None:
    assert claimed(forged(**changes)) is None


@given(st.text(st.characters(), max_size=80))
def test_garbage_says_nothing(text: str) -> None:
    assert claimed(text) is None


@given(st.one_of(st.text(st.characters(), max_size=80), st.binary(max_size=60).map(lambda b: b.decode("latin-1"))))
def test_garbage_is_an_invalid_token_and_nothing_else(text: str) -> None:
    with pytest.raises(InvalidTokenError):
        verify(text, KEYS)


@pytest.mark.parametrize(
    "payload",
    [
        b"[" * 5000 + b"]" * 5000, b"[1]", b"{}", b"9" * 5000, b"\xff", b"NaN", b"[" * 100_000,
        json.dumps([3, "k2", *[""] * 11]).encode(),
        json.dumps([3, "k2", *[""] * 8, 5, 5, 0, []]).encode(),
        json.dumps([3, "k1", "p", 1, "", 0, "", "", "", "", [], [], 0, []]).encode(),
        json.dumps([2, "k2", "p", 1, "", 0, "", "", "", "", [], [], 0, []]).encode(),
    ],
    ids=["deep lists", "a short list", "an object", "5,000 digits", "no UTF-8", "NaN", "half of deep lists",
         "no lists", "a number for offers", "another key", "another version"],
)  # fmt: skip
def test_a_payload_of_another_shape_is_an_invalid_token(payload: bytes) -> None:
    encoded = base64.urlsafe_b64encode(payload).rstrip(b"=")
    signature = base64.urlsafe_b64encode(hmac.digest(NEW.secret, encoded, "sha256")[:16]).rstrip(b"=")
    for signed in (signature, b"A" * 22):
        with pytest.raises(InvalidTokenError):
            verify(f"{encoded.decode()}.{signed.decode()}", KEYS)


def test_a_token_holds_the_first_thirty_offers() -> None:
    many = replace(TOKEN, offers=tuple((f"o{n}", 0.01) for n in range(100)), etags=())
    assert verify(sign(many, NEW), KEYS).offers == many.offers[:30]


def test_a_token_of_the_longest_ids_and_the_longest_cell_is_still_read() -> None:
    offers = [(f"{n:03d}{'ü' * 253}", 0.01) for n in range(30)]
    held = room_for(offers)
    assert held == tuple(offers[: len(held)])
    assert len(held) == 5, "each is spelled with 1,523 characters, and its etag with two"
    longest = replace(TOKEN, offers=held, etags=(), cell="c" * 2046, traffic_type="noncontextual", datastream="d" * 36)
    text = sign(longest, NEW)
    assert len(text) < 16_384
    assert offers_of(text) == tuple(offer for offer, _ in held)
    assert verify(text, KEYS) == claimed(text)


def test_etags_take_room_too() -> None:
    offers = [(f"{n:03d}", 0.01) for n in range(30)]
    etags = {offer: "e" * 256 for offer, _ in offers}
    held = room_for(offers, etags)
    assert len(held) == 30
    token = replace(TOKEN, offers=held, etags=tuple(etags[offer] for offer, _ in held), cell="c" * 2046)
    text = sign(token, NEW)
    assert len(text) < 16_384
    assert verify(text, KEYS) == claimed(text) == token


def test_room_is_used_to_its_last_character() -> None:
    def fits(first: int, etag: int) -> bool:
        """Whether a second offer of one letter, 3 with its quotes and 2 for no etag, still has room."""
        offers = [("a" * first, 0.5), ("b", 0.5)]
        return len(room_for(offers, {"a" * first: "e" * etag})) == 2

    for etag in (0, 1, 100):
        left = 8192 - (2 + 1 + 2) - (2 + 2 + etag)
        assert fits(left, etag)
        assert not fits(left + 1, etag)


def test_of_short_ids_thirty_have_room() -> None:
    offers = [(f"dps:personalized-offer:{n:016x}", 0.01) for n in range(100)]
    assert room_for(offers) == tuple(offers[:30])


def test_the_parser_reads_back_what_a_proposition_says_in_clear() -> None:
    made = proposition_of(TOKEN, scope="s", step="aiModel", algorithm="ts", etags={"o2": "5"}, keys=KEYS)
    decisioning = {"propositionEventType": {"interact": 1}, "propositions": [{**made, "items": [{"id": "o2"}]}]}
    line = json.dumps({"timestamp": "2025-11-24T23:05:12Z", "_experience": {"decisioning": decisioning}})
    found = parse_line(line)
    assert isinstance(found, PropositionEvent)
    (offer,) = found.offers
    assert (offer.offer, offer.etag, offer.model, offer.traffic_type, offer.cell) == (
        "o2",
        "5",
        "m1",
        "random",
        '["gold"]',
    )
    assert offer.impression_time == TOKEN.issued_ms * 1000 == of_rfc3339("2025-11-24T22:05:12.613Z")
    assert verify(offer.token, KEYS) == TOKEN
