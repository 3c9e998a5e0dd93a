"""Many points in time at once, as `events.instant` reads each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from offer_ranking.events import instant

UNKNOWN = -1
# Lines whose digits are zeros: what browsers, Python and our reader of Parquet write.
_FORMS = frozenset(
    b"0000-00-00T00:00:00" + fraction + zone + b"\n"
    for fraction in (b"", b".000", b".000000")
    for zone in (b"Z", b"+00:00")
)
_ZEROS = bytes.maketrans(b"0123456789", b"0" * 10)
_FRACTION = len("2026-01-02T03:04:05.")
_DAY = 24 * instant.MICROSECONDS_PER_HOUR


def of_rfc3339(texts: Sequence[object]) -> NDArray[np.int64]:
    """Microseconds since 1970 UTC, UNKNOWN where a text is no time; shape (n,)."""
    return _of(texts, instant.of_rfc3339)


def of_issues(values: Sequence[object]) -> NDArray[np.int64]:
    """Times of issue, which may be milliseconds since 1970 too; UNKNOWN for anything else; shape (n,)."""
    return _of(values, instant.of_issue)


def lines_of(values: Sequence[object]) -> bytes | None:
    """Texts as lines, to be read by `of_lines`; None where they are not all texts without a newline."""
    try:
        written = "\n".join([*values, ""]).encode()  # type: ignore[list-item] # what is no text raises
    except (TypeError, UnicodeError):
        return None
    return written if written.count(b"\n") == len(values) else None


def of_lines(written: bytes, one_by_one: Callable[[object], int | None] = instant.of_rfc3339) -> NDArray[np.int64]:
    """Times that are written a line each: those of one form and in UTC together, others one by one."""
    times = _of_one_form(written)
    texts = written.decode().split("\n")[:-1] if times is None or (times == UNKNOWN).any() else []
    if times is None:
        times = np.full(len(texts), UNKNOWN, np.int64)
        lengths = np.array(list(map(len, texts)))
        for length in np.unique(lengths).tolist():
            rows = np.flatnonzero(lengths == length)
            found = _of_one_form("".join([f"{texts[row]}\n" for row in rows.tolist()]).encode())
            times[rows] = UNKNOWN if found is None else found
    for row in np.flatnonzero(times == UNKNOWN).tolist():
        times[row] = known(one_by_one(texts[row]))
    return times


def _of_one_form(written: bytes) -> NDArray[np.int64] | None:
    """Times, UNKNOWN for those that need a closer look; None where their lines are not of one form."""
    zeros = written.translate(_ZEROS)
    form = zeros[: zeros.find(b"\n") + 1]
    if form not in _FORMS or zeros != form * (len(zeros) // len(form)):
        return None
    return _together(np.frombuffer(written, np.uint8).reshape(-1, len(form)), form)


def known(time: int | None) -> int:
    return UNKNOWN if time is None else time


def _of(values: Sequence[object], one_by_one: Callable[[object], int | None]) -> NDArray[np.int64]:
    written = lines_of(values)
    return _one_by_one(values, one_by_one) if written is None else of_lines(written, one_by_one)


def _one_by_one(values: Sequence[object], read: Callable[[object], int | None]) -> NDArray[np.int64]:
    return np.array(list(map(known, map(read, values))), np.int64)


def _together(letters: NDArray[np.uint8], form: bytes) -> NDArray[np.int64]:
    """Times of texts of one form, UNKNOWN for those that need a closer look; letters: shape (n, length)."""
    columns = (letters - ord("0")).T
    hour, minute, second = (10 * columns[place] + columns[place + 1] for place in (11, 14, 17))
    micros = np.zeros(len(letters), np.int64)
    zone = form.find(b"Z" if b"Z" in form else b"+")
    for place in range(_FRACTION, zone):
        micros += columns[place].astype(np.int64) * 10 ** (5 - place + _FRACTION)
    days = _days(columns)
    seconds = (hour.astype(np.int64) * 60 + minute) * 60 + second
    is_time = (days != UNKNOWN) & (hour < 24) & (minute < 60) & (second < 60)
    is_time &= (letters[:, zone:] == np.frombuffer(form[zone:], np.uint8)).all(axis=1)  # the form has all digits zero
    return np.where(is_time, days * _DAY + seconds * 1_000_000 + micros, UNKNOWN)


def _days(columns: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Days since 1970, by the digits of dates; UNKNOWN for what is none."""
    date = np.zeros(columns.shape[1], np.int64)
    for place in (0, 1, 2, 3, 5, 6, 8, 9):
        date = date * 10 + columns[place]
    if (date == date[0]).all():
        return np.full(len(date), _day(int(date[0])))
    dates, place_of = np.unique(date, return_inverse=True)
    return np.array([_day(one) for one in dates.tolist()], np.int64)[place_of]


@lru_cache
def _day(date: int) -> int:
    """Days since 1970 of a date as yyyymmdd."""
    time = instant.of_rfc3339(f"{date // 10_000:04}-{date // 100 % 100:02}-{date % 100:02}T00:00:00Z")
    return UNKNOWN if time is None else time // _DAY
