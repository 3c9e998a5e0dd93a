"""What was read of a store, kept at hand: the store is asked every few seconds, and may be away."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import ClassVar, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

FRESH_SECONDS = 2.0
# Away, refusing, or lying: what cannot be read as what was written is as good as not there.
STORE_FAILED = (BotoCoreError, ClientError, ValueError, KeyError)

K = TypeVar("K")
V = TypeVar("V")


class Remembered(ABC, Generic[K, V]):
    """Things by key. A kind says how they are read, and how many are kept (`most`), the last ones asked for."""

    most: ClassVar[int]

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
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
                if key in read:
                    self._kept[key] = (now, read[key])
            found |= read
        for key in found:
            if key in self._kept:
                self._kept.move_to_end(key)
        while len(self._kept) > self.most:
            self._kept.popitem(last=False)
        return found

    @abstractmethod
    def _read(self, keys: Sequence[K]) -> Mapping[K, V]:
        """Those of the things that exist, as they stand in the store."""

    def _is_fresh(self, key: K, now: float) -> bool:
        return key in self._kept and now - self._kept[key][0] < FRESH_SECONDS

    def _read_again(self, keys: list[K]) -> Mapping[K, V]:
        try:
            return self._read(keys)
        except STORE_FAILED:
            if any(key not in self._kept for key in keys):
                raise
            return {key: self._kept[key][1] for key in keys}
