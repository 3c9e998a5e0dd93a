"""Plain lines, which are nearly all, counted without asking the rules about each of them.

Events differ in who, when and of which proposition; in the rest (type, strategies, items) thousands are alike, to the
byte. So a line is taken apart by a `layout`; what the parts mean that others share is asked of the rules once, by an
event made of them; what a line has of its own becomes one of the `rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec

from offer_ranking.catalog.mapping import FieldMapping
from offer_ranking.counting.entries import Context, Entries, Place
from offer_ranking.counting.layout import NULL, Flat, Nested, layouts
from offer_ranking.counting.rows import Rows
from offer_ranking.events import proposition_event as rules
from offer_ranking.events.json_line import read_object
from offer_ranking.events.proposition_event import Other, PropositionEvent, parse_event
from offer_ranking.events.spelling import EVENT, Path, event_paths, text, value_at

_T = TypeVar("_T")
_MOST_HELD = 32 * 2**20  # bytes of parts that are kept by what they mean, each with its share of the table
_OF_EACH = 100
# Meanings of parts, beside the numbers of contexts and of lists of items: a line of another kind; nothing that can be
# said without the rest of the line; a fallback; and, from there downwards, items that name models themselves.
_OTHER, _UNCLEAR, _FALLBACK, _FULL, _RANKED = -1, -2, -3, -4, -10
_TIME = "2000-01-01T00:00:00Z"
_PROBE = "probe"
_ITEM = [{"id": _PROBE}]
_RANKED_ITEM = [{"id": _PROBE, "itemSelection": {"rankingDetail": {"strategyID": _PROBE, "trafficType": _PROBE}}}]
_NOT_DECODED = (msgspec.MsgspecError, UnicodeError, RecursionError)
_list_of_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode


class _Meanings(dict[bytes, _T]):
    """What parts mean, by their bytes: so many that memory is bounded, whether they are many or long."""

    def __init__(self) -> None:
        super().__init__()
        self._held = 0

    @property
    def is_full(self) -> bool:
        return self._held > _MOST_HELD

    def learn(self, part: bytes, meaning: _T) -> None:
        self._held += len(part) + _OF_EACH
        self[part] = meaning

    def make_room(self) -> None:
        """Forget all when there is no room, of what is soon learned again: what thousands share comes soon."""
        if self.is_full:
            self.clear()
            self._held = 0


class PlainLines:
    """Takes the lines of an object in their order; offers go into `entries`."""

    def __init__(self, mapping: FieldMapping, entries: Entries) -> None:
        self.rows = Rows(entries)
        self._readers = [_reader(layout, mapping, self.rows) for layout in layouts(mapping)]
        self._reader: _NestedReader | _FlatReader | None = next(iter(self._readers), None)

    def take(self, lines: Sequence[bytes], before: int) -> Iterable[int]:
        """Take these lines, which follow `before` others; returns the indices of those that are not plain."""
        return range(len(lines)) if self._reader is None else self._reader.take(_utf8(lines), before)

    @property
    def others(self) -> int:
        """How many lines were of another kind."""
        return sum(reader.others for reader in self._readers)

    def suit(self, event: dict[str, Any]) -> None:
        """Expect lines like this one, which was not plain, from now on."""
        if self._reader is not None:
            self._reader = max([self._reader, *self._readers], key=lambda reader: reader.fit(event))


def _utf8(lines: Sequence[bytes]) -> Sequence[bytes]:
    """Lines that are not UTF-8 become empty, since the decoder does not look at what it passes over."""
    if all(map(bytes.isascii, lines)):
        return lines
    return [line if line.isascii() or _is_utf8(line) else b"" for line in lines]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeError:
        return False
    return True


def _reader(layout: Nested | Flat, mapping: FieldMapping, rows: Rows) -> _NestedReader | _FlatReader:
    return _FlatReader(layout, mapping, rows) if isinstance(layout, Flat) else _NestedReader(layout, mapping, rows)


class _NestedReader:
    """Reads lines of events with propositions."""

    def __init__(self, layout: Nested, mapping: FieldMapping, rows: Rows) -> None:
        self.others = 0
        self._layout = layout
        self._blank: Any = layout.proposition()
        self._mapping = mapping
        self._rows = rows
        # What parts mean, by their bytes; those that may not be counted by themselves apart.
        self._contexts: _Meanings[int] = _Meanings()
        self._no_contexts: _Meanings[int] = _Meanings()
        self._lean_contexts: _Meanings[int] = _Meanings()
        self._items: _Meanings[int] = _Meanings()
        self._no_items: _Meanings[int] = _Meanings()
        self._offers: _Meanings[tuple[str, ...]] = _Meanings()
        # What they are made of, about which the rules are asked: when these are full, others are unclear.
        self._heads: _Meanings[_Head | int] = _Meanings()
        self._single_items: _Meanings[_Item | int] = _Meanings()

    def fit(self, event: dict[str, Any]) -> int:
        if isinstance(value_at(event, self._layout.at["propositions"]), list):
            return 2
        return 1 if value_at(event, self._layout.at["time"]) is not None else 0

    def take(self, lines: Sequence[bytes], before: int) -> Iterable[int]:
        """Take these lines, which follow `before` others; returns the indices of those that are not plain."""
        if self._layout.lean is not None and self._rows.expects_signed:
            return self._take_lean(self._layout.lean, lines, before)
        join, context_of, items_of, flat = b"\0".join, self._contexts.get, self._items.get, self._rows.flat
        is_usual, width, start = self._layout.is_usual, self._rows.WIDTH, len(self._rows.flat)
        skipped: list[int] = []
        odd: list[int] = []
        events = map(self._layout.decode, lines)
        while True:
            try:
                for event in events:
                    if (
                        is_usual
                        and (outer := event.in_experience) is not None
                        and (inner := outer.in_decisioning) is not None
                        and (propositions := inner.propositions) is not None
                        and len(propositions) == 1
                        and event.stamp is None
                        and event.data is None
                    ):
                        (proposition,) = propositions
                        if (details := proposition.in_scopeDetails) is not None and (
                            traits := details.in_characteristics
                        ) is not None:
                            context = context_of(join((inner.marks, event.event_type, details.strategies, traits.cell)))
                            part = bytes(proposition.items)
                            items = items_of(self._with_etags(part, traits.etags) if traits.etags else part)
                            if context is not None and items is not None:
                                flat += (
                                    *(context, items, event.time, traits.issued_at, traits.token),
                                    *(event.id, proposition.id),
                                )
                                continue
                    index = (len(flat) - start) // width + len(skipped)
                    skipped.append(index)
                    if not self._take_one(before + index + 1, event):
                        odd.append(index)
            except _NOT_DECODED:
                index = (len(flat) - start) // width + len(skipped)
                skipped.append(index)
                odd.append(index)
            else:
                self._rows.taken(before, len(lines), skipped)
                return odd

    def _take_lean(self, lean: Callable[[bytes], Any], lines: Sequence[bytes], before: int) -> Iterable[int]:
        """As `take`, of lines that are expected to be signed: what others need is not even decoded."""
        join, context_of, items_of, signed = b"\0".join, self._lean_contexts.get, self._items.get, self._rows.signed
        width, start = self._rows.SIGNED_WIDTH, len(signed)
        skipped: list[int] = []
        events = map(lean, lines)
        while True:
            try:
                for event in events:
                    inner = event.in_experience.in_decisioning
                    propositions = inner.propositions
                    if len(propositions) == 1:
                        (proposition,) = propositions
                        details = proposition.in_scopeDetails
                        traits = details.in_characteristics
                        context = context_of(join((inner.marks, details.strategies, traits.cell)))
                        items = items_of(bytes(proposition.items))
                        token, issued_at = traits.token, traits.issued_at
                        if context is not None and items is not None and token is not None and issued_at is not None:
                            signed += (context, items, event.time, issued_at, token)
                            continue
                    skipped.append((len(signed) - start) // width + len(skipped))
            except _NOT_DECODED:
                skipped.append((len(signed) - start) // width + len(skipped))
            else:
                self._rows.taken(before, len(lines), skipped, are_signed=True)
                if 2 * len(skipped) > len(lines):
                    self._rows.expects_signed = False
                return [index for index in skipped if not self._take_line(before + index + 1, lines[index])]

    def _take_line(self, number: int, line: bytes) -> bool:
        try:
            event = self._layout.decode(line)
        except _NOT_DECODED:
            return False
        return self._take_one(number, event)

    def _take_one(self, line: int, event: Any) -> bool:  # noqa: ANN401 - a struct of the layout
        """Take a line whatever of it is new, stamped or not single; False when only the rules can read it."""
        stamp = event.stamp
        more: tuple[Any, ...] = ()
        stamped: tuple[Any, ...] = ()
        event_type, marks, identifier, time, propositions = self._top(event)
        if stamp is not None:
            if self._mapping and stamp.received_at is not None:
                return False  # collected: the mapping is not of this line
            more = (stamp.trust, stamp.capped, stamp.stamped_model, stamp.stamped_traffic, stamp.stamped_cell)
            own, time = time, time if stamp.received_at is None else stamp.received_at
            stamped = own, stamp.issued_at
        if event.data is not None:
            more = (*more, _at(event.data, ("in_adobe", "in_ajo", "dry_run")) or NULL)
        rows = []
        others = 0
        for proposition in propositions or [self._blank]:
            details = proposition.in_scopeDetails or self._blank.in_scopeDetails
            traits = details.in_characteristics or self._blank.in_scopeDetails.in_characteristics
            context = self._context(b"\0".join((marks, event_type, details.strategies, traits.cell, *more)))
            items = self._list(self._with_etags(bytes(proposition.items), traits.etags))
            if context == _OTHER or (context >= 0 and items == _FALLBACK and propositions):
                others += 1
                continue
            if context >= 0 and context & 1 and items <= _RANKED:
                items = _RANKED - items
            if context < 0 or items < 0:
                return False
            rows.append(
                (line, context, items, time, traits.issued_at, traits.token, identifier, proposition.id, *stamped)
            )
        if others and rows:
            return False
        self._rows.take(rows, are_stamped=stamp is not None)
        self.others += bool(others)
        return True

    def _top(self, event: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a struct of the layout
        try:
            return self._layout.top(event)
        except AttributeError:  # null where an object is expected
            event_type, marks, *others = (_at(event, way) for way in self._layout.ways)
            return event_type or NULL, marks or NULL, *others

    def _context(self, part: bytes) -> int:
        """What a context means: its number times two, and one more where it says which model has ranked."""
        meaning = self._contexts.get(part, self._no_contexts.get(part))
        if meaning is not None:
            return meaning
        for meanings in (self._contexts, self._no_contexts, self._lean_contexts):
            meanings.make_room()
        parts = _named(part)
        cells = [parts.pop(name) for name in ("stamped_cell", "cell") if name in parts]
        shared = b"\0".join(parts.values())
        head = self._heads.get(shared)
        if head is None:
            if self._heads.is_full:
                return _UNCLEAR
            head = self._head({name: _value(raw) for name, raw in parts.items()})
            self._heads.learn(shared, head)
        if not isinstance(head, _Head):
            self._no_contexts.learn(part, head)
            return head
        cell = next((cell for cell in map(_value, cells) if isinstance(cell, str) and cell), "")
        context = Context(head.kind, head.model, head.traffic, cell)
        meaning = self._rows.entries.context(context) << 1 | head.is_ranked
        self._contexts.learn(part, meaning)
        if head.is_marked and list(parts) == ["marks", "event_type", "strategies"]:
            self._lean_contexts.learn(b"\0".join((parts["marks"], parts["strategies"], *cells)), meaning)
        return meaning

    def _head(self, values: dict[str, Any]) -> _Head | int:
        event = self._event(values, _ITEM)
        found = parse_event(event, self._mapping)
        if isinstance(found, Other):
            kind = text(event, event_paths(self._mapping)["event_type"])
            return _OTHER if rules.marked(event) or kind not in _ELSEWHERE else _UNCLEAR
        probed = parse_event(self._event(values, _RANKED_ITEM), self._mapping)
        if not isinstance(found, PropositionEvent) or not isinstance(probed, PropositionEvent):
            return _UNCLEAR
        (offer,), (ranked,) = found.offers, probed.offers
        is_ranked = _PROBE not in {ranked.model, ranked.traffic_type}
        return _Head(found.kind, offer.model, offer.traffic_type, is_ranked, bool(rules.marked(event)))

    def _list(self, part: bytes) -> int:
        """What a list of items means."""
        meaning = self._items.get(part, self._no_items.get(part))
        if meaning is not None:
            return meaning
        for meanings in (self._items, self._no_items):
            meanings.make_room()
        items, _, etags = part.partition(b"\0")
        shown = self._shown(items)
        if isinstance(shown, int):
            self._no_items.learn(part, shown)
            return shown
        told = msgspec.json.decode(etags) if etags else {}
        places = [
            Place(one.offer, one.etag or told.get(one.offer, ""), place if place <= rules.MAX_POSITION else 0)
            for place, one in shown
        ]
        number = self._rows.list_of(map(self._rows.entries.place, places))
        if any(one.is_ranked for _, one in shown):
            self._no_items.learn(part, _RANKED - number)
            return _RANKED - number
        self._items.learn(part, number)
        return number

    def _with_etags(self, items: bytes, etags: dict[str, str] | None) -> bytes:
        """Join to the items what the proposition's etags say of them, and no more."""
        if not etags:
            return items
        offers = self._offers.get(items)
        if offers is None:
            shown = self._shown(items)
            offers = () if isinstance(shown, int) else tuple(one.offer for _, one in shown)
            self._offers.make_room()
            self._offers.learn(items, offers)
        return items + b"\0" + msgspec.json.encode({offer: etags[offer] for offer in offers if offer in etags})

    def _shown(self, items: bytes) -> list[tuple[int, _Item]] | int:
        """What a list names, item by item, since a ranked list is hardly ever the same twice: places, from 1.

        _FALLBACK where all items are; _UNCLEAR where none names an offer.
        """
        try:
            meanings = [self._item(bytes(item)) for item in _list_of_raws(items)]
        except _NOT_DECODED:
            return _UNCLEAR
        if shown := [(place, one) for place, one in enumerate(meanings, start=1) if isinstance(one, _Item)]:
            return shown if _FULL not in meanings else _UNCLEAR
        return _FALLBACK if set(meanings) == {_FALLBACK} else _UNCLEAR

    def _item(self, item: bytes) -> _Item | int:
        """What an item means; _FALLBACK, _UNCLEAR where it names no offer, _FULL where the rules are to be asked."""
        meaning = self._single_items.get(item)
        if meaning is not None:
            return meaning
        if self._single_items.is_full:
            return _FULL
        found = parse_event(self._event({"marks": {"display": 1}}, [_value(item)]), self._mapping)
        if isinstance(found, PropositionEvent):
            (offer,) = found.offers
            meaning = _Item(offer.offer, offer.etag, bool(offer.model or offer.traffic_type))
        else:
            meaning = _FALLBACK if isinstance(found, Other) else _UNCLEAR
        self._single_items.learn(item, meaning)
        return meaning

    def _event(self, values: dict[str, Any], items: object) -> dict[str, Any]:
        """An event of these values that lacks nothing."""
        at, inside = self._layout.at, self._layout.inside
        proposition: dict[str, Any] = {}
        event: dict[str, Any] = {}
        for noun, value in ({"id": "x", "time": _TIME, "items": items} | values).items():
            if noun in at:
                _place(event, at[noun], value)
            elif noun in {"strategies", "items", "etags"}:
                _place(proposition, inside[noun], value)
            else:
                _place(event, EVENT[noun][0], value)
        if "trust" in values:
            _place(event, EVENT["received_at"][0], _TIME)
        _place(event, at["propositions"], [proposition])
        return event


