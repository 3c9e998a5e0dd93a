"""Sorting and adding up table rows, vectorised: no Python loop over rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_PACKED_LIMIT = 2**62


def summed(columns: Sequence[NDArray[Any]], count: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """Group rows by all columns and add `count` up, forgetting groups whose sum is zero.

    Args:
        columns: integers, each of shape (rows,), the first the most significant.
        count: integers, shape (rows,).

    Returns:
        One row index for each group, in the order of its columns, and the group's sum.

    """
    if not len(count):
        return np.zeros(0, np.intp), np.zeros(0, np.int64)
    keys = packed(columns)
    # Two sorted tables one below the other are two runs, which the stable sort merges in linear time.
    order = np.argsort(keys[0], kind="stable") if len(keys) == 1 else np.lexsort(keys[::-1])
    is_first = np.ones(len(count), bool)
    is_first[1:] = np.any([np.diff(key[order]) != 0 for key in keys], axis=0)
    starts = np.flatnonzero(is_first)
    sums = np.add.reduceat(count.astype(np.int64)[order], starts)
    return order[starts][sums != 0], sums[sums != 0]


def packed(columns: Sequence[NDArray[Any]]) -> list[NDArray[np.int64]]:
    """Pack columns by mixed radix into as few int64 keys as hold them; keys sort as the columns do."""
    keys: list[NDArray[np.int64]] = []
    span = _PACKED_LIMIT
    for column in columns:
        low = int(column.min())
        width = int(column.max()) - low + 1
        digit = column.astype(np.int64) - low
        if span * width < _PACKED_LIMIT:
            keys[-1] = keys[-1] * width + digit
            span *= width
        else:
            keys.append(digit)
            span = width
    return keys
