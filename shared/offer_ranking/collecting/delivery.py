"""Where collected lines go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class UnavailableError(RuntimeError):
    """Events could not be stored, or nothing could tell whether they are to be trusted: they are to be sent again."""


class Delivery(Protocol):
    """Takes lines into datasets."""

    def deliver(self, dataset: str, lines: Sequence[bytes], *, now_ms: int) -> int:
        """Store lines, each without a newline, in a dataset; how many went past the stream, straight into the bucket.

        A line may be stored twice, and is then the same to the byte. Raises UnavailableError: of some, or of all lines,
        nobody knows whether they are stored.
        """
