from __future__ import annotations

import numpy as np
import pytest

from offer_ranking.counting.counts import Counts
from offer_ranking.learning import snapshot_file
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.snapshot import CorruptSnapshotError, Snapshot
from tests.support.learned import a_model, fitted, personalized, shown

PAIRS = {"a": (1000, 20), "b": (500, 30), "ü/c": (40, 0)}


def plain(**settings: object) -> Snapshot:
    return fitted(shown(PAIRS, etag="1") + shown(PAIRS), a_model(settings=settings))


def by_cell() -> Snapshot:
    gold, mobile = Cell(("gold",)), Cell((), (("device", "mobile"),))
    return fitted(shown(PAIRS, cell=gold) + shown(PAIRS, cell=mobile) + shown(PAIRS), personalized())


KINDS = {"for everybody": plain, "personalized": by_cell}


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_are_deterministic_and_read_back_exactly(kind: str) -> None:
    snapshot = KINDS[kind]()
    data = snapshot.to_bytes()
    assert data == KINDS[kind]().to_bytes()
    again = Snapshot.from_bytes(data)
    assert again.to_bytes() == data
    assert again.sha256 == snapshot.sha256
    assert again.settings == snapshot.settings
    assert (again.audiences, again.context_keys) == (snapshot.audiences, snapshot.context_keys)
    assert (again.offers, again.versions.etags) == (snapshot.offers, snapshot.versions.etags)
    assert again.versions.started.tolist() == snapshot.versions.started.tolist()
    assert again.rates.prior == snapshot.rates.prior
    rows = np.arange(len(snapshot.versions) + 1)
    np.testing.assert_array_equal(again.rates.draws(rows).sd, snapshot.rates.draws(rows).sd)


def test_tastes_are_read_back_to_the_last_bit() -> None:
    snapshot = by_cell()
    again = Snapshot.from_bytes(snapshot.to_bytes())
    assert snapshot.tastes is not None
    assert again.tastes is not None
    assert again.tastes.features.values == snapshot.tastes.features.values == (("device", "mobile"),)
    rows = np.arange(len(snapshot.versions) + 1)
    for cell in (Cell(), Cell(("gold",)), Cell(("new",), (("device", "mobile"),))):
        mine, theirs = (one.tastes.draws(cell, rows) for one in (snapshot, again))  # type: ignore[union-attr]
        assert (mine.mean.tobytes(), mine.sd.tobytes()) == (theirs.mean.tobytes(), theirs.sd.tobytes())


def test_a_snapshot_knows_which_cell_a_request_is_in() -> None:
    request = (("gold", "other"), {"device": "tv", "age": 40})
    assert by_cell().cell(*request) == Cell(("gold",), (("device", "tv"),))
    assert plain().cell(*request) == Cell()


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_is_reported_as_corrupt(kind: str) -> None:
    data = KINDS[kind]().to_bytes()
    for length in range(0, len(data), 11):
        with pytest.raises(CorruptSnapshotError):
            Snapshot.from_bytes(data[:length])


@pytest.mark.parametrize("kind", KINDS)
def test_no_flipped_byte_changes_a_snapshot_unnoticed(kind: str) -> None:
    snapshot = KINDS[kind]()
    data = snapshot.to_bytes()
    for place in range(0, len(data), 5):
        damaged = bytearray(data)
        damaged[place] ^= 0x55
        try:
            read = Snapshot.from_bytes(bytes(damaged))
        except CorruptSnapshotError:
            continue
        assert read.sha256 == snapshot.sha256  # zip fields that carry no content, such as the date


def test_another_npz_is_no_snapshot() -> None:
    with pytest.raises(CorruptSnapshotError):
        Snapshot.from_bytes(Counts.zero().to_bytes())


PARTS = ["offers", "etags", "prior", "settings", "trained_on", "features", "format", "version"]


@pytest.mark.parametrize("part", PARTS)
def test_a_header_without_a_part_or_with_another_is_no_snapshot(part: str) -> None:
    header, arrays = snapshot_file.unpack(by_cell().to_bytes())
    damaged = [{**header, part: 5}]
    if part != "features":  # without them it is a model for everybody
        damaged.append({name: header[name] for name in header if name != part} | {"format": header["format"]})
    if part in {"offers", "etags"}:
        damaged.append({**header, part: header[part][:-1]})
    if part in {"format", "version", "trained_on"}:
        damaged = [{**header, "format": "another/1"}]
    for one in damaged:
        with pytest.raises(CorruptSnapshotError):
            Snapshot.from_bytes(snapshot_file.pack(one, arrays))


@pytest.mark.parametrize(
    "name", ["started", "alpha", "beta", "impressions", "conversions", "centre", "tastes", "covariance"]
)
def test_an_array_that_is_missing_short_or_not_finite_is_no_snapshot(name: str) -> None:
    header, arrays = snapshot_file.unpack(by_cell().to_bytes())
    faults = [
        {other: arrays[other] for other in arrays if other != name},
        {**arrays, name: arrays[name][:-1]},
        {**arrays, name: arrays[name] * np.nan},
    ]
    for fault in faults:
        with pytest.raises(CorruptSnapshotError):
            Snapshot.from_bytes(snapshot_file.pack(header, fault))


def test_ten_thousand_offers_are_written_and_read() -> None:
    world = np.random.default_rng(1)
    times = world.integers(1, 500, 10_000)
    converted = world.binomial(times, world.beta(4, 196, 10_000))
    pairs = {f"o{i:05}": (int(n), int(c)) for i, (n, c) in enumerate(zip(times, converted, strict=True))}
    for model in (a_model(), personalized()):
        snapshot = fitted(shown(pairs, cell=Cell(("gold",))) + shown(pairs), model)
        assert len(snapshot.offers) == 10_000
        assert Snapshot.from_bytes(snapshot.to_bytes()).sha256 == snapshot.sha256
