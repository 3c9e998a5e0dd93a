"""What was read of a store, kept at hand: the store is asked every few seconds, and may be away."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

FRESH_SECONDS = 2.0
# Away, refusing, or lying: what cannot be read as what was written is as good as not there.
STORE_FAILED = (BotoCoreError, ClientError, ValueError, KeyError)

K = TypeVar("K")
V = TypeVar("V")


class Remembered(Generic[K, V]):
    """Things by key.

    Args:
        read: those of the named things that exist, as they stand in the store.
        most: are kept, the last ones asked for.
        clock: seconds.

    """

    def __init__(
        self, read: Callable[[Sequence[K]], Mapping[K, V]], *, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.most = most
        self._read = read
        self._clock = clock
        self._kept: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def some(self, keys: Iterable[K]) -> dict[K, V]:
        """Those of the things that exist, at most two seconds old, or as last read while the store is away.

        Raises what the store raises when it is away and one of them was not read before.
        """
        now = self._clock()
        asked = list(dict.fromkeys(keys))
        found = {key: self._kept[key][1] for key in asked if self._is_fresh(key, now)}
        if old := [key for key in asked if key not in found]:
            read = self._read_again(old)
            for key in old:
                self._kept.pop(key, None)
            self._kept |= {key: (now, read[key]) for key in old if key in read}
            found |= read
        for key in found:
            self._kept.move_to_end(key)
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)
        return found

    def _is_fresh(self, key: K, now: float) -> bool:
        return key in self._kept and now - self._kept[key][0] < FRESH_SECONDS

    def _read_again(self, keys: list[K]) -> Mapping[K, V]:
        try:
            return self._read(keys)
        except STORE_FAILED:
            if any(key not in self._kept for key in keys):
                raise
            return {key: self._kept[key][1] for key in keys}
