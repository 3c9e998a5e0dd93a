"""A JSON header and named float64 arrays as bytes: an .npz that NumPy reads with allow_pickle=False."""

from __future__ import annotations

import json
import zipfile
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

_HEADER = "header"
_FORMAT = "offer-ranking-snapshot/2"


class CorruptSnapshotError(ValueError):
    """Bytes that should hold a snapshot cannot be read as what was once written."""


def pack(header: Mapping[str, object], arrays: Mapping[str, Array]) -> bytes:
    """Equal content, equal bytes: stored uncompressed, in the order given, with zip's zero date."""
    text = json.dumps({"format": _FORMAT, **header}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    columns = {_HEADER: np.frombuffer(text.encode(), np.uint8)}
    columns |= {name: np.ascontiguousarray(array, "<f8") for name, array in arrays.items()}
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, column in columns.items():
            member = BytesIO()
            np.lib.format.write_array(member, column, version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue())
    return target.getvalue()


def unpack(data: bytes) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read the header and the arrays of `pack`, all finite.

    Raises:
        CorruptSnapshotError: the bytes are cut, changed, or something else.

    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            # whole members, so that zip's checksum has passed over them before anything is parsed
            members = {name.removesuffix(".npy"): archive.read(name) for name in archive.namelist()}
        columns = {
            name: np.lib.format.read_array(BytesIO(member), allow_pickle=False) for name, member in members.items()
        }
        header = json.loads(columns.pop(_HEADER).tobytes())
        sound = header["format"] == _FORMAT and all(
            column.dtype == np.float64 and np.isfinite(column).all() for column in columns.values()
        )
    except Exception as error:  # zipfile and NumPy's header reader raise by way of struct, zlib and tokenize
        raise CorruptSnapshotError(f"not a snapshot: {error!r}") from error
    if not sound:
        raise CorruptSnapshotError("not a snapshot of a known format")
    return header, columns
