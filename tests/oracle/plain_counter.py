"""An independent count of event lines, written from the documents alone: no code of offer_ranking.events.

It reads standard JSON only (no comma before a closing bracket, no depth beyond Python's), keeps everything in memory
and answers with plain dictionaries.
"""
# ruff: noqa: C901, PLR0911, PLR0917 - it reads as the documents do, rule after rule

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

NS = "https://ns.adobe.com/experience/decisioning/"
TYPES = (
    "send",
    "decision",
    "trigger",
    "display",
    "interact",
    "dismiss",
    "unsubscribe",
    "suppressSend",
    "suppressDisplay",
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3600 * 10**6


def first_of_repeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def has_lone_surrogate(value: Any) -> bool:
    if isinstance(value, dict):
        return any(has_lone_surrogate(part) for pair in value.items() for part in pair)
    if isinstance(value, list):
        return any(has_lone_surrogate(part) for part in value)
    return isinstance(value, str) and any("\ud800" <= char <= "\udfff" for char in value)


def read(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode("utf-8").strip(" \t\r\n\x0b\x0c"), object_pairs_hook=first_of_repeated)
    except ValueError:
        return None
    return value if isinstance(value, dict) and not has_lone_surrogate(value) else None


def get(holder: Any, *keys: str) -> Any:
    for key in keys:
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder


def first_text(*values: Any) -> str:
    for value in values:
        if isinstance(value, str) and value:
            return value
    return ""


def first_list(*values: Any) -> list[Any]:
    for value in values:
        if isinstance(value, list) and value:
            return value
    return []


def first_some(*values: Any) -> Any:
    for value in values:
        if value is not None:
            return value
    return None


def micros(text: Any) -> int | None:
    pattern = (
        r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|z|[+-][0-9]{2}:[0-9]{2})"
    )
    match = re.fullmatch(pattern, text) if isinstance(text, str) else None
    if not match:
        return None
    day, clock, second, fraction, zone = match.groups()
    if second == "60":
        second = "59"
    try:
        moment = datetime.strptime(f"{day} {clock}:{second} +0000", "%Y-%m-%d %H:%M:%S %z")
    except ValueError:
        return None
    shift = 0
    if zone not in "Zz":
        hours, minutes = int(zone[1:3]), int(zone[4:])
        if hours > 23 or minutes > 59:
            return None
        shift = (hours * 60 + minutes) * (-1 if zone[0] == "-" else 1)
    whole = (moment - EPOCH) // timedelta(microseconds=1) - shift * 60 * 10**6
    whole += int(Fraction(f"0.{fraction}") * 10**6) if fraction else 0
    return whole if 0 <= whole < 253402300800 * 10**6 else None


def issue(value: Any) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str) and re.fullmatch("[0-9]{1,15}", value):
        value = int(value)
    if isinstance(value, int | float):
        inside = 0 <= value < 253402300800 * 1000  # false for NaN
        return int(value) * 1000 if inside else None
    return micros(value)


def uuid_time(text: str) -> int | None:
    bare = text.replace("-", "").lower()
    shape = [len(part) for part in text.split("-")] == [8, 4, 4, 4, 12]
    if shape and re.fullmatch("[0-9a-f]{32}", bare) and bare[12] == "7" and bare[16] in "89ab":
        milliseconds = int(bare[:12], 16)
        return milliseconds * 1000 if milliseconds < 253402300800 * 1000 else None
    return None


def steps(proposition: Any) -> list[Any]:
    return first_list(
        get(proposition, "scopeDetails", "strategies"), get(proposition, "xdm:scopeDetails", "xdm:strategies")
    )


def items(proposition: Any) -> list[Any]:
    return first_list(get(proposition, "items"), get(proposition, "xdm:items"))


def characteristic(proposition: Any, key: str) -> list[Any]:
    return [
        get(proposition, "scopeDetails", "characteristics", key),
        get(proposition, "xdm:scopeDetails", "xdm:characteristics", key),
        get(proposition, "xdm:scopeDetails", "xdm:characteristics", f"xdm:{key}"),
    ]


