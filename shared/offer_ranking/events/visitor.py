"""Who a visitor is, as tokens and caps name it: no identity of a person."""

from __future__ import annotations

import base64
from hashlib import sha256

_LETTERS = 16


def visitor_of(ecid: str) -> str:
    """The name of a visitor by its ECID, 16 letters of base64url; "" of none."""
    if not ecid:
        return ""
    return base64.urlsafe_b64encode(sha256(ecid.encode(errors="surrogatepass")).digest())[:_LETTERS].decode()
