"""The identities of offers as 64 bits: what copies of an event share, and nothing else.

Hashed by XXH3 (github.com/Cyan4973/xxHash), since a cryptographic hash of a token of some 350 characters takes longer
than the decoder takes for the whole line. Whoever could make two events collide could as well send one twice.
"""

from __future__ import annotations

from xxhash import xxh3_64_intdigest

hashed = xxh3_64_intdigest


def of_token(token: str, kind: int, offer: str) -> int:
    """Of an offer with a token of ours."""
    return hashed(token.encode()) ^ of_offer(kind, offer)


def of_offer(kind: int, offer: str) -> int:
    """What tells offers of one token apart, and an interact from a display."""
    return hashed(offer.encode(errors="surrogatepass"), kind + 1)


def of_id(identifier: str | None, time: int) -> int:
    """Of all offers of an event without a token of ours; time in microseconds since 1970 UTC."""
    return hashed((identifier or "").encode(errors="surrogatepass"), time)
