"""What lies in the catalog table, and what may never lie there, whatever was asked for and in whatever order."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from moto.backends import get_backend
from moto.core.model_instances import reset_model_data
from moto.dynamodb.models.dynamo_type import DynamoType

from tests.simulation.catalog_reference import KINDS, STEPS, Reference, Thing

_FLOW = {*((before, after) for (before, _), after in STEPS.items()), *((one, one) for one in ("draft", "live"))}
Item = Mapping[str, Any]


def clear() -> None:
    """As on the first day."""
    _table().items.clear()
    for queue in get_backend("sqs")["123456789012"]["us-east-1"].queues.values():
        queue._messages.clear()
    reset_model_data()  # else moto keeps a copy of the whole table of each transaction: 2 MB a sequence


def check(reference: Reference) -> None:
    """All that must be true of the table at any time."""
    kinds: dict[str, dict[str, Item]] = defaultdict(dict)
    for pk, sk, item in _items():
        kinds[pk][sk] = item
    for kind in KINDS:
        stored, wanted = kinds[kind], reference.things[kind]
        assert stored.keys() == wanted.keys(), f"{kind}: what is there is not what was made and not deleted"
        for id_, item in stored.items():
            _check_definition(reference, wanted[id_], item)
        claims = Counter(item["id"] for item in kinds[f"name#{kind}"].values())
        assert claims == Counter(list(stored)), f"{kind}: each has one name, and no name is held by nobody"
        records = {pk.removeprefix(f"changes#{kind}#"): n for pk, n in _lengths(kinds, f"changes#{kind}#")}
        versions = {id_: thing.version for id_, thing in wanted.items()} | reference.gone[kind]
        assert records == versions, f"{kind}: every change leaves one record, a deletion too"
    scopes = Counter(item["id"] for item in kinds["scope"].values())
    assert scopes == Counter(one.id for one in reference.things["decision"].values() if one.scope), "scopes"
    owners: dict[tuple[str, str], str] = {
        (bucket, prefix): owner
        for bucket, item in kinds["bucket"].items()
        for prefix, owner in json.loads(item["owners"]).items()
    }
    assert owners == {one.place: one.id for one in reference.things["dataset"].values()}, "prefixes"


def check_history(kind: str, id_: str) -> None:
    """Each record begins where the one before it ended, one version on, and no model takes a step that there is not."""
    records = _table().items.get(DynamoType({"S": f"changes#{kind}#{id_}"}), {})
    changes = [json.loads(_plain(records[sk])["change"]) for sk in sorted(records, key=_text)]
    assert [change["version"] for change in changes] == list(range(1, len(changes) + 1))
    assert changes[0]["before"] is None
    for change, following in pairwise(changes):
        before, after = change["after"], following["before"]
        for of_users in ("usedBy", "datastreams"):  # others' doing
            before.pop(of_users, None), after.pop(of_users, None)
        assert before == after
        assert before["version"] == change["version"]
        if kind == "model" and following["after"] is not None:
            assert (before["status"], following["after"]["status"]) in _FLOW
    assert all(change["who"] == "admin" for change in changes)


def _check_definition(reference: Reference, thing: Thing, item: Item) -> None:
    said = json.loads(item["definition"])
    assert int(item["version"]) == said["version"] == thing.version
    assert said["name"] == thing.body["name"]
    if thing.kind == "model":
        assert item["status"] == said["status"] == thing.status
    by = {"dataset": ("model",), "model": ("decision",), "decision": ("datastream",), "datastream": ()}[thing.kind]
    assert set(item.get("usedBy", ())) == reference.users(thing.kind, thing.id, by)
    if thing.kind == "dataset":
        assert set(item.get("datastreams", ())) == reference.users("dataset", thing.id, ["datastream"])
        assert item["eligible"] == thing.is_eligible
    for kind, id_ in thing.uses():
        assert id_ in reference.things[kind], f"{thing.kind} {thing.id} refers to a {kind} that is not there"


def _lengths(kinds: Mapping[str, Mapping[str, Item]], prefix: str) -> Iterator[tuple[str, int]]:
    return ((pk, len(items)) for pk, items in kinds.items() if pk.startswith(prefix))


def _table() -> Any:
    return get_backend("dynamodb")["123456789012"]["us-east-1"].tables["Catalog"]


def _items() -> Iterator[tuple[str, str, Item]]:
    """Straight from moto, since a scan by the API takes longer than all requests together."""
    for pk, below in _table().items.items():
        for sk, item in below.items():
            yield _text(pk), _text(sk), _plain(item)


def _text(key: Any) -> str:
    return str(getattr(key, "value", key))


def _plain(item: Any) -> Item:
    return {name: attribute.value for name, attribute in item.attrs.items()}
