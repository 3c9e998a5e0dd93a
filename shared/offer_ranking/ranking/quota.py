"""How many rankings a second one client gets, so that whoever asks for too many takes nothing from the others.

They are counted by windows of a few seconds, in each environment by itself. What an environment admitted it tells the
others in blocks, after it admitted them, and hears what all of them have told: so a client waits for the counter at
most once a block, a slow one never, and all environments together admit no more than a block each beyond the quota.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

WINDOW_SECONDS = 4
BLOCKS = 32  # of a window's quota
_CLIENTS_KEPT = 1024
_AGAIN_SECONDS = 5.0  # while the counter is away


class QuotaUnavailableError(RuntimeError):
    """The counter that environments share cannot be asked."""


class QuotaExceededError(Exception):
    """A client has had its rankings. `retry_after`: whole seconds until there are more."""

    def __init__(self, per_second: int, retry_after: int) -> None:
        super().__init__(f"One client gets {per_second} rankings a second. Ask again in {retry_after} s.")
        self.retry_after = retry_after


class SharedCounter(Protocol):
    """What all environments have told of each client and window."""

    def add(self, client: str, window: int, rankings: int) -> int:
        """Tell of rankings that were admitted; how many were by all who told. Raises QuotaUnavailableError."""


@dataclass(slots=True)
class _Used:
    """What a client has had of a window.

    Args:
        window: its number since 1970.
        carried: what a batch took beyond the windows before.
        told: admitted by all environments, as far as they have told.
        untold: admitted here since.

    """

    window: int
    carried: int = 0
    told: int = 0
    untold: int = 0

    @property
    def total(self) -> int:
        return self.carried + self.told + self.untold


class Quota:
    """Admits rankings by client.

    Args:
        per_second: of one client, on average over a window; 0 admits all.
        counter: shared by all environments.
        clock: seconds since 1970 UTC, of which windows begin everywhere at the same.

    """

    def __init__(self, per_second: int, counter: SharedCounter, *, clock: Callable[[], float] = time.time) -> None:
        self._per_second = per_second
        self._limit = per_second * WINDOW_SECONDS
        self._block = math.ceil(self._limit / BLOCKS)
        self._counter = counter
        self._clock = clock
        self._clients: OrderedDict[str, _Used] = OrderedDict()
        self._again_at = float("-inf")

    def admit(self, client: str, rankings: int) -> None:
        """Take so many rankings from what the client has left.

        A batch is admitted whole while anything is left, and what it takes beyond that comes off the next windows.
        While the counter is away each environment keeps to the quota by itself. Raises QuotaExceededError.
        """
        if not self._limit:
            return
        now = self._clock()
        used = self._used(client, int(now // WINDOW_SECONDS))
        if used.total >= self._limit:
            free = (used.window + used.total // self._limit) * WINDOW_SECONDS
            raise QuotaExceededError(self._per_second, max(1, math.ceil(free - now)))
        used.untold += rankings
        if used.untold >= self._block and now >= self._again_at:
            self._tell(client, used, now)

    def _used(self, client: str, window: int) -> _Used:
        used = self._clients.get(client) or _Used(window)
        if (passed := window - used.window) != 0:  # clocks step back, too
            used = _Used(window, carried=max(0, used.total - passed * self._limit) if passed > 0 else 0)
        self._clients[client] = used
        self._clients.move_to_end(client)
        if len(self._clients) > _CLIENTS_KEPT:
            self._clients.popitem(last=False)
        return used

    def _tell(self, client: str, used: _Used, now: float) -> None:
        try:
            used.told, used.untold = self._counter.add(client, used.window, used.untold), 0
        except QuotaUnavailableError:
            self._again_at = now + _AGAIN_SECONDS
