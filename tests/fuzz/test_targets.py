"""The claims of the fuzzed targets over their seeds, over all that was ever found, and over seeded changes of these."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.changes import changed
from tests.fuzz.targets import TARGETS, use_folder

CHANGES = 500
MEGABYTES = 64


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> None:
    use_folder(tmp_path)


@pytest.mark.parametrize("name", TARGETS)
def test_a_claim_holds_of_what_is_known(name: str) -> None:
    for data in TARGETS[name].corpus():
        TARGETS[name].claim(data)


@pytest.mark.parametrize("name", TARGETS)
def test_a_claim_holds_of_seeded_changes(name: str) -> None:
    random, target = Random(name), TARGETS[name]
    corpus = target.corpus()
    for n in range(CHANGES):
        data = changed(corpus[n % len(corpus)], target.words, random)
        try:
            target.claim(data)
        except Exception as error:
            error.add_note(f"of {data!r}")
            raise


@pytest.mark.parametrize("name", TARGETS)
def test_memory_is_bounded_whatever_comes(name: str) -> None:
    target = TARGETS[name]
    tracemalloc.start()
    try:
        for data in target.corpus():
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            target.claim(data)
            assert tracemalloc.get_traced_memory()[1] - before < MEGABYTES * 1_000_000
    finally:
        tracemalloc.stop()
