from __future__ import annotations

import numpy as np
import pytest

from offer_ranking.counting import identity
from offer_ranking.counting.accounting import Accounting
from offer_ranking.counting.copies import Change, difference
from offer_ranking.counting.counts import Key
from offer_ranking.counting.delta import Delta
from offer_ranking.counting.entries import _grouped
from offer_ranking.counting.index import Index


@pytest.mark.parametrize("far", [1, 2**20, 2**33, 2**40])
def test_rows_are_grouped_alike_however_far_apart_their_values_are(far: int) -> None:
    columns = [np.array([far, 0, far, 0, -far], np.int64), np.array([7, 0, 7, far, 7], np.int64)]
    rows, group = _grouped(*columns)
    assert [column[group].tolist() for column in rows] == [column.tolist() for column in columns]
    assert len(rows[0]) == 4


def test_identities_that_differ_in_their_last_bit_are_no_copies() -> None:
    def of(key: int) -> Delta:
        return Delta.tallied([Key(1, "o")], hour=[1], key=np.array([key], np.uint64), line=[1], group=[0],
                             accounting=Accounting.of(counted=1))  # fmt: skip

    deltas = {"a": of(2**63 + 1), "b": of(2**63 + 2), "c": of(2**63 + 2)}
    found = difference([Change(name, None, name) for name in deltas], deltas.__getitem__, lambda _: Index.none())
    assert dict(found.counts.items()) == {Key(1, "o"): 2}


def test_an_id_of_half_a_surrogate_pair_has_an_identity_of_its_own() -> None:
    assert len({identity.of_id("\ud800", 1), identity.of_id("\ud801", 1), identity.of_id("", 1)}) == 3
