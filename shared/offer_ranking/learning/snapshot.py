"""The immutable outcome of one refresh: all that ranking needs, and the totals that explain it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from offer_ranking.learning.prior import Prior
from offer_ranking.learning.propensity import first_place_probabilities
from offer_ranking.learning.snapshot_file import CorruptSnapshotError, pack, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["ALGORITHM", "CorruptSnapshotError", "Snapshot"]

ALGORITHM = "thompson-sampling"
_ARRAYS = ("alpha", "beta", "first_place", "impressions", "conversions")
_SCALARS = (
    "model_id",
    "model_version",
    "version",
    "as_of",
    "algorithm",
    "numpy",
    "random_share",
    "exploration",
)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Snapshot:
    """Posteriors of one model at one moment. Compared and hashed by identity; equal content has equal bytes.

    Args:
        version: of the snapshot, rising with every refresh of the model.
        as_of: seconds since 1970 UTC.
        numpy: the version whose random streams draw from it; a replay needs one with the same streams.
        exploration: draws come from Beta(alpha / exploration, beta / exploration).
        offers: ids, sorted, (K,).
        alpha: posterior shape, (K,), as is beta.
        first_place: probability that an offer's draw is the largest of all K, shape (K,), sum 1.
        impressions: what was learned from, after window and decay, (K,), as is conversions.
        trained_on: dataset id -> generation of its aggregate.
        repaired: how many of the counts had to be made possible.

    """

    model_id: str
    model_version: int
    version: int
    as_of: float
    random_share: float
    exploration: float
    prior: Prior
    offers: tuple[str, ...]
    alpha: Array
    beta: Array
    first_place: Array
    impressions: Array
    conversions: Array
    trained_on: Mapping[str, int]
    repaired: int = 0
    algorithm: str = ALGORITHM
    numpy: str = np.__version__
    _rows: dict[str, int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_rows", {offer: row for row, offer in enumerate(self.offers)})

    def draw_shapes(self, offers: Sequence[str]) -> tuple[Array, Array]:
        """Alpha and beta that these offers' rates are drawn with, (len(offers),) each.

        They are sharpened by `exploration`. Offers that the snapshot does not know get the prior.
        """
        unknown = len(self.offers)
        rows = np.fromiter((self._rows.get(offer, unknown) for offer in offers), np.intp, len(offers))
        return (
            np.append(self.alpha, self.prior.alpha)[rows] / self.exploration,
            np.append(self.beta, self.prior.beta)[rows] / self.exploration,
        )

    def first_places(self, offers: tuple[str, ...]) -> Array:
        """Compute the probability that an offer's draw is the largest among these, shape (len(offers),)."""
        if offers == self.offers:
            return self.first_place
        return first_place_probabilities(*self.draw_shapes(offers))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """Equal content, equal bytes."""
        header = {name: getattr(self, name) for name in (*_SCALARS, "repaired", "offers")}
        header["prior"] = [self.prior.mean, self.prior.strength]
        header["trained_on"] = dict(self.trained_on)
        return pack(header, {name: getattr(self, name) for name in _ARRAYS})

    @classmethod
    def from_bytes(cls, data: bytes) -> Snapshot:
        """Read the snapshot that `to_bytes` wrote.

        Raises:
            CorruptSnapshotError: the bytes are cut, changed, or something else.

        """
        header, arrays = unpack(data)
        try:
            scalars = {name: header[name] for name in (*_SCALARS, "repaired", "trained_on")}
            offers = tuple(header["offers"])
            columns: dict[str, Any] = {name: arrays[name] for name in _ARRAYS}
            snapshot = cls(**scalars, **columns, offers=offers, prior=Prior(*header["prior"]))
        except (KeyError, TypeError, ValueError) as error:
            raise CorruptSnapshotError(f"a snapshot lacks a part: {error!r}") from error
        if any(arrays[name].shape != (len(offers),) for name in _ARRAYS):
            raise CorruptSnapshotError("the arrays of a snapshot differ in length")
        return snapshot
