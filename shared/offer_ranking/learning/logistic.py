"""Binomial trials by version of an offer and cell, and the slopes of their logistic likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

# Up to so many numbers a table of versions x cells is filled in, and all versions are done by three products of
# matrices; beyond, version by version, which touches only pairs that were seen.
_TABLE = 2_000_000
_CELLS_OF_A_TABLE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """n impressions and c conversions of each pair of version and cell that was seen, in the order of the versions.

    Args:
        x: features of each cell, shape (cells, D).
        versions: V; those without a pair have no evidence.
        version: of each pair, shape (pairs,), rising.
        cell: of each pair, shape (pairs,).
        impressions: shape (pairs,), as are the conversions, 0 <= c <= n.

    """

    x: Array
    versions: int
    version: NDArray[np.intp]
    cell: NDArray[np.intp]
    impressions: Array
    conversions: Array

    @property
    def features(self) -> int:
        """D."""
        return int(self.x.shape[1])

    @property
    def shown(self) -> NDArray[np.bool_]:
        """Which versions have impressions, shape (V,)."""
        return np.bincount(self.version, self.impressions, minlength=self.versions) > 0

    @property
    def rate(self) -> float:
        """Of all conversions to all impressions, as if 50 more had converted 1."""
        return float((self.conversions.sum() + 1) / (self.impressions.sum() + 50))

    def slopes(self, weights: Array, prior_mean: Array, prior_variance: Array) -> tuple[Array, Array]:
        """Gradient of the log posterior at `weights`, (V, D), and its negative Hessian, shape (V, D, D)."""
        if self.versions * len(self.x) <= _TABLE and len(self.x) <= _CELLS_OF_A_TABLE:
            gradient, precision = self._all_at_once(weights)
        else:
            gradient, precision = self._one_by_one(weights)
        gradient -= (weights - prior_mean) / prior_variance
        precision += np.diag(1 / prior_variance)
        return gradient, precision

    def _all_at_once(self, weights: Array) -> tuple[Array, Array]:
        n, c = (np.zeros((self.versions, len(self.x))) for _ in range(2))
        n[self.version, self.cell] = self.impressions
        c[self.version, self.cell] = self.conversions
        p = _expit(weights @ self.x.T)
        products = np.einsum("ci,cj->cij", self.x, self.x).reshape(len(self.x), -1)
        precision = (n * p * (1 - p)) @ products
        return (c - n * p) @ self.x, precision.reshape(self.versions, self.features, self.features)

    def _one_by_one(self, weights: Array) -> tuple[Array, Array]:
        gradient = np.zeros((self.versions, self.features))
        precision = np.zeros((self.versions, self.features, self.features))
        ends = np.searchsorted(self.version, np.arange(self.versions + 1))
        for version in range(self.versions):
            pairs = slice(ends[version], ends[version + 1])
            x, n = self.x[self.cell[pairs]], self.impressions[pairs]
            p = _expit(x @ weights[version])
            gradient[version] = (self.conversions[pairs] - n * p) @ x
            precision[version] = (x * (n * p * (1 - p))[:, None]).T @ x
        return gradient, precision

    def thinned(self, most: int) -> Self:
        """At most about `most` pairs: all that converted, and of the others a sample, each standing for those left out.

        A pair without conversions says little, and its likelihood is linear in its impressions to a rare event's
        precision, so the sum over a weighted sample estimates the sum over all (King, Zeng, "Logistic regression in
        rare events data", Political Analysis 2001). Kept in proportion to impressions; same trials, same sample.
        """
        if len(self.version) <= most:
            return self
        converted = self.conversions > 0
        if (left := most - int(converted.sum())) < most // 2:  # then conversions are no rare events
            left, converted = most, np.zeros_like(converted)
        worth = np.where(converted, 0.0, self.impressions)
        keep = np.minimum(worth * left / max(float(worth.sum()), 1e-300), 1.0)
        keep[converted] = 1.0
        kept = np.random.default_rng(len(self.version)).random(len(keep)) < keep
        return type(self)(
            self.x,
            self.versions,
            self.version[kept],
            self.cell[kept],
            self.impressions[kept] / keep[kept],
            self.conversions[kept] / keep[kept],
        )


def _expit(logit: Array) -> Array:
    p: Array = 1 / (1 + np.exp(-np.clip(logit, -40, 40)))
    return p
