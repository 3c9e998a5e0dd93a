"""Counts of whole datasets against an engine that sees all lines at once: DuckDB's COUNT(DISTINCT)."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.benchmarks.counting.distinct import Dataset, differences, distinct, written

EVENTS = 200_000
OBJECTS = 20


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return written(tmp_path_factory.mktemp("objects"), EVENTS, OBJECTS)


def read(paths: list[Path]) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in paths}


def test_counts_equal_count_distinct_over_all_lines_whatever_the_order_and_the_merges(paths: list[Path]) -> None:
    expected, lines = distinct(paths)
    dataset = Dataset.empty()
    shuffled = random.Random(1).sample(paths, len(paths))

    for first in range(0, OBJECTS, 3):
        dataset.take(read(shuffled[first : first + 3]))

    counted, accounting = dataset.counted()
    assert differences(counted, expected) == []
    assert (accounting.received, accounting.counted) == (lines, sum(expected.values()))
    assert accounting.duplicate == lines - sum(expected.values()) > EVENTS * 0.004


def test_an_export_of_everything_again_changes_no_count(paths: list[Path]) -> None:
    some = read(paths[:6])
    dataset = Dataset.empty()
    dataset.take(some)
    counted, accounting = dataset.counted()

    dataset.take({f"again/{name}": data for name, data in some.items()})

    again, accounting_again = dataset.counted()
    assert differences(again, counted) == []
    assert (accounting_again.received, accounting_again.counted) == (2 * accounting.received, accounting.counted)


def test_what_is_left_after_objects_went_is_what_is_distinct_in_the_others(paths: list[Path]) -> None:
    some = paths[:9]
    dataset = Dataset.empty()
    dataset.take(read(some))

    dataset.forget([path.name for path in some[::3]])

    expected, _ = distinct([path for number, path in enumerate(some) if number % 3])
    assert differences(dataset.counted()[0], expected) == []
