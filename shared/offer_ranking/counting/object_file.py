"""An object as it was downloaded becomes plain lines on disk."""

from __future__ import annotations

import gzip
import shutil
import zlib
from pathlib import Path
from typing import IO

_CHUNK = 1 << 20
_GZIP = b"\x1f\x8b"
_NOT_LINES = {b"PAR1": "format-unknown", b"\x28\xb5\x2f\xfd": "format-unknown"}


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
        start = raw.read(4)
        raw.seek(0)
        if not start.startswith(_GZIP):
            _check(start)
            shutil.copyfileobj(raw, lines, _CHUNK)
            return
        with gzip.open(raw) as inflated:
            _inflate(inflated, lines, limit_bytes)


def _inflate(inflated: IO[bytes], lines: IO[bytes], limit_bytes: int) -> None:
    written = 0
    try:
        while chunk := inflated.read(_CHUNK):
            if written == 0:
                if chunk.startswith(_GZIP):
                    raise UnreadableObjectError("gzip-twice")
                _check(chunk[:4])
            written += len(chunk)
            if written > limit_bytes:
                raise UnreadableObjectError("too-large")
            lines.write(chunk)
    except EOFError as error:
        raise UnreadableObjectError("gzip-truncated") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableObjectError("gzip-corrupt") from error


def _check(start: bytes) -> None:
    for magic, reason in _NOT_LINES.items():
        if start.startswith(magic):
            raise UnreadableObjectError(reason)
