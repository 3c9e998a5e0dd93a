"""What the adapters of definitions promise, whatever AWS they run on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.dataset import Dataset, DatasetEdit, NewDataset, define_dataset, edit_dataset
from offer_ranking.catalog.errors import (
    InUseError,
    NameTakenError,
    NotFoundError,
    OverlapError,
    StaleEditError,
    UnsuitableError,
)
from offer_ranking.catalog.lifecycle import Action
from offer_ranking.catalog.model import (
    Model,
    ModelEdit,
    ModelType,
    NewModel,
    SnapshotPointer,
    Training,
    TrainingStatus,
    define_model,
    edit_model,
    move_model,
)
from offer_ranking.catalog.once import AlreadyDoneError, Once
from offer_ranking.catalog.settings import Settings
from offer_ranking.storage.creates import Creates
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.models import Models

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
Client = Callable[[str], Any]


def change(action: str, version: int) -> Change:
    return Change(action=action, who="ada", at=NOW, version=version, before=None, after=None)


def dataset(id_: str = "d", name: str | None = None, **place: str) -> Dataset:
    new = NewDataset(name=name or id_, schema_="experience-event-proposition-interactions", **place)
    return define_dataset(new, id=id_, now=NOW, managed_bucket="datasets", buckets=frozenset({"datasets"}))


def model(id_: str = "m", name: str | None = None, dataset_ids: tuple[str, ...] = ("d",)) -> Model:
    new = NewModel(name=name or id_, type=ModelType.AUTO_OPTIMIZATION, dataset_ids=dataset_ids)
    return define_model(new, id=id_, now=NOW)


@pytest.fixture
def datasets(client: Client) -> Datasets:
    store = Datasets(client("dynamodb"), "Catalog")
    store.create(dataset(), change("create", 1), None)
    return store


@pytest.fixture
def models(client: Client, datasets: Datasets) -> Models:  # noqa: ARG001 - models need a dataset
    return Models(client("dynamodb"), "Catalog")


def pointer(version: int) -> SnapshotPointer:
    return SnapshotPointer(version=version, as_of=NOW, key="k", sha256="h", trained_on={"d": 1}, settings=Settings())


def test_what_was_created_is_read_back(models: Models, datasets: Datasets) -> None:
    models.create(model(), change("create", 1), None)
    assert models.get("m") == model()
    assert datasets.get("d") == dataset().model_copy(update={"used_by": frozenset({"m"})})
    assert [one.id for one in models.all()] == ["m"]
    assert [one.action for one in models.changes("m")] == ["create"]


def test_what_is_not_there_is_not_found(models: Models, datasets: Datasets) -> None:
    for read in (models.get, datasets.get):
        with pytest.raises(NotFoundError):
            read("missing")


def test_a_name_belongs_to_one_model_whatever_its_case(models: Models) -> None:
    models.create(model("a", "Hero"), change("create", 1), None)
    with pytest.raises(NameTakenError):
        models.create(model("b", "HERO"), change("create", 1), None)
    assert [one.id for one in models.all()] == ["a"]


def test_of_32_racing_creates_of_one_name_one_wins_and_the_others_leave_no_trace(
    client: Client, models: Models, request: pytest.FixtureRequest
) -> None:
    if "in process" in request.node.name:  # moto's transactions are not isolated between threads
        attempts = [_try_create(models, n) for n in range(32)]
    else:
        with ThreadPoolExecutor(32) as pool:
            attempts = list(pool.map(lambda n: _try_create(models, n), range(32)))
    assert sorted(attempts) == ["NameTakenError"] * 31 + ["created"]
    assert len(models.all()) == 1
    used_by = Datasets(client("dynamodb"), "Catalog").get("d").used_by
    assert used_by == {models.all()[0].id}


def _try_create(models: Models, n: int) -> str:
    try:
        models.create(model(f"m{n}", "the one"), change("create", 1), None)
    except NameTakenError as error:
        return type(error).__name__
    return "created"


def test_an_edit_of_an_old_version_is_stale(models: Models) -> None:
    first = model()
    models.create(first, change("create", 1), None)
    second = edit_model(first, ModelEdit(name="second"), now=NOW)
    models.save(first, second, change("edit", 2))
    assert models.get("m") == second
    with pytest.raises(StaleEditError):
        models.save(first, edit_model(first, ModelEdit(name="third"), now=NOW), change("edit", 2))
    models.create(model("n", "m"), change("create", 1), None)  # the old name is free


def test_an_edit_and_a_fit_do_not_overwrite_each_other(models: Models) -> None:
    first = move_model(model(), Action.ACTIVATE, now=NOW)
    models.create(first, change("create", 1), None)
    trained = Training(status=TrainingStatus.SUCCESS, at=NOW)
    assert models.publish("m", pointer(1), trained)
    models.save(first, edit_model(first, ModelEdit(name="renamed"), now=NOW), change("edit", 2))
    after = models.get("m")
    assert (after.name, after.snapshot, after.training) == ("renamed", pointer(1), trained)


def test_a_snapshot_pointer_moves_one_version_at_a_time(models: Models) -> None:
    models.create(model(), change("create", 1), None)
    trained = Training(status=TrainingStatus.SUCCESS, at=NOW)
    moved = [models.publish("m", pointer(version), trained) for version in (2, 1, 1, 3, 2)]
    assert moved == [False, True, False, False, True]
    assert not models.publish("missing", pointer(1), trained)


def test_how_a_fit_ended_is_written_unless_another_has_published_meanwhile(models: Models) -> None:
    models.create(model(), change("create", 1), None)
    failed = Training(status=TrainingStatus.FAILED, at=NOW)
    read = models.get("m")
    assert models.trained(read, failed)
    assert models.get("m").training == failed
    trained = Training(status=TrainingStatus.SUCCESS, at=NOW)
    assert models.publish("m", pointer(1), trained)
    assert not models.trained(read, failed)
    assert models.get("m").training == trained
    assert models.trained(models.get("m"), failed)
    assert not models.trained(model("nobody", "missing"), failed)


def test_a_deleted_model_is_gone_with_its_name_and_its_hold_on_the_dataset(models: Models, datasets: Datasets) -> None:
    models.create(model(), change("create", 1), None)
    models.delete(model(), change("delete", 2))
    assert models.all() == []
    assert datasets.get("d").used_by == frozenset()
    assert [one.action for one in models.changes("m")] == ["create", "delete"]
    models.create(model("other", "m"), change("create", 1), None)


def test_a_model_cannot_hold_a_dataset_that_is_gone_or_does_not_qualify(models: Models, datasets: Datasets) -> None:
    with pytest.raises(UnsuitableError):
        models.create(model(dataset_ids=("missing",)), change("create", 1), None)
    plain = edit_dataset(dataset(), DatasetEdit(schema_={"allOf": []}), now=NOW)
    datasets.save(dataset(), plain, change("edit", 2))
    with pytest.raises(UnsuitableError):
        models.create(model(), change("create", 1), None)


def test_a_dataset_in_use_keeps_its_field_group_and_stays(models: Models, datasets: Datasets) -> None:
    models.create(model(), change("create", 1), None)
    plain = edit_dataset(dataset(), DatasetEdit(schema_={"allOf": []}), now=NOW)
    with pytest.raises(InUseError) as refused:
        datasets.save(dataset(), plain, change("edit", 2))
    assert refused.value.used_by == ("m",)
    with pytest.raises(InUseError):
        datasets.delete(dataset(), change("delete", 2))


def test_prefixes_of_a_bucket_never_overlap(datasets: Datasets) -> None:
    for overlapping in ("datasets/", "datasets/d/", "datasets/d/2026/"):
        with pytest.raises(OverlapError):
            datasets.create(dataset("x", bucket="datasets", prefix=overlapping), change("create", 1), None)
    datasets.create(dataset("y", bucket="datasets", prefix="datasets/d2/"), change("create", 1), None)
    assert datasets.holding("datasets", "datasets/d2/a.json") == datasets.get("y")
    assert datasets.holding("datasets", "datasets/d/a.json") == datasets.get("d")
    for outside in ("datasets/d", "datasets/d/", "else/a.json", "datasets/d3/a.json"):
        assert datasets.holding("datasets", outside) is None
    assert datasets.holding("nobodys", "datasets/d/a.json") is None


def test_racing_creates_of_many_datasets_all_find_their_place(client: Client, request: pytest.FixtureRequest) -> None:
    store = Datasets(client("dynamodb"), "Catalog")
    names = [f"d{n}" for n in range(16)]
    workers = 1 if "in process" in request.node.name else 8
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(lambda name: store.create(dataset(name), change("create", 1), None), names))
    assert sorted(one.id for one in store.all()) == sorted(names)
    assert all(store.holding("datasets", f"datasets/{name}/x") for name in names)


def test_a_create_is_remembered_in_its_own_transaction_for_a_day(client: Client, models: Models) -> None:
    creates = Creates(client("dynamodb"), "Catalog")
    once = Once("key", "hash", "answer", NOW)
    models.create(model(), change("create", 1), once)
    assert creates.remembered("key", NOW + timedelta(hours=23)) == ("hash", "answer")
    assert creates.remembered("key", NOW + timedelta(hours=25)) is None
    assert creates.remembered("other", NOW) is None
    with pytest.raises(AlreadyDoneError):
        models.create(model("n"), change("create", 1), once)
    later = Once("key", "hash2", "answer2", NOW + timedelta(hours=25))
    models.create(model("n"), change("create", 1), later)
    assert creates.remembered("key", NOW + timedelta(hours=26)) == ("hash2", "answer2")


def test_a_refused_create_remembers_nothing(client: Client, models: Models) -> None:
    models.create(model(), change("create", 1), None)
    with pytest.raises(NameTakenError):
        models.create(model("n", "m"), change("create", 1), Once("key", "hash", "answer", NOW))
    assert Creates(client("dynamodb"), "Catalog").remembered("key", NOW) is None
