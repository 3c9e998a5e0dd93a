"""The set of offers that a request lets compete."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Protocol, Self

import numpy as np
from pydantic import ConfigDict, Field

from offer_ranking.catalog.value import Key
from offer_ranking.events.mail_link import ADDRESS, LONGEST_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray


# ten thousand offers are read in half the time of a comprehension
_FEW = 30  # as many as an answer shows, and a token signs
_ID, _ETAG, _PRIORITY = attrgetter("id"), attrgetter("etag"), attrgetter("priority")


Link = Annotated[str, Field(max_length=LONGEST_ADDRESS, pattern=ADDRESS)]


@dataclass(frozen=True, slots=True)
class Offer:
    """One candidate. `etag` names the version of its content, `priority` orders it where no model can; a click on it
    in a mail leads to `link`.
    """

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    id: Key
    etag: Key | None = None
    priority: Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)] = 0.0
    link: Link | None = None


class Contender(Protocol):
    """What can compete: an offer of a request, or of a decision."""

    @property
    def id(self) -> str: ...
    @property
    def etag(self) -> str | None: ...
    @property
    def priority(self) -> float: ...


class DuplicateOfferError(ValueError):
    """An offer stands twice among the candidates."""

    def __init__(self, offer_id: str) -> None:
        super().__init__(f"offer {offer_id!r} is a candidate twice")
        self.offer_id = offer_id


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Offers in one canonical order: equal sets give equal draws in whatever order a caller lists them.

    `ids` are sorted and distinct, `etags` and `priorities` aligned with them. Sets are equal by `ids` and `etags`.
    """

    ids: tuple[str, ...]
    etags: tuple[str | None, ...]
    priorities: NDArray[np.float64]
    _hash: int = field(init=False, repr=False)
    _etag_of: dict[str, str] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.ids, self.etags)))

    def etag_of(self, rows: Sequence[int]) -> Mapping[str, str]:
        """Etags of these candidates, at least, by offer, without those that have none. Of few it is those of all, made
        when first asked for.
        """
        if len(self.ids) > _FEW:
            return self._etags(rows)
        if self._etag_of is None:
            object.__setattr__(self, "_etag_of", self._etags(range(len(self.ids))))
        return self._etag_of or {}

    def _etags(self, rows: Iterable[int]) -> dict[str, str]:
        return {self.ids[row]: etag for row in rows if (etag := self.etags[row]) is not None}

    @classmethod
    def of(cls, offers: Iterable[Contender]) -> Self:
        """Sort the offers of a request.

        Raises:
            DuplicateOfferError: an id stands twice.

        """
        ordered = sorted(offers, key=_ID)
        ids = tuple(map(_ID, ordered))
        if len(set(ids)) < len(ids):
            raise DuplicateOfferError(next(first for first, second in pairwise(ids) if first == second))
        priorities = np.fromiter(map(_PRIORITY, ordered), np.float64, len(ordered))
        return cls(ids, tuple(map(_ETAG, ordered)), priorities)

    def __len__(self) -> int:
        return len(self.ids)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Candidates):
            return NotImplemented
        return self.ids == other.ids and self.etags == other.etags
