"""Hints that something may be to do. All may come twice, late, or for nothing; none is needed but for speed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LookAt:
    """An object may have changed. `key` is the whole one."""

    bucket: str
    key: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """What lies in a dataset may differ from what its ledger knows; `after` is the last key already compared."""

    dataset_id: str
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """The ledger of a dataset may hold what its aggregate does not."""

    dataset_id: str


@dataclass(frozen=True, slots=True)
class Fit:
    """A model may have something to learn; `window_moved` when no event need be new for that."""

    model_id: str
    window_moved: bool = False


Hint = LookAt | Sweep | Merge | Fit
