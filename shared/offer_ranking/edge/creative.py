"""Creatives as items of an answer. Each is written as JSON once for a version of its decision, since contents are long
and requests many; what differs from request to request is put between the pieces.
"""

from __future__ import annotations

import html
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from msgspec import Struct
from msgspec.json import encode

from offer_ranking.catalog.datastream import AnswerStyle
from offer_ranking.catalog.decision import IMAGE, JSON, Creative, Decision

_CLASSIC = "https://ns.adobe.com/experience/offer-management/content-component-"
_SURFACE = "https://ns.adobe.com/personalization/"
HTML_ITEM, JSON_ITEM = _SURFACE + "html-content-item", _SURFACE + "json-content-item"
_TEXT = "text/plain"
_KINDS = {"text/html": "html", _TEXT: "text", JSON: "json"}
_KEPT = 256  # decisions, of at most 128 KiB each


class Item(Struct, frozen=True):
    """An item in pieces: `start`, a score and a comma, `rest`; a fallback has no score.

    What the Web SDK may render has its content apart, escaped, to be put between `rest` and the last braces.
    """

    start: str
    rest: str
    rendered: str | None = None

    def of_surface(self, score: str, token: str, *, alone: bool) -> str:
        """The item as JSON, with the token that events name it by. `alone`: its proposition shows nothing else.

        Several items may be rendered into one element; then a click names all of them, and the Web SDK tells which was
        meant by this attribute of what was clicked.
        """
        begun = f'{self.start}{score},"token":"{token}"{self.rest}'
        if self.rendered is None:
            return begun
        content = self.rendered if alone else f'<div data-aep-click-token=\\"{token}\\">{self.rendered}</div>'
        return f'{begun}{content}"}}}}'


class Written(Struct, frozen=True):
    """What of a decision is the same in every answer: its creatives by their ids, and what it is the decision of."""

    items: Mapping[str, Item]
    decision_of: str


class WrittenDecisions:
    """Decisions as they are written, by style; those asked for last are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, AnswerStyle], Written] = OrderedDict()

    def of(self, decision: Decision, style: AnswerStyle) -> Written:
        key = (decision.id, decision.version, style)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = _written(decision, style)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


def component(creative: Creative) -> str:
    """What Offer Decisioning calls this kind of content."""
    return _CLASSIC + ("imagelink" if creative.format.startswith(IMAGE) else _KINDS[creative.format])


def _written(decision: Decision, style: AnswerStyle) -> Written:
    """The fallback's id is never one of an offer's."""
    write = _surface_item if style is AnswerStyle.AJO else _classic_item
    items = {offer.id: write(offer, ',"score":') for offer in decision.offers}
    return Written(items | {decision.fallback.id: write(decision.fallback, "")}, _decision_of(decision, style))


def _decision_of(decision: Decision, style: AnswerStyle) -> str:
    """Activity and placement, as apps send them back; a surface has neither."""
    if decision.scope is None or style is AnswerStyle.AJO:
        return ""
    activity, placement = (_json({"id": id_, "etag": str(decision.version)}) for id_ in decision.scope)
    return f'"activity":{activity},"placement":{placement},'


def _classic_item(creative: Creative, score: str) -> Item:
    """An item of Offer Decisioning, which the Web SDK never renders: its page does."""
    data = _data(creative)
    if creative.delivery_url is not None:
        data["deliveryURL"] = creative.delivery_url
    else:
        data["content"] = creative.content
    return Item(_start(creative) + score, f',"schema":"{component(creative)}","data":{_json(data)}}}')


def _surface_item(creative: Creative, score: str) -> Item:
    """An item of a surface: HTML, which the Web SDK renders, or JSON, which its page reads. All others become one."""
    data = _json(_data(creative))[:-1]
    if creative.format == JSON or (creative.delivery_url is not None and not creative.format.startswith(IMAGE)):
        return Item(
            _start(creative) + score, f',"schema":"{JSON_ITEM}","data":{data},"content":{_json_content(creative)}}}}}'
        )
    rendered = _json(_html_content(creative))[1:-1]
    return Item(_start(creative) + score, f',"schema":"{HTML_ITEM}","data":{data},"content":"', rendered)


def _start(creative: Creative) -> str:
    return f'{{"id":{_json(creative.id)},"etag":{_json(creative.etag)}'


def _data(creative: Creative) -> dict[str, Any]:
    """What every style says; apps take an item only where its data repeats the id."""
    data: dict[str, Any] = {"id": creative.id, "format": creative.format}
    if creative.language:
        data["language"] = creative.language
    return data | {"characteristics": creative.characteristics}


def _html_content(creative: Creative) -> str:
    if creative.delivery_url is not None:
        return f'<img src="{html.escape(creative.delivery_url)}" alt="">'
    content = creative.content or ""
    return html.escape(content) if creative.format == _TEXT else content


def _json_content(creative: Creative) -> str:
    """An object as it is; apps take nothing else but text. Its line breaks lie between tokens: JSON has no others."""
    if creative.delivery_url is not None:
        return _json({"deliveryURL": creative.delivery_url})
    content = creative.content or "{}"
    return content.replace("\n", " ").replace("\r", " ") if content.lstrip().startswith("{") else _json(content)


def _json(value: Any) -> str:  # noqa: ANN401 - JSON holds any of its types
    return encode(value).decode()
