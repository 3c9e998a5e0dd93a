from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.catalog.datastream import AnswerStyle
from offer_ranking.edge import creative
from offer_ranking.edge.creative import Item, WrittenDecisions
from tests.support.decisions import a_decision, an_offer

TEXTS = st.text(st.characters(codec="utf-8"), max_size=80)
IDS = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
ANYTHING = st.recursive(
    TEXTS | st.integers() | st.none(), lambda inside: st.lists(inside) | st.dictionaries(TEXTS, inside), max_leaves=8
)


def written(item: Item, style: AnswerStyle, *, alone: bool = True) -> Any:
    if style is AnswerStyle.EXD:
        return json.loads(f"{item.start}0.5{item.rest}")
    return json.loads(item.of_surface("0.5", "t", alone=alone))


@given(
    content=TEXTS,
    id_=IDS.filter(lambda id_: id_ != "fallback"),
    characteristics=st.dictionaries(st.sampled_from(["content", "id", '"', "\\"]), TEXTS, max_size=3),
)
def test_what_stands_in_a_decision_stands_in_the_item(content: str, id_: str, characteristics: dict[str, str]) -> None:
    decision = a_decision("d", an_offer(id_, content=content, characteristics=characteristics))
    for style in AnswerStyle:
        item = written(WrittenDecisions().of(decision, style).items[id_], style)
        assert (item["id"], item["data"]["id"], item["score"]) == (id_, id_, 0.5)
        assert item["data"]["content"] == content
        assert item["data"]["characteristics"] == characteristics


@given(content=TEXTS)
def test_one_of_several_items_on_a_surface_can_be_told_apart_when_it_is_clicked(content: str) -> None:
    item = WrittenDecisions().of(a_decision("d", an_offer("a", content=content)), AnswerStyle.AJO).items["a"]
    found = written(item, AnswerStyle.AJO, alone=False)
    assert found["data"]["content"] == f'<div data-aep-click-token="t">{content}</div>'


@given(ANYTHING)
def test_json_content_on_a_surface_is_the_object_or_its_text_and_always_one_line(value: Any) -> None:
    content = json.dumps(value, indent=1).replace("\n", "\r\n")
    offer = an_offer("a", format="application/json", content=content)
    item = WrittenDecisions().of(a_decision("d", offer), AnswerStyle.AJO).items["a"]
    text = item.of_surface("0.5", "t", alone=True)
    assert not {"\n", "\r"} & set(text)
    shown = json.loads(text)["data"]["content"]
    assert shown == (value if isinstance(value, dict) else content)


def test_a_decision_is_written_once_a_version_and_style() -> None:
    kept, decision = WrittenDecisions(), a_decision("d", an_offer("a"))
    first = kept.of(decision, AnswerStyle.EXD)
    assert kept.of(decision, AnswerStyle.EXD) is first
    assert kept.of(decision, AnswerStyle.AJO) is not first
    newer = decision.model_copy(update={"version": 2, "offers": (an_offer("b"),)})
    assert "b" in kept.of(newer, AnswerStyle.EXD).items


def test_those_asked_for_last_are_kept() -> None:
    kept, first = WrittenDecisions(), a_decision("first", an_offer("a"))
    written_first = kept.of(first, AnswerStyle.EXD)
    for n in range(creative._KEPT - 1):
        kept.of(a_decision(f"d{n}", an_offer("a")), AnswerStyle.EXD)
    assert kept.of(first, AnswerStyle.EXD) is written_first
    kept.of(a_decision("one more", an_offer("a")), AnswerStyle.EXD)
    assert kept.of(first, AnswerStyle.EXD) is written_first, "it was asked for since"
    assert len(kept._kept) == creative._KEPT
