"""UUIDs of version 7: ids that carry the time at which they were made (RFC 9562, section 5.7)."""

from __future__ import annotations

import os

_VERSION, _VARIANT = 0x7 << 76, 0b10 << 62


def uuid7(time_ms: int) -> str:
    """A new id of this time, in milliseconds since 1970 UTC."""
    noise = int.from_bytes(os.urandom(10)) >> 6
    whole = (time_ms & (1 << 48) - 1) << 80 | _VERSION | (noise >> 62) << 64 | _VARIANT | noise & (1 << 62) - 1
    digits = f"{whole:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
