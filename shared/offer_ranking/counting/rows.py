"""What plain lines have of their own, read for many lines together."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from offer_ranking.counting import identity, times
from offer_ranking.counting.entries import Columns, Entries, check_offers
from offer_ranking.counting.times import UNKNOWN
from offer_ranking.events import instant
from offer_ranking.events.instant import MICROSECONDS_PER_DAY, MICROSECONDS_PER_HOUR
from offer_ranking.events.proposition_event import LATE_AFTER, Kind
from offer_ranking.events.token import is_ours

# The letters of base64url are 0, what stands between them in tokens of ours, a line each, 1, and all else 2.
_CLASSES = bytes(
    1 if chr(n) in ".\n" else 0 if chr(n).isascii() and (chr(n).isalnum() or chr(n) in "-_") else 2 for n in range(256)
)
_STRANGE = 2
_DOT, _NEWLINE = b".\n"
_SIGNATURE = 22
_TOKENS_AT_ONCE = 512
_READ_AT_ONCE = 512
_ADDED_AT_ONCE = 1 << 17


class _Read(NamedTuple):
    """Rows as columns of shape (n,); an issue time may be UNKNOWN.

    key: of the token, or of the id. told: the time that copies share, where they share an id.
    """

    line: NDArray[np.int64]
    context: NDArray[np.int32]
    items: NDArray[np.int32]
    time: NDArray[np.int64]
    issued: NDArray[np.int64]
    told: NDArray[np.int64]
    is_signed: NDArray[np.bool_]
    key: NDArray[np.uint64]


class Rows:
    """Rows of plain lines, of which ever less is kept until they become entries.

    A row: number of a context, number of a list of items, time, issue time, token, id, proposition's id. Of a single
    row also its line, and of a stamped one the event's own time and the stamped issue time, while its time is that of
    receipt. Of a signed row no ids: they are expected not to be needed.
    """

    WIDTH = 7
    SIGNED_WIDTH = 5

    def __init__(self, entries: Entries) -> None:
        self.entries = entries
        # One row after the other, without anything between them, and their lines.
        self.flat: list[Any] = []
        self.signed: list[Any] = []
        self._flat_lines: list[NDArray[np.int64]] = []
        self._signed_lines: list[NDArray[np.int64]] = []
        # Whether rows had tokens of ours so far; None before the first ones.
        self.expects_signed: bool | None = None
        self.single: list[tuple[Any, ...]] = []
        self.stamped: list[tuple[Any, ...]] = []
        self.late = 0
        # Lines that only the rules can read, as was found out when they were gone.
        self.left = array("q")
        self._signed = _Signed()
        self._read: list[_Read] = []
        self._unread = self._unadded = 0
        # Lists of items: where each starts among all places, and how many it has.
        self._places: list[int] = []
        self._starts: list[int] = []
        self._lengths: list[int] = []

    def list_of(self, places: Iterable[int]) -> int:
        """The number of a list of items. Raises UnreadableObjectError (`too-many-offers`)."""
        named = list(places)
        check_offers(len(self._places) + len(named))
        self._starts.append(len(self._places))
        self._lengths.append(len(named))
        self._places += named
        return len(self._starts) - 1

    def taken(self, before: int, lines: int, skipped: Sequence[int], *, are_signed: bool = False) -> None:
        """Note that so many lines were taken: each has a flat or a signed row but those of these indices."""
        numbers = np.arange(before + 1, before + lines + 1)
        (self._signed_lines if are_signed else self._flat_lines).append(
            np.delete(numbers, skipped) if skipped else numbers
        )
        self._unread += lines
        if self._unread >= _READ_AT_ONCE:
            self.read()

    def take(self, rows: Iterable[tuple[Any, ...]], *, are_stamped: bool) -> None:
        """Take the rows of one line, of which there may be hundreds of thousands."""
        waiting = self.stamped if are_stamped else self.single
        waiting += rows
        if len(waiting) >= _ADDED_AT_ONCE:
            self._read_single()
            self.add()

    def read(self) -> None:
        """Read the rows that wait."""
        if self.signed:
            line = np.concatenate(self._signed_lines)
            if not self._signed.take(
                line, [self.signed[start :: self.SIGNED_WIDTH] for start in range(self.SIGNED_WIDTH)]
            ):
                self.left.extend(line.tolist())
                self.expects_signed = False
        if self.flat:
            line, columns = (
                np.concatenate(self._flat_lines),
                [self.flat[start :: self.WIDTH] for start in range(self.WIDTH)],
            )
            if not self._signed.take(line, columns[: self.SIGNED_WIDTH]):
                self._take(line, *columns)
                self.expects_signed = False
            elif self.expects_signed is None:
                self.expects_signed = True
        for waiting in (self.signed, self.flat, self._signed_lines, self._flat_lines):
            waiting.clear()
        self._unadded += self._unread
        self._unread = 0
        self._read_single()
        if self._unadded >= _ADDED_AT_ONCE:
            self.add()

    def _read_single(self) -> None:
        for rows in (self.single, self.stamped):
            if rows:
                numbers, *others = zip(*rows, strict=True)
                self._take(np.array(numbers), *others)
                self._unadded += len(rows)
                rows.clear()

    def _take(  # noqa: PLR0913, PLR0917 - one argument a column
        self,
        line: NDArray[np.int64],
        contexts: Sequence[int],
        items: Sequence[int],
        written: Sequence[str | None],
        issues: Sequence[object],
        tokens: Sequence[str | None],
        ids: Sequence[str | None],
        propositions: Sequence[str | None],
        own: Sequence[str | None] | None = None,
        stamped: Sequence[object] | None = None,
    ) -> None:
        context, time, issued = np.array(contexts, np.int32), times.of_rfc3339(written), times.of_issues(issues)
        if stamped is not None:
            first = times.of_issues(stamped)
            issued = np.where(first == UNKNOWN, issued, first)
        has_ours = _ours(tokens)
        is_needed = (issued == UNKNOWN) & (has_ours | (self._kinds(context) == Kind.CONVERSION))
        for row in np.flatnonzero(is_needed).tolist():
            issued[row] = times.known(instant.of_uuid7(propositions[row] or ""))
        is_signed = has_ours & (issued != UNKNOWN)
        told = time.copy() if own is None else _told(own, time)
        if is_signed.all():
            key = list(map(identity.hashed, map(str.encode, tokens)))  # type: ignore[arg-type] # all are texts
        else:
            key = list(map(_key, is_signed.tolist(), tokens, ids, told.tolist()))
            time[~is_signed & ~np.array(list(map(bool, ids)))] = UNKNOWN  # nothing tells them from their copies
        read = _Read(line, context, np.array(items, np.int32), time, issued, told, is_signed, np.array(key, np.uint64))
        self._read.append(read if own is None else self._on_time(read, own))

    def _on_time(self, read: _Read, own: Sequence[str | None]) -> _Read:
        """Leave out those whose own time is far from that of receipt."""
        sent = times.of_rfc3339(own)
        has_own = np.array([time is not None for time in own])
        read.time[has_own & (sent == UNKNOWN)] = UNKNOWN
        is_late = has_own & (read.time != UNKNOWN) & (np.abs(sent - read.time) > LATE_AFTER)
        self.late += len(np.unique(read.line[is_late]))
        return _Read(*(column[~is_late] for column in read))

    def add(self) -> None:
        """Make entries of what was read."""
        if self._signed.lines:
            self._read.append(self._signed.read())
            self._signed = _Signed()
        if not self._read:
            return
        read = _Read(*map(np.concatenate, zip(*self._read, strict=True)))
        self._read.clear()
        self._unadded = 0
        is_left = read.time == UNKNOWN
        if is_left.any():  # a line stands as a whole
            left = np.unique(read.line[is_left])
            self.left.extend(left.tolist())
            columns: list[NDArray[Any]] = [column[~np.isin(read.line, left)] for column in read]
            read = _Read(*columns)
        self.entries.add(self._named(read))

    def _named(self, read: _Read) -> Columns:
        """Each offer of these rows."""
        lengths, starts = np.array(self._lengths, np.int64), np.array(self._starts, np.int64)
        nth: NDArray[np.int64] | int = 0
        if (lengths != 1).any():
            lengths = lengths[read.items]
            check_offers(self.entries.offers + int(lengths.sum()))  # before there are as many rows
            row = np.repeat(np.arange(len(lengths)), lengths)
            nth = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            columns: list[NDArray[Any]] = [column[row] for column in read]
            read = _Read(*columns)
        line, context, items, time, issued, told, is_signed, key = read
        place = np.array(self._places, np.int32)[starts[items] + nth]
        kind = self._kinds(context)
        is_before = (kind == Kind.CONVERSION) & (issued != UNKNOWN) & (issued < time)
        shown = np.where(is_before, issued, time) // MICROSECONDS_PER_HOUR
        marks = np.array(
            [[identity.of_offer(kind, place.offer) for place in self.entries.places] for kind in Kind], np.uint64
        )
        return Columns(
            line=line,
            context=context >> 1,
            place=place,
            hour=(np.where(is_signed, issued, told) // MICROSECONDS_PER_HOUR).astype(np.int32),
            key=np.where(is_signed, key ^ marks[kind, place], key),
            shown=shown.astype(np.int32),
            lag=(time // MICROSECONDS_PER_HOUR - shown).astype(np.int32),
        )

    def _kinds(self, contexts: NDArray[np.int32]) -> NDArray[np.int8]:
        """Of contexts, by their numbers as rows have them."""
        kinds: NDArray[np.int8] = np.array(self.entries.kinds, np.int8)[contexts >> 1]
        return kinds


class _Signed:
    """Rows all of which have a token of ours and say their time of issue: nearly all, so little is done for each."""

    def __init__(self) -> None:
        self.lines: list[NDArray[np.int64]] = []
        self._contexts, self._items, self._keys = array("i"), array("i"), array("Q")
        self._times: list[bytes] = []
        self._issues: list[bytes] = []

    def take(self, line: NDArray[np.int64], columns: Sequence[list[Any]]) -> bool:
        """Take rows, or return False when any of them is another."""
        contexts, items, written, issues, tokens = columns
        time, issued = times.lines_of(written), times.lines_of(issues)
        if time is None or issued is None or not _are_ours(tokens):
            return False
        self.lines.append(line)
        self._contexts.extend(contexts)
        self._items.extend(items)
        self._keys.extend(map(identity.hashed, map(str.encode, tokens)))
        self._times.append(time)
        self._issues.append(issued)
        return True

    def read(self) -> _Read:
        time, issued = times.of_lines(b"".join(self._times)), times.of_lines(b"".join(self._issues), instant.of_issue)
        # Without a time of issue the token is none: only the rules can read such a line now.
        time[issued == UNKNOWN] = UNKNOWN
        return _Read(
            line=np.concatenate(self.lines),
            context=np.array(self._contexts),
            items=np.array(self._items),
            time=time,
            issued=issued,
            told=time,
            is_signed=np.ones(len(time), np.bool_),
            key=np.array(self._keys),
        )


def _told(own: Sequence[str | None], received: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each line's own time, else the day of its receipt. See events.proposition_event."""
    sent = times.of_rfc3339(own)
    return np.where(sent == UNKNOWN, received - received % MICROSECONDS_PER_DAY, sent)


