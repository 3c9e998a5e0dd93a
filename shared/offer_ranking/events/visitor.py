"""Who a visitor is, as tokens and caps name it: no identity of a person."""

from __future__ import annotations

import hmac
from binascii import b2a_base64
from hashlib import sha256

from offer_ranking.events.token import TokenKey

_LETTERS = 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def visitor_of(ecid: str) -> str:
    """The name of a visitor by its ECID, which nobody can guess: 16 letters of base64url; "" of none."""
    return _letters(sha256(ecid.encode(errors="surrogatepass")).digest()) if ecid else ""


def visitor_by(identity: str, key: TokenKey) -> str:
    """The same by an identity that could be guessed, such as an address: only who has the key can try."""
    return _letters(hmac.digest(key.secret, identity.encode(errors="surrogatepass"), "sha256")) if identity else ""


def _letters(digest: bytes) -> str:
    return b2a_base64(digest)[:_LETTERS].translate(_URL_SAFE).decode()
