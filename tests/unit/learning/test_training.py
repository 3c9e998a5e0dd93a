"""The race for a version: two fits of one model, over stores in memory that keep the adapters' contracts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offer_ranking.catalog.lifecycle import Status
from offer_ranking.catalog.model import Model, SnapshotPointer, TrainingStatus
from offer_ranking.counting.aggregate import Aggregate, Day, Pointer
from offer_ranking.counting.counts import Counts
from offer_ranking.learning.snapshot import Snapshot
from offer_ranking.learning.training import FitRaceError, Outcome, Trainer
from tests.support.fakes import FakeFiles, FakeLedger, FakeModels, FakeSnapshots
from tests.support.learned import HOUR, a_model, personalized, shown

NOW = datetime.fromtimestamp(HOUR * 3600, UTC)
DAY = HOUR // 24


@dataclass
class InterruptedSnapshots(FakeSnapshots):
    """Lets another fit act just before a snapshot is written."""

    content: dict[tuple[str, int], Snapshot] = field(default_factory=dict)
    before: list[Callable[[], object]] = field(default_factory=list)

    def put(self, snapshot: Snapshot) -> tuple[SnapshotPointer, bool]:
        if self.before:
            self.before.pop(0)()
        return super().put(snapshot)


class World:
    """A live model over one dataset."""

    def __init__(self, model: Model | None = None) -> None:
        self.ledger, self.files = FakeLedger(), FakeFiles()
        self.models = FakeModels(model or a_model(settings={"window_days": None}))
        self.snapshots = InterruptedSnapshots()
        self.trainer = Trainer(self.models, self.ledger, self.files, self.snapshots)
        self.counts = Counts.zero()

    def land(self, counts: Counts) -> None:
        before = self.ledger.pointer("d")
        self.counts += counts
        generation = before.generation + 1
        day = self.files.put_day("d", DAY, generation, self.counts)
        name = self.files.put_aggregate("d", generation, Aggregate(days={DAY: Day(day)}))
        assert self.ledger.advance(before, Pointer("d", generation, name), [])

    def train(self, later: int = 0, **more: Any) -> Outcome:
        return self.trainer.train("m", now=NOW + timedelta(seconds=later), request_id="r", **more)

    @property
    def model(self) -> Model:
        return self.models.get("m")

    @property
    def published(self) -> Snapshot:
        assert self.model.snapshot is not None
        return self.snapshots.get(self.model.snapshot)


@pytest.fixture
def world() -> World:
    made = World()
    made.land(shown({"a": (100, 5), "b": (100, 3)}))
    return made


def test_a_fit_publishes_what_it_learned(world: World) -> None:
    assert world.train() is Outcome.PUBLISHED
    assert world.published.impressions.tolist() == [100, 100]
    assert world.published.trained_on == {"d": 1}
    assert world.model.training.status is TrainingStatus.SUCCESS


def test_what_was_learned_is_not_learned_again(world: World) -> None:
    world.train()
    assert world.train(60) is Outcome.NOTHING_NEW
    assert world.train(60, window_moved=True) is Outcome.PUBLISHED
    assert world.published.version == 2


@pytest.mark.parametrize(
    "edit",
    [
        {"settings": a_model(settings={"random_share": 0.2}).settings},
        {"audiences": ("gold",)},
        {"context_keys": ("device", "zone")},
    ],
)
def test_an_edit_of_what_a_model_looks_at_is_learned_without_new_events(edit: dict[str, Any]) -> None:
    world = World(personalized(settings={"window_days": None}))
    world.land(shown({"a": (100, 5)}))
    world.train()
    world.models.save(world.model.model_copy(update=edit))
    assert world.train(60) is Outcome.PUBLISHED
    assert world.published.version == 2
    assert (world.published.audiences, world.published.context_keys) == (
        world.model.audiences,
        world.model.context_keys,
    )
    assert world.train(120) is Outcome.NOTHING_NEW


def test_a_version_written_by_another_fit_is_published_as_it_is_and_learned_from_anew(world: World) -> None:
    # another fit wrote version 1, and died before it moved the pointer
    dead = World()
    dead.land(shown({"a": (7, 1)}))
    dead.train(-500)
    left = dead.published
    world.snapshots.content["m", 1] = left
    world.land(shown({"a": (11, 1)}))
    assert world.train() is Outcome.PUBLISHED
    assert world.snapshots.version("m", 1) is left
    assert world.published.version == 2
    assert world.published.impressions.tolist() == [111, 100]


def test_a_version_of_the_same_counts_is_published_and_says_all_there_is(world: World) -> None:
    dead = World()
    dead.land(shown({"a": (100, 5), "b": (100, 3)}))
    dead.train(-500)
    world.snapshots.content["m", 1] = dead.published
    assert world.train() is Outcome.NOTHING_NEW
    assert world.published is dead.published


def test_a_version_of_the_same_bytes_is_as_good_as_ours(world: World) -> None:
    world.train()
    world.models.save(world.model.model_copy(update={"snapshot": None}))
    assert world.train() is Outcome.PUBLISHED
    assert world.published.version == 1
    assert len(world.snapshots.content) == 1


def test_a_fit_that_is_overtaken_starts_over_from_the_newest(world: World) -> None:
    def other_fit() -> None:
        world.land(shown({"a": (1, 0)}))
        assert world.train(-60) is Outcome.PUBLISHED
        world.land(shown({"a": (1, 0)}))

    world.snapshots.before.append(other_fit)
    assert world.train() is Outcome.PUBLISHED
    assert world.published.version == 2
    assert world.published.impressions.tolist() == [102, 100]
    assert world.snapshots.version("m", 1).impressions.tolist() == [101, 100]


def test_no_version_has_two_contents_however_fits_race(world: World) -> None:
    seen: dict[int, bytes] = {}

    def other_fit() -> None:
        world.land(shown({"a": (1, 0)}))
        world.train(10 * len(seen) - 60)
        for (_, version), snapshot in world.snapshots.content.items():
            assert seen.setdefault(version, snapshot.to_bytes()) == snapshot.to_bytes()

    world.snapshots.before += [other_fit] * 3
    world.train()
    other_fit()
    assert len(seen) > 1


def test_a_fit_that_is_always_overtaken_is_given_again(world: World) -> None:
    def other_fit() -> None:
        assert world.model.snapshot is None or world.model.snapshot.version < 20
        following = (world.model.snapshot.version if world.model.snapshot else 0) + 1
        pointer = SnapshotPointer(
            version=following, as_of=NOW - timedelta(days=1), key=f"snapshots/m/{following:010d}", sha256="other",
            trained_on={}, settings=world.model.settings,
        )  # fmt: skip
        world.models.save(world.model.model_copy(update={"snapshot": pointer}))
        world.snapshots.before.append(other_fit)

    world.snapshots.before.append(other_fit)
    with pytest.raises(FitRaceError):
        world.train()


def test_without_events_the_training_failed_and_says_why() -> None:
    world = World()
    assert world.train() is Outcome.NOTHING_TO_LEARN
    assert world.model.training.error is not None
    assert world.model.training.error.reason == "no-events-in-dataset"
    assert world.snapshots.content == {}


def test_a_model_that_is_not_live_learns_nothing() -> None:
    world = World(a_model(status=Status.DRAFT))
    world.land(shown({"a": (100, 5)}))
    assert world.train() is Outcome.NOT_LIVE
