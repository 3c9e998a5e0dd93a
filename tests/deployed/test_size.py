"""What was built fits into Lambda, and the one large library is where it is needed."""

from __future__ import annotations

from pathlib import Path

MEGABYTE = 1 << 20
LAMBDA_UNPACKED = 250 * MEGABYTE
LAYER = 150 * MEGABYTE


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def functions(built: Path) -> list[Path]:
    return [folder for folder in built.iterdir() if (folder / "handler.py").exists()]


def test_every_function_with_the_layer_fits(built: Path) -> None:
    layer = size(built / "SharedLayer")
    assert layer <= LAYER
    assert len(functions(built)) == 11
    for function in functions(built):
        assert layer + size(function) <= LAMBDA_UNPACKED, function.name


def test_duckdb_is_where_objects_are_read_and_nowhere_else(built: Path) -> None:
    assert not list((built / "SharedLayer").rglob("duckdb*"))
    carrying = {one.name for one in functions(built) if list(one.glob("duckdb*"))}
    assert carrying == {"RefreshRankings", "ReportPerformance", "EraseProfiles"}


def test_only_code_and_what_it_needs_is_shipped(built: Path) -> None:
    layer = {folder.name for folder in (built / "SharedLayer/python").iterdir()}
    assert "offer_ranking" in layer
    assert not layer & {"tests", "pytest", "moto", "infra", "functions"}
