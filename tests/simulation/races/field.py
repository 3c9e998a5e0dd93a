"""What every race needs: clients of AWS, and writers who begin at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Field:
    """Where a race is run, and by how many, each of whom tries so often."""

    dynamodb: Any
    s3: Any
    writers: int
    writes: int

    @property
    def tries(self) -> int:
        return self.writers * self.writes

    def race(self, attempt: Callable[[int, int], T | None]) -> list[T]:
        """What came of the attempts that were told to have happened; the others gave None."""
        start = threading.Barrier(self.writers)

        def run(writer: int) -> list[T]:
            start.wait()
            found = (attempt(writer, n) for n in range(self.writes))
            return [one for one in found if one is not None]

        with ThreadPoolExecutor(self.writers) as pool:
            return [one for won in pool.map(run, range(self.writers)) for one in won]
