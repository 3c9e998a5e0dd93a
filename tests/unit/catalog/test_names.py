from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from offer_ranking.catalog.model import Duplicate
from offer_ranking.catalog.value import fold


@given(st.text())
def test_folding_twice_folds_no_further(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@given(st.text())
def test_case_makes_no_other_name(name: str) -> None:
    assert fold(name.upper().lower()) == fold(name.lower().upper().lower())


@pytest.mark.parametrize(
    ("one", "other"),
    [("Hero", "hERO"), ("\uff28ero", "Hero"), ("e\u0301", "\u00e9"), ("a  b", " a b "), ("stra\u00dfe", "STRASSE"),
     ("a\u200bb", "ab"), ("\ufb01sh", "FISH"), ("\u212b", "\u00e5")],
)  # fmt: skip
def test_twins_share_a_name(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("a", "b"), ("o", "\u00f6"), ("l", "1"), ("p", "\u0440")])
def test_different_letters_are_different_names_however_alike_they_look(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize("name", ["", "   ", "\u200b", "a\nb", "a\x00b", "\ud800", "x" * 256])
def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Duplicate(name=name)


def test_a_name_is_kept_as_it_was_written_but_for_space_around_it() -> None:
    assert (
        Duplicate(name="  Hero \u2764 \u0645\u0631\u062d\u0628\u0627 ").name
        == "Hero \u2764 \u0645\u0631\u062d\u0628\u0627"
    )
