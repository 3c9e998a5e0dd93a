"""Which lines are a person's, told by somebody who cannot know whom they look for.

Whom to erase is kept as digests under a key that is made for one erasure and forgotten with it: whoever reads lines
compares the digest of each identity that they name. So the identity itself lies nowhere: in no input of a run, no log,
no record of who asked.

Where a person may be, and what becomes of it:

* the bucket of the datasets: events, and below `undelivered/` what the stream could not deliver. Rewritten without the
  person's lines; older versions of what was rewritten are deleted, those of what was replaced or deleted before go by
  the bucket's lifecycle within 30 days.
* the stream: for as long as it gathers lines. An erasure begins when they have been written.
* deltas, indexes, aggregates (`counting`): counts by hour, offer and cell, and 64-bit hashes that tell an event from
  others. Nobody's identity is in them; they are made anew from the rewritten objects.
* refused lines (`counting/refused.py`): what the table of spellings names, without tokens; no identity is among it.
* the counters of caps (`storage/caps.py`): named by hashes under a salt that is forgotten a day after its own.
* the log of the doors (`storage/door_log.py`): how many events came and what was wrong with them, for a day.
* snapshots, reports: rates. Logs: routes without what stands in them.
* tokens, in mails and pages that are out: a visitor's name, which is a hash; not ours to take back.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import secrets
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from offer_ranking.events.json_line import MalformedError, read_object
from offer_ranking.events.person import Identity, identities_of, visitors_of
from offer_ranking.events.spelling import EVENT, text

Event = tuple[str, str]
"""What the lines of one collected event share, and no others: its id, and when it was received."""

_ANY = ""  # namespace
_QUOTED = re.compile(rb'"([^"]+)"')
# A line of what the stream could not deliver: docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-error.html
_RECORD = "rawData"


@dataclass(frozen=True, slots=True)
class Sought:
    """Whom an erasure looks for, as digests under its key; `namespaces` are those of the identities, "" is any."""

    key: bytes = field(repr=False)
    digests: frozenset[bytes] = field(repr=False)
    namespaces: frozenset[str]

    @classmethod
    def of(cls, identities: Collection[Identity], visitors: Iterable[str] = ()) -> Sought:
        """A person by identities, in the namespace of each or ("") in any, and by the names that tokens may have.

        Under a new key.
        """
        key = secrets.token_bytes(32)
        known = [_digest(key, "identity", *one) for one in identities]
        known += [_digest(key, "visitor", one) for one in visitors if one]
        return cls(key, frozenset(known), frozenset(one.namespace for one in identities))

    def is_named_by(self, line: bytes) -> bool:
        """Whether a line names the person. One that is no object of JSON does by any of its quoted texts."""
        return self.is_named_in(line, _read(line))

    def found_in(self, lines: Iterable[bytes]) -> Found:
        """What of an object's lines is the person's."""
        seen = named = 0
        events: set[Event] = set()
        for line in lines:
            seen += 1
            event = _read(line)
            if self.is_named_in(line, event):
                named += 1
                if event is not None and (shared := _shared(event)) is not None:
                    events.add(shared)
        return Found(seen, named, frozenset(events))

    def others(self, lines: Iterable[bytes], found: Found) -> Iterator[bytes]:
        """The lines that are to stay, byte for byte; `found` is what of them is the person's."""
        for line in lines:
            event = _read(line)
            is_part = bool(found.events) and event is not None and _shared(event) in found.events
            if not is_part and not self.is_named_in(line, event):
                yield line

    def is_named_in(self, line: bytes, event: dict[str, Any] | None) -> bool:
        """The same of a line that was read; None is read of one that is no object."""
        if any(_digest(self.key, "visitor", visitor) in self.digests for visitor in visitors_of(line)):
            return True
        if event is None:
            return any(self._knows(one.decode(errors="replace"), self.namespaces) for one in _QUOTED.findall(line))
        for namespace, id_ in identities_of(event):
            if self._knows(id_, self.namespaces & {_ANY, namespace}):
                return True
        return any(map(self.is_named_by, _undelivered(event)))

    def _knows(self, id_: str, namespaces: Iterable[str]) -> bool:
        return any(_digest(self.key, "identity", namespace, id_) in self.digests for namespace in namespaces)


@dataclass(frozen=True, slots=True)
class Found:
    """What of an object is a person's.

    Args:
        seen: lines of the object.
        named: of them that name the person.
        events: of these that the collector wrote, whose further lines, of other propositions, name nobody.

    """

    seen: int
    named: int
    events: frozenset[Event] = frozenset()


def _digest(key: bytes, *names: str) -> bytes:
    return hmac.digest(key, "\0".join(names).encode(errors="surrogatepass"), "sha256")


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        return read_object(line)
    except MalformedError:
        return None


def _shared(event: dict[str, Any]) -> Event | None:
    id_, received_at = text(event, EVENT["id"]), text(event, EVENT["received_at"])
    return (id_, received_at) if id_ and received_at else None


def _undelivered(event: dict[str, Any]) -> list[bytes]:
    """The lines of a record that the stream laid aside."""
    record = event.get(_RECORD)
    try:
        return base64.b64decode(record).splitlines() if isinstance(record, str) else []
    except (binascii.Error, ValueError):
        return []
