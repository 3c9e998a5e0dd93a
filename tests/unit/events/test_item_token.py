from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.events.item_token import item_token

ANY_TEXT = st.text(st.characters(), max_size=20)  # lone surrogates too


@given(ANY_TEXT, ANY_TEXT)
def test_any_two_texts_have_a_name_of_twelve_letters(proposition: str, offer: str) -> None:
    name = item_token(proposition, offer)
    assert len(name) == 12
    assert set(name) <= set(string.ascii_letters + string.digits + "-_")


def test_half_of_a_surrogate_pair_is_named_apart_from_the_other() -> None:
    assert item_token("p", "\ud800") != item_token("p", "\udc00")


def test_where_one_text_ends_and_the_other_begins_matters() -> None:
    names = {item_token("ab", "c"), item_token("a", "bc"), item_token("", "abc"), item_token("c", "ab")}
    assert len(names) == 4
