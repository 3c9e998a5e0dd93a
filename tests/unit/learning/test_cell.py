from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offer_ranking.learning.cell import Cell

LONGEST = 2048


def spelled(cell: Cell) -> int:
    """How long a cell is in a token, which is ASCII."""
    return len(json.dumps(cell.text))


def test_a_cell_is_what_a_model_looks_at_and_nothing_else() -> None:
    cell = Cell.of(
        ["new", "loyal", "unknown", "new"], {"device": "mobile", "age": 40}, known=("loyal", "new"), keys=("device",)
    )
    assert cell == Cell(("loyal", "new"), (("device", "mobile"),))
    assert cell.text == '{"a":["loyal","new"],"c":{"device":"mobile"}}'


def test_the_text_leaves_out_what_is_absent() -> None:
    assert Cell().text == ""
    assert Cell(("x",)).text == '{"a":["x"]}'
    assert Cell((), (("k", "v"),)).text == '{"c":{"k":"v"}}'
    assert Cell.read("") == Cell()


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "true"), (False, "false"), (3, "3"), (3.0, "3"), (-0.5, "-0.5"), (1e300, str(int(1e300))), ("3", "3")],
)
def test_values_are_texts_without_a_needless_fraction(value: str | float | bool, text: str) -> None:
    assert Cell.of((), {"k": value}, known=(), keys=("k",)).context == (("k", text),)


words = st.text(max_size=8)
scalars = st.one_of(words, st.booleans(), st.integers(), st.floats(allow_nan=False))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(words, max_size=8), st.dictionaries(words, scalars, max_size=5), st.randoms(use_true_random=False))
def test_any_cell_is_read_back_from_its_text_whatever_order_it_came_in(
    audiences: list[str], context: dict[str, str | float | bool], random: object
) -> None:
    cell = Cell.of(audiences, context, known=set(audiences), keys=set(context))
    assert Cell.read(cell.text) == cell
    assert cell.audiences == tuple(sorted(set(audiences)))
    assert [key for key, _ in cell.context] == sorted(context)
    shuffled, items = audiences * 2, list(context.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    random.shuffle(items)  # type: ignore[attr-defined]
    again = Cell.of(shuffled, dict(items), known=set(audiences), keys=set(context))
    assert (again, again.text, hash(again)) == (cell, cell.text, hash(cell))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.one_of(st.text(), st.recursive(scalars, lambda of: st.lists(of) | st.dictionaries(words, of)).map(json.dumps))
)
def test_whatever_a_text_is_it_is_no_cell_or_the_cell_of_that_text(text: str) -> None:
    cell = Cell.read(text)
    assert cell is None or cell.text == text


@pytest.mark.parametrize(
    "text",
    [
        "loyal",
        "{}",
        "[]",
        "null",
        "5",
        '"a"',
        '{"a":[]}',
        '{"a":"loyal"}',
        '{"a":["x"],"z":1}',
        '{"a": ["x"]}',
        '{"a":[1]}',
        '{"a":[["x"]]}',
        '{"a":{"x":1}}',
        '{"a":null}',
        '{"c":{"k":1}}',
        '{"c":{"k":null}}',
        '{"c":{"z":"1","k":"2"}}',
        '{"c":["k"]}',
        '{"c":{"k":"v"},"a":["x"]}',
        '{"a":["\\u0041"]}',
        '{"a":["x"]',
        '{"a":["x"]} ',
        "[" * 100_000,
        '{"a":' * 50_000,
    ],
)
def test_what_no_ranking_has_written_is_no_cell(text: str) -> None:
    assert Cell.read(text) is None


def test_a_cell_that_is_too_long_loses_its_end_and_stays_a_cell() -> None:
    audiences = [f"{n:02d}" + "é" * 100 for n in range(50)]
    context = {f"k{n}": "v" * 256 for n in range(5)}
    cell = Cell.of(audiences, context, known=audiences, keys=context)
    assert spelled(cell) <= LONGEST
    assert Cell.read(cell.text) == cell
    assert cell.audiences == tuple(audiences[: len(cell.audiences)])
    assert cell.context == tuple(context.items())
    longer = Cell((*cell.audiences, audiences[len(cell.audiences)]), cell.context)
    assert spelled(longer) > LONGEST


def test_values_alone_can_be_too_long() -> None:
    context = {f"k{n}": "v" * 256 for n in range(10)}
    cell = Cell.of(["x"], context, known=["x"], keys=context)
    assert cell.audiences == ()
    assert cell.context == tuple(context.items())[: len(cell.context)]
    assert LONGEST - 300 < spelled(cell) <= LONGEST
