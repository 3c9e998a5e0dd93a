"""How an object of a bucket comes to be without a person's lines, whatever else happens to it meanwhile.

The object is read, and written back only where it is still the one that was read. S3 tells of that as of any other
change, so what it counts as is replaced (`counting/protocol.py`). A crash after any call is made good by the same call
again: what was written by this erasure says so, and its older versions go then.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

from offer_ranking.collecting.erasure import Sought
from offer_ranking.counting.object_file import PARQUET, TOO_LONG, form_of, lines_of, packed_as
from offer_ranking.counting.unreadable import UnreadableObjectError
from offer_ranking.events.json_line import MalformedError, read_object

LARGEST_OBJECT = 2**30  # bytes, as it lies there: two of them fit on the function's disk. Larger ones are not counted.
_ATTEMPTS = 3


class ObjectChangesError(Exception):
    """The object kept changing while it was read; it must be given again."""


class UnerasableError(Exception):
    """An object cannot be read or written as it lies there; `reason` says why in a word or two."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Lying:
    """An object as it was read.

    Args:
        version: changes with every overwrite.
        erasure_id: which erasure wrote it; "" when none did.
        about: what is said of it beside its content, to be said again.

    """

    version: str
    erasure_id: str = ""
    about: Mapping[str, object] = field(default_factory=dict)


class ErasableObjects(Protocol):
    """The objects of a bucket that may be rewritten. Each call raises UnerasableError where it never will succeed."""

    def read(self, key: str, target: Path) -> Lying | None:
        """Write the object to a file; None when there is none. Larger ones than LARGEST_OBJECT are unerasable."""

    def replace(self, key: str, lying: Lying, content: Path, erasure_id: str) -> bool:
        """Write the object anew if it is still the one that was read; False when it is not."""

    def delete_older(self, key: str) -> int:
        """Delete all versions of the object but the one that stands; how many."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What was done to one object: lines dropped, whether it was rewritten (1), older versions deleted."""

    lines: int = 0
    rewritten: int = 0
    versions: int = 0


@dataclass(frozen=True, slots=True)
class Erasing:
    """An erasure at work on a bucket."""

    id: str
    sought: Sought
    objects: ErasableObjects

    def erase(self, key: str) -> Erased:
        """Drop the person's lines from an object. Raises UnerasableError, ObjectChangesError."""
        for _ in range(_ATTEMPTS):
            with tempfile.TemporaryDirectory() as folder:
                found, rewritten = Path(folder, "found"), Path(folder, "rewritten")
                lying = self.objects.read(key, found)
                if lying is None:
                    return Erased()
                try:
                    lines = self._without(found, rewritten)
                except UnreadableObjectError as error:
                    raise UnerasableError(error.reason) from error
                if not lines:
                    # Whoever wrote it may have ended before it came to the older versions.
                    return Erased(versions=self.objects.delete_older(key) if lying.erasure_id == self.id else 0)
                if self.objects.replace(key, lying, rewritten, self.id):
                    return Erased(lines, 1, self.objects.delete_older(key))
        raise ObjectChangesError

    def _without(self, original: Path, target: Path) -> int:
        """Write a file that lacks the person's lines; how many these are. Where there are none, none is written."""
        form = form_of(original)
        if form == PARQUET:
            return self._without_rows(original, target)
        found = self.sought.found_in(_lines(original))
        if not found.named:
            return 0
        kept = 0
        with packed_as(form, target) as file:
            for line in self.sought.others(_lines(original), found):
                file.write(line)
                kept += 1
        return found.seen - kept

    def _without_rows(self, original: Path, target: Path) -> int:
        from offer_ranking.counting import parquet  # noqa: PLC0415 - imports for a tenth of a second

        try:
            hers = self._rows(parquet.whole_rows_of(original))
        except UnreadableObjectError as error:
            if error.reason != "parquet-not-utf-8":
                raise
            hers = self._rows(parquet.whole_rows_of(original, binary_as_string=False))
        if hers:
            parquet.copy_without(original, target, hers)
        return len(hers)

    def _rows(self, rows: Iterable[bytes]) -> list[int]:
        return [n for n, row in enumerate(rows) if self.sought.is_named_in(row, _columns(row))]


def _lines(file: Path) -> Iterator[bytes]:
    """With their ends, blank ones among them. Raises UnreadableObjectError."""
    for line in chain.from_iterable(lines_of(file, with_ends=True)):
        if line is TOO_LONG:
            raise UnreadableObjectError("line-too-long")
        yield line


def _columns(row: bytes) -> dict[str, Any] | None:
    """A row that may hold floats that are no numbers; None where a column holds something that is no JSON."""
    try:
        return read_object(row)
    except MalformedError:
        try:
            return dict(json.loads(row))
        except (ValueError, RecursionError):
            return None
