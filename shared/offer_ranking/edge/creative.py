"""Creatives as items of an answer. Each is written as JSON once for a version of its decision, since contents are long
and requests many; what differs from request to request is put between the pieces.
"""

from __future__ import annotations

import html
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.json import encode

from offer_ranking.catalog.datastream import AnswerStyle
from offer_ranking.catalog.decision import IMAGE, JSON, Creative, Decision

_CLASSIC = "https://ns.adobe.com/experience/offer-management/content-component-"
_SURFACE = "https://ns.adobe.com/personalization/"
HTML_ITEM, JSON_ITEM = _SURFACE + "html-content-item", _SURFACE + "json-content-item"
_TEXT = "text/plain"
_KINDS = {"text/html": "html", _TEXT: "text", JSON: "json"}
_KEPT = 256  # decisions, of at most 128 KiB each


@dataclass(frozen=True, slots=True)
class Item:
    """An item in pieces: `start`, score and token, `rest`. What the Web SDK may render has its content apart."""

    start: str
    rest: str
    rendered: str | None = None

    def text(self, score: float | None, token: str, *, alone: bool) -> str:
        """The item as JSON. `alone`: no other item of its proposition is shown.

        Several items may be rendered into one element; then a click names all of them, and the Web SDK tells which was
        meant by this attribute of what was clicked.
        """
        scored = "" if score is None else f',"score":{score!r}'
        named = f',"token":"{token}"' if token else ""
        if self.rendered is None:
            return f"{self.start}{scored}{named}{self.rest}"
        content = self.rendered if alone else f'<div data-aep-click-token=\\"{token}\\">{self.rendered}</div>'
        return f'{self.start}{scored}{named}{self.rest}{content}"}}}}'


class Items:
    """The items of decisions, by style; those of the decisions asked for last are kept."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int, AnswerStyle], Mapping[str, Item]] = OrderedDict()

    def of(self, decision: Decision, style: AnswerStyle) -> Mapping[str, Item]:
        """The items of all creatives of a decision by their ids; the fallback's is never one of an offer's."""
        key = (decision.id, decision.version, style)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = _items((*decision.offers, decision.fallback), style)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


def _items(creatives: Iterable[Creative], style: AnswerStyle) -> Mapping[str, Item]:
    write = _surface_item if style is AnswerStyle.AJO else _classic_item
    return {creative.id: write(creative) for creative in creatives}


def _classic_item(creative: Creative) -> Item:
    """An item of Offer Decisioning, which the Web SDK never renders: its page does."""
    data = _data(creative)
    if creative.delivery_url is not None:
        data["deliveryURL"] = creative.delivery_url
    else:
        data["content"] = creative.content
    kind = "imagelink" if creative.format.startswith(IMAGE) else _KINDS[creative.format]
    return Item(_start(creative), f',"schema":"{_CLASSIC}{kind}","data":{_json(data)}}}')


def _surface_item(creative: Creative) -> Item:
    """An item of a surface: HTML, which the Web SDK renders, or JSON, which its page reads. All others become one."""
    data = _json(_data(creative))[:-1]
    if creative.format == JSON or (creative.delivery_url is not None and not creative.format.startswith(IMAGE)):
        return Item(_start(creative), f',"schema":"{JSON_ITEM}","data":{data},"content":{_json_content(creative)}}}}}')
    rendered = _json(_html_content(creative))[1:-1]
    return Item(_start(creative), f',"schema":"{HTML_ITEM}","data":{data},"content":"', rendered)


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
