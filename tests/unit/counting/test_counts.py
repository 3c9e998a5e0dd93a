from __future__ import annotations

import io
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offer_ranking.counting.counts import CONVERSION, HOURS_PER_DAY, IMPRESSION, CorruptCountsError, Counts, Key
from offer_ranking.counting.grouping import summed
from offer_ranking.counting.text import Text

WORDS = st.sampled_from(["", "a", "b", "é", "\U0001f600", "a\x00", "\ud800", "random"])
KEYS = st.builds(
    Key,
    hour=st.integers(490_000, 490_050),
    offer=WORDS,
    etag=WORDS,
    model=WORDS,
    traffic=WORDS,
    cell=WORDS,
    kind=st.sampled_from([IMPRESSION, CONVERSION]),
    position=st.integers(0, 30),
    lag=st.sampled_from([0, 1, 47, 2**31 - 1]),
)
ROWS = st.lists(st.tuples(KEYS, st.integers(-(2**40), 2**40)), max_size=30)
COUNTS = ROWS.map(lambda rows: Counts.of([key for key, _ in rows], [count for _, count in rows]))


@given(COUNTS, COUNTS, COUNTS)
def test_counts_are_an_abelian_group(a: Counts, b: Counts, c: Counts) -> None:
    zero = Counts.zero()
    assert a + b == b + a
    assert (a + b) + c == a + (b + c)
    assert a + zero == a
    assert a + -a == zero
    assert a - b == a + -b


@given(COUNTS, COUNTS)
def test_a_difference_added_back_gives_the_same_bytes(a: Counts, b: Counts) -> None:
    assert ((a - b) + b).to_bytes() == a.to_bytes()


@given(ROWS, st.randoms(use_true_random=False))
def test_any_order_and_split_of_rows_gives_the_same_bytes(rows: list[tuple[Key, int]], random: Random) -> None:
    whole = Counts.of([key for key, _ in rows], [count for _, count in rows]).to_bytes()
    random.shuffle(rows)
    parts = Counts.zero()
    while rows:
        cut = random.randint(1, len(rows))
        head, rows = rows[:cut], rows[cut:]
        parts += Counts.of([key for key, _ in head], [count for _, count in head])
    assert parts.to_bytes() == whole


@given(ROWS)
def test_a_key_has_the_sum_of_its_rows_and_zeros_are_forgotten(rows: list[tuple[Key, int]]) -> None:
    sums: dict[Key, int] = {}
    for key, count in rows:
        sums[key] = sums.get(key, 0) + count
    counts = Counts.of([key for key, _ in rows], [count for _, count in rows])
    assert list(counts.items()) == sorted((key, count) for key, count in sums.items() if count)


@given(COUNTS)
def test_days_are_a_partition(counts: Counts) -> None:
    days = counts.by_day()
    assert sum(days.values(), Counts.zero()) == counts
    assert all(set((part.hour // HOURS_PER_DAY).tolist()) == {day} for day, part in days.items())
    assert all(Counts.from_bytes(part.to_bytes()) == part for part in days.values())


@given(COUNTS, st.randoms(use_true_random=False))
def test_a_selection_and_the_rest_are_the_whole(counts: Counts, random: Random) -> None:
    mask = np.array([random.random() < 0.5 for _ in range(len(counts))], bool)
    part = counts.where(mask)
    assert part + counts.where(~mask) == counts
    assert part == Counts.of([key for key, _ in part.items()], [count for _, count in part.items()])


@given(COUNTS)
def test_bytes_give_the_same_counts_back(counts: Counts) -> None:
    again = Counts.from_bytes(counts.to_bytes())
    assert again == counts
    assert again.to_bytes() == counts.to_bytes()
    assert (again.hour.dtype, again.kind.dtype, again.lag.dtype, again.count.dtype) == (
        np.dtype(np.int64), np.dtype(np.int8), np.dtype(np.int32), np.dtype(np.int64),
    )  # fmt: skip


def test_bytes_are_an_archive_that_numpy_reads_without_pickle() -> None:
    data = Counts.of([Key(490_000, "o1"), Key(490_001, "o2")]).to_bytes()
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        assert archive["hour"].tolist() == [490_000, 490_001]
        assert b'"offer":["o1","o2"]' in archive["words"].tobytes()


def some_bytes() -> bytes:
    return Counts.of([Key(490_000 + n, f"o{n}", cell="c") for n in range(4)], [1, -2, 300, 2**40]).to_bytes()


def test_a_changed_byte_is_found_or_changes_nothing() -> None:
    data = some_bytes()
    whole = Counts.from_bytes(data)
    unnoticed = 0
    for place in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(data)
            changed[place] ^= flip
            try:
                assert Counts.from_bytes(bytes(changed)) == whole
                unnoticed += 1
            except CorruptCountsError:
                pass
    assert unnoticed < len(data)  # of three flips a byte: zip's dates and attributes


@pytest.mark.parametrize("cut", [0, 1, 10, 100, 500, -1, -30])
def test_cut_bytes_are_corrupt(cut: int) -> None:
    with pytest.raises(CorruptCountsError):
        Counts.from_bytes(some_bytes()[:cut])


@given(st.binary(max_size=200))
def test_garbage_is_corrupt_and_nothing_else(data: bytes) -> None:
    with pytest.raises(CorruptCountsError):
        Counts.from_bytes(data)


@pytest.mark.parametrize(
    "key",
    [
        Key(490_000, "o1", kind=2),
        Key(490_000, "o1", position=31),
        Key(490_000, "o1", position=-1),
        Key(490_000, "o1", lag=-1),
        Key(2**50, "o1"),
    ],
)
def test_a_key_out_of_range_is_refused(key: Key) -> None:
    with pytest.raises(ValueError, match="lies outside"):
        Counts.of([key])


def test_columns_of_different_lengths_are_refused() -> None:
    one, two = np.zeros(1, np.int64), np.zeros(2, np.int64)
    text = Text.of(["", ""])
    with pytest.raises(ValueError, match="differ in length"):
        Counts.from_columns(
            hour=two, offer=text, etag=text, model=text, traffic=text, cell=text,
            kind=two, position=two, lag=one, count=two,
        )  # fmt: skip


@given(st.lists(st.lists(st.integers(-(2**61), 2**61), min_size=3, max_size=3), min_size=1, max_size=40))
@settings(max_examples=50)
def test_wide_columns_are_grouped_as_plain_python_groups_them(rows: list[list[int]]) -> None:
    columns = [np.array(column, np.int64) for column in zip(*rows, strict=True)]
    kept, sums = summed(columns, np.ones(len(rows), np.int64))
    expected = sorted({tuple(row): rows.count(row) for row in rows}.items())
    assert [tuple(rows[row]) for row in kept] == [key for key, _ in expected]
    assert sums.tolist() == [count for _, count in expected]