class _Item(NamedTuple):
    """What an item says. is_ranked: which model has ranked it, or as what traffic, is among it."""

    offer: str
    etag: str
    is_ranked: bool


class _Head(NamedTuple):
    """What a context says without its cell.

    is_ranked: it says which model has ranked, whatever items say. is_marked: propositionEventType decides the kind.
    """

    kind: int
    model: str
    traffic: str
    is_ranked: bool
    is_marked: bool


_CONTEXT = ("marks", "event_type", "strategies", "cell")
_STAMP = ("trust", "capped", "stamped_model", "stamped_traffic", "stamped_cell")
_CONTEXTS = {
    len(names): names
    for names in (_CONTEXT, (*_CONTEXT, "dry_run"), _CONTEXT + _STAMP, (*_CONTEXT, *_STAMP, "dry_run"))
}
# Event types that decide nothing where propositionEventType does not: more is to be looked at.
_ELSEWHERE = {"", rules.EMAIL, *rules.PROPOSITION_EVENT_KINDS}


def _named(part: bytes) -> dict[str, bytes]:
    """Take a context apart again: no JSON holds NUL."""
    raws = part.split(b"\0")
    return dict(zip(_CONTEXTS[len(raws)], raws, strict=True))


def _value(raw: bytes) -> Any:  # noqa: ANN401 - JSON holds any of its types
    return read_object(b'{"value":' + raw + b"}")["value"]