def _key(is_signed: bool, token: str | None, identifier: str | None, time: int) -> int:
    return identity.hashed((token or "").encode()) if is_signed else identity.of_id(identifier, time)


def _ours(tokens: Sequence[str | None]) -> NDArray[np.bool_]:
    """Which tokens have the shape of ours; shape (n,)."""
    parts = (tokens[start : start + _TOKENS_AT_ONCE] for start in range(0, len(tokens), _TOKENS_AT_ONCE))
    if all(map(_are_ours, parts)):  # in parts that stay in the processor's cache
        return np.ones(len(tokens), np.bool_)
    return np.array([token is not None and is_ours(token) for token in tokens])


def _are_ours(tokens: Sequence[str | None]) -> bool:
    """Whether all of some tokens have the shape of ours, as `is_ours` says of each."""
    try:
        written = "\n".join([*tokens, ""]).encode()  # type: ignore[list-item] # None raises
    except (TypeError, UnicodeError):
        return False
    classes = written.translate(_CLASSES)
    if _STRANGE in classes:
        return False
    marks = np.flatnonzero(np.frombuffer(classes, np.bool_))
    if len(marks) != 2 * len(tokens):
        return False
    dots, ends = marks[::2], marks[1::2]
    letters = np.frombuffer(written, np.uint8)
    return bool(
        (letters[dots] == _DOT).all()
        and (letters[ends] == _NEWLINE).all()
        and (ends - dots == _SIGNATURE + 1).all()
        and dots[0] > 0
        and (dots[1:] > ends[:-1] + 1).all()
    )
