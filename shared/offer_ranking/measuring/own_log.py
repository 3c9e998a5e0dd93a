"""A model's own log, read back from the events of its datasets: what was shown, with what propensity, and converted.

The newest objects are read first, since what converts comes after what was shown: whatever is read of a display, its
conversions are read too, but for those still to come. An object is read whole or not at all.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Protocol

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.mapping import FieldMapping
from offer_ranking.counting.ledger import Found, Written
from offer_ranking.counting.object_file import lines_of
from offer_ranking.counting.unreadable import UnreadableObjectError
from offer_ranking.events.proposition_event import Kind, PropositionEvent, parse_line
from offer_ranking.events.token import BEGINNING, Token, claimed
from offer_ranking.learning.cell import Cell
from offer_ranking.measuring.log import Contest, Log, Record

_SUM_TOLERANCE = 1e-6  # a token rounds each propensity to nine digits


class LoggedObjects(Protocol):
    """Where the objects of the datasets lie."""

    def written(self, bucket: str, prefix: str, most: int) -> tuple[list[Written], bool]:
        """The objects below a prefix, and whether these are all: at most so many, the first ones by key."""

    def download(self, bucket: str, key: str, found: Found, target: Path) -> bool: ...


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much of a log is read, whole objects of it.

    What a request may wait for: on one core, 60,000 lines with tokens of 30 offers take 6 seconds, and asking a model
    about 5,000 contests takes 5.

    Args:
        listed: objects, of each dataset.
        objects: objects that are read.
        stored: bytes of them as they lie.
        unpacked: bytes of their text.
        lines: that hold a token.
        contests: distinct ones, and so the memory for records' candidates.

    """

    listed: int = 50_000
    objects: int = 1_000
    stored: int = 64 * 2**20
    unpacked: int = 512 * 2**20
    lines: int = 60_000
    contests: int = 5_000


BOUNDS = Bounds()


@dataclass(frozen=True, slots=True, eq=False)
class OwnLog:
    """What was read of a model's log.

    Args:
        log: propositions of this model whose first offer was displayed, each once.
        objects: read.
        unreadable: objects that are no events, or gone meanwhile.
        incomplete: propositions whose token does not hold all candidates, since it has room for 30, or
            whose cell cannot be read. They are not in the log.
        is_whole: whether all that the model's datasets hold was read.
        first_ms: when the first of the propositions was issued, milliseconds since 1970 UTC, and the last; None
            without any.

    """

    log: Log
    objects: int
    unreadable: int
    incomplete: int
    is_whole: bool
    first_ms: int | None
    last_ms: int | None


def own_log(model_id: str, datasets: Iterable[Dataset], objects: LoggedObjects, bounds: Bounds = BOUNDS) -> OwnLog:
    """Read the newest events of a model's datasets, as far as the bounds allow."""
    listed: list[tuple[Dataset, Written]] = []
    is_whole = True
    for dataset in datasets:
        found, are_all = objects.written(dataset.bucket, dataset.prefix, bounds.listed)
        listed += [(dataset, one) for one in found if dataset.holds(dataset.bucket, one.key)]
        is_whole = is_whole and are_all
    listed.sort(key=lambda one: (one[1].at, one[1].key), reverse=True)
    reader = _Reader(model_id, bounds)
    read = unreadable = stored = 0
    for dataset, one in listed:
        stored += one.size
        if read + unreadable == bounds.objects or stored > bounds.stored:
            is_whole = False
            break
        try:
            is_there = _fetched(dataset, one, objects, reader)
        except _FullError:
            is_whole = False
            break
        read, unreadable = read + is_there, unreadable + (not is_there)
    return reader.told(objects=read, unreadable=unreadable, is_whole=is_whole)


def _fetched(dataset: Dataset, one: Written, objects: LoggedObjects, reader: _Reader) -> bool:
    """Read one object; False where it is not there any more, archived, or no events. Raises _FullError."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "object")
        try:
            if not objects.download(dataset.bucket, one.key, Found(one.version, one.size), file):
                return False
            reader.read(file, dataset.mapping)
        except UnreadableObjectError:
            return False
    return True


class _FullError(Exception):
    """The next object would lead out of bounds."""


class _Shown(NamedTuple):
    """A proposition whose first offer was displayed: what remains of its token."""

    contest: Contest
    chosen: int
    propensity: float
    issued_ms: int


@dataclass(slots=True)
class _Part:
    """Propositions by their ids: displayed, displayed but of unknown candidates, and those whose first offer was
    interacted with.
    """

    shown: dict[str, _Shown] = field(default_factory=dict)
    incomplete: set[str] = field(default_factory=set)
    converted: set[str] = field(default_factory=set)

    def add(self, other: _Part) -> None:
        self.shown |= other.shown
        self.incomplete |= other.incomplete
        self.converted |= other.converted


class _Reader:
    """Gathers the propositions of one model, object by object."""

    def __init__(self, model_id: str, bounds: Bounds) -> None:
        self._model_id = model_id
        self._bounds = bounds
        self._all = _Part()
        self._contests: dict[Contest, Contest] = {}  # one object for all that are equal: there are few
        self._lines = self._unpacked = 0

    def read(self, path: Path, mapping: FieldMapping) -> None:
        """Take a whole object. Raises UnreadableObjectError or _FullError, and then nothing of it is taken."""
        part = _Part()
        for batch in lines_of(path, mapping):
            self._unpacked += sum(map(len, batch))
            told = [line for line in batch if BEGINNING in line]
            self._lines += len(told)
            if self._unpacked > self._bounds.unpacked or self._lines > self._bounds.lines:
                raise _FullError
            for line in told:
                self._take(part, line, mapping)
        self._all.add(part)

    def told(self, *, objects: int, unreadable: int, is_whole: bool) -> OwnLog:
        """What was gathered."""
        shown, converted = self._all.shown, self._all.converted
        issued = [one.issued_ms for one in shown.values()]
        log = Log.of(
            Record(name, one.contest, one.chosen, one.propensity, float(name in converted))
            for name, one in shown.items()
        )
        return OwnLog(
            log,
            objects=objects,
            unreadable=unreadable,
            incomplete=len(self._all.incomplete),
            is_whole=is_whole,
            first_ms=min(issued, default=None),
            last_ms=max(issued, default=None),
        )

    def _take(self, part: _Part, line: bytes, mapping: FieldMapping) -> None:
        event = parse_line(line, mapping)
        if not isinstance(event, PropositionEvent):
            return
        for offer in event.offers:
            token = claimed(offer.token)
            if token is None or token.model != self._model_id or offer.offer != token.offers[0][0]:
                continue
            if event.kind is Kind.CONVERSION:
                part.converted.add(token.proposition)
            elif (shown := self._shown(token)) is None:
                part.incomplete.add(token.proposition)
            else:
                part.shown[token.proposition] = shown

    def _shown(self, token: Token) -> _Shown | None:
        """None where the candidates are not known: all of them are in the token when its propensities sum to 1."""
        offers = tuple(sorted(offer for offer, _ in token.offers))
        first, propensity = token.offers[0]
        cell = Cell.read(token.cell)
        is_complete = abs(math.fsum(share for _, share in token.offers) - 1) <= _SUM_TOLERANCE
        if cell is None or not is_complete or propensity <= 0 or len(set(offers)) != len(offers):
            return None
        contest = Contest(offers, tuple(cell.audiences), tuple(cell.context))
        contest = self._contests.setdefault(contest, contest)
        if len(self._contests) > self._bounds.contests:
            raise _FullError
        return _Shown(contest, offers.index(first), propensity, token.issued_ms)
