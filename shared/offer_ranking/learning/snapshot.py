"""The immutable outcome of one refresh: all that ranking needs, and the totals that explain it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from offer_ranking.catalog.settings import Settings
from offer_ranking.learning.cell import Cell
from offer_ranking.learning.features import Features
from offer_ranking.learning.prior import Prior
from offer_ranking.learning.rates import Rates
from offer_ranking.learning.snapshot_file import CorruptSnapshotError, pack, unpack
from offer_ranking.learning.tastes import Tastes
from offer_ranking.learning.versions import Versions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["ALGORITHM", "CorruptSnapshotError", "Snapshot"]

ALGORITHM = "thompson-sampling"
_SCALARS = ("model_id", "model_version", "version", "as_of", "repaired", "algorithm", "numpy")


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False, kw_only=True)
class Snapshot:
    """Posteriors of one model at one moment. Compared and hashed by identity; equal content has equal bytes.

    Args:
        version: of the snapshot, rising with every refresh of the model.
        as_of: seconds since 1970 UTC.
        settings: the model's when it was fitted.
        audiences: that it looks at, as are the context keys; both empty in a model for everybody.
        versions: V versions of offers.
        rates: of each version among everybody.
        tastes: of each version by cell, None in a model for everybody.
        impressions: what was learned from, after window, decay and delay, shape (V,), as is conversions.
        trained_on: dataset id -> generation of its aggregate.
        repaired: how many of the counts had to be made possible.
        algorithm: by which a request is ranked.
        numpy: the version whose random streams draw from it; a replay needs one with the same streams.

    """

    model_id: str
    model_version: int
    version: int
    as_of: float
    settings: Settings
    audiences: tuple[str, ...] = ()
    context_keys: tuple[str, ...] = ()
    versions: Versions
    rates: Rates
    tastes: Tastes | None = None
    impressions: Array
    conversions: Array
    trained_on: Mapping[str, int]
    repaired: int = 0
    algorithm: str = ALGORITHM
    numpy: str = np.__version__
    offers: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "offers", self.versions.ids)

    def cell(self, audiences: Iterable[str], context: Mapping[str, str | float | bool]) -> Cell:
        """What of a request the model looks at."""
        return Cell.of(audiences, context, known=self.audiences, keys=self.context_keys)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        """Equal content, equal bytes."""
        header: dict[str, Any] = {name: getattr(self, name) for name in _SCALARS}
        header |= {
            "settings": self.settings.model_dump(mode="json", by_alias=False),
            "audiences": self.audiences,
            "context_keys": self.context_keys,
            "offers": self.versions.offers,
            "etags": self.versions.etags,
            "prior": [self.rates.prior.mean, self.rates.prior.strength],
            "trained_on": dict(self.trained_on),
        }
        arrays: dict[str, NDArray[Any]] = {
            "started": self.versions.started,
            "alpha": self.rates.alpha,
            "beta": self.rates.beta,
            "impressions": self.impressions,
            "conversions": self.conversions,
        }
        if self.tastes:
            header["features"] = [self.tastes.features.audiences, self.tastes.features.values]
            rows, columns = np.tril_indices(len(self.tastes.features))
            arrays |= {
                "centre": self.tastes.features.centre,
                "tastes": self.tastes.mean,
                "covariance": self.tastes.covariance[:, rows, columns],
            }
        return pack(header, arrays)

    @classmethod
    def from_bytes(cls, data: bytes) -> Snapshot:
        """Read the snapshot that `to_bytes` wrote.

        Raises:
            CorruptSnapshotError: the bytes are cut, changed, or something else.

        """
        header, arrays = unpack(data)
        try:
            offers, etags = tuple(header["offers"]), tuple(header["etags"])
            per_version = {name: arrays[name] for name in ("started", "alpha", "beta", "impressions", "conversions")}
            tastes = _tastes(header, arrays, len(offers)) if "features" in header else None
            snapshot = cls(
                **{name: header[name] for name in (*_SCALARS, "trained_on")},
                settings=Settings.model_validate(header["settings"]),
                audiences=tuple(header["audiences"]),
                context_keys=tuple(header["context_keys"]),
                versions=Versions(offers, etags, per_version["started"].astype(np.int64)),
                rates=Rates(Prior(*header["prior"]), arrays["alpha"], arrays["beta"]),
                tastes=tastes,
                impressions=arrays["impressions"],
                conversions=arrays["conversions"],
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CorruptSnapshotError(f"a snapshot lacks a part: {error!r}") from error
        if any(array.shape != (len(offers),) for array in per_version.values()):
            raise CorruptSnapshotError("the arrays of a snapshot differ in length")
        return snapshot


def _tastes(header: Mapping[str, Any], arrays: Mapping[str, Array], versions: int) -> Tastes:
    audiences, values = header["features"]
    features = Features(tuple(audiences), tuple((key, value) for key, value in values), arrays["centre"])
    rows, columns = np.tril_indices(len(features))
    covariance = np.empty((versions + 1, len(features), len(features)))
    covariance[:, rows, columns] = covariance[:, columns, rows] = arrays["covariance"]
    if arrays["tastes"].shape != (versions + 1, len(features)):
        raise CorruptSnapshotError("the arrays of a snapshot differ in length")
    return Tastes(features, arrays["tastes"], covariance)
