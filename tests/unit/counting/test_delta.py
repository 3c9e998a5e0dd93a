from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import CorruptCountsError, Counts, Key
from offer_ranking.counting.delta import Delta

NUMBERS = st.integers(-1000, 1000)
ACCOUNTINGS = st.builds(
    Accounting.of,
    counted=NUMBERS,
    duplicate=NUMBERS,
    other=NUMBERS,
    late=NUMBERS,
    refused=st.dictionaries(st.sampled_from(["malformed", "no-id", "capped"]), NUMBERS),
)
COUNTS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab")).map(lambda key: Key(*key)), max_size=5).map(
    Counts.of
)
DELTAS = st.builds(Delta, COUNTS, ACCOUNTINGS)


@given(DELTAS, DELTAS, DELTAS)
def test_deltas_are_an_abelian_group(a: Delta, b: Delta, c: Delta) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + Delta.zero() == a
    assert a - a == Delta.zero()
    assert -a == Delta.zero() - a


@given(DELTAS)
def test_bytes_give_the_same_delta_back(delta: Delta) -> None:
    assert Delta.from_bytes(delta.to_bytes()) == delta


@given(DELTAS, DELTAS)
def test_equal_deltas_have_equal_bytes(a: Delta, b: Delta) -> None:
    assert ((a + b) - b).to_bytes() == a.to_bytes()


@given(ACCOUNTINGS)
def test_an_accounting_survives_json(accounting: Accounting) -> None:
    assert Accounting.from_json(accounting.to_json()) == accounting


def test_lines_that_do_not_add_up_are_no_accounting() -> None:
    with pytest.raises(ValueError, match="differ"):
        Accounting(received=3, counted=1, other=1)


def test_reasons_without_lines_are_forgotten() -> None:
    assert Accounting.of(refused={"no-id": 0}) == Accounting.zero()


def test_the_accounting_cannot_be_changed_from_outside() -> None:
    refused = {"no-id": 1}
    accounting = Accounting.of(refused=refused)
    refused["no-id"] = 5
    assert accounting.refused == {"no-id": 1}


def test_counts_alone_are_no_delta() -> None:
    with pytest.raises(CorruptCountsError):
        Delta.from_bytes(Counts.zero().to_bytes())
