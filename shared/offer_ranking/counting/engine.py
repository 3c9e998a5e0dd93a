"""What an object counts as."""

from __future__ import annotations

import gc
from bisect import insort
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from offer_ranking.catalog.mapping import NO_MAPPING, FieldMapping
from offer_ranking.counting import identity
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.entries import Context, Entries, Place
from offer_ranking.counting.object_file import LONGEST_LINE, TOO_LONG, lines_of
from offer_ranking.counting.plain import PlainLines
from offer_ranking.counting.refused import MOST_KEPT, RefusedLine, redacted
from offer_ranking.counting.unreadable import UnreadableObjectError
from offer_ranking.events.instant import MICROSECONDS_PER_HOUR
from offer_ranking.events.json_line import MalformedError, read_object
from offer_ranking.events.proposition_event import Late, PropositionEvent, Refused, parse_event
from offer_ranking.events.reason import Reason

MOST_ODD_LINES = 1_000_000
"""That only the rules can read, one by one, at 50 microseconds each and more: what a worker does within its time."""


@dataclass(frozen=True, slots=True)
class Counted:
    """What an object counts as, and the first 100 of its refused lines."""

    delta: Delta
    refused: tuple[RefusedLine, ...]


def count_object(path: Path, mapping: FieldMapping = NO_MAPPING) -> Counted:
    """Count the events of an object, whatever it is packed in. Memory grows with offers in events, not with their size.

    Copies share an identity: (token, offer, kind, hour of issue) where the offer's proposition has a token of ours,
    else (id, time that the event tells of itself). The first line of an identity has it. A line all of whose offers
    were had before is a duplicate; of any other line those offers are counted that were not, each once.

    Raises UnreadableObjectError: those of `lines_of`; `too-many-odd-lines`, `too-many-offers`, `too-many-days`,
    `too-varied`.
    """
    with _no_collection():
        tally = _Tally(mapping)
        before = 0
        for lines in lines_of(path, mapping, with_ends=True):
            for index in tally.plain.take(lines, before):
                tally.take(before + index + 1, lines[index])
            before += len(lines)
        tally.plain.rows.read()
        tally.plain.rows.add()
        if tally.plain.rows.left:
            tally.take_left(lines_of(path, mapping, with_ends=True))
        return tally.counted()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Millions of small objects come and go, none in a cycle: looking for cycles among them would double the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Tally:
    """Lines so far: the plain ones, and those about which the rules are asked one by one."""

    def __init__(self, mapping: FieldMapping) -> None:
        self._mapping = mapping
        self._entries = Entries()
        self.plain = PlainLines(mapping, self._entries)
        self._ends: Counter[str] = Counter()
        self._refused: list[RefusedLine] = []
        self._odd = 0

    def take(self, number: int, line: bytes) -> None:
        """Ask the rules about one line; blank ones are none."""
        if line is TOO_LONG:
            self._refuse(number, Reason.MALFORMED, f"longer than {LONGEST_LINE} bytes")
            return
        if line.isspace():
            return
        self._odd += 1
        if self._odd > MOST_ODD_LINES:
            raise UnreadableObjectError("too-many-odd-lines")
        try:
            event = read_object(line)
        except MalformedError as error:
            self._refuse(number, Reason.MALFORMED, f"{error}; {len(line)} bytes")
            return
        self.plain.suit(event)
        outcome = parse_event(event, self._mapping)
        if isinstance(outcome, PropositionEvent):
            self._count(number, outcome)
        elif isinstance(outcome, Refused):
            self._refuse(number, outcome.reason, redacted(event, self._mapping) if self._keeps(number) else "")
        else:
            self._ends["late" if isinstance(outcome, Late) else "other"] += 1

    def take_left(self, batches: Iterable[list[bytes]]) -> None:
        """Ask the rules about the lines that turned out not to be plain when they were gone."""
        before = 0
        left = iter(sorted(self.plain.rows.left))
        number = next(left, None)
        for lines in batches:
            while number is not None and number <= before + len(lines):
                self.take(number, lines[number - before - 1])
                number = next(left, None)
            before += len(lines)

    def counted(self) -> Counted:
        ends = self._ends + Counter(other=self.plain.others, late=self.plain.rows.late)
        return Counted(self._entries.delta(ends), tuple(self._refused))

    def _count(self, line: int, event: PropositionEvent) -> None:
        for offer in event.offers:
            shown, hour = offer.impression_time // MICROSECONDS_PER_HOUR, event.time // MICROSECONDS_PER_HOUR
            if offer.is_signed and offer.issued_at is not None:
                key = identity.of_token(offer.token, event.kind, offer.offer)
                identity_hour = offer.issued_at // MICROSECONDS_PER_HOUR
            else:
                key, identity_hour = identity.of_id(event.id, event.told_at), event.told_at // MICROSECONDS_PER_HOUR
            context = self._entries.context(Context(event.kind, offer.model, offer.traffic_type, offer.cell))
            place = self._entries.place(Place(offer.offer, offer.etag, offer.position))
            self._entries.add_one(line, context, place, identity_hour, key, shown, hour - shown)

    def _keeps(self, number: int) -> bool:
        """Whether a refused line is among the first 100. Lines that were left come after later ones."""
        return len(self._refused) < MOST_KEPT or number < self._refused[-1].line

    def _refuse(self, number: int, reason: Reason, text: str) -> None:
        self._ends[reason] += 1
        if self._keeps(number):
            insort(self._refused, RefusedLine(number, reason.value, text))
            del self._refused[MOST_KEPT:]