def ranking(item: Any, key: str) -> str:
    return first_text(
        get(item, "itemSelection", "rankingDetail", key),
        get(item, "xdm:itemSelection", "xdm:rankingDetail", f"xdm:{key}"),
    )


def named(strategy: Any, key: str) -> str:
    return first_text(get(strategy, key), get(strategy, f"xdm:{key}"))


def is_fallback(proposition: Any) -> bool:
    if any(named(strategy, "step") == "fallback" for strategy in steps(proposition)):
        return True
    shown = items(proposition)
    return len(shown) > 0 and all(ranking(item, "step") == "fallback" for item in shown)


def kind_of(event: dict[str, Any]) -> str:
    """display, interact, other, ambiguous, or an email's open or click."""
    compact = get(event, "_experience", "decisioning", "propositionEventType")
    spelled = get(event, NS + "propositionEventType")
    ones = set()
    for name in TYPES:
        marks = [get(compact, name), get(spelled, f"xdm:{name}"), get(spelled, name)]
        if any(mark == 1 and not isinstance(mark, str) for mark in marks):
            ones.add(name)
    if len(ones) > 1:
        return "ambiguous"
    if ones:
        (one,) = ones
        return one if one in ("display", "interact") else "other"
    event_type = first_text(event.get("eventType"), event.get("xdm:eventType"))
    if event_type == "decisioning.propositionDisplay":
        return "display"
    if event_type == "decisioning.propositionInteract":
        return "interact"
    interaction = get(event, "_experience", "customerJourneyManagement", "messageInteraction")
    has_offer = any(first_text(get(offer, "offerID")) for offer in first_list(get(interaction, "offers")))
    action = get(interaction, "interactionType")
    if event_type == "message.tracking" and has_offer and action in ("open", "click"):
        return str(action)
    return "other"


def examine(event: dict[str, Any] | None) -> tuple[str, list[dict[str, Any]]]:
    """The line's end ("offers", "other", "late" or a reason) and its offers."""
    if event is None:
        return "malformed", []
    kind = kind_of(event)
    if kind == "ambiguous":
        return "ambiguous-event-type", []
    propositions = first_list(
        get(event, "_experience", "decisioning", "propositions"),
        get(event, "_experience", "decisioning", "proposition"),
        event.get(NS + "propositions"),
        event.get(NS + "proposition"),
    )
    live = [proposition for proposition in propositions if not is_fallback(proposition)]
    is_dry = get(event, "data", "__adobe", "ajo", "dryRun") is True
    if kind == "other" or is_dry or (propositions and not live):
        return "other", []
    stamp = get(event, "offerRanking")
    if get(stamp, "trust") == "untrusted":
        return "untrusted", []
    if get(stamp, "capped") is True:
        return "capped", []
    own, receipt = first_some(event.get("timestamp"), event.get("xdm:timestamp")), get(stamp, "receivedAt")
    if own is None and receipt is None:
        return "time-missing", []
    if (own is not None and micros(own) is None) or (receipt is not None and micros(receipt) is None):
        return "time-unreadable", []
    time = micros(receipt) if receipt is not None else micros(own)
    assert time is not None
    if receipt is not None and own is not None and abs((micros(own) or 0) - time) > 48 * HOUR:
        return "late", []
    identifier = first_text(event.get("_id"), event.get("@id"))
    tokens = [first_text(*characteristic(proposition, "eventToken")) for proposition in live]
    if not identifier and not any(tokens):
        return "no-id", []
    offers = email_offers(event, kind, time) if kind in ("open", "click") else offers_of(event, live, kind, time)
    if not offers:
        return "offer-unresolved", []
    for offer in offers:
        offer["identity"] = (offer["token"], offer["offer"], offer["kind"]) if offer["token"] else (identifier, time)
    offers = [offer for offer in offers if offer["token"] or identifier]
    return ("offers", offers) if offers else ("no-id", [])