def _at(struct: Any, way: Iterable[str]) -> Any:  # noqa: ANN401 - a struct of the layout
    """Walk attributes; None where null stands on the way."""
    for name in way:
        struct = None if struct is None else getattr(struct, name)
    return struct


def _place(holder: dict[str, Any], path: Path, value: object) -> None:
    *way, last = path
    for key in way:
        holder = holder.setdefault(key, {})
    holder[last] = value


class _FlatReader:
    """Reads rows that have their one offer at the top."""

    def __init__(self, layout: Flat, mapping: FieldMapping, rows: Rows) -> None:
        self._layout = layout
        self._mapping = mapping
        self._paths = event_paths(mapping)
        self._rows = rows
        self.others = 0
        self._contexts: _Meanings[int] = _Meanings()
        self._heads: _Meanings[int] = _Meanings()
        self._items: _Meanings[int] = _Meanings()

    def fit(self, event: dict[str, Any]) -> int:
        return 3 if rules.is_flat(event, self._mapping) else 0

    def take(self, lines: Sequence[bytes], before: int) -> Iterable[int]:
        """Take these lines, which follow `before` others; returns the indices of those that are not plain."""
        join, context_of, items_of, flat = b"\0".join, self._contexts.get, self._items.get, self._rows.flat
        shared, of_item, of_own = self._layout.context, self._layout.item, self._layout.own
        width, start = self._rows.WIDTH, len(self._rows.flat)
        skipped: list[int] = []
        odd: list[int] = []
        events = map(self._layout.decode, lines)
        while True:
            try:
                for event in events:
                    part = join(shared(event))
                    context = context_of(part)
                    if context is None:
                        context = self._context(part)
                    part = join(of_item(event))
                    items = items_of(part)
                    if items is None:
                        items = self._list(part)
                    if context >= 0 and items >= 0:
                        flat += (context, items, *of_own(event))
                        continue
                    index = (len(flat) - start) // width + len(skipped)
                    skipped.append(index)
                    if context == _OTHER and items >= 0:
                        self.others += 1
                    else:
                        odd.append(index)
            except (*_NOT_DECODED, AttributeError):  # null where an object is expected is an error of attributes
                index = (len(flat) - start) // width + len(skipped)
                skipped.append(index)
                odd.append(index)
            else:
                self._rows.taken(before, len(lines), skipped)
                return odd

    def _context(self, part: bytes) -> int:
        self._contexts.make_room()
        raws = part.split(b"\0")
        shared = b"\0".join(raws[: self._layout.heads])
        meaning = self._heads.get(shared)
        if meaning is None:
            if self._heads.is_full:
                return _UNCLEAR
            meaning = self._head([_value(raw) for raw in raws[: self._layout.heads]])
            self._heads.learn(shared, meaning)
        if meaning >= 0:
            event = self._event(self._layout.context_at, [_value(raw) for raw in raws])
            model, traffic, cell = (text(event, self._paths[noun]) for noun in ("model", "traffic", "cell"))
            meaning = self._rows.entries.context(Context(meaning, model, traffic, cell)) << 1
        self._contexts.learn(part, meaning)
        return meaning

    def _head(self, values: list[Any]) -> int:
        """The kind of events, _OTHER, or _UNCLEAR."""
        event = self._event(self._layout.context_at, values)
        _place(event, self._paths["offer"][0], _PROBE)
        found = parse_event(event, self._mapping)
        if isinstance(found, PropositionEvent):
            return found.kind
        is_sure = rules.marked(event) or text(event, self._paths["event_type"])
        return _OTHER if isinstance(found, Other) and is_sure else _UNCLEAR

    def _list(self, part: bytes) -> int:
        if self._items.is_full:
            return _UNCLEAR
        event = self._event(self._layout.item_at, [_value(raw) for raw in part.split(b"\0")])
        _place(event, self._layout.marks, {"display": 1})
        # Propositions, which are not decoded where a mapping names the offer, must not matter.
        is_mapped = len(self._paths["offer"]) > len(EVENT["offer"])
        is_sure = not is_mapped or text(event, self._paths["offer"][:1])
        found = parse_event(event, self._mapping)
        meaning = _UNCLEAR
        if isinstance(found, PropositionEvent) and is_sure:
            places = [Place(offer.offer, offer.etag, offer.position) for offer in found.offers]
            meaning = self._rows.list_of(map(self._rows.entries.place, places))
        self._items.learn(part, meaning)
        return meaning

    def _event(self, at: Iterable[tuple[str, Path]], values: Iterable[Any]) -> dict[str, Any]:
        """An event of these values that lacks nothing."""
        event: dict[str, Any] = {}
        for path, value in ((self._paths["id"][0], "x"), (self._paths["time"][0], _TIME)):
            _place(event, path, value)
        for (_, path), value in zip(at, values, strict=False):
            _place(event, path, value)
        return event
