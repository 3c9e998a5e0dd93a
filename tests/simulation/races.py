"""`python -m tests.simulation.races`: many writers at once on everything that is written on a condition.

Over a real server, since moto's transactions are not isolated from each other. A write that was told to have happened
must be found in what is there afterwards, and what is there must be one write after the other.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import boto3
import httpx
from botocore.config import Config

from infra.local.emulator import Emulator
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
from offer_ranking.collecting.caps import Interact, Limits
from offer_ranking.counting.aggregate import Pointer
from offer_ranking.counting.ledger import Reading, State
from offer_ranking.storage import catalog_items
from offer_ranking.storage.caps import DynamoCaps
from offer_ranking.storage.creates import Creates
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.datastreams import Datastreams
from offer_ranking.storage.decisions import Decisions
from offer_ranking.storage.definitions import Definitions
from offer_ranking.storage.ledger import DynamoLedger
from offer_ranking.storage.models import Models
from offer_ranking.storage.snapshots import S3Snapshots
from offer_ranking.storage.token_keys import ContendedError, KeyRing
from tests.support.aws import create_storage, set_environment
from tests.support.decisions import a_datastream, a_decision
from tests.support.learned import fitted, shown

NOW = datetime(2026, 9, 21, tzinfo=UTC)
_SCHEMA = "experience-event-proposition-interactions"
T = TypeVar("T")


@dataclass(frozen=True)
class Field:
    """Where a race is run, and by how many, each of whom tries so often."""

    dynamodb: Any
    s3: Any
    writers: int
    writes: int

    @property
    def tries(self) -> int:
        return self.writers * self.writes

    def race(self, attempt: Callable[[int, int], T | None]) -> list[T]:
        """What came of the attempts that were told to have happened; the others gave None."""
        start = threading.Barrier(self.writers)

        def run(writer: int) -> list[T]:
            start.wait()
            found = (attempt(writer, n) for n in range(self.writes))
            return [one for one in found if one is not None]

        with ThreadPoolExecutor(self.writers) as pool:
            return [one for won in pool.map(run, range(self.writers)) for one in won]


# ---- The catalog ----------------------------------------------------------------------------------------------------


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


_EDITS: dict[str, tuple[type[Definitions[Any]], Callable[[], Any], Callable[[Any, str], Any]]] = {
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
    make, new, edit = _EDITS[kind]
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
    history = store.history("x")
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
    model, history = models.get("x"), models.history("x")
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


# ---- Counts and what is learned -------------------------------------------------------------------------------------


def ledger_rows(field: Field) -> int:
    """One object is read by all: numbers are drawn once, and the last one drawn has the last word."""
    ledger = DynamoLedger(field.dynamodb, "Ledger")

    def attempt(writer: int, n: int) -> dict[int, str]:
        early, late = (ledger.next_generation("d", "k") for _ in range(2))
        said = {late: f"{writer} {n} late", early: f"{writer} {n} early"}  # who began first comes last
        for generation, what in said.items():
            ledger.settle("d", "k", generation, Reading(State.LIVE, "v", what))
        return said

    won = [one for said in field.race(attempt) for one in said.items()]
    assert sorted(generation for generation, _ in won) == list(range(1, 2 * field.tries + 1))
    (row,) = ledger.rows("d", ["k"])
    assert row.counted == dict(won)[2 * field.tries]
    return len(won) // 2


def aggregate(field: Field) -> int:
    """All merge the same row, which some of them change: the pointer takes one step at a time."""
    ledger = DynamoLedger(field.dynamodb, "Ledger")
    ledger.settle("d", "k", ledger.next_generation("d", "k"), Reading(State.LIVE, "v", "first"))

    def attempt(writer: int, n: int) -> tuple[int, str, str | None] | None:
        said = f"{writer} {n}"
        if writer % 8 == 0:
            ledger.settle("d", "k", ledger.next_generation("d", "k"), Reading(State.LIVE, "v", said))
        before, rows = ledger.pointer("d"), ledger.rows("d", ["k"])
        after = Pointer("d", before.generation + 1, said)
        return (after.generation, said, rows[0].counted) if ledger.advance(before, after, rows) else None

    won = {generation: (said, counted) for generation, said, counted in field.race(attempt)}
    assert sorted(won) == list(range(1, len(won) + 1))
    (row,) = ledger.rows("d", ["k"])
    assert (ledger.pointer("d").name, row.applied) == won[len(won)]
    assert bool(ledger.dirty("d", 9)) == (row.counted != row.applied)
    return len(won)


def snapshots(field: Field) -> int:
    """Each version is put by all, each with other content: the first one stays."""
    store = S3Snapshots(field.s3, "state")
    learned = [fitted(shown({"a": (100 + writer, 1), "b": (100, 1)})) for writer in range(field.writers)]

    def attempt(writer: int, n: int) -> tuple[int, int] | None:
        pointer, is_ours = store.put(replace(learned[writer], version=n + 1))
        assert store.get(pointer).version == n + 1
        return (n + 1, writer) if is_ours else None

    won = field.race(attempt)
    assert sorted(version for version, _ in won) == list(range(1, field.writes + 1))
    for version, writer in won:
        assert store.version("m", version).impressions.tolist() == learned[writer].impressions.tolist()
    return len(won)


# ---- Keys and caps --------------------------------------------------------------------------------------------------


class _Noting:
    """A client that notes which key each rotation that was made came after."""

    def __init__(self, client: Any, noted: list[tuple[str, str]]) -> None:
        self._client, self._noted = client, noted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def update_item(self, **asked: Any) -> Any:
        answer = self._client.update_item(**asked)
        values = asked["ExpressionAttributeValues"]
        self._noted.append((values[":seen"]["S"], values[":id"]["S"]))
        return answer


def token_keys(field: Field) -> int:
    """All make the first key, and all rotate: each key has one successor."""
    noted: list[tuple[str, str]] = []
    ring = partial(KeyRing, _Noting(field.dynamodb, noted), "TokenKeys")

    def attempt(_: int, n: int) -> bool | None:
        if n == 0:
            ring().ensure()
        try:
            ring().rotate(force=True)
        except ContendedError:
            return None
        return True

    won = field.race(attempt)
    following = dict(noted)
    assert len(following) == len(noted) == len(won)
    (first,) = following.keys() - following.values()
    chain = list(_chain(first, following))
    assert len(chain) == len(won) + 1
    keys = KeyRing(field.dynamodb, "TokenKeys", clock=lambda: time.time() + 86_400).keys()
    assert keys is not None
    assert keys.other is not None
    assert [keys.other.id, keys.current.id] == chain[-2:]
    return len(won)


def _chain(first: str, following: dict[str, str]) -> Iterator[str]:
    one: str | None = first
    while one is not None:
        yield one
        one = following.get(one)


def caps(field: Field) -> int:
    """A visitor's interacts come to all at once: as many are admitted as there is room for."""
    limit = max(1, field.tries // 16)
    counters = DynamoCaps(field.dynamodb, "Caps", Limits(per_visitor=limit, per_source=field.tries))

    def attempt(writer: int, n: int) -> bool | None:
        return True if counters.admits(Interact("o", f"{writer} {n}", "v", "s"), now_ms=0) else None

    won = field.race(attempt)
    assert len(won) == limit
    return len(won)


RACES: dict[str, Callable[[Field], int]] = {
    **{f"edits of a {kind}": partial(edits, kind=kind) for kind in _EDITS},
    "steps, edits and fits of a model": lifecycle,
    "names, and pairs of activity and placement": names_and_pairs,
    "prefixes of a bucket": prefixes,
    "users of a dataset": users,
    "creates with a key": keyed_creates,
    "rows of the ledger": ledger_rows,
    "the pointer to the aggregate": aggregate,
    "snapshots": snapshots,
    "token keys": token_keys,
    "caps": caps,
}


def run(name: str, emulator: Emulator, writers: int, writes: int) -> int:
    """How many writes happened, of all that were tried. Raises AssertionError where one was lost."""
    httpx.post(f"{emulator.endpoint}/_ministack/reset", timeout=60).raise_for_status()
    place = {"endpoint_url": emulator.endpoint, "region_name": "us-east-1"}
    create_storage(**place)
    config = Config(
        max_pool_connections=writers, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 1}
    )
    clients = (boto3.client(service, config=config, **place) for service in ("dynamodb", "s3"))
    return RACES[name](Field(*clients, writers, writes))


def main() -> int:
    """0 when nothing was lost."""
    parser = argparse.ArgumentParser(prog="tests.simulation.races", description=__doc__)
    parser.add_argument("--writers", type=int, default=32)
    parser.add_argument("--writes", type=int, default=200)
    given = parser.parse_args()
    set_environment()
    with tempfile.TemporaryDirectory() as folder, Emulator.on(0, Path(folder) / "log") as emulator:
        for name in RACES:
            started = time.monotonic()
            won = run(name, emulator, given.writers, given.writes)
            took = time.monotonic() - started
            print(f"{name}: {won:,} of {given.writers * given.writes:,} happened, 0 lost, {took:.0f} s", flush=True)
    print("0 lost updates")
    return 0


if __name__ == "__main__":
    sys.exit(main())
