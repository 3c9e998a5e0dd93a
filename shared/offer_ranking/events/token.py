"""The signed proposition: proof, carried by the event itself, of what was served.

Compact JSON and an HMAC-SHA256 cut to 128 bits (RFC 2104, section 5, allows half of the hash), both base64url.
It makes a store of decisions unnecessary.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any

from offer_ranking.events import instant

VERSION = 2
MOST_OFFERS = 30
_SIGNATURE_BYTES = 16
_FIELDS = 13
_LONGEST = 16_384
_OFFERS, _SHOWN = 10, 12
# Of ids, in ASCII with their quotes: beside a cell of 2,048 characters and the rest, a token stays below _LONGEST.
_ROOM = 8192
BEGINNING = b"WzIs"
"""What every token of ours begins with, `[2,` as base64: a text that does not hold it holds none."""
# Of the tokens of others, Adobe Target's stands for an activity and AJO's for a message: both have no dot.
_OURS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}", re.ASCII)


class InvalidTokenError(ValueError):
    """A token was not signed by a live key of ours, or is no token at all."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A signing key and the id by which a token names it."""

    id: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """The key that signs, and the one before it, which still verifies."""

    current: TokenKey
    previous: TokenKey | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """What was served: by which model and snapshot (0: none yet), to which cell, which offers with which propensity.

    `issued_ms` is in milliseconds since 1970 UTC; at most 30 offers, in the order of their ranks, of which the first
    `shown` were given to the caller, all when None; absent texts are "". The others tell what else could have been.
    """

    proposition: str
    issued_ms: int
    model: str
    snapshot_version: int
    traffic_type: str
    cell: str
    offers: tuple[tuple[str, float], ...]
    datastream: str = ""
    visitor: str = ""
    shown: int | None = None


def sign(token: Token, key: TokenKey) -> str:
    """The token as text: `payload.signature`."""
    fields = [
        VERSION, key.id, token.proposition, token.issued_ms, token.model, token.snapshot_version, token.traffic_type,
        token.cell, token.datastream, token.visitor,
        [offer for offer, _ in token.offers[:MOST_OFFERS]], [round(p, 9) for _, p in token.offers[:MOST_OFFERS]],
        min(MOST_OFFERS, len(token.offers)) if token.shown is None else token.shown,
    ]  # fmt: skip
    payload = _encode(json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode())
    return (payload + b"." + _signature(payload, key)).decode()


def verify(text: str, keys: TokenKeys) -> Token:
    """The token that a text stands for. Raises InvalidTokenError.

    The signature is over the payload as it is spelled, and is compared as it is spelled, so that of the spellings that
    base64 has for the same bytes only one is good; nothing is decoded before it holds.
    """
    payload, dot, signature = text.partition(".")
    if not dot or len(text) > _LONGEST or not text.isascii():
        raise InvalidTokenError("It is not two parts joined by a dot.")
    spelled, given = payload.encode(), signature.encode()
    live = (keys.current, keys.previous)
    key = next((key for key in live if key and hmac.compare_digest(_signature(spelled, key), given)), None)
    if key is None:
        raise InvalidTokenError("No live key has made this signature.")
    return _token(spelled, key)


def room_for(offers: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """The first of these offers, as many as a token has room for: 30, and ids of 8,192 characters as it spells them."""
    found: list[tuple[str, float]] = []
    left = _ROOM
    for offer in islice(offers, MOST_OFFERS):
        left -= len(json.dumps(offer[0]))
        if left < 0:
            break
        found.append(offer)
    return tuple(found)


def is_ours(text: str) -> bool:
    """Whether a text has the shape of what `sign` writes. Nothing is verified."""
    return _OURS.fullmatch(text) is not None


def offers_of(text: str) -> tuple[str, ...]:
    """The offers that were given to a caller, in the order of their ranks; none where it is no token of ours.

    For events that were verified where they came in, or come from a trusted source: nothing is verified.
    """
    fields = _claims(text)
    return () if fields is None else tuple(fields[_OFFERS][: fields[_SHOWN]])


def claimed(text: str) -> Token | None:
    """All that a token says, propensities among it; None where it is no token of ours. Nothing is verified.

    A value that no signer of ours writes makes it none: no offers, a propensity that is not from 0 to 1, no time.
    """
    fields = _claims(text)
    if fields is None:
        return None
    _, _, proposition, issued, model, snapshot, traffic, cell, datastream, visitor, offers, shares, shown = fields
    texts = (proposition, model, traffic, cell, datastream, visitor)
    is_told = all(isinstance(one, str) for one in texts) and type(issued) is int and type(snapshot) is int
    are_shares = isinstance(shares, list) and len(shares) == len(offers) > 0 and all(map(_is_share, shares))
    if not is_told or not are_shares or instant.of_issue(issued) is None:
        return None
    named = tuple(zip(offers, map(float, shares), strict=True))
    return Token(proposition, issued, model, snapshot, traffic, cell, named, datastream, visitor, _cut(shown, named))


def _claims(text: str) -> list[Any] | None:
    """The fields of a token of ours; its offers are texts, of which a number were shown. Nothing is verified."""
    if not is_ours(text) or len(text) > _LONGEST:
        return None
    try:
        fields = _fields(text.partition(".")[0].encode())
    except InvalidTokenError:
        return None
    offers, shown = fields[_OFFERS], fields[_SHOWN]
    is_list = fields[0] == VERSION and isinstance(offers, list)
    if not is_list or type(shown) is not int or not 0 <= shown <= len(offers):
        return None
    return fields if all(isinstance(offer, str) and offer for offer in offers) else None


def _is_share(share: object) -> bool:
    return type(share) in {int, float} and 0 <= share <= 1  # type: ignore[operator]


def _token(payload: bytes, key: TokenKey) -> Token:
    """Read a payload that a live key has signed: only its version can be another than ours."""
    fields = _fields(payload)
    version, key_id, proposition, issued, model, snapshot, traffic, cell, datastream, visitor, ids, shares, shown = (
        fields
    )
    try:
        offers = tuple(zip(ids, shares, strict=True))
    except (ValueError, TypeError) as error:
        raise InvalidTokenError("The payload is of another shape.") from error
    if (version, key_id) != (VERSION, key.id):
        raise InvalidTokenError("The payload is of another version, or names another key.")
    return Token(proposition, issued, model, snapshot, traffic, cell, offers, datastream, visitor, _cut(shown, offers))


def _cut(shown: int, offers: tuple[object, ...]) -> int | None:
    """None where all were shown, so that equal tokens have one form."""
    return None if shown == len(offers) else shown


def _fields(payload: bytes) -> list[Any]:
    """The thirteen fields of a payload. Raises InvalidTokenError."""
    try:
        fields = json.loads(base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)).decode())
    except (ValueError, RecursionError) as error:
        raise InvalidTokenError("The payload is no JSON.") from error
    if not isinstance(fields, list) or len(fields) != _FIELDS:
        raise InvalidTokenError("The payload is of another shape.")
    return fields


def _signature(payload: bytes, key: TokenKey) -> bytes:
    return _encode(hmac.digest(key.secret, payload, "sha256")[:_SIGNATURE_BYTES])


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
