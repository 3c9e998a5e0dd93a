from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from offer_ranking.learning.cell import Cell
from offer_ranking.learning.features import Features


def learned(
    cells: list[Cell], impressions: list[float], audiences: str = "abc", keys: str = "kl", most: int = 100
) -> Features:
    return Features.learned(cells, np.array(impressions, float), audiences=audiences, keys=keys, most=most)


CELLS = [Cell(("a",), (("k", "x"),)), Cell(("a", "b"), (("k", "y"),)), Cell((), (("l", "1"),)), Cell()]
SHOWN = [10.0, 30.0, 20.0, 40.0]


def test_a_column_is_an_audience_or_a_value_that_was_seen() -> None:
    features = learned(CELLS, SHOWN)
    assert features.audiences == ("a", "b")
    assert features.values == (("k", "x"), ("k", "y"), ("l", "1"))
    assert len(features) == 6
    np.testing.assert_allclose(features.centre, [0.4, 0.3, 0.1, 0.3, 0.2])


def test_a_row_is_one_where_a_column_applies_less_how_usual_that_is() -> None:
    features = learned(CELLS, SHOWN)
    np.testing.assert_allclose(features.row(CELLS[1]), [1, 0.6, 0.7, -0.1, 0.7, -0.2])
    np.testing.assert_allclose(features.rows(CELLS)[3], [1, -0.4, -0.3, -0.1, -0.3, -0.2])


def test_of_somebody_unknown_the_row_is_that_of_everybody() -> None:
    assert learned(CELLS, SHOWN).row(None).tolist() == [1, 0, 0, 0, 0, 0]


def test_audiences_and_values_that_no_cell_has_taught_are_as_their_absence() -> None:
    features = learned(CELLS, SHOWN)
    stranger = Cell(("c", "z"), (("k", "new"), ("m", "1")))
    assert features.row(stranger).tolist() == features.row(Cell()).tolist()


def test_what_everybody_or_nobody_has_makes_no_column() -> None:
    cells = [Cell(("a", "b")), Cell(("a",))]
    assert learned(cells, [5.0, 5.0]).audiences == ("b",)
    assert len(learned(cells, [0.0, 0.0])) == 1
    assert len(learned([], [])) == 1


def test_the_sixteen_most_usual_values_of_a_key_are_told_apart_and_the_rest_pooled() -> None:
    cells = [Cell((), (("k", f"{n:02d}"),)) for n in range(40)]
    features = learned(cells, [float(100 + (n * 7) % 40) for n in range(40)])
    usual = sorted(range(40), key=lambda n: -((n * 7) % 40))[:16]
    assert features.values == tuple(("k", f"{n:02d}") for n in sorted(usual))
    pooled = [cell for n, cell in enumerate(cells) if n not in usual]
    assert np.ptp(features.rows(pooled), axis=0).max() == 0


def test_no_more_columns_than_the_most_are_chosen_by_how_much_they_tell_apart() -> None:
    cells = [Cell(("a",)), Cell(("b",)), Cell(("c",)), Cell()]
    features = learned(cells, [10.0, 400.0, 30.0, 560.0], most=2)
    assert features.audiences == ("b", "c")
    assert len(learned(cells, [10.0, 400.0, 30.0, 560.0], most=1)) == 2


def test_an_audience_and_a_key_of_one_name_are_two_things() -> None:
    features = learned([Cell(("k",), (("k", "k"),)), Cell(("k",)), Cell()], [1.0, 1.0, 1.0], audiences="k", keys="k")
    assert (features.audiences, features.values) == (("k",), (("k", "k"),))


some_cells = st.lists(
    st.tuples(
        st.builds(
            Cell,
            st.sets(st.sampled_from("abcd")).map(lambda found: tuple(sorted(found))),
            st.dictionaries(st.sampled_from("klm"), st.sampled_from("0123")).map(lambda found: tuple(found.items())),
        ),
        st.floats(0, 1e6),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(some_cells, st.integers(1, 8))
def test_the_mean_of_every_column_but_the_first_is_zero_among_impressions(
    told: list[tuple[Cell, float]], most: int
) -> None:
    cells, impressions = [cell for cell, _ in told], [number for _, number in told]
    features = learned(cells, impressions, most=most)
    x = features.rows(cells)
    assert len(features) <= most + 1
    assert x.shape == (len(cells), len(features))
    assert (x[:, 0] == 1).all()
    total = sum(impressions)
    if total >= 1:
        means = np.array(impressions) @ x[:, 1:] / total
        np.testing.assert_allclose(means, 0, atol=1e-12)
    assert all(features.row(cell).tolist() == row for cell, row in zip(cells, x.tolist(), strict=True))
