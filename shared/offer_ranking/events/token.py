"""The signed proposition: proof, carried by the event itself, of what was served.

Compact JSON and an HMAC-SHA256 cut to 128 bits (RFC 2104, section 5, allows half of the hash), both base64url.
It makes a store of decisions unnecessary.
"""

from __future__ import annotations

import hmac
import re
from binascii import b2a_base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from json.encoder import encode_basestring_ascii

from msgspec import DecodeError, Struct
from msgspec.json import Decoder, encode

from offer_ranking.events import instant

VERSION = 3
MOST_OFFERS = 30
_SIGNATURE_BYTES = 16
_LONGEST = 16_384
# Of ids and etags, in ASCII with their quotes: beside a cell of 2,048 characters and the rest, a token stays below
# _LONGEST.
_ROOM = 8192
BEGINNING = b"WzMs"
"""What every token of ours begins with, `[3,` as base64: a text that does not hold it holds none."""
# Of the tokens of others, Adobe Target's stands for an activity and AJO's for a message: both have no dot.
_OURS = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}", re.ASCII)
_NO_ETAGS: Mapping[str, str] = {}
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_TO_URL_SAFE = bytes.maketrans(b"+/", b"-_")


class InvalidTokenError(ValueError):
    """A token was not signed by a live key of ours, or is no token at all."""


class KeysUnavailableError(RuntimeError):
    """The live keys cannot be read now, so nobody can tell which tokens are ours."""


@dataclass(frozen=True, slots=True)
class TokenKey:
    """A signing key and the id by which a token names it."""

    id: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class TokenKeys:
    """The key that signs, and another that verifies too: the one before it, or the one that is to follow it."""

    current: TokenKey
    other: TokenKey | None = None


class Token(Struct, frozen=True):
    """What was served: by which model and snapshot (0: none yet), to which cell, which offers with which propensity.

    `issued_ms` is in milliseconds since 1970 UTC; at most 30 offers, in the order of their ranks, of which the first
    `shown` were given to the caller, all when None; absent texts are "". The others tell what else could have been.
    `etags` are of the offers given, in the same order; () where none of them has one.
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
    etags: tuple[str, ...] = ()

    def given(self) -> tuple[str, ...]:
        """The offers that the caller was given."""
        return tuple(offer for offer, _ in self.offers[: self.shown])


class _Payload(Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A token as it is spelled: an array, of which a decoder checks number and types."""

    version: int
    key: str
    proposition: str
    issued_ms: int
    model: str
    snapshot_version: int
    traffic_type: str
    cell: str
    datastream: str
    visitor: str
    offers: tuple[str, ...]
    propensities: tuple[float, ...]
    shown: int
    etags: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Whether a signer of ours can have written it."""
        count = len(self.offers)
        return (
            self.version == VERSION
            and len(self.propensities) == count
            and 0 <= self.shown <= count
            and len(self.etags) in {0, self.shown}
        )

    def token(self) -> Token:
        return Token(
            self.proposition, self.issued_ms, self.model, self.snapshot_version, self.traffic_type, self.cell,
            tuple(zip(self.offers, self.propensities, strict=True)), self.datastream, self.visitor,
            None if self.shown == len(self.offers) else self.shown,  # so that equal tokens have one form
            self.etags,
        )  # fmt: skip


_read = Decoder(_Payload).decode
_decoded = Decoder(bytes).decode  # a text of base64, in half the time of Python's own


def sign(token: Token, key: TokenKey) -> str:
    """The token as text: `payload.signature`."""
    offers = token.offers[:MOST_OFFERS]
    fields = [
        VERSION, key.id, token.proposition, token.issued_ms, token.model, token.snapshot_version, token.traffic_type,
        token.cell, token.datastream, token.visitor, *(zip(*offers, strict=True) if offers else ((), ())),
        len(offers) if token.shown is None else token.shown, token.etags[:MOST_OFFERS],
    ]  # fmt: skip
    payload = _encode(encode(fields))
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
    key = keys.current
    if not hmac.compare_digest(_signature(spelled, key), given):
        if keys.other is None or not hmac.compare_digest(_signature(spelled, keys.other), given):
            raise InvalidTokenError("No live key has made this signature.")
        key = keys.other
    found = _payload(spelled)
    # Signed by a live key: only its version can be another than ours.
    if found is None or not found.is_sound or found.key != key.id:
        raise InvalidTokenError("The payload is of another version, or names another key.")
    return found.token()


def room_for(
    offers: Iterable[tuple[str, float]], etags: Mapping[str, str] = _NO_ETAGS
) -> tuple[tuple[str, float], ...]:
    """The first of these offers, as many as a token has room for.

    That is 30, and ids with their etags of 8,192 characters in ASCII.
    """
    found, left = tuple(islice(offers, MOST_OFFERS)), _ROOM
    for held, (offer, _) in enumerate(found):
        left -= _spelled(offer) + _spelled(etags.get(offer, ""))
        if left < 0:
            return found[:held]
    return found


def _spelled(text: str) -> int:
    """Characters of a text as JSON in ASCII."""
    return len(encode_basestring_ascii(text))


def is_ours(text: str) -> bool:
    """Whether a text has the shape of what `sign` writes. Nothing is verified."""
    return _OURS.fullmatch(text) is not None


def offers_of(text: str) -> tuple[str, ...]:
    """The offers that were given to a caller, in the order of their ranks; none where it is no token of ours.

    For events that were verified where they came in, or come from a trusted source: nothing is verified.
    """
    found = _claims(text)
    return () if found is None else found.offers[: found.shown]


def claimed(text: str) -> Token | None:
    """All that a token says, propensities among it; None where it is no token of ours. Nothing is verified.

    A value that no signer of ours writes makes it none: no offers, a propensity that is not from 0 to 1, no time.
    """
    found = _claims(text)
    if found is None or not found.offers or instant.of_issue(found.issued_ms) is None:
        return None
    return found.token() if all(0 <= share <= 1 for share in found.propensities) else None


def visitor_claimed(text: str) -> str:
    """The visitor that a token names; "" where it names none, or is no token of ours. Nothing is verified."""
    found = _payload(text.partition(".")[0].encode()) if is_ours(text) and len(text) <= _LONGEST else None
    return "" if found is None else found.visitor


def _claims(text: str) -> _Payload | None:
    """A token of ours, as it is spelled; every offer has a name. Nothing is verified."""
    if not is_ours(text) or len(text) > _LONGEST:
        return None
    found = _payload(text.partition(".")[0].encode())
    return found if found is not None and found.is_sound and all(found.offers) else None


def _payload(spelled: bytes) -> _Payload | None:
    try:
        return _read(_decoded(b'"' + spelled.translate(_URL_SAFE) + b"=" * (-len(spelled) % 4) + b'"'))
    except (ValueError, DecodeError, RecursionError):
        return None


def _signature(payload: bytes, key: TokenKey) -> bytes:
    signed = _keyed(key.secret).copy()
    signed.update(payload)
    return _encode(signed.digest()[:_SIGNATURE_BYTES])


@lru_cache(maxsize=8)
def _keyed(secret: bytes) -> hmac.HMAC:
    """What a key makes of HMAC before any text: a third of the work of a token."""
    return hmac.new(secret, digestmod="sha256")


def _encode(data: bytes) -> bytes:
    return b2a_base64(data, newline=False).translate(_TO_URL_SAFE).rstrip(b"=")
