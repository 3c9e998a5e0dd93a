from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tracemalloc
import zipfile
from pathlib import Path
from random import Random

import pytest
from backports import zstd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offer_ranking.counting import object_file
from offer_ranking.counting.object_file import TOO_LONG, lines_of
from offer_ranking.counting.unreadable import UnreadableObjectError
from tests.support.parquet_files import parquet

LINES = [b'{"a":%d}' % n for n in range(1000)]
TEXT = b"\n".join(LINES) + b"\n"
SKIPPABLE = b"\x50\x2a\x4d\x18\x03\x00\x00\x00abc"


def gzipped(data: bytes) -> bytes:
    """Gzip without the time, so that every run tests the same bytes."""
    return gzip.compress(data, mtime=0)


def zipped(data: bytes) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("events.json", data)
    return archive.getvalue()


def read(folder: Path, data: bytes, **limits: int) -> list[bytes]:
    path = folder / "object"
    path.write_bytes(data)
    return [line for batch in lines_of(path, **limits) for line in batch]


def reason(folder: Path, data: bytes, **limits: int) -> str:
    with pytest.raises(UnreadableObjectError) as refusal:
        read(folder, data, **limits)
    return refusal.value.reason


@pytest.mark.parametrize(
    "data",
    [
        TEXT,
        TEXT.removesuffix(b"\n"),
        b"\n \n\r\n" + TEXT.replace(b"\n", b"\n\n\t\n") + b"  ",
        gzipped(TEXT),
        gzipped(TEXT[:801]) + gzipped(b"") + gzipped(TEXT[801:]),
        gzipped(TEXT) + bytes(100),
        zstd.compress(TEXT),
        zstd.compress(TEXT[:801]) + SKIPPABLE + zstd.compress(TEXT[801:]),
        SKIPPABLE + zstd.compress(TEXT),
        b"\xef\xbb\xbf" + TEXT,
        gzipped(b"\xef\xbb\xbf" + TEXT),
    ],
    ids=[
        "plain",
        "no newline at the end",
        "blank lines",
        "gzip",
        "gzip of several members",
        "gzip padded with zeros",
        "zstd",
        "zstd of several frames",
        "zstd after a frame to skip",
        "byte order mark",
        "byte order mark in gzip",
    ],
)
def test_the_same_lines_are_read_whatever_they_are_packed_in(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) == LINES


def test_a_name_says_nothing(tmp_path: Path) -> None:
    for name in ("events.gz", "events.parquet", "manifest"):
        (tmp_path / name).write_bytes(TEXT)
        assert [line for batch in lines_of(tmp_path / name) for line in batch] == LINES


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\n\r\n \t\n", gzipped(b""), zstd.compress(b"")])
def test_an_empty_object_has_no_lines(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) == []


def test_a_return_before_a_newline_is_blank_for_json_and_stays(tmp_path: Path) -> None:
    assert [json.loads(line) for line in read(tmp_path, b'{"a":1}\r\n{"a":2}\r\n')] == [{"a": 1}, {"a": 2}]


def test_only_the_first_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf{}\n\xef\xbb\xbf{}\n") == [b"{}", b"\xef\xbb\xbf{}"]


@given(st.lists(st.sampled_from([b"\n", b"{}", b" ", b"\r", b"abc", b"x" * 40, b"x" * 41])), st.integers(1, 12))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_are_those_between_newlines_wherever_the_text_is_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: list[bytes], size: int
) -> None:
    monkeypatch.setattr(object_file, "_CHUNK", size)
    monkeypatch.setattr(object_file, "LONGEST_LINE", 40)
    text = b"{}" + b"".join(parts)
    expected = [TOO_LONG if len(line) > 40 else line for line in text.split(b"\n") if line.strip()]
    found = read(tmp_path, text)
    assert found == expected
    assert [line is TOO_LONG for line in found] == [line is TOO_LONG for line in expected]


def test_a_long_line_is_told_from_a_line_of_the_same_text(tmp_path: Path) -> None:
    assert read(tmp_path, TOO_LONG)[0] is not TOO_LONG


def test_a_line_that_is_too_long_is_never_held(tmp_path: Path) -> None:
    data = gzipped(b'{"a":1}\n' + b"x" * (40 << 20) + b"\n" + b'{"a":2}\n')
    tracemalloc.start()
    try:
        assert read(tmp_path, data) == [b'{"a":1}', TOO_LONG, b'{"a":2}']
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 << 20


