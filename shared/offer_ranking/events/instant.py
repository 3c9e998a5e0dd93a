"""Points in time as whole microseconds since 1970 UTC."""

from __future__ import annotations

import math
import re
from datetime import date
from functools import lru_cache

MICROSECONDS_PER_HOUR = 3_600_000_000
MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR
# The first instant of the year 10000, which RFC 3339 cannot write.
END_OF_TIME = 253_402_300_800_000_000

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)
_UUID7 = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_MILLISECONDS = re.compile(r"\d{1,15}", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()


def of_rfc3339(text: object) -> int | None:
    """Read a date and time with its zone; None for anything else and for years outside 1970 to 9999.

    Digits after the sixth of a fraction are cut. A leap second counts as the second before it.
    """
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.group(1, 2, 3, 4, 5, 6))
    offset_hours, offset_minutes = int(match[9] or 0), int(match[10] or 0)
    if hour > 23 or minute > 59 or second > 60 or offset_hours > 23 or offset_minutes > 59:
        return None
    try:
        days = date(year, month, day).toordinal() - _EPOCH
    except ValueError:
        return None
    offset = (offset_hours * 60 + offset_minutes) * (-1 if match[8] == "-" else 1)
    seconds = (days * 24 + hour) * 3600 + (minute - offset) * 60 + min(second, 59)
    return _in_range(seconds * 1_000_000 + int((match[7] or "")[:6].ljust(6, "0")))


def of_issue(value: object) -> int | None:
    """Read an issue time: RFC 3339, or milliseconds since 1970 as a number or in digits; None for anything else."""
    if isinstance(value, str):
        return _in_range(int(value) * 1000) if _MILLISECONDS.fullmatch(value) else of_rfc3339(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float):
        return _in_range(math.floor(value) * 1000) if math.isfinite(value) else None
    return _in_range(value * 1000)


def of_uuid7(identifier: str) -> int | None:
    """Read the time inside a version 7 UUID (RFC 9562, section 5.7); None for any other text."""
    match = _UUID7.fullmatch(identifier)
    return None if match is None else _in_range(int(match[1] + match[2], 16) * 1000)


def to_rfc3339(microseconds: int) -> str:
    """Write in UTC with milliseconds, such as 2026-01-02T03:04:05.678Z."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f"{_to_seconds(seconds)}.{fraction // 1000:03}Z"


@lru_cache(maxsize=64)  # a busy caller writes the same second again and again
def _to_seconds(seconds: int) -> str:
    days, seconds = divmod(seconds, 86_400)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{date.fromordinal(_EPOCH + days).isoformat()}T{clock}"


def _in_range(microseconds: int) -> int | None:
    return microseconds if 0 <= microseconds < END_OF_TIME else None
