"""The plain counter stands where the engine does: they agree about every object that a simulation can make."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from offer_ranking.catalog.mapping import FieldMapping
from offer_ranking.counting.engine import count_object
from offer_ranking.counting.ledger import CountObject
from offer_ranking.counting.unreadable import UnreadableObjectError
from tests.oracle import plain_counter
from tests.simulation import counter
from tests.simulation.lines import LINES, MAPPINGS

LAST_PARSER = counter.FIRST_PARSER + 1


def objects(seed: int, number: int) -> list[bytes]:
    draw = random.Random(seed)
    return [b"\n".join(draw.choices(LINES, k=draw.randint(0, 12))) for _ in range(number)]


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_the_plain_counter_counts_as_the_engine_does(mapping: FieldMapping, tmp_path: Path) -> None:
    file = tmp_path / "object"
    for data in [b"\n".join(LINES), *LINES, *objects(1, 200)]:
        file.write_bytes(data)
        plain, engine = counter.counter(LAST_PARSER)(file, mapping), count_object(file, mapping)
        assert plain.delta.counts == engine.delta.counts, data
        assert plain.delta.accounting == engine.delta.accounting, data
        assert [(one.line, one.reason) for one in plain.refused] == [(one.line, one.reason) for one in engine.refused]
        one, other = plain.delta.identities, engine.delta.identities
        entries = [
            sorted(zip(some.hour.tolist(), some.line.tolist(), some.row.tolist(), strict=True)) for some in (one, other)
        ]
        assert entries[0] == entries[1], data


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_both_take_the_same_events_for_copies(mapping: FieldMapping, tmp_path: Path) -> None:
    hashes: dict[int, int] = {}
    for number, line in enumerate(LINES):
        file = tmp_path / str(number)
        file.write_bytes(line)
        identities = [count(file, mapping).delta.identities for count in (counter.counter(LAST_PARSER), count_object)]
        # Sorted by hour and their own hashes, which differ: matched by the row of the counts.
        plain, engine = (
            [key for _, key in sorted(zip(one.row.tolist(), one.key.tolist(), strict=True))] for one in identities
        )
        for ours, theirs in zip(plain, engine, strict=True):
            assert hashes.setdefault(ours, theirs) == theirs
    assert len(set(hashes.values())) == len(hashes)


@pytest.mark.parametrize("count", [counter.counter(LAST_PARSER), count_object], ids=["plain", "engine"])
def test_what_cannot_be_read_is_told(count: CountObject, tmp_path: Path) -> None:
    file = tmp_path / "object"
    file.write_bytes(counter.UNREADABLE)
    with pytest.raises(UnreadableObjectError):
        count(file, ())


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_the_recount_is_that_of_the_oracle(mapping: FieldMapping) -> None:
    paths = {field: ".".join(path) for field, path in mapping}
    for seed in range(40):
        lying = {str(number): data for number, data in enumerate(objects(seed, 6))}
        counts, accounting = counter.recount(lying, mapping, LAST_PARSER)
        expected, ends = plain_counter.count_dataset(lying, paths)
        assert {tuple(key): n for key, n in counts.items()} == dict(expected)
        assert accounting.to_json() == ends


def test_an_older_parser_understands_less() -> None:
    counts = [counter.recount({"": b"\n".join(LINES)}, (), parser)[0] for parser in (counter.FIRST_PARSER, LAST_PARSER)]
    assert "n" not in counts[0].offer.words
    assert "n" in counts[1].offer.words
