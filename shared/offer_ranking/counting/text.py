"""A column of words: every distinct word once, sorted, and an integer code a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """Row i holds `words[codes[i]]`.

    Args:
        codes: int32, shape (rows,).
        words: distinct, in code point order, so that codes sort as their words do; each is used by some row.

    """

    codes: NDArray[np.int32]
    words: tuple[str, ...]

    @classmethod
    def of(cls, strings: Iterable[str]) -> Text:
        rows = list(strings)
        words = tuple(sorted(set(rows)))
        code = {word: index for index, word in enumerate(words)}
        return cls(np.fromiter((code[word] for word in rows), np.int32, len(rows)), words)

    @classmethod
    def coded(cls, codes: NDArray[Any], words: Sequence[str]) -> Text:
        """Take codes into words of any order, repeated or unused ones included."""
        if len(codes) and not 0 <= int(codes.min()) <= int(codes.max()) < len(words):
            raise ValueError("a code of a text column points to no word")
        used = np.flatnonzero(np.bincount(codes, minlength=len(words))).tolist()
        kept = [words[index] for index in used]
        canonical = tuple(sorted(set(kept)))
        code = {word: index for index, word in enumerate(canonical)}
        recoded = np.zeros(len(words), np.int32)
        recoded[used] = [code[word] for word in kept]
        return cls(recoded[codes], canonical)

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def joined(cls, parts: Sequence[Text]) -> Text:
        """One column below the other."""
        empty = np.zeros(0, np.int32)
        if len({part.words for part in parts}) == 1:
            return cls(np.concatenate([empty, *(part.codes for part in parts)]), parts[0].words)
        words = tuple(sorted({word for part in parts for word in part.words}))
        code = {word: index for index, word in enumerate(words)}
        recoded = [np.array([code[word] for word in part.words], np.int32)[part.codes] for part in parts if len(part)]
        return cls(np.concatenate([empty, *recoded]), words)

    def take(self, rows: NDArray[Any] | slice) -> Text:
        """Keep these rows (a mask, indices or a slice), and of the words those that they use."""
        codes = self.codes[rows]
        used = np.bincount(codes, minlength=len(self.words)) > 0
        if used.all():
            return Text(codes, self.words)
        recoded = (np.cumsum(used) - 1).astype(np.int32)
        return Text(recoded[codes], tuple(self.words[index] for index in np.flatnonzero(used)))

    def strings(self) -> list[str]:
        """Spell the column out, one string a row."""
        return [self.words[code] for code in self.codes.tolist()]
