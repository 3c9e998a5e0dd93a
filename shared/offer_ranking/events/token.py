"""The signed proposition: proof, carried by the event itself, of what was served.

Compact JSON and an HMAC-SHA256 cut to 128 bits (RFC 2104, section 5, allows half of the hash), both base64url.
It makes a store of decisions unnecessary.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from dataclasses import dataclass
from typing import Any

VERSION = 1
MOST_OFFERS = 30
_SIGNATURE_BYTES = 16
_LONGEST = 16_384


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

    def find(self, key_id: str) -> TokenKey | None:
        """The live key of this id."""
        return next((key for key in (self.current, self.previous) if key is not None and key.id == key_id), None)


@dataclass(frozen=True, slots=True)
class Token:
    """What was served: by which model and snapshot (0: none yet), to which cell, which offers with which propensity.

    `issued_ms` is in milliseconds since 1970 UTC; at most 30 offers; absent texts are "".
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


def sign(token: Token, key: TokenKey) -> str:
    """The token as text: `payload.signature`."""
    fields = [
        VERSION, key.id, token.proposition, token.issued_ms, token.model, token.snapshot_version, token.traffic_type,
        token.cell, token.datastream, token.visitor, [[offer, round(p, 9)] for offer, p in token.offers[:MOST_OFFERS]],
    ]  # fmt: skip
    payload = json.dumps(fields, separators=(",", ":"), ensure_ascii=True).encode()
    return f"{_encode(payload)}.{_encode(_signature(payload, key))}"


def verify(text: str, keys: TokenKeys) -> Token:
    """The token that a text stands for. Raises InvalidTokenError."""
    payload, signature = _parts(text)
    try:
        fields: Any = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidTokenError("The payload is not JSON.") from error
    match fields:
        case [1, str(key_id), str(proposition), int(issued), str(model), int(snapshot), str(traffic), str(cell),
              str(datastream), str(visitor), [*offers]]:  # fmt: skip
            key = keys.find(key_id)
        case _:
            raise InvalidTokenError("The payload is of another shape or version.")
    if key is None:
        raise InvalidTokenError("The key is not live.")
    if not hmac.compare_digest(_signature(payload, key), signature):
        raise InvalidTokenError("The signature is wrong.")
    pairs = tuple((str(offer), float(propensity)) for offer, propensity in offers)
    return Token(proposition, issued, model, snapshot, traffic, cell, pairs, datastream, visitor)


def _parts(text: str) -> tuple[bytes, bytes]:
    payload, dot, signature = text.partition(".")
    if not dot or len(text) > _LONGEST:
        raise InvalidTokenError("It is not two parts joined by a dot.")
    decoded = _decode(payload), _decode(signature)
    # Base64's last character has bits to spare: only one spelling of a token is good.
    if (_encode(decoded[0]), _encode(decoded[1])) != (payload, signature):
        raise InvalidTokenError("It is not spelled as it was signed.")
    return decoded


def _signature(payload: bytes, key: TokenKey) -> bytes:
    return hmac.digest(key.secret, payload, "sha256")[:_SIGNATURE_BYTES]


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as error:
        raise InvalidTokenError("A part is not base64url.") from error
