"""Races for definitions: their versions, names, places, users, and creates that are to happen once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.dataset import Dataset, DatasetEdit, NewDataset, define_dataset, edit_dataset
from offer_ranking.catalog.datastream import DatastreamEdit, edit_datastream
from offer_ranking.catalog.decision import DecisionEdit, edit_decision
from offer_ranking.catalog.errors import CatalogError, InUseError, UnsuitableError
from offer_ranking.catalog.lifecycle import Action
from offer_ranking.catalog.model import (
    Model,
    ModelEdit,
    ModelType,
    NewModel,
    SnapshotPointer,
    Training,
    define_model,
    edit_model,
    move_model,
)
from offer_ranking.catalog.once import AlreadyDoneError, Once
from offer_ranking.catalog.settings import Settings
from offer_ranking.storage import catalog_items
from offer_ranking.storage.creates import Creates
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.datastreams import Datastreams
from offer_ranking.storage.decisions import Decisions
from offer_ranking.storage.definitions import Definitions
from offer_ranking.storage.models import Models
from tests.simulation.races.field import Field
from tests.support.decisions import a_datastream, a_decision

NOW = datetime(2026, 9, 21, tzinfo=UTC)
_SCHEMA = "experience-event-proposition-interactions"


def _change(action: str, before: Any, after: Any) -> Change:
    version = after.version if after else before.version + 1
    told = {"before": before and before.json_ready(), "after": after and after.json_ready()}
    return Change(action=action, who="ada", at=NOW, version=version, **told)


def _dataset(id_: str = "d", **place: str) -> Dataset:
    new = NewDataset(name=id_, schema_=_SCHEMA, **place)
    return define_dataset(new, id=id_, now=NOW, managed_bucket="datasets", buckets=frozenset({"datasets"}))


def _model(id_: str = "m", name: str | None = None) -> Model:
    return define_model(
        NewModel(name=name or id_, type=ModelType.AUTO_OPTIMIZATION, dataset_ids=("d",)), id=id_, now=NOW
    )


def _create(store: Definitions[Any], *things: Any) -> None:
    for thing in things:
        store.create(thing, _change("create", None, thing), None)


def _saved(store: Definitions[Any], before: Any, after: Any, action: str = "edit") -> bool:
    try:
        store.save(before, after, _change(action, before, after))
    except CatalogError:
        return False
    return True


EDITS: dict[str, tuple[type[Definitions[Any]], Callable[[], Any], Callable[[Any, str], Any]]] = {
    "dataset": (Datasets, lambda: _dataset("x"), lambda one, to: edit_dataset(one, DatasetEdit(name=to), now=NOW)),
    "model": (Models, lambda: _model("x"), lambda one, to: edit_model(one, ModelEdit(name=to), now=NOW)),
    "decision": (
        Decisions,
        lambda: a_decision("x"),
        lambda one, to: edit_decision(one, DecisionEdit(name=to), now=NOW),
    ),
    "datastream": (
        Datastreams,
        lambda: a_datastream("x"),
        lambda one, to: edit_datastream(one, DatastreamEdit(name=to), now=NOW),
    ),
}


def edits(field: Field, kind: str) -> int:
    """One definition is edited by all."""
    make, new, edit = EDITS[kind]
    store = make(field.dynamodb, "Catalog")
    _create(Datasets(field.dynamodb, "Catalog"), _dataset())
    _create(store, new())

    def attempt(writer: int, n: int) -> tuple[int, str] | None:
        before = store.get("x")
        after = edit(before, f"{writer} {n}")
        return (after.version, after.name) if _saved(store, before, after) else None

    won = field.race(attempt)
    _check_told(store, won)
    return len(won)


def _check_told(store: Definitions[Any], won: list[tuple[int, str]]) -> None:
    """Each version is one writer's, begins where the one before ended, and the last one stands."""
    history = list(store.changes("x"))
    assert sorted(won) == [(change.version, change.after["name"]) for change in history[1:] if change.after]
    for before, after in pairwise(history):
        assert after.before == before.after
    assert store.get("x").json_ready() == history[-1].after
    assert _names(store) == {one.id: one.name for one in store.all()}


def _names(store: Definitions[Any]) -> dict[str, str]:
    """The names that are held, and by whom."""
    held = catalog_items.all_of(store._client, "Catalog", f"name#{store.noun}")
    things = {thing.id: thing.name for thing in store.all()}
    keys = {catalog_items.name_key(store.noun, name)["sk"]["S"]: name for name in things.values()}
    assert len(held) == len(things)
    return {item["id"]["S"]: keys[item["sk"]["S"]] for item in held}


