from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.counts import CorruptCountsError, Counts, Key
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.stored import from_bytes, to_bytes

NUMBERS = st.integers(-1000, 1000)
ACCOUNTINGS = st.builds(
    Accounting.of,
    counted=NUMBERS,
    duplicate=NUMBERS,
    other=NUMBERS,
    late=NUMBERS,
    refused=st.dictionaries(st.sampled_from(["malformed", "no-id", "capped"]), NUMBERS),
)
_HASHES = st.integers(0, 2**64 - 1)
ENTRIES = st.lists(
    st.tuples(st.integers(0, 3), _HASHES, st.integers(1, 9), st.integers(0, 5), st.sampled_from("ab")), max_size=8
)


def delta_of(entries: list[tuple[int, int, int, int, str]]) -> Delta:
    keys = list(dict.fromkeys(Key(hour, offer) for *_, hour, offer in entries))
    columns = list(zip(*(entry[:3] for entry in entries), strict=True)) or [(), (), ()]
    return Delta.tallied(
        keys,
        hour=columns[0],
        key=np.array(columns[1], np.uint64),
        line=columns[2],
        group=[keys.index(Key(hour, offer)) for *_, hour, offer in entries],
        accounting=Accounting.of(counted=len(set(columns[2]))),
    )


DELTAS = ENTRIES.map(delta_of)


@given(ENTRIES)
def test_every_count_is_the_number_of_identities_that_point_to_it(
    entries: list[tuple[int, int, int, int, str]],
) -> None:
    delta = delta_of(entries)
    assert dict(delta.counts.items()) == Counter(Key(hour, offer) for *_, hour, offer in entries)
    assert np.bincount(delta.identities.row, minlength=len(delta.counts)).tolist() == delta.counts.count.tolist()


@given(ENTRIES)
def test_any_order_of_entries_gives_the_same_bytes(entries: list[tuple[int, int, int, int, str]]) -> None:
    assert delta_of(entries[::-1]).to_bytes() == delta_of(entries).to_bytes()


@given(DELTAS)
def test_bytes_give_the_same_delta_back(delta: Delta) -> None:
    assert Delta.from_bytes(delta.to_bytes()) == delta


@given(ACCOUNTINGS, ACCOUNTINGS, ACCOUNTINGS)
def test_accountings_are_an_abelian_group(a: Accounting, b: Accounting, c: Accounting) -> None:
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a - a == Accounting.zero()
    assert -a == Accounting.zero() - a


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


@pytest.mark.parametrize("column", ["identity_row", "identity_key", "identity_line", "identity_hour", "accounting"])
def test_a_delta_without_one_of_its_columns_is_corrupt(column: str) -> None:
    columns = from_bytes(delta_of([(1, 2, 3, 4, "a")]).to_bytes())
    del columns[column]
    with pytest.raises(CorruptCountsError):
        Delta.from_bytes(to_bytes(columns))


@pytest.mark.parametrize("rows", [[0, 0], [0, 2], [1, 0]])
def test_identities_in_another_order_or_that_point_elsewhere_are_corrupt(rows: list[int]) -> None:
    columns = from_bytes(delta_of([(1, 2, 3, 4, "a"), (1, 3, 3, 4, "b")]).to_bytes())
    columns["identity_row"] = np.array(rows)
    if rows == [1, 0]:
        columns["identity_key"] = columns["identity_key"][::-1]
    with pytest.raises(CorruptCountsError):
        Delta.from_bytes(to_bytes(columns))
