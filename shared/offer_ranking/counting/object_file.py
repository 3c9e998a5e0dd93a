"""An object as it was downloaded becomes lines of JSON, whatever it was packed in.

What it is, is seen by its first bytes; names lie. The text is never held as a whole: one batch of lines is.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from gzip import BadGzipFile
from pathlib import Path
from typing import IO, Protocol

from backports import zstd
from isal import igzip, igzip_lib

from offer_ranking.catalog.mapping import NO_MAPPING, FieldMapping
from offer_ranking.counting.unreadable import UnreadableObjectError

# Stands in the place of a line that is too long, which is never held in memory. Compared by identity.
TOO_LONG = b"a line longer than 16 MiB"
LONGEST_LINE = 16 * 2**20
MOST_BYTES = 4 * 2**30
# What a worker counts within its time. A bomb of two-byte lines would reach 4 GiB only after half an hour.
MOST_LINES = 10_000_000

_CHUNK = 1 << 18  # fits into a core's own cache
_LINES, _GZIP, _ZSTD, PARQUET = "lines", "gzip", "zstd", "parquet"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OBJECT = re.compile(rb"^(?:\xef\xbb\xbf)?[ \t]*\{", re.MULTILINE)
# Archives, other tables and other encodings are told by name, so that whoever put them there knows what to change.
_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"\x1f\x8b", _GZIP),
    (b"\x28\xb5\x2f\xfd", _ZSTD),
    *((bytes((0x50 + n,)) + b"\x2a\x4d\x18", _ZSTD) for n in range(16)),  # skippable frames: RFC 8878, section 3.1.2
    (b"PAR1", PARQUET),
    (b"PARE", "parquet-encrypted"),
    (b"ORC", "orc"),
    (b"Obj\x01", "avro"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xff\x06\x00\x00sNaPpY", "snappy"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"{\0", "utf-16"),
    (b"\0{", "utf-16"),
)
_READABLE = frozenset({_LINES, _GZIP, _ZSTD, PARQUET})


class _Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


class _Target(Protocol):
    def write(self, data: bytes, /) -> int: ...


def lines_of(
    path: Path,
    mapping: FieldMapping = NO_MAPPING,
    *,
    limit_bytes: int = MOST_BYTES,
    limit_lines: int = MOST_LINES,
    with_ends: bool = False,
) -> Iterator[list[bytes]]:
    """The lines of an object, without their newlines, in batches of some 256 KiB; blank lines are none.

    `with_ends` leaves lines as they are, with newlines, blank ones among them: that is faster, and the same as JSON.

    A row of Parquet comes as a line that holds what events are read from: `mapping` names its columns. A line beyond
    16 MiB comes as TOO_LONG. What came before an error counts for nothing.

    Raises UnreadableObjectError: `too-large` when the text is more than `limit_bytes`, `too-many-lines` (blank ones
    too); `gzip-` and `zstd-` with `truncated`, `corrupt` or `twice`; `zstd-window`; those of `parquet.lines_of`;
    `parquet-in-gzip` and the like; `format-` with the name of another format, or `unknown`.
    """
    form = form_of(path)
    with path.open("rb") as file:
        if form == PARQUET:
            # DuckDB takes a tenth of a second to import, which a worker that reads JSON alone is spared.
            from offer_ranking.counting import parquet  # noqa: PLC0415

            yield from _bounded(parquet.lines_of(path, mapping, limit_rows=limit_lines), limit_bytes)
        elif form == _LINES:
            yield from _split(_text(file.read, form, limit_bytes), limit_lines, with_ends=with_ends)
        else:
            with _unpacked(file, form) as source:
                text = _text(_translating(source, form), form, limit_bytes)
                yield from _split(text, limit_lines, with_ends=with_ends)


def form_of(path: Path) -> str:
    """What an object is packed as: `lines`, `gzip`, `zstd` or `parquet`. Raises UnreadableObjectError."""
    with path.open("rb") as file:
        form = _form(file.read(_CHUNK))
    if form not in _READABLE:
        raise UnreadableObjectError(f"format-{form}")
    return form


@contextmanager
def packed_as(form: str, target: Path) -> Iterator[_Target]:
    """A new file for lines, with their ends, packed as `lines`, `gzip` or `zstd`; the same lines are the same bytes."""
    with target.open("wb") as file:
        if form == _GZIP:
            with igzip.IGzipFile("", "wb", fileobj=file, mtime=0) as packing:  # type: ignore[no-untyped-call] # but for this
                yield packing
        elif form == _ZSTD:
            with zstd.ZstdFile(file, "wb") as packing:
                yield packing
        else:
            yield file


def _form(start: bytes) -> str:
    """Name what these first bytes are the start of.

    NUL is in no text; but among lines of which one starts as JSON, a line that holds NUL is only a bad one.
    """
    found = next((form for magic, form in _STARTS if start.startswith(magic)), _LINES)
    return "unknown" if found == _LINES and b"\0" in start and not _OBJECT.search(start) else found


def _unpacked(file: IO[bytes], form: str) -> AbstractContextManager[_Source]:
    if form == _GZIP:
        return igzip.IGzipFile(fileobj=file, mode="rb")  # type: ignore[no-untyped-call] # typed but for this
    return zstd.ZstdFile(file)


def _translating(source: _Source, form: str) -> Callable[[int], bytes]:
    """Read, with what the libraries raise told as our own."""

    def read(size: int) -> bytes:
        try:
            return source.read(size)
        except EOFError as error:
            raise UnreadableObjectError(f"{form}-truncated") from error
        except zstd.ZstdError as error:
            # a frame may ask for a window of gigabytes (RFC 8878, section 3.1.1.1.2); 128 MiB are given
            too_wide = "requires too much memory" in str(error)
            raise UnreadableObjectError("zstd-window" if too_wide else "zstd-corrupt") from error
        except (BadGzipFile, igzip_lib.IsalError) as error:  # type: ignore[misc] # a class, whatever its stub says
            raise UnreadableObjectError("gzip-corrupt") from error

    return read


def _text(read: Callable[[int], bytes], outer: str, limit_bytes: int) -> Iterator[bytes]:
    """Read text in pieces, once it is known to be text."""
    chunk = read(_CHUNK)
    if outer != _LINES:
        _check(_form(chunk), outer)
    chunk = chunk.removeprefix(_BYTE_ORDER_MARK)
    size = 0
    while chunk:
        size += len(chunk)
        if size > limit_bytes:
            raise UnreadableObjectError("too-large")
        yield chunk
        chunk = read(_CHUNK)


def _check(inner: str, outer: str) -> None:
    if inner == outer:
        raise UnreadableObjectError(f"{outer}-twice")
    if inner != _LINES:
        raise UnreadableObjectError(f"{inner}-in-{outer}" if inner in _READABLE else f"format-{inner}")


def _split(chunks: Iterable[bytes], limit_lines: int, *, with_ends: bool) -> Iterator[list[bytes]]:
    """Cut text at its newlines; of a line that grows too long only its length is kept."""
    begun: list[bytes] = []
    held = count = 0
    for chunk in chunks:
        text = io.BytesIO(chunk)  # finds newlines several times as fast as bytes.split
        begun.append(text.readline())
        held += len(begun[-1])
        is_whole = begun[-1].endswith(b"\n")
        if held > LONGEST_LINE + is_whole:
            begun.clear()
        if not is_whole:
            continue
        first, lines = _joined(begun, held, with_ends=with_ends), text.readlines()
        count += 1 + len(lines)
        if count > limit_lines:
            raise UnreadableObjectError("too-many-lines")
        begun = [lines.pop()] if lines and not lines[-1].endswith(b"\n") else []
        held = sum(map(len, begun))
        yield [*first, *(lines if with_ends else (line[:-1] for line in lines if not line.isspace()))]
    if last := _joined(begun, held, with_ends=with_ends):
        yield last


def _joined(parts: list[bytes], held: int, *, with_ends: bool) -> list[bytes]:
    """One line, or none where it is blank; TOO_LONG where its parts were not kept."""
    if held and not parts:
        return [TOO_LONG]
    line = b"".join(parts)
    if with_ends:
        return [line] if line else []
    line = line.removesuffix(b"\n")
    return [line] if line and not line.isspace() else []


def _bounded(batches: Iterable[list[bytes]], limit_bytes: int) -> Iterator[list[bytes]]:
    """Hold lines that were made, not read, to the same limits."""
    total = 0
    for batch in batches:
        size = sum(map(len, batch))
        total += size
        if total > limit_bytes:
            raise UnreadableObjectError("too-large")
        yield [TOO_LONG if len(line) > LONGEST_LINE else line for line in batch] if size > LONGEST_LINE else batch