def email_offers(event: dict[str, Any], kind: str, time: int) -> list[dict[str, Any]]:
    found = []
    for entry in first_list(get(event, "_experience", "customerJourneyManagement", "messageInteraction", "offers")):
        if offer := first_text(get(entry, "offerID")):
            conversion = kind == "click"
            shown = uuid_time(first_text(get(entry, "propositionID"))) if conversion else time
            shown = time if shown is None else min(shown, time)
            found.append(row(offer, "", "", "", "", "", 0, int(conversion), shown, time))
    return found


def row(
    offer: str,
    etag: str,
    model: str,
    traffic: str,
    cell: str,
    token: str,
    position: int,
    kind: int,
    shown: int,
    time: int,
) -> dict[str, Any]:
    hour = shown // HOUR
    key = (hour, offer, etag, model, traffic, cell, kind, position, time // HOUR - hour)
    return {"key": key, "offer": offer, "token": token, "kind": kind}


def offers_of(event: dict[str, Any], live: list[Any], kind: str, time: int) -> list[dict[str, Any]]:
    shown = [
        (proposition, item, place)
        for proposition in live
        for place, item in enumerate(items(proposition), 1)
        if ranking(item, "step") != "fallback" and first_text(get(item, "id"), get(item, "xdm:id"))
    ]
    if not shown:
        stamped = first_list(get(event, "offerRanking", "offers"))
        first = live[0] if live else None
        shown = [(first, {"id": offer}, place) for place, offer in enumerate(stamped, 1) if first_text(offer)]
    return [offer_of(event, proposition, item, place, kind, time) for proposition, item, place in shown]


def offer_of(event: Any, proposition: Any, item: Any, place: int, kind: str, time: int) -> dict[str, Any]:
    stamp = get(event, "offerRanking")
    offer = first_text(get(item, "id"), get(item, "xdm:id"))
    etags = first_some(*characteristic(proposition, "etags"))
    etag = first_text(get(item, "etag"), get(item, "repo:etag"), get(item, "xdm:etag"), get(etags, offer))
    with_id = [entry for entry in steps(proposition) if named(entry, "strategyID")]
    chosen = next((entry for entry in with_id if named(entry, "step") == "aiModel"), with_id[0] if with_id else None)
    model = named(chosen, "strategyID") if chosen else ranking(item, "strategyID")
    traffic = named(chosen, "trafficType") if chosen else ranking(item, "trafficType")
    shown = time
    if kind == "interact":
        clear = issue(first_some(*characteristic(proposition, "issuedAt")))
        known = first_some(issue(get(stamp, "issuedAt")), clear)
        identifier = first_text(get(proposition, "id"), get(proposition, "xdm:id"))
        shown = min(time, first_some(known, uuid_time(identifier), time))
    return row(
        offer,
        etag,
        first_text(get(stamp, "model"), model),
        first_text(get(stamp, "trafficType"), traffic),
        first_text(get(stamp, "cell"), *characteristic(proposition, "cell")),
        first_text(*characteristic(proposition, "eventToken")),
        place if place <= 30 else 0,
        int(kind == "interact"),
        shown,
        time,
    )


def count(data: bytes) -> tuple[Counter[tuple[Any, ...]], dict[str, Any]]:
    """Counts by key, and what became of every line."""
    counts: Counter[tuple[Any, ...]] = Counter()
    ends: Counter[str] = Counter()
    owner: dict[Any, int] = {}
    for number, line in enumerate(line for line in data.split(b"\n") if line.strip(b" \t\r\n\x0b\x0c")):
        end, offers = examine(read(line))
        if end == "offers":
            had: set[Any] = set()
            for offer in offers:
                mark = (offer["identity"], offer["offer"])
                if owner.setdefault(offer["identity"], number) == number and mark not in had:
                    had.add(mark)
                    counts[offer["key"]] += 1
            end = "counted" if had else "duplicate"
        ends[end] += 1
    accounting = {end: ends.pop(end, 0) for end in ("counted", "duplicate", "other", "late")}
    return counts, accounting | {"received": sum(accounting.values()) + ends.total(), "refused": dict(ends)}
