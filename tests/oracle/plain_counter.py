"""An independent count of event lines, written from the documents alone: no code of offer_ranking.events.

It reads with the standard library's JSON, keeps everything in memory and answers with plain dictionaries.
"""
# ruff: noqa: C901, PLR0911, PLR0912, PLR0917 - it reads as the documents do, rule after rule

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from collections.abc import Mapping
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


def no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def number(digits: str) -> int | float:
    return int(digits) if len(digits) < 4000 else float(digits)


def has_lone_surrogate(value: Any) -> bool:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting += [*one.keys(), *one.values()]
        elif isinstance(one, list):
            waiting += one
        elif isinstance(one, str) and any("\ud800" <= char <= "\udfff" for char in one):
            return True
    return False


def read(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=no_constant, parse_int=number)
    except (ValueError, RecursionError):
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


def inside(proposition: Any) -> list[Any]:
    """The propositions in the base64 text of subPropositions."""
    text = first_text(*characteristic(proposition, "subPropositions")).replace("-", "+").replace("_", "/").rstrip("=")
    if not re.fullmatch("[A-Za-z0-9+/]+", text):
        return []
    found = read_any(text)
    for held in (found, get(found, "propositions"), get(found, "decisioning", "propositions")):
        if isinstance(held, list):
            return held
    return [found]


def read_any(text: str) -> Any:
    try:
        return json.loads(base64.b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, RecursionError):
        return None


def is_fallback_item(item: Any) -> bool:
    chosen = first_text(
        get(item, "itemSelection", "selectionDetail", "selectionType"),
        get(item, "xdm:itemSelection", "xdm:selectionDetail", "xdm:selectionType"),
    )
    return "fallback" in {ranking(item, "step"), chosen}


def is_fallback(proposition: Any) -> bool:
    if any(named(strategy, "step") == "fallback" for strategy in steps(proposition)):
        return True
    shown = items(proposition)
    if shown:
        return all(is_fallback_item(item) for item in shown)
    served = [part for part in inside(proposition) if items(part)]
    return len(served) > 0 and all(is_fallback(part) for part in served)


def is_ours(token: str) -> bool:
    """A token of this system: what it says, a dot, 22 characters of a signature."""
    return re.fullmatch(r"[A-Za-z0-9_-]+[.][A-Za-z0-9_-]{22}", token) is not None


def offers_in(token: str) -> list[str]:
    if not is_ours(token) or len(token) > 16384:
        return []
    fields = read_any(token.partition(".")[0].replace("-", "+").replace("_", "/"))
    if not isinstance(fields, list) or len(fields) != 14 or fields[0] != 3:
        return []
    whole, texts, lists = (0, 3, 5, 12), (1, 2, 4, 6, 7, 8, 9), (10, 11, 13)
    if any(type(fields[n]) is not int for n in whole) or not all(isinstance(fields[n], str) for n in texts):
        return []
    if not all(isinstance(fields[n], list) for n in lists):
        return []
    offers, shares, shown, etags = fields[10:]
    if len(shares) != len(offers) or any(type(share) not in {int, float} for share in shares):
        return []
    if shown < 0 or shown > len(offers) or len(etags) not in {0, shown}:
        return []
    return (
        offers[:shown]
        if all(isinstance(one, str) for one in etags) and all(isinstance(offer, str) and offer for offer in offers)
        else []
    )


# Where the flat form has what a mapping can place elsewhere; and the nouns of events.
PLACES: dict[str, list[list[str]]] = {
    "id": [["_id"], ["@id"]],
    "timestamp": [["timestamp"], ["xdm:timestamp"]],
    "eventType": [["eventType"], ["xdm:eventType"]],
    "dryRun": [["data", "__adobe", "ajo", "dryRun"]],
    "propositions": [
        ["_experience", "decisioning", "propositions"],
        ["_experience", "decisioning", "proposition"],
        [NS + "propositions"],
        [NS + "proposition"],
    ],
    "offer": [["offerId"]],
    "etag": [["offerEtag"]],
    "model": [["modelId"]],
    "trafficType": [["trafficType"]],
    "cell": [["cell"]],
    "token": [["eventToken"]],
    "issuedAt": [["issuedAt"]],
    "propositionId": [["propositionId"]],
    "position": [["position"]],
}


class Reader:
    """An event and the mapping of its dataset."""

    def __init__(self, event: dict[str, Any], mapping: Mapping[str, str]) -> None:
        self.event = event
        self.mapping = mapping

    def all(self, noun: str) -> list[Any]:
        mapped = [self.mapping[noun].split(".")] if noun in self.mapping else []
        return [get(self.event, *place) for place in mapped + PLACES[noun]]

    def text(self, noun: str) -> str:
        return first_text(*self.all(noun))

    def is_flat(self) -> bool:
        if "offer" in self.mapping and first_text(self.all("offer")[0]):
            return True
        return not first_list(*self.all("propositions")) and bool(first_text(self.all("offer")[-1]))