def test_the_longest_line_is_read(tmp_path: Path) -> None:
    whole = b"x" * object_file.LONGEST_LINE
    assert read(tmp_path, whole) == [whole]
    assert read(tmp_path, whole + b"\n{}\n") == [whole, b"{}"]
    assert read(tmp_path, whole + b"y") == [TOO_LONG]
    assert read(tmp_path, whole + b"y\n{}\n") == [TOO_LONG, b"{}"]


def test_text_is_read_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(gzipped(b'{"a":1}\n' * 1_000_000))
    sizes = [sum(map(len, batch)) for batch in lines_of(path)]
    assert len(sizes) > 10
    assert max(sizes) <= 1 << 20


UNREADABLE = {
    "cut at the end": (gzipped(TEXT)[:-10], "gzip-truncated"),
    "cut in the middle": (gzipped(TEXT)[:20], "gzip-truncated"),
    "cut after the magic bytes": (b"\x1f\x8b", "gzip-truncated"),
    "cut in the second member": (gzipped(TEXT) + gzipped(TEXT)[:20], "gzip-truncated"),
    "overwritten": (gzipped(TEXT)[:30] + b"\xff" * 40 + gzipped(TEXT)[70:], "gzip-corrupt"),
    "another checksum": (gzipped(TEXT)[:-8] + bytes(8), "gzip-corrupt"),
    "another length": (gzipped(TEXT)[:-4] + bytes(4), "gzip-corrupt"),
    "another method": (b"\x1f\x8b\x07" + bytes(30), "gzip-corrupt"),
    "something behind gzip": (gzipped(TEXT) + b"trailing" * 20, "gzip-corrupt"),
    "zstd cut at the end": (zstd.compress(TEXT)[:-1], "zstd-truncated"),
    "zstd cut after the magic bytes": (zstd.compress(TEXT)[:4], "zstd-truncated"),
    "zstd cut in the second frame": (zstd.compress(TEXT) + zstd.compress(TEXT)[:20], "zstd-truncated"),
    "zstd overwritten": (zstd.compress(TEXT)[:30] + b"\xff" * 40 + zstd.compress(TEXT)[70:], "zstd-corrupt"),
    "something behind zstd": (zstd.compress(TEXT) + b"trailing", "zstd-corrupt"),
    "zstd of a window of 2 GiB": (b"\x28\xb5\x2f\xfd\x00\xa8" + bytes(20), "zstd-window"),
    "gzip in gzip": (gzipped(gzipped(TEXT)), "gzip-twice"),
    "zstd in zstd": (zstd.compress(zstd.compress(TEXT)), "zstd-twice"),
    "zstd in gzip": (gzipped(zstd.compress(TEXT)), "zstd-in-gzip"),
    "gzip in zstd": (zstd.compress(gzipped(TEXT)), "gzip-in-zstd"),
    "Parquet in gzip": (gzipped(b"PAR1" + bytes(20)), "parquet-in-gzip"),
    "zip": (zipped(TEXT), "format-zip"),
    "zip of nothing": (b"PK\x05\x06" + bytes(18), "format-zip"),
    "bzip2": (bz2.compress(TEXT), "format-bzip2"),
    "xz": (lzma.compress(TEXT), "format-xz"),
    "xz in gzip": (gzipped(lzma.compress(TEXT)), "format-xz"),
    "lz4": (b"\x04\x22\x4d\x18" + bytes(20), "format-lz4"),
    "snappy": (b"\xff\x06\x00\x00sNaPpY" + bytes(20), "format-snappy"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(20), "format-7z"),
    "ORC": (b"ORC" + bytes(20), "format-orc"),
    "Avro": (b"Obj\x01" + bytes(20), "format-avro"),
    "encrypted Parquet": (b"PARE" + bytes(20), "format-parquet-encrypted"),
    "UTF-16": (TEXT.decode().encode("utf-16"), "format-utf-16"),
    "UTF-16 of the other order": (b"\xfe\xff" + TEXT.decode().encode("utf-16-be"), "format-utf-16"),
    "UTF-16 without a mark": (TEXT.decode().encode("utf-16-le"), "format-utf-16"),
    "UTF-16 of the other order without a mark": (TEXT.decode().encode("utf-16-be"), "format-utf-16"),
    "UTF-32": (TEXT.decode().encode("utf-32"), "format-utf-32"),
    "UTF-32 of the other order": (b"\x00\x00\xfe\xff" + TEXT.decode().encode("utf-32-be"), "format-utf-32"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "format-unknown"),
    "zeros in gzip": (gzipped(bytes(100_000)), "format-unknown"),
}


