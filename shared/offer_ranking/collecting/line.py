"""An event as the lines that are stored: what a client says of offers stands there only where a token proves it.

A proposition that is proven becomes a line of its own, spelled anew from its token, so that nothing that stands beside
it in another spelling is read in its place. All that are not stay in one line as they were sent: what tells them from
their copies is the event's id, which two lines must not share.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from offer_ranking.catalog.datastream import TokenMode
from offer_ranking.collecting.stamp import KEY, stamp
from offer_ranking.collecting.trust import UNPROVEN, Judge, Proven, Trust, named_by
from offer_ranking.events.instant import to_rfc3339
from offer_ranking.events.proposition import step_of
from offer_ranking.events.proposition_event import EVENT_TYPES, PROPOSITION_EVENT_KINDS, Kind, marked
from offer_ranking.events.served import is_fallback
from offer_ranking.events.spelling import EVENT, PROPOSITION_EVENT_TYPES, Path, rows, text, value, value_at

_MARKS = {Kind.IMPRESSION: "display", Kind.CONVERSION: "interact"}
_MARK_PLACES = tuple(dict.fromkeys(path[:-1] for paths in PROPOSITION_EVENT_TYPES.values() for path in paths))
# Of an event, beside its propositions, what counting reads; ids, times and types are short.
_COUNTED = tuple(path for noun in ("id", "time", "event_type") for path in EVENT[noun])
_LONGEST_COUNTED = 128
_SCOPE = (("scope",), ("xdm:scope",))
_CHANNEL = ("scopeDetails", "characteristics", "channelType")
EMAIL = "email"


@dataclass(frozen=True, slots=True)
class Line:
    """An event as it is stored, and what of it is proven: None where it stands in the client's own words."""

    event: dict[str, Any]
    trust: Trust
    proven: Proven | None = None

    def capped(self) -> Line:
        """The same, which is not to count."""
        return replace(self, event=self.event | {KEY: self.event[KEY] | {"capped": True}})

    def to_bytes(self) -> bytes:
        """Compact JSON in UTF-8."""
        return msgspec.json.encode(self.event)


def lines_of(event: dict[str, Any], dataset: str, judge: Judge) -> Iterator[Line]:
    """A line for each proposition that is proven, then one for all that is not. The first has what else there is."""
    rest = {key: held for key, held in event.items() if key != KEY}  # only the collector stamps
    propositions, kind, named = rows(event, EVENT["propositions"]), _kind(event), named_by(event)
    unproven = []
    for proposition in propositions:
        proven = None if kind is None or is_fallback(proposition) else judge.proven(proposition, kind, named)
        if kind is None or proven is None:
            unproven.append(proposition)
        else:
            trust = Trust.UNCHECKED if judge.mode is TokenMode.OFF else Trust.SIGNED
            line = _told(rest, kind, [_as_served(proven, proposition)])
            yield Line(line | {KEY: stamp(dataset, judge, trust, proven)}, trust, proven)
            rest = _counted(event)
    if unproven or not propositions:
        is_whole = len(unproven) == len(propositions)
        line = rest if is_whole or kind is None else _told(_naming(rest, named), kind, unproven)
        trust = UNPROVEN[judge.mode]
        yield Line(line | {KEY: stamp(dataset, judge, trust)}, trust)


def _kind(event: dict[str, Any]) -> Kind | None:
    """What an event does with propositions; None where it does nothing that counts, or nobody knows what."""
    marks = marked(event)
    if marks:
        return PROPOSITION_EVENT_KINDS.get(next(iter(marks))) if len(marks) == 1 else None
    return EVENT_TYPES.get(text(event, EVENT["event_type"]))


def _told(event: dict[str, Any], kind: Kind, propositions: list[Any]) -> dict[str, Any]:
    """The event about these propositions and no others, in one spelling."""
    for path in (*EVENT["propositions"], *_MARK_PLACES):
        event = _without(event, path)
    # What stands on the way there and is no object is of no use.
    experience = _object(event.get("_experience"))
    decisioning = _object(experience.get("decisioning"))
    decisioning = decisioning | {"propositionEventType": {_MARKS[kind]: 1}, "propositions": propositions}
    return event | {"_experience": experience | {"decisioning": decisioning}}


def _naming(event: dict[str, Any], named: frozenset[str]) -> dict[str, Any]:
    """The event with the tokens by which items were named: without them it would mean all that was served."""
    action = {"propositionAction": {"tokens": sorted(named)}} if named else {}
    return event | {"_experience": {"decisioning": action}}


def _as_served(proven: Proven, proposition: object) -> dict[str, Any]:
    """From its token, but for the words that only name where it was shown: scope and channel."""
    token, channel = proven.token, value_at(proposition, _CHANNEL)
    etags = dict(zip(token.given(), token.etags, strict=False))  # none of any offer: no etags
    strategy = {"step": step_of(token), "strategyID": token.model, "trafficType": token.traffic_type}
    items = [{"id": offer} | ({"etag": etags[offer]} if etags.get(offer) else {}) for offer in proven.offers]
    return {
        "id": token.proposition,
        "scope": text(proposition, _SCOPE),
        "scopeDetails": {
            "correlationID": token.proposition,
            "strategies": [strategy],
            "characteristics": {
                "snapshotVersion": str(token.snapshot_version),
                "cell": token.cell,
                "issuedAt": to_rfc3339(token.issued_ms * 1000),
                "eventToken": proven.text,
                **({"channelType": channel} if channel == EMAIL else {}),
            },
        },
        "items": items,
    }


def _counted(event: dict[str, Any]) -> dict[str, Any]:
    """What a further line of an event needs of it: else an event of many propositions would be stored as many times."""
    found: dict[str, Any] = {}
    for (key,) in _COUNTED:
        if isinstance(held := event.get(key), str) and len(held) <= _LONGEST_COUNTED:
            found[key] = held
    if value(event, EVENT["dry_run"]) is True:
        found["data"] = {"__adobe": {"ajo": {"dryRun": True}}}
    return found


def _without(holder: dict[str, Any], path: Path) -> dict[str, Any]:
    key, *way = path
    if key not in holder:
        return holder
    if not way:
        return {name: held for name, held in holder.items() if name != key}
    inner = holder[key]
    return holder | {key: _without(inner, tuple(way))} if isinstance(inner, dict) else holder


def _object(held: object) -> dict[str, Any]:
    return held if isinstance(held, dict) else {}
