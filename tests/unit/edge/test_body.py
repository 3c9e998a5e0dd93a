from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.edge.body import DEEPEST, MOST_BYTES, read_body
from offer_ranking.edge.problem import RefusedError

KEYS = st.text(st.characters(codec="utf-8"), max_size=6)
TEXTS = st.text(st.characters(codec="utf-8"))
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(KEYS, inside, max_size=3),
    max_leaves=15,
)


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.booleans(), st.sampled_from([None, 2]))
def test_what_was_written_is_read_however_it_was_written(
    value: dict[str, Any], escaped: bool, indent: int | None
) -> None:
    assert read_body(json.dumps(value, ensure_ascii=escaped, indent=indent)) == value


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3), st.booleans(), st.data())
def test_a_key_that_stands_twice_is_found_wherever_it_does(
    value: dict[str, Any], escaped: bool, data: st.DataObject
) -> None:
    pairs = [*value.items(), (data.draw(st.sampled_from(sorted(value))), data.draw(VALUES))]
    inner = ",".join(
        f"{json.dumps(name, ensure_ascii=escaped)}:{json.dumps(one, ensure_ascii=escaped)}" for name, one in pairs
    )
    for text in ("{" + inner + "}", '{"a":[{' + inner + "}]}"):
        with pytest.raises(RefusedError, match="stands twice"):
            read_body(text)


def test_the_limits_are_reached_and_not_passed() -> None:
    longest = '{"a":"' + "x" * (MOST_BYTES - 8) + '"}'
    assert len(read_body(longest)["a"]) == MOST_BYTES - 8
    deepest = '{"a":' * DEEPEST + "1" + "}" * DEEPEST
    assert read_body(deepest)["a"]
    for text in (longest.replace("x", "xx", 1), '{"a":' + deepest + "}", longest.replace("x", "\u00e4", 1)):
        with pytest.raises(RefusedError):
            read_body(text)


def test_a_place_is_shown_without_what_cannot_be_shown() -> None:
    with pytest.raises(RefusedError) as found:
        read_body('{"\\ud800~/' + "x" * 200 + '": NaN}')
    (field,) = found.value.fields
    assert field["pointer"].startswith("/?~0~1xxx")
    assert len(field["pointer"]) < 110