def kind_of(reader: Reader) -> str:
    """display, interact, other, ambiguous, or an email's open or click."""
    event = reader.event
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
    event_type = reader.text("eventType")
    if reader.is_flat() and event_type in ("display", "interact"):
        return event_type
    if event_type == "decisioning.propositionDisplay":
        return "display"
    if event_type == "decisioning.propositionInteract":
        return "interact"
    interaction = get(event, "_experience", "customerJourneyManagement", "messageInteraction")
    has_offer = any(first_text(get(offer, "offerID")) for offer in first_list(get(interaction, "offers")))
    action = get(interaction, "interactionType")
    if not reader.is_flat() and event_type == "message.tracking" and has_offer and action in ("open", "click"):
        return str(action)
    return "other"


def examine(event: dict[str, Any] | None, mapping: Mapping[str, str] | None = None) -> tuple[str, list[dict[str, Any]]]:
    """The line's end ("offers", "other", "late" or a reason) and its offers."""
    if event is None:
        return "malformed", []
    is_collected = get(event, "offerRanking", "receivedAt") is not None
    reader = Reader(event, {} if is_collected else mapping or {})
    kind = kind_of(reader)
    if kind == "ambiguous":
        return "ambiguous-event-type", []
    propositions = [] if reader.is_flat() else first_list(*reader.all("propositions"))
    live = [proposition for proposition in propositions if not is_fallback(proposition)]
    is_dry = first_some(*reader.all("dryRun")) is True
    if kind == "other" or is_dry or (propositions and not live):
        return "other", []
    stamp = get(event, "offerRanking")
    if get(stamp, "trust") == "untrusted":
        return "untrusted", []
    if get(stamp, "capped") is True:
        return "capped", []
    own, receipt = first_some(*reader.all("timestamp")), get(stamp, "receivedAt")
    if own is None and receipt is None:
        return "time-missing", []
    if (own is not None and micros(own) is None) or (receipt is not None and micros(receipt) is None):
        return "time-unreadable", []
    time = micros(receipt) if receipt is not None else micros(own)
    assert time is not None
    if receipt is not None and own is not None and abs((micros(own) or 0) - time) > 48 * HOUR:
        return "late", []
    if reader.is_flat():
        offers = [flat_offer(reader, kind, time)]
    else:
        offers = email_offers(event, kind, time) if kind in ("open", "click") else offers_of(event, live, kind, time)
    identifier = reader.text("id")
    signed = [one for one in live if is_ours(first_text(*characteristic(one, "eventToken")))]
    is_signed = any(issued_at(event, one) is not None for one in signed) or any(offer["signed"] for offer in offers)
    if not identifier and not is_signed:
        return "no-id", []
    if not offers:
        return "offer-unresolved", []
    # copies of a collected event share its own time, whenever they came in; without one, the day
    told_at = time if receipt is None else time - time % (24 * HOUR) if own is None else micros(own)
    for offer in offers:
        by_token = (offer["token"], offer["offer"], offer["kind"], offer["issued"])
        offer["identity"] = by_token if offer["signed"] else (identifier, told_at)
    offers = [offer for offer in offers if offer["signed"] or identifier]
    return ("offers", offers) if offers else ("no-id", [])


def issued_at(event: Any, proposition: Any) -> int | None:
    return first_some(
        issue(get(event, "offerRanking", "issuedAt")),
        issue(first_some(*characteristic(proposition, "issuedAt"))),
        uuid_time(first_text(get(proposition, "id"), get(proposition, "xdm:id"))),
    )


def flat_offer(reader: Reader, kind: str, time: int) -> dict[str, Any]:
    stamp = get(reader.event, "offerRanking")
    place = first_some(*reader.all("position"))
    is_place = isinstance(place, int | float) and not isinstance(place, bool) and place in range(1, 31)
    return row(
        reader.text("offer"),
        reader.text("etag"),
        first_text(get(stamp, "model"), reader.text("model")),
        first_text(get(stamp, "trafficType"), reader.text("trafficType")),
        first_text(get(stamp, "cell"), reader.text("cell")),
        reader.text("token"),
        int(place) if is_place else 0,
        int(kind == "interact"),
        first_some(
            issue(get(stamp, "issuedAt")),
            issue(first_some(*reader.all("issuedAt"))),
            uuid_time(reader.text("propositionId")),
        ),
        time,
    )


