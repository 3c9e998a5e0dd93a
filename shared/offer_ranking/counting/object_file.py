"""An object as it was downloaded becomes plain lines on disk."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_NOT_LINES = {_GZIP: "gzip-twice", b"PAR1": "format-unknown", b"\x28\xb5\x2f\xfd": "format-unknown"}


class UnreadableObjectError(Exception):
    """An object is no lines of JSON, nor gzip of such; `reason` says what it is."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def decompress(source: Path, target: Path, *, limit_bytes: int) -> None:
    """Write the object's lines. Whether it is gzip is seen by its first bytes; names lie.

    Raises UnreadableObjectError: `too-large` beyond `limit_bytes`, `gzip-truncated`, `gzip-corrupt`, `gzip-twice`,
    or `format-unknown` for Parquet and Zstandard.
    """
    with source.open("rb") as raw, target.open("wb") as lines:
        is_gzip = raw.read(2) == _GZIP
        raw.seek(0)
        if not is_gzip:
            _copy(raw, lines, limit_bytes)
            return
        try:
            with gzip.open(raw) as inflated:
                _copy(inflated, lines, limit_bytes)
        except EOFError as error:
            raise UnreadableObjectError("gzip-truncated") from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise UnreadableObjectError("gzip-corrupt") from error


def _copy(source: IO[bytes] | gzip.GzipFile, lines: IO[bytes], limit_bytes: int) -> None:
    written = 0
    while chunk := source.read(_CHUNK):
        if written == 0:
            _check(chunk)
        written += len(chunk)
        if written > limit_bytes:
            raise UnreadableObjectError("too-large")
        lines.write(chunk)


def _check(start: bytes) -> None:
    for magic, reason in _NOT_LINES.items():
        if start.startswith(magic):
            raise UnreadableObjectError(reason)
