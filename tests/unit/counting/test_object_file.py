from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from offer_ranking.counting.object_file import UnreadableObjectError, decompress

LINES = b'{"a":1}\n' * 1000
LIMIT = 1_000_000


def packed(data: bytes) -> bytes:
    """Gzip without the time, so that every run tests the same bytes."""
    return gzip.compress(data, mtime=0)


def lines_of(folder: Path, data: bytes, limit: int = LIMIT) -> bytes:
    source, target = folder / "object", folder / "lines"
    source.write_bytes(data)
    decompress(source, target, limit_bytes=limit)
    return target.read_bytes()


@pytest.mark.parametrize(
    "data",
    [LINES, packed(LINES), packed(LINES[:800]) + packed(LINES[800:])],
    ids=["plain", "gzip", "gzip of several members"],
)
def test_plain_lines_and_gzip_of_them_are_read_whatever_the_name(tmp_path: Path, data: bytes) -> None:
    assert lines_of(tmp_path, data) == LINES


def test_an_empty_object_has_no_lines(tmp_path: Path) -> None:
    assert lines_of(tmp_path, b"") == b""
    assert lines_of(tmp_path, packed(b"")) == b""


UNREADABLE = {
    "cut at the end": (packed(LINES)[:-10], "gzip-truncated"),
    "cut in the middle": (packed(LINES)[:20], "gzip-truncated"),
    "cut after the magic bytes": (b"\x1f\x8b", "gzip-truncated"),
    "overwritten": (packed(LINES)[:30] + b"\xff" * 40 + packed(LINES)[70:], "gzip-corrupt"),
    "another checksum": (packed(LINES)[:-8] + bytes(8), "gzip-corrupt"),
    "another method": (b"\x1f\x8b\x07" + bytes(30), "gzip-corrupt"),
    "something behind": (packed(LINES) + b"trailing", "gzip-corrupt"),
    "gzip in gzip": (packed(packed(LINES)), "gzip-twice"),
    "bomb": (packed(bytes(2_000_000)), "too-large"),
    "Parquet": (b"PAR1" + bytes(20), "format-unknown"),
    "Zstandard": (b"\x28\xb5\x2f\xfd" + bytes(20), "format-unknown"),
    "Parquet in gzip": (packed(b"PAR1" + bytes(20)), "format-unknown"),
}


@pytest.mark.parametrize("name", list(UNREADABLE))
def test_an_object_that_cannot_be_read_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    data, reason = UNREADABLE[name]
    with pytest.raises(UnreadableObjectError) as refusal:
        lines_of(tmp_path, data)
    assert refusal.value.reason == reason


def test_a_plain_object_over_the_limit_is_too_large(tmp_path: Path) -> None:
    with pytest.raises(UnreadableObjectError, match="too-large"):
        lines_of(tmp_path, LINES, limit=len(LINES) - 1)
    assert lines_of(tmp_path, LINES, limit=len(LINES)) == LINES


def test_a_bomb_is_stopped_near_the_limit(tmp_path: Path) -> None:
    with pytest.raises(UnreadableObjectError, match="too-large"):
        lines_of(tmp_path, packed(bytes(50_000_000)), limit=3_000_000)
    assert (tmp_path / "lines").stat().st_size <= 3_000_000
