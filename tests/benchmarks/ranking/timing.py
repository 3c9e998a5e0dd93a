"""CPU time of calls that take turns, so that a busy machine slows all of them alike."""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.benchmarks.ranking.contenders import Call

_A_TURN = 0.01  # seconds, about, that a contender has in each turn
_MOST_CALLS = 500

_fresh = itertools.count(1)


class Race:
    """Microseconds a call, one figure a turn, of each contender; calls that fill caches come before the first."""

    def __init__(self, contenders: Mapping[str, Call], turns: int) -> None:
        calls = {name: _calls(call) for name, call in contenders.items()}
        self._figures: dict[str, list[float]] = {name: [] for name in contenders}
        gc.disable()
        try:
            for _ in range(turns):
                for name, call in contenders.items():
                    self._figures[name].append(_microseconds(call, calls[name]))
                gc.collect()
        finally:
            gc.enable()

    def median(self, name: str) -> float:
        return statistics.median(self._figures[name])

    def ratio(self, name: str, to: str) -> float:
        """Median, over the turns, of the ratio within a turn."""
        return statistics.median(
            ours / theirs for ours, theirs in zip(self._figures[name], self._figures[to], strict=True)
        )


def _calls(call: Call) -> int:
    call(next(_fresh))
    return max(2, min(_MOST_CALLS, int(_A_TURN / max(_microseconds(call, 2) / 1e6, 1e-6))))


def _microseconds(call: Call, calls: int) -> float:
    numbers = [next(_fresh) for _ in range(calls)]
    start = time.process_time()
    for number in numbers:
        call(number)
    return (time.process_time() - start) / calls * 1e6
