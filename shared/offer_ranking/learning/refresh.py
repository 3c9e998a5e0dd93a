"""From hints to snapshots: objects are counted, what they count as is merged into their datasets, models are fitted.

Every hint may come twice, late or for nothing. One that fails is given back alone, and the others of its batch are
done with.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.catalog.lifecycle import Status
from offer_ranking.catalog.model import Model
from offer_ranking.counting.hint import Fit, Hint, LookAt, Merge, Sweep
from offer_ranking.counting.ledger import Reading, State
from offer_ranking.counting.protocol import Counting, Place
from offer_ranking.learning.training import LEAST_BETWEEN_FITS, Outcome, Trainer

logger = logging.getLogger(__name__)


class KnownDatasets(Protocol):
    """Where datasets are read."""

    def get(self, dataset_id: str) -> Dataset: ...

    def all(self) -> list[Dataset]: ...

    def holding(self, bucket: str, key: str) -> Dataset | None: ...

    def discovered(self, dataset_id: str) -> None: ...


class KnownModels(Protocol):
    """Where models are read."""

    def all(self) -> list[Model]: ...


class Hints(Protocol):
    """Where hints are sent."""

    def look_at(self, bucket: str, keys: Iterable[str]) -> None: ...

    def sweep(self, dataset_id: str, after: str | None = None) -> None: ...

    def merge(self, dataset_id: str) -> None: ...

    def fit(self, model_id: str, *, window_moved: bool = False, delay: timedelta = ...) -> None: ...


@dataclass(frozen=True, slots=True)
class Refresh:
    """The refresh over its ports. `tell` hears what became of an object or a model: (what happened, of what)."""

    counting: Counting
    trainer: Trainer
    datasets: KnownDatasets
    models: KnownModels
    hints: Hints
    now: Callable[[], datetime]
    tell: Callable[[str, dict[str, str]], None] = lambda _what, _of: None

    def handle(
        self, messages: Iterable[tuple[str, Hint]], request_id: str = "", has_time: Callable[[], bool] = lambda: True
    ) -> list[str]:
        """Follow the hints of one batch, (message id, hint); ids of the messages to be given again.

        Objects are counted one by one and merged once a dataset, a model is fitted once. One object at least is
        counted or one page swept, one dataset merged, one model fitted, and more while `has_time`; the others are
        hinted at anew.
        """
        batch = _Batch(self, request_id, has_time)
        for message_id, hint in messages:
            batch.take(message_id, hint)
        batch.finish()
        return batch.failed

    def hourly(self) -> None:
        """Windows move although no event comes; and what a lost hint left behind is taken up again."""
        for dataset in self.datasets.all():
            if not dataset.discovered:
                self.hints.sweep(dataset.id)
            elif self.counting.ledger.dirty(dataset.id, 1):
                self.hints.merge(dataset.id)
        for model in self.models.all():
            if model.status is Status.LIVE:
                self.hints.fit(model.id, window_moved=True)

    def sweep(self) -> None:
        """Compare all that lies in S3 with all that is known of it, page by page, and clear up."""
        for dataset in self.datasets.all():
            self.hints.sweep(dataset.id)

    def count_all(
        self, dataset_id: str, objects: Sequence[tuple[str, str]], has_time: Callable[[], bool] = lambda: True
    ) -> Counted:
        """Count those of some objects (whole key, version) that the ledger does not know so, and merge them.

        One at least is counted, and more while `has_time`; the others are left. Raises NotFoundError, and whatever
        kept an object from being counted: then all of them may be given again.
        """
        dataset = self.datasets.get(dataset_id)
        places = {Place.of(dataset, key): version for key, version in objects if dataset.holds(dataset.bucket, key)}
        new = self.counting.unknown(dataset_id, places)
        counted: list[str] = []
        bad = 0
        for place in new:
            if counted and not has_time():
                break
            bad += self._count(place).state is State.BAD
            counted.append(place.key)
        self._merge(dataset_id, counted)
        left = [place.key for place in new[len(counted) :]]
        return Counted(_whole(dataset, counted), _whole(dataset, left), bad)

    def _count(self, place: Place) -> Reading:
        known = self.counting.known(place)
        reading = self.counting.count(place)
        of = {"dataset_id": place.dataset_id, "state": reading.state.value, "reason": reading.reason or ""}
        self.tell("counted", of)
        # Every sweep looks again at what is archived: told each time, its alarm would never say anything else.
        if reading.state is State.BAD and not reading.is_as(known):
            self.tell("set aside", of)
        return reading

    def _merge(self, dataset_id: str, keys: Sequence[str]) -> None:
        """Bring the dataset's counts up to date, and have the models that learn from it fitted."""
        self.counting.merge(dataset_id, keys)
        # Also when this merge changed nothing: whoever merged these objects may have ended before it came here.
        try:
            dataset = self.datasets.get(dataset_id)
        except NotFoundError:
            return  # deleted meanwhile
        for model_id in sorted(dataset.used_by):
            self.hints.fit(model_id)

    def _fit(self, model_id: str, request_id: str, *, window_moved: bool) -> None:
        try:
            outcome = self.trainer.train(model_id, now=self.now(), request_id=request_id, window_moved=window_moved)
        except NotFoundError:
            return  # deleted meanwhile
        if outcome is Outcome.TOO_SOON:
            self.hints.fit(model_id, window_moved=window_moved, delay=LEAST_BETWEEN_FITS)
        self.tell("fitted", {"model_id": model_id, "outcome": outcome})

    def _sweep(self, hint: Sweep) -> None:
        """Hint at what differs on one page; the message that goes on is sent before this one is done with."""
        try:
            dataset = self.datasets.get(hint.dataset_id)
        except NotFoundError:
            return  # deleted meanwhile
        swept = self.counting.sweep(dataset, hint.after)
        self.hints.look_at(dataset.bucket, swept.keys)
        if swept.after is not None:
            self.hints.sweep(dataset.id, swept.after)
            return
        self.datasets.discovered(dataset.id)
        self.counting.tidy(dataset.id)


