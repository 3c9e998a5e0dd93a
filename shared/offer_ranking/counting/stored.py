"""Named integer columns and JSON values as bytes: an .npz that NumPy reads with allow_pickle=False.

Equal content has equal bytes: members are stored without compression (a compressor's output changes with its
version), in the order given, with zip's zero date, each column in the narrowest type that holds its values.
"""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class CorruptCountsError(ValueError):
    """Bytes that should hold counts cannot be read as what was once written."""


def narrowest(column: NDArray[Any]) -> NDArray[Any]:
    """Hold the same values in the smallest little-endian integer type."""
    low, high = (int(column.min()), int(column.max())) if len(column) else (0, 0)
    kinds = ("<u1", "<u2", "<u4", "<u8") if low >= 0 else ("<i1", "<i2", "<i4", "<i8")
    ranges = {kind: np.iinfo(np.dtype(kind)) for kind in kinds}
    return column.astype(next(kind for kind in kinds if ranges[kind].min <= low and high <= ranges[kind].max))


def json_column(value: object) -> NDArray[np.uint8]:
    """Hold a JSON value as a column of bytes (ASCII, so that a lone surrogate survives)."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return np.frombuffer(text.encode(), np.uint8)


def json_value(column: NDArray[Any]) -> Any:  # noqa: ANN401 - JSON holds any of its types
    return json.loads(column.astype(np.uint8).tobytes())


def to_bytes(columns: Mapping[str, NDArray[Any]]) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, column in columns.items():
            member = BytesIO()
            np.lib.format.write_array(member, narrowest(column), version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return target.getvalue()


def from_bytes(data: bytes) -> dict[str, NDArray[Any]]:
    """Read the columns that `to_bytes` wrote.

    Members are read whole before they are parsed, so that zip's checksum has passed over every header.

    Raises:
        CorruptCountsError: the bytes are cut, changed, or something else.

    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = {entry.filename: _member(archive, entry) for entry in archive.infolist()}
        columns = {
            name.removesuffix(".npy"): np.lib.format.read_array(BytesIO(member), allow_pickle=False)
            for name, member in members.items()
        }
    except Exception as error:  # zipfile and NumPy let through what struct, zlib, ast and tokenize raise
        raise CorruptCountsError(f"not a table of counts: {error!r}") from error
    if any(column.ndim != 1 or column.dtype.kind not in "iu" for column in columns.values()):
        raise CorruptCountsError("a column of counts holds something else than integers")
    return columns


def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.compress_type != zipfile.ZIP_STORED:
        raise CorruptCountsError("counts are stored without compression")
    return archive.read(entry)