def lifecycle(field: Field) -> int:
    """Some activate, some deactivate, some publish what was learned, some edit: none undoes what another did."""
    models = Models(field.dynamodb, "Catalog")
    _create(Datasets(field.dynamodb, "Catalog"), _dataset())
    _create(models, _model("x"))

    def attempt(writer: int, n: int) -> tuple[str, int, str] | None:
        before, said = models.get("x"), f"{writer} {n}"
        if writer % 4 == 0:
            version = (before.snapshot.version if before.snapshot else 0) + 1
            pointer = SnapshotPointer(
                version=version, as_of=NOW, key=said, sha256="h", trained_on={}, settings=Settings()
            )
            return ("publish", version, said) if models.publish("x", pointer, Training(at=NOW)) else None
        try:
            after = (
                edit_model(before, ModelEdit(description=said), now=NOW)
                if writer % 4 == 1
                else move_model(before, Action.ACTIVATE if writer % 4 == 2 else Action.DEACTIVATE, now=NOW)
            )
        except CatalogError:
            return None
        return ("change", after.version, said) if _saved(models, before, after) else None

    won = field.race(attempt)
    model, history = models.get("x"), list(models.changes("x"))
    changes = [change for change in won if change[0] == "change"]
    assert sorted(version for _, version, _ in changes) == [change.version for change in history[1:]]
    statuses = [change.after["status"] for change in history if change.after]
    described = [change.after["description"] for change in history if change.after]
    for n, (before, after) in enumerate(pairwise(statuses)):
        assert (before != after) != (described[n] != described[n + 1]), "each change is a step or an edit"
    assert (model.status, model.description) == (statuses[-1], described[-1])
    published = {version: said for kind, version, said in won if kind == "publish"}
    assert sorted(published) == list(range(1, len(published) + 1))
    assert len(changes) + len(published) == len(won)
    assert model.snapshot is not None
    assert (model.snapshot.version, model.snapshot.key) == (len(published), published[len(published)])
    return len(won)


def names_and_pairs(field: Field) -> int:
    """Each has a decision, and all want the same four names and pairs."""
    decisions = Decisions(field.dynamodb, "Catalog")
    _create(decisions, *(a_decision(f"x{writer}") for writer in range(field.writers)))

    def attempt(writer: int, n: int) -> bool | None:
        before, wanted = decisions.get(f"x{writer}"), (writer + n) % 5
        edit = DecisionEdit(name=f"n{wanted}", activity_id=f"a{(wanted + n) % 4}", placement_id="p")
        if wanted == 4:  # gives up what it has
            edit = DecisionEdit(name=before.id, activity_id=None, placement_id=None)
        after = edit_decision(before, edit, now=NOW)
        return True if after is not before and _saved(decisions, before, after) else None

    won = field.race(attempt)
    found = decisions.all()
    assert _names(decisions) == {one.id: one.name for one in found}
    assert len({one.name for one in found}) == field.writers
    claims = [item["id"]["S"] for item in catalog_items.all_of(field.dynamodb, "Catalog", "scope")]
    assert sorted(claims) == sorted(one.id for one in found if one.scope)
    assert max(Counter(one.scope for one in found if one.scope).values(), default=1) == 1
    assert sum(one.version - 1 for one in found) == len(won)
    return len(won)


def prefixes(field: Field) -> int:
    """All want one of three places, two of which overlap, and give them back."""
    datasets = Datasets(field.dynamodb, "Catalog")
    places, held = ("a/", "a/b/", "b/"), set()

    def attempt(writer: int, n: int) -> str | None:
        id_ = f"x{writer}"
        try:
            if id_ in held:
                old = datasets.get(id_)
                datasets.delete(old, _change("delete", old, None))
                held.discard(id_)
            else:
                _create(datasets, _dataset(id_, bucket="datasets", prefix=places[(writer + n) % 3]))
                held.add(id_)
        except CatalogError:
            return None
        return id_

    won = field.race(attempt)
    found = {one.prefix: one.id for one in datasets.all()}
    assert set(found.values()) == held
    assert datasets._prefixes("datasets").owners == found
    assert not {"a/", "a/b/"} <= found.keys()
    return len(won)


def users(field: Field) -> int:
    """Half create models of a dataset, and delete them; half delete the dataset, and create it: none dangles."""
    datasets, models = Datasets(field.dynamodb, "Catalog"), Models(field.dynamodb, "Catalog")
    _create(datasets, _dataset())
    mine: set[str] = set()

    def attempt(writer: int, _: int) -> bool | None:
        id_ = f"x{writer}"
        try:
            if writer % 2:
                found = datasets.some(["d"])
                if not found:
                    _create(datasets, _dataset())
                else:
                    datasets.delete(found["d"], _change("delete", found["d"], None))
            elif id_ in mine:
                old = models.get(id_)
                models.delete(old, _change("delete", old, None))
                mine.discard(id_)
            else:
                _create(models, _model(id_))
                mine.add(id_)
        except (CatalogError, InUseError, UnsuitableError):
            return None
        return True

    won = field.race(attempt)
    found = datasets.some(["d"])
    assert {one.id for one in models.all()} == mine
    assert mine == (found["d"].used_by if found else set())
    return len(won)


def keyed_creates(field: Field) -> int:
    """Each round all send one create with one Idempotency-Key: it happens once, and its answer is remembered."""
    models, creates = Models(field.dynamodb, "Catalog"), Creates(field.dynamodb, "Catalog")
    _create(Datasets(field.dynamodb, "Catalog"), _dataset())

    def attempt(writer: int, n: int) -> tuple[str, str] | None:
        new = _model(f"x{writer} {n}", name=f"m{n}")
        try:
            models.create(new, _change("create", None, new), Once(f"k{n}", "h", new.id, NOW))
        except (AlreadyDoneError, CatalogError):
            return None
        return f"k{n}", new.id

    won = field.race(attempt)
    assert sorted(key for key, _ in won) == sorted(f"k{n}" for n in range(field.writes))
    assert {one.id for one in models.all()} == {id_ for _, id_ in won}
    assert all(creates.remembered(key, NOW) == ("h", id_) for key, id_ in won)
    return len(won)