def email_offers(event: dict[str, Any], kind: str, time: int) -> list[dict[str, Any]]:
    found = []
    for entry in first_list(get(event, "_experience", "customerJourneyManagement", "messageInteraction", "offers")):
        if offer := first_text(get(entry, "offerID")):
            sent = uuid_time(first_text(get(entry, "propositionID")))
            found.append(row(offer, "", "", "", "", "", 0, int(kind == "click"), sent, time))
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
    issued: int | None,
    time: int,
) -> dict[str, Any]:
    shown = min(issued, time) if kind == 1 and issued is not None else time
    hour = shown // HOUR
    key = (hour, offer, etag, model, traffic, cell, kind, position, time // HOUR - hour)
    signed = is_ours(token) and issued is not None
    at = None if issued is None else issued // HOUR
    return {"key": key, "offer": offer, "token": token, "kind": kind, "issued": at, "signed": signed}


def offers_of(event: dict[str, Any], live: list[Any], kind: str, time: int) -> list[dict[str, Any]]:
    """(proposition, the part of it in which the item is, item, place) of each offer that the event names."""
    shown = [found for proposition in live for found in items_in(proposition, proposition)]
    if not shown:
        stamped = first_list(get(event, "offerRanking", "offers"))
        first = live[0] if live else None
        named_by_stamp = [(first, None, {"id": offer}, n) for n, offer in enumerate(stamped, 1) if first_text(offer)]
        shown = named_by_stamp if kind == "display" or len(named_by_stamp) == 1 else []
    if not shown:
        shown = [found for proposition in live for found in served(event, proposition, kind)]
    return [offer_of(event, *found, kind=kind, time=time) for found in shown]


def items_in(proposition: Any, part: Any) -> list[tuple[Any, Any, Any, int]]:
    return [
        (proposition, part, item, place)
        for place, item in enumerate(items(part), 1)
        if first_text(get(item, "id"), get(item, "xdm:id")) and not is_fallback_item(item)
    ]


def served(event: dict[str, Any], proposition: Any, kind: str) -> list[tuple[Any, Any, Any, int]]:
    """What the proposition served: all of it was displayed; an interact must say which it means."""
    found = [one for part in inside(proposition) if not is_fallback(part) for one in items_in(proposition, part)]
    wanted = [
        token
        for token in first_list(
            get(event, "_experience", "decisioning", "propositionAction", "tokens"),
            get(event, NS + "propositionAction", "xdm:tokens"),
            get(event, NS + "propositionAction", "tokens"),
        )
        if first_text(token)
    ]
    if found and wanted:
        return [one for one in found if first_text(get(one[2], "token"), get(one[2], "xdm:token")) in wanted]
    if not found:
        offers = offers_in(first_text(*characteristic(proposition, "eventToken")))
        found = [(proposition, None, {"id": offer}, place) for place, offer in enumerate(offers, 1)]
    return found if kind == "display" or len(found) == 1 else []


def offer_of(event: Any, proposition: Any, part: Any, item: Any, place: int, *, kind: str, time: int) -> dict[str, Any]:
    stamp = get(event, "offerRanking")
    offer = first_text(get(item, "id"), get(item, "xdm:id"))
    etags = first_some(*characteristic(proposition, "etags"))
    etag = first_text(get(item, "etag"), get(item, "repo:etag"), get(item, "xdm:etag"), get(etags, offer))
    with_id = [entry for entry in steps(proposition) if named(entry, "strategyID")]
    of_model = [
        entry for entry in [*steps(part), *with_id] if named(entry, "strategyID") and named(entry, "step") == "aiModel"
    ]
    if of_model or (with_id and not ranking(item, "strategyID")):
        chosen = [*of_model, *with_id][0]
        model, traffic = named(chosen, "strategyID"), named(chosen, "trafficType")
    else:
        model, traffic = ranking(item, "strategyID"), ranking(item, "trafficType")
    return row(
        offer,
        etag,
        first_text(get(stamp, "model"), model),
        first_text(get(stamp, "trafficType"), traffic),
        first_text(get(stamp, "cell"), *characteristic(proposition, "cell")),
        first_text(*characteristic(proposition, "eventToken")),
        place if place <= 30 else 0,
        int(kind == "interact"),
        issued_at(event, proposition),
        time,
    )


def count(data: bytes, mapping: Mapping[str, str] | None = None) -> tuple[Counter[tuple[Any, ...]], dict[str, Any]]:
    """Counts by key, and what became of every line of an object."""
    return count_dataset({"": data}, mapping)


def count_dataset(
    objects: Mapping[str, bytes], mapping: Mapping[str, str] | None = None
) -> tuple[Counter[tuple[Any, ...]], dict[str, Any]]:
    """Counts of a dataset by key: of an identity's lines the one in the object with the smallest key counts."""
    counts: Counter[tuple[Any, ...]] = Counter()
    ends: Counter[str] = Counter()
    owner: dict[Any, tuple[str, int]] = {}
    for name in sorted(objects):
        lines = (line for line in objects[name].split(b"\n") if line.strip(b" \t\r\n\x0b\x0c"))
        for place in enumerate(lines):
            end, offers = examine(read(place[1]), mapping)
            if end == "offers":
                had: set[Any] = set()
                for offer in offers:
                    mark = (offer["identity"], offer["offer"])
                    if owner.setdefault(offer["identity"], (name, place[0])) == (name, place[0]) and mark not in had:
                        had.add(mark)
                        counts[offer["key"]] += 1
                end = "counted" if had else "duplicate"
            ends[end] += 1
    accounting = {end: ends.pop(end, 0) for end in ("counted", "duplicate", "other", "late")}
    return counts, accounting | {"received": sum(accounting.values()) + ends.total(), "refused": dict(ends)}