@dataclass(frozen=True, slots=True)
class Counted:
    """Whole keys of the objects that were read and of those for which there was no time; how many could not be read."""

    keys: tuple[str, ...]
    left: tuple[str, ...]
    bad: int


def _whole(dataset: Dataset, keys: Iterable[str]) -> tuple[str, ...]:
    return tuple(dataset.prefix + key for key in keys)


@dataclass(slots=True)
class _Batch:
    """The messages of one batch."""

    refresh: Refresh
    request_id: str
    has_time: Callable[[], bool]
    failed: list[str] = field(default_factory=list)
    _looked_at: defaultdict[str, defaultdict[str, list[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(list))
    )
    _to_fit: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _window_moved: set[str] = field(default_factory=set)
    _begun: int = 0  # objects and pages of sweeps

    def take(self, message_id: str, hint: Hint) -> None:
        match hint:
            case LookAt(bucket, key):
                self._try([message_id], partial(self._look_at, message_id, bucket, key))
            case Sweep(dataset_id, after):
                step = partial(self.refresh._sweep, hint)  # noqa: SLF001 - one thing in two parts
                if not self._begins():
                    step = partial(self.refresh.hints.sweep, dataset_id, after)
                self._try([message_id], step)
            case Merge(dataset_id):
                self._looked_at[dataset_id][""].append(message_id)
            case Fit(model_id, window_moved):
                self._to_fit[model_id].append(message_id)
                self._window_moved |= {model_id} if window_moved else set()

    def finish(self) -> None:
        """What is done once for many messages."""
        for n, (dataset_id, by_key) in enumerate(self._looked_at.items()):
            message_ids = [one for some in by_key.values() for one in some]
            keys = [key for key in by_key if key]
            merge = partial(self.refresh._merge, dataset_id, keys)  # noqa: SLF001
            if n and not self.has_time():
                merge = partial(self.refresh.hints.merge, dataset_id)  # its rows stay dirty: no object need be named
            self._try(message_ids, merge)
        for n, (model_id, message_ids) in enumerate(self._to_fit.items()):
            moved = model_id in self._window_moved
            fit = partial(self.refresh._fit, model_id, self.request_id, window_moved=moved)  # noqa: SLF001
            if n and not self.has_time():
                fit = partial(self.refresh.hints.fit, model_id, window_moved=moved)
            self._try(message_ids, fit)

    def _try(self, message_ids: list[str], step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # whatever it was, only these messages come again
            logger.exception("message failed", extra={"message_ids": message_ids})
            self.refresh.tell("failed", {"error": type(error).__name__})
            self.failed += message_ids

    def _look_at(self, message_id: str, bucket: str, key: str) -> None:
        dataset = self.refresh.datasets.holding(bucket, key)
        if dataset is None:
            return
        if not self._begins():
            self.refresh.hints.look_at(bucket, [key])
            return
        place = Place.of(dataset, key)
        self.refresh._count(place)  # noqa: SLF001
        self._looked_at[dataset.id][place.key].append(message_id)

    def _begins(self) -> bool:
        """Whether one more object, or page of a sweep, is begun; the first always is."""
        # A batch that outlasts its call comes again as a whole, minutes later, and is set aside after five such calls.
        if self._begun and not self.has_time():
            return False
        self._begun += 1
        return True
