"""Who a visitor is, as tokens and caps name it: no identity of a person."""

from __future__ import annotations

from binascii import b2a_base64
from hashlib import sha256

_LETTERS = 16
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def visitor_of(ecid: str) -> str:
    """The name of a visitor by its ECID, 16 letters of base64url; "" of none."""
    if not ecid:
        return ""
    digest = sha256(ecid.encode(errors="surrogatepass")).digest()
    return b2a_base64(digest)[:_LETTERS].translate(_URL_SAFE).decode()
