"""Whose an event is: the identities of people that it names, in every spelling.

The places are Adobe's own (github.com/adobe/xdm: shared/identitymap, context/enduserids; the channel context of
Journey Optimizer's mails). What stands anywhere else, such as in fields of somebody's own, names nobody here: an offer
may be called as a customer is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from offer_ranking.events.json_line import MalformedError, read_object
from offer_ranking.events.spelling import Path, value_at
from offer_ranking.events.token import BEGINNING, visitor_claimed

_MAPS: tuple[Path, ...] = (("identityMap",), ("xdm:identityMap",))
_END_USERS: tuple[Path, ...] = (("endUserIDs",), ("xdm:endUserIDs",))
_IDS = ("id", "xdm:id", "@id")
_CODES: tuple[Path, ...] = (("namespace", "code"), ("xdm:namespace", "xdm:code"))
_MAIL: Path = ("_experience", "customerJourneyManagement", "emailChannelContext", "address")
_DEEPEST = 4  # endUserIDs, _experience, mcid, namespace
_TOKEN = re.compile(re.escape(BEGINNING) + rb"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]{22}")


class Identity(NamedTuple):
    """An id, and the code of its namespace; "" where nothing says which."""

    namespace: str
    id: str


def identities_of(event: dict[str, Any]) -> Iterator[Identity]:
    """The identities that an event names."""
    for path in _MAPS:
        for namespace, entries in _object(value_at(event, path)).items():
            for entry in entries if isinstance(entries, list) else [entries]:
                yield from (Identity(namespace, id_) for id_ in _ids(entry))
    for path in _END_USERS:
        yield from _of_end_users(_object(value_at(event, path)), _DEEPEST)
    if isinstance(address := value_at(event, _MAIL), str):
        yield Identity("Email", address)


def visitors_of(line: bytes) -> Iterator[str]:
    """The visitors that tokens of ours name, wherever in a line they stand, as `events.visitor` spells them."""
    if BEGINNING in line:
        for text in _TOKEN.findall(line):
            if visitor := visitor_claimed(text.decode()):
                yield visitor


def _object(found: object) -> dict[str, Any]:
    """An object, which in tables may stand as its JSON; an empty one in place of anything else."""
    if isinstance(found, str):
        try:
            return read_object(found)
        except MalformedError:
            return {}
    return found if isinstance(found, dict) else {}


def _of_end_users(holder: object, depth: int) -> Iterator[Identity]:
    if not isinstance(holder, dict) or not depth:
        return
    codes = (value_at(holder, path) for path in _CODES)
    namespace = next((code for code in codes if isinstance(code, str)), "")
    yield from (Identity(namespace, id_) for id_ in _ids(holder))
    for inner in holder.values():
        yield from _of_end_users(inner, depth - 1)


def _ids(entry: object) -> Iterator[str]:
    """An entry's id, which some pipelines write as a number."""
    for key in _IDS:
        found = entry.get(key) if isinstance(entry, dict) else None
        if isinstance(found, str | int) and not isinstance(found, bool):
            yield str(found)
