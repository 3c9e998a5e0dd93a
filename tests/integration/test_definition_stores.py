"""What the adapters of decisions and datastreams promise, whatever AWS they run on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.dataset import DatasetEdit, edit_dataset
from offer_ranking.catalog.datastream import DatastreamEdit, edit_datastream
from offer_ranking.catalog.decision import MOST_BYTES, Decision, DecisionEdit, Scope, edit_decision
from offer_ranking.catalog.errors import (
    InUseError,
    NameTakenError,
    NotFoundError,
    ScopeTakenError,
    StaleEditError,
    UnsuitableError,
)
from offer_ranking.catalog.lifecycle import Action
from offer_ranking.catalog.model import move_model
from offer_ranking.catalog.once import AlreadyDoneError, Once
from offer_ranking.http.definitions import shown
from offer_ranking.storage.creates import Creates
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.datastreams import Datastreams
from offer_ranking.storage.decisions import Decisions
from offer_ranking.storage.models import Models
from tests.integration.test_catalog_stores import NOW, change, dataset, model
from tests.support.decisions import a_datastream, a_decision, an_offer

Client = Callable[[str], Any]
PAIR = {"activity_id": "xcore:offer-activity:1", "placement_id": "xcore:offer-placement:1"}
ITEM_BYTES = 400 * 1024


@pytest.fixture
def datasets(client: Client) -> Datasets:
    store = Datasets(client("dynamodb"), "Catalog")
    store.create(dataset(), change("create", 1), None)
    return store


@pytest.fixture
def models(client: Client, datasets: Datasets) -> Models:  # noqa: ARG001 - models need a dataset
    store = Models(client("dynamodb"), "Catalog")
    store.create(model(), change("create", 1), None)
    return store


@pytest.fixture
def decisions(client: Client, models: Models) -> Decisions:  # noqa: ARG001 - decisions may need a model
    return Decisions(client("dynamodb"), "Catalog")


@pytest.fixture
def datastreams(client: Client) -> Datastreams:
    return Datastreams(client("dynamodb"), "Catalog")


def create(store: Decisions, decision: Decision) -> Decision:
    store.create(decision, change("create", 1), None)
    return decision


def test_what_was_created_is_read_back(decisions: Decisions, datastreams: Datastreams) -> None:
    decision = create(decisions, a_decision(**PAIR, model_id="m", surface="web://x/y"))
    assert decisions.get("s") == decision
    datastream = a_datastream(decision_ids=("s",), origins=("https://shop.example",))
    datastreams.create(datastream, change("create", 1), None)
    assert datastreams.get("w") == datastream
    assert decisions.get("s").used_by == {"w"}
    assert ([one.id for one in decisions.all()], [one.id for one in datastreams.all()]) == (["s"], ["w"])
    assert [one.action for one in decisions.changes("s")] == ["create"]


def test_what_is_not_there_is_not_found(decisions: Decisions, datastreams: Datastreams) -> None:
    for read in (decisions.get, datastreams.get):
        with pytest.raises(NotFoundError):
            read("missing")


def test_names_and_pairs_belong_to_one_decision(decisions: Decisions) -> None:
    create(decisions, a_decision("a", name="Hero", **PAIR))
    with pytest.raises(NameTakenError):
        create(decisions, a_decision("b", name="HERO"))
    with pytest.raises(ScopeTakenError):
        create(decisions, a_decision("b", **PAIR))
    create(decisions, a_decision("b", **PAIR | {"placement_id": "xcore:offer-placement:2"}))
    create(decisions, a_decision("c", **PAIR | {"activity_id": "xcore:offer-activity:2"}))
    create(decisions, a_decision("d"))
    create(decisions, a_decision("e"))
    assert {one.id for one in decisions.all()} == {"a", "b", "c", "d", "e"}


@pytest.mark.parametrize(
    ("fields", "refused"), [({"name": "the one"}, "NameTakenError"), (PAIR, "ScopeTakenError")], ids=["name", "pair"]
)
def test_of_32_racing_creates_of_one_name_or_pair_one_wins_and_the_others_leave_no_trace(
    decisions: Decisions, models: Models, request: pytest.FixtureRequest, fields: dict[str, Any], refused: str
) -> None:
    def attempt(n: int) -> str:
        try:
            create(decisions, a_decision(f"s{n}", model_id="m", **fields))
        except (NameTakenError, ScopeTakenError) as error:
            return type(error).__name__
        return "created"

    workers = 1 if "in process" in request.node.name else 32  # moto's transactions are not isolated between threads
    with ThreadPoolExecutor(workers) as pool:
        attempts = list(pool.map(attempt, range(32)))
    assert sorted(attempts) == sorted([refused] * 31 + ["created"])
    (winner,) = decisions.all()
    assert models.get("m").used_by == {winner.id}


def test_a_pair_is_free_again_after_an_edit_and_after_a_deletion(decisions: Decisions) -> None:
    first = create(decisions, a_decision("a", **PAIR))
    bare = edit_decision(first, DecisionEdit(activity_id=None, placement_id=None), now=NOW)
    decisions.save(first, bare, change("edit", 2))
    second = create(decisions, a_decision("b", **PAIR))
    again = edit_decision(bare, DecisionEdit(**PAIR), now=NOW)
    with pytest.raises(ScopeTakenError):
        decisions.save(bare, again, change("edit", 3))
    decisions.delete(second, change("delete", 2))
    decisions.save(bare, again, change("edit", 3))
    assert decisions.get("a").scope == first.scope


def test_an_edit_of_an_old_version_is_stale(decisions: Decisions) -> None:
    first = create(decisions, a_decision())
    second = edit_decision(first, DecisionEdit(name="second"), now=NOW)
    decisions.save(first, second, change("edit", 2))
    assert decisions.get("s") == second
    with pytest.raises(StaleEditError):
        decisions.save(first, edit_decision(first, DecisionEdit(name="third"), now=NOW), change("edit", 2))
    with pytest.raises(StaleEditError):
        decisions.delete(first, change("delete", 2))
    create(decisions, a_decision("t", name="s"))  # the old name is free


def test_a_model_stays_while_a_decision_ranks_by_it(decisions: Decisions, models: Models) -> None:
    first = create(decisions, a_decision(model_id="m"))
    with pytest.raises(InUseError) as refused:
        models.delete(model(), change("delete", 2))
    assert refused.value.used_by == ("s",)
    decisions.save(first, edit_decision(first, DecisionEdit(model_id=None), now=NOW), change("edit", 2))
    models.delete(model(), change("delete", 2))
    with pytest.raises(UnsuitableError) as missing:
        create(decisions, a_decision("t", model_id="m"))
    assert missing.value.pointer == "/modelId"


def test_an_archived_model_is_not_taken_but_one_that_is_archived_later_stays(
    decisions: Decisions, models: Models
) -> None:
    first = create(decisions, a_decision(model_id="m"))
    models.save(model(), move_model(model(), Action.ARCHIVE, now=NOW), change("archive", 2))
    decisions.save(first, edit_decision(first, DecisionEdit(name="new"), now=NOW), change("edit", 2))
    with pytest.raises(UnsuitableError):
        create(decisions, a_decision("t", model_id="m"))


def test_decision_and_dataset_stay_while_a_datastream_uses_them(
    decisions: Decisions, datastreams: Datastreams, datasets: Datasets, models: Models
) -> None:
    decision = create(decisions, a_decision())
    first = a_datastream(decision_ids=("s",))
    datastreams.create(first, change("create", 1), None)
    models.delete(model(), change("delete", 2))
    assert (datasets.get("d").used_by, datasets.get("d").datastreams) == (frozenset(), {"w"})
    plain = edit_dataset(dataset(), DatasetEdit(schema_={"allOf": []}), now=NOW)
    for refused in (
        lambda: decisions.delete(decision, change("delete", 2)),
        lambda: datasets.delete(dataset(), change("delete", 2)),
        lambda: datasets.save(dataset(), plain, change("edit", 2)),
    ):
        with pytest.raises(InUseError) as error:
            refused()
        assert error.value.used_by == ("w",)
    datastreams.delete(first, change("delete", 2))
    decisions.delete(decision, change("delete", 2))
    datasets.delete(dataset(), change("delete", 2))


def test_a_datastream_turns_to_other_decisions_and_another_dataset(
    decisions: Decisions, datastreams: Datastreams, datasets: Datasets
) -> None:
    datasets.create(dataset("e"), change("create", 1), None)
    for id_ in ("a", "b", "c"):
        create(decisions, a_decision(id_))
    first = a_datastream(decision_ids=("a", "b"))
    datastreams.create(first, change("create", 1), None)
    second = edit_datastream(first, DatastreamEdit(decision_ids=("b", "c"), dataset_id="e"), now=NOW)
    datastreams.save(first, second, change("edit", 2))
    assert [sorted(decisions.get(id_).used_by) for id_ in ("a", "b", "c")] == [[], ["w"], ["w"]]
    assert [sorted(datasets.get(id_).datastreams) for id_ in ("d", "e")] == [[], ["w"]]


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [({"dataset_id": "missing"}, "/datasetId"), ({"decision_ids": ("s", "missing")}, "/decisionIds/1")],
)
def test_a_datastream_cannot_hold_what_is_not_there(
    decisions: Decisions, datastreams: Datastreams, fields: dict[str, Any], pointer: str
) -> None:
    create(decisions, a_decision())
    with pytest.raises(UnsuitableError) as refused:
        datastreams.create(a_datastream(**fields), change("create", 1), None)
    assert refused.value.pointer == pointer
    assert (datastreams.all(), decisions.get("s").used_by) == ([], frozenset())


def test_forty_decisions_are_exchanged_in_one_edit(
    decisions: Decisions, datastreams: Datastreams, datasets: Datasets
) -> None:
    datasets.create(dataset("e"), change("create", 1), None)
    old, new = (tuple(f"{kind}{n}" for n in range(40)) for kind in "ab")
    for id_ in (*old, *new):
        create(decisions, a_decision(id_))
    first = a_datastream(decision_ids=old)
    datastreams.create(first, change("create", 1), None)
    edit = DatastreamEdit(decision_ids=new, dataset_id="e", name="other")
    datastreams.save(first, edit_datastream(first, edit, now=NOW), change("edit", 2))
    assert {one.id for one in decisions.all() if one.used_by} == set(new)


@pytest.mark.parametrize("text", ["x", '"', "\x01", "\u00e9", "\u20ac", "\U0001f600"])
def test_the_largest_decision_of_any_text_fits_with_its_audit_record_and_its_remembered_answer(
    client: Client, decisions: Decisions, text: str
) -> None:
    empty, with_one = (len(an_offer(content=given).model_dump_json().encode()) for given in ("", text))
    around = len(a_decision("s", an_offer(content="")).model_dump_json(exclude={"used_by"}).encode())
    decision = a_decision("s", an_offer(content=text * ((MOST_BYTES - around) // (with_one - empty))))
    whole = decision.json_ready()
    twice = Change(action="edit", who="ada", at=NOW, version=1, before=whole, after=whole)
    answer = shown(decision).to_json()
    decisions.create(decision, twice, Once("key", "hash", answer, NOW))
    assert decisions.get("s") == decision
    assert Creates(client("dynamodb"), "Catalog").remembered("key", NOW) == ("hash", answer)
    for item in (answer, twice.model_dump_json()):
        assert len(item.encode()) < ITEM_BYTES - 1000, "the emulators do not all hold items to their size"


def test_events_are_collected_into_managed_datasets_only(datasets: Datasets, datastreams: Datastreams) -> None:
    datasets.create(dataset("o", bucket="datasets", prefix="of/others/"), change("create", 1), None)
    with pytest.raises(UnsuitableError, match="managed"):
        datastreams.create(a_datastream(dataset_id="o"), change("create", 1), None)


def test_a_create_is_remembered_in_its_own_transaction(decisions: Decisions, datastreams: Datastreams) -> None:
    once = Once("key", "hash", "answer", NOW)
    decisions.create(a_decision(), change("create", 1), once)
    with pytest.raises(AlreadyDoneError):
        datastreams.create(a_datastream(), change("create", 1), once)
    assert datastreams.all() == []


def test_changes_are_read_from_any_version_on(decisions: Decisions) -> None:
    decision = create(decisions, a_decision())
    for version in (2, 3):
        edited = edit_decision(decision, DecisionEdit(name=f"n{version}"), now=NOW)
        decisions.save(decision, edited, change("edit", version))
        decision = edited
    assert [one.version for one in decisions.changes("s", 1)] == [2, 3]
    assert list(decisions.changes("s", 3)) == []


# ---- Decisions by their pair -----------------------------------------------------------------------------------------


def scoped(id_: str, activity_id: str) -> Decision:
    return a_decision(id_, activity_id=activity_id, placement_id="top")


def test_decisions_are_read_by_their_pairs(decisions: Decisions) -> None:
    for n in range(101):  # more than one call reads
        decisions.create(scoped(f"d{n}", f"a{n}"), change("create", 1), None)
    wanted = [Scope(f"a{n}", "top") for n in range(101)]
    found = decisions.of_scopes([*wanted, Scope("a0", "bottom"), Scope("nobody", "top")])
    assert {scope: decision.id for scope, decision in found.items()} == {
        Scope(f"a{n}", "top"): f"d{n}" for n in range(101)
    }
    assert decisions.of_scopes([]) == {}


def test_a_pair_that_was_given_up_between_the_two_reads_stands_for_nothing(
    decisions: Decisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = scoped("d1", "a1"), scoped("d2", "a2")
    for one in (first, second):
        decisions.create(one, change("create", 1), None)
    turned = edit_decision(first, DecisionEdit(activity_id="a3"), now=NOW)
    monkeypatch.setattr(decisions, "some", lambda _: {"d1": turned})
    assert decisions.of_scopes([Scope("a1", "top"), Scope("a2", "top")]) == {}