@pytest.mark.parametrize("name", list(UNREADABLE))
def test_an_object_that_cannot_be_read_is_refused_with_its_reason(tmp_path: Path, name: str) -> None:
    data, expected = UNREADABLE[name]
    assert reason(tmp_path, data) == expected


def test_junk_among_lines_is_a_line(tmp_path: Path) -> None:
    junk = b"\x00\xff\x00"
    assert read(tmp_path, junk + b"\n{}\n" + junk) == [junk, b"{}", junk]
    assert read(tmp_path, b'{"a":"\x00"}\nnothing\n') == [b'{"a":"\x00"}', b"nothing"]
    assert read(tmp_path, b"no\nJSON\nat all") == [b"no", b"JSON", b"at all"]


@pytest.mark.parametrize("pack", [gzipped, zstd.compress], ids=["gzip", "zstd"])
def test_wherever_a_packed_object_is_cut_it_is_truncated(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    data = pack(TEXT[:400])
    form = "gzip" if pack is gzipped else "zstd"
    for end in range(4, len(data)):
        assert reason(tmp_path, data[:end]) == f"{form}-truncated"


@pytest.mark.parametrize("pack", [gzipped, zstd.compress], ids=["gzip", "zstd"])
def test_whatever_byte_is_overwritten_nothing_but_a_refusal_is_raised(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    data = pack(TEXT)
    random = Random(20261124)
    reasons = set()
    for _ in range(150):
        place = random.randrange(4, len(data))
        broken = data[:place] + bytes([random.randrange(256)]) + data[place + 1 :]
        try:
            read(tmp_path, broken)
        except UnreadableObjectError as refusal:
            reasons.add(refusal.reason)
    assert {"gzip-corrupt" if pack is gzipped else "zstd-corrupt"} <= reasons


@pytest.mark.parametrize("pack", [bytes, gzipped, zstd.compress], ids=["plain", "gzip", "zstd"])
def test_more_text_than_the_limit_is_too_large(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    assert read(tmp_path, pack(TEXT), limit_bytes=len(TEXT)) == LINES
    assert reason(tmp_path, pack(TEXT), limit_bytes=len(TEXT) - 1) == "too-large"


def test_a_bomb_is_stopped_near_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "object"
    path.write_bytes(gzipped(b'{"a":1}\n' * 5_000_000))
    batches: list[list[bytes]] = []
    with pytest.raises(UnreadableObjectError, match="too-large"):
        batches.extend(lines_of(path, limit_bytes=3_000_000))
    assert 2_000_000 < sum(len(line) for batch in batches for line in batch) <= 3_000_000


def test_more_lines_than_a_worker_can_count_are_too_many(tmp_path: Path) -> None:
    assert read(tmp_path, TEXT, limit_lines=1000) == LINES
    assert reason(tmp_path, TEXT + b"\n", limit_lines=1000) == "too-many-lines"
    assert reason(tmp_path, gzipped(b"\n" * 11_000_000)) == "too-many-lines"


def test_rows_of_parquet_are_lines_under_the_same_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path / "object", [{"_id": "short"}, {"_id": "x" * 200}], {"_id": "VARCHAR"})
    lines = [b'{"_id":"short"}', b'{"_id":"%s"}' % (b"x" * 200)]
    assert list(lines_of(path)) == [lines]
    with pytest.raises(UnreadableObjectError, match="too-large"):
        list(lines_of(path, limit_bytes=len(b"".join(lines)) - 1))
    with pytest.raises(UnreadableObjectError, match="too-many-lines"):
        list(lines_of(path, limit_lines=1))
    monkeypatch.setattr(object_file, "LONGEST_LINE", 100)
    [[first, second]] = list(lines_of(path))
    assert first == lines[0]
    assert second is TOO_LONG
