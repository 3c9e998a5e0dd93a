"""What became of the lines of a dataset, object by object; and of those that were refused, the lines themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

from offer_ranking.catalog.listing import MOST_BYTES, size_of
from offer_ranking.counting.accounting import Accounting
from offer_ranking.measuring.report import AccountingReport

if TYPE_CHECKING:
    from offer_ranking.catalog.dataset import Dataset
    from offer_ranking.counting.ledger import CountFiles, Ledger, Row

_ROWS = 1000  # looked at for one page, however few of them are shown
_FILES = 50  # of refused lines, read for one page

ObjectState = Literal["live", "deleted", "bad", "unread"]


class ObjectAccount(AccountingReport):
    """One object by its S3 key; its lines as if it were the only one. `reason` says why it cannot be read."""

    key: str
    state: ObjectState
    reason: str | None


class DatasetAccount(TypedDict):
    """A dataset: its lines, copies in several objects told; and a page of its objects in the order of their keys.

    `pending` when objects are known whose lines are not in it yet; `next`, when there is more, is the `start` of the
    next page, which may be empty though there is a `next`.
    """

    accounting: AccountingReport
    pending: bool
    objects: list[ObjectAccount]
    next: str | None


class RefusedText(TypedDict):
    """A refused line, counted from 1. `text` is what of it names no person, and for a line that is no JSON a remark."""

    object: str
    line: int
    reason: str
    text: str


class RefusedLines(TypedDict):
    """A page of refused lines, fewer than asked for when they are large: of each object the first hundred are kept.

    `next` as in a dataset's account.
    """

    lines: list[RefusedText]
    next: str | None


class Place(TypedDict):
    """Where a page ended: all objects to `key` are done with, and of the next one, `begun`, all lines to `line`."""

    key: str
    begun: str
    line: int


def object_accounts(
    dataset: Dataset, ledger: Ledger, *, state: ObjectState | None, after: str, limit: int
) -> tuple[list[ObjectAccount], str | None]:
    """The next objects, all or those in one state, and after which key (relative to the dataset) to go on."""
    at_most = limit if state is None else _ROWS
    rows = ledger.between(dataset.id, after, None, at_most + 1)
    shown: list[ObjectAccount] = []
    last = after
    for row in rows[:at_most]:
        if len(shown) == limit:
            break
        last = row.key
        account = _account(dataset, row)
        if state in {None, account["state"]}:
            shown.append(account)
    is_more = bool(rows) and rows[-1].key != last
    return shown, last if is_more else None


def refused_lines(  # noqa: PLR0913 - a question
    dataset: Dataset, ledger: Ledger, files: CountFiles, *, reason: str | None, start: Place, limit: int
) -> tuple[list[RefusedText], Place | None]:
    """The next refused lines, for whatever reason or for one, and where to go on."""
    rows = ledger.between(dataset.id, start["key"], None, _ROWS + 1)
    shown: list[RefusedText] = []
    last, read, size = start["key"], 0, 0
    for row in rows[:_ROWS]:
        if (name := _refusing(row, reason)) is not None:
            if read == _FILES:
                break
            read += 1
            seen = start["line"] if row.key == start["begun"] else 0
            for one in files.refused(name):
                if one.line <= seen or reason not in {None, one.reason}:
                    continue
                text = RefusedText(object=dataset.prefix + row.key, line=one.line, reason=one.reason, text=one.text)
                size += size_of(text)
                if len(shown) == limit or (shown and size > MOST_BYTES):
                    return shown, Place(key=last, begun=row.key, line=seen)
                seen = one.line
                shown.append(text)
        last = row.key
    is_more = bool(rows) and rows[-1].key != last
    return shown, Place(key=last, begun="", line=0) if is_more else None


def _refusing(row: Row, reason: str | None) -> str | None:
    """The delta of a row some of whose lines were refused."""
    if row.reading is None or row.counted is None:
        return None
    refused = row.reading.accounting.refused
    return row.counted if (reason in refused if reason else refused) else None


def _account(dataset: Dataset, row: Row) -> ObjectAccount:
    reading = row.reading  # none when somebody only began to read it
    lines = reading.accounting if reading else Accounting.zero()
    return ObjectAccount(
        key=dataset.prefix + row.key,
        state=reading.state.value if reading else "unread",
        reason=reading.reason if reading else None,
        received=lines.received,
        counted=lines.counted,
        duplicate=lines.duplicate,
        other=lines.other,
        late=lines.late,
        refused=dict(lines.refused),
    )
