"""The name by which an event says which of the offers of its proposition it means (`propositionAction.tokens`)."""

from __future__ import annotations

import base64
from hashlib import sha256

_LETTERS = 12  # 72 bits: two of the 30 offers of a proposition never share a name


def item_token(proposition: str, offer: str) -> str:
    """The name of an offer within a proposition: 12 letters of base64url. No secret, and no proof of anything."""
    # The separator is a control character that no id of ours holds, so that no two pairs are spelled alike.
    named = sha256(f"{proposition}\0{offer}".encode(errors="surrogatepass")).digest()
    return base64.urlsafe_b64encode(named)[:_LETTERS].decode()
