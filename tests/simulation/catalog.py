"""`python -m tests.simulation.catalog`: random sequences of requests to the catalog, beside what its rules say."""

from __future__ import annotations

import argparse
import operator
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.simulation import catalog_store
from tests.simulation.catalog_reference import INTERACTIONS, KINDS, NAMES, Create, Reference, Thing
from tests.support.aws import in_process, set_environment

STEPS_EACH = 50
_CHUNK = 100

_GONE, _NEVER = 23, 29  # picks of something deleted, and of what never was; others are of what there is
_REFERENCES = {"datasetIds": "dataset", "modelId": "model", "datasetId": "dataset", "decisionIds": "decision"}

picks = st.integers(0, 40)
names = st.sampled_from(NAMES)
keys = st.sampled_from([None, None, "a", "b"])
matches = st.sampled_from(["now", "now", "now", "any", "old", "none"])
kinds = st.sampled_from(KINDS)
texts = st.sampled_from([None, "one", "two"])
schemas = st.sampled_from([INTERACTIONS] * 3 + [{"allOf": []}])
places = st.sampled_from([{}, {}, *({"bucket": "events-of-others", "prefix": one} for one in ("a/", "a/b/", "b/"))])
pairs = st.sampled_from([(None, None), (None, None), ("activity", "1"), ("activity", "2")]).map(
    lambda pair: {"activityId": pair[0], "placementId": pair[1]}
)


def _said(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"name": names, "description": texts, **fields})


def _some(most: int, least: int = 0) -> st.SearchStrategy[list[int]]:
    return st.lists(picks, min_size=least, max_size=most)


BODIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "dataset": st.builds(operator.or_, _said(schema=schemas), places),
    "model": _said(datasetIds=_some(2, 1), type=st.just("auto-optimization")),
    "decision": st.builds(operator.or_, _said(modelId=st.none() | picks), pairs),
    "datastream": st.fixed_dictionaries(
        {"name": names, "orgId": st.just("O"), "datasetId": picks, "decisionIds": _some(2)}
    ),
}
_UNCHANGED = {"type", "orgId", "bucket", "prefix"}


@st.composite
def _changes(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Some of the fields, but both or none of a pair."""
    body = draw(BODIES[kind])
    left_out = draw(st.sets(st.sampled_from(sorted(body.keys() - {"placementId"}))))
    left_out |= {"placementId"} if "activityId" in left_out else set()
    return {name: value for name, value in body.items() if name not in left_out | _UNCHANGED}


CHANGES = {kind: _changes(kind) for kind in KINDS}


class Catalog(RuleBasedStateMachine):
    """Any request at any time."""

    def __init__(self) -> None:
        super().__init__()
        from tests.support.system import System  # noqa: PLC0415 - the handlers read the environment

        catalog_store.clear()
        self.system = System()
        self.reference = Reference()

    # ---- Requests -------------------------------------------------------------------------------------------------

    @initialize()
    def one_of_each(self) -> None:
        """Else most sequences would end before anything could be refused with reason."""
        for kind, body in (
            ("dataset", {"schema": INTERACTIONS}),
            ("model", {"datasetIds": [0], "type": "auto-optimization"}),
            ("decision", {"activityId": None, "placementId": None, "modelId": 0}),
            ("datastream", {"orgId": "O", "datasetId": 0, "decisionIds": [0]}),
        ):
            named = {"name": "other 0", "description": None} if kind != "datastream" else {"name": "other 0"}
            self._create(Create(kind, named | self._with_ids(body)))

    @rule(kind=kinds, key=keys, data=st.data())
    def create(self, kind: str, key: str | None, data: st.DataObject) -> None:
        self._create(Create(kind, self._with_ids(data.draw(BODIES[kind])), key))

    @rule(source=picks, name=names, key=keys)
    def duplicate(self, source: int, name: str, key: str | None) -> None:
        self._create(Create("model", {"name": name}, key, self._id("model", source)))

    @precondition(lambda self: self.reference.answers)
    @rule(pick=picks)
    def ask_for_a_create_again(self, pick: int) -> None:
        """Also when it would be refused by now, and when what it made is gone: the answer is the one of then."""
        known = list(self.reference.answers.values())
        create, answer = known[pick % len(known)]
        reply = self._send(create)
        assert (reply.status, reply.text) == (201, answer)

    @rule(kind=kinds, pick=picks, match=matches, data=st.data())
    def edit(self, kind: str, pick: int, match: str, data: st.DataObject) -> None:
        id_ = self._id(kind, pick)
        changes = self._with_ids(data.draw(CHANGES[kind]))
        if_match = self._match(kind, id_, match)
        against = self.reference.against_edit(kind, id_, changes, if_match)
        reply = self.system.call("PATCH", f"/{kind}s/{id_}", changes, **_header(if_match))
        self._agree(reply, 200, against)
        if reply.status == 200:
            thing = self.reference.things[kind][id_]
            self.reference.edited(thing, changes)
            self._shows(reply, thing)

    @rule(kind=kinds, pick=picks, match=matches)
    def delete(self, kind: str, pick: int, match: str) -> None:
        id_ = self._id(kind, pick)
        if_match = self._match(kind, id_, match)
        against = self.reference.against_delete(kind, id_, if_match)
        reply = self.system.call("DELETE", f"/{kind}s/{id_}", **_header(if_match))
        self._agree(reply, 204, against)
        if reply.status == 204:
            self.reference.deleted(self.reference.things[kind][id_])

    @rule(pick=picks, step=st.sampled_from(["activate"] * 3 + ["deactivate"] * 3 + ["archive"]))
    def take_a_step(self, pick: int, step: str) -> None:
        id_ = self._id("model", pick)
        against = self.reference.against_step(id_, step)
        reply = self.system.call("POST", f"/models/{id_}/{step}")
        self._agree(reply, 200, against)
        if reply.status == 200:
            thing = self.reference.things["model"][id_]
            self.reference.stepped(thing, step)
            self._shows(reply, thing)
            assert reply.json["status"] == thing.status

    @rule(kind=kinds)
    def read_the_list(self, kind: str) -> None:
        reply = self.system.call("GET", f"/{kind}s", query={"limit": "1000"})
        listed = {one["id"]: (one["name"], one["version"]) for one in reply.json["results"]}
        known = self.reference.things[kind].values()
        assert listed == {thing.id: (thing.body["name"], thing.version) for thing in known}

    # ---- What is true all the time --------------------------------------------------------------------------------

    @invariant()
    def the_table_is_whole(self) -> None:
        catalog_store.check(self.reference)

    def teardown(self) -> None:
        for kind in KINDS:
            for id_ in {**self.reference.things[kind], **self.reference.gone[kind]}:
                catalog_store.check_history(kind, id_)

    # ---- How requests are made ------------------------------------------------------------------------------------

    def _create(self, create: Create) -> None:
        if create.key is not None and self.reference.answers.get(create.operation, (None,))[0] == create:
            return  # that is the rule of asking again
        against = self.reference.against_create(create)
        reply = self._send(create)
        self._agree(reply, 201, against)
        if reply.status == 201:
            self._shows(reply, self.reference.created(create, reply.text, reply.json))

    def _send(self, create: Create) -> Any:
        path = f"/models/{create.source}/duplicate" if create.source else f"/{create.kind}s"
        body = {name: value for name, value in create.body.items() if value is not None}
        if create.kind == "decision":
            body |= {"offers": [_OFFER], "fallback": _FALLBACK}
        return self.system.call("POST", path, body, **({"Idempotency_Key": create.key} if create.key else {}))

    def _with_ids(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What a body picks, by id."""
        found = dict(body)
        for name, kind in _REFERENCES.items():
            if isinstance(picked := found.get(name), int):
                found[name] = self._id(kind, picked)
            elif isinstance(picked, list):
                found[name] = list(dict.fromkeys(self._id(kind, pick) for pick in picked))
        return found

    def _id(self, kind: str, pick: int) -> str:
        known, gone = [*self.reference.things[kind]], [*self.reference.gone[kind]]
        if pick == _GONE and gone:
            return gone[-1]
        return known[pick % len(known)] if known and pick not in {_GONE, _NEVER} else "nothing"

    def _match(self, kind: str, id_: str, match: str) -> str | None:
        thing = self.reference.things[kind].get(id_)
        version = thing.version if thing else 1
        return {"now": f'"{version}"', "any": "*", "old": f'"{version - 1}"', "none": None}[match]

    @staticmethod
    def _agree(reply: Any, done: int, against: set[str]) -> None:
        if not against:
            assert reply.status == done, f"nothing speaks against it: {reply.text}"
            return
        assert reply.status >= 400, f"{against} speak against it, and it was done"
        assert reply.status < 500, reply.text
        assert reply.json["type"].rpartition(":")[2] in against, f"refused for none of {against}: {reply.text}"

    @staticmethod
    def _shows(reply: Any, thing: Thing) -> None:
        assert reply.etag == f'"{thing.version}"'
        assert (reply.json["name"], reply.json["version"]) == (thing.body["name"], thing.version)


_OFFER = {"id": "o", "etag": "1", "format": "text/plain", "content": "o"}
_FALLBACK = {"id": "f", "etag": "1", "format": "text/plain", "content": "f"}


def _header(if_match: str | None) -> dict[str, str]:
    return {} if if_match is None else {"If_Match": if_match}


def run(sequences: int, first: int, *, shrinks: bool = True) -> None:
    """Raises AssertionError for a sequence in which something is wrong: the shortest that is found, if it `shrinks`."""
    wanted = settings(
        max_examples=sequences, stateful_step_count=STEPS_EACH, deadline=None, database=None, print_blob=False,
        phases=[Phase.generate, *([Phase.shrink] if shrinks else [])], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(seed(first)(Catalog), settings=wanted)  # type: ignore[no-untyped-call]


def main() -> int:
    """0 when all agrees."""
    parser = argparse.ArgumentParser(prog="tests.simulation.catalog", description=__doc__)
    parser.add_argument("--sequences", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=0, help="of the first hundred; the next ones follow")
    given = parser.parse_args()
    os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
    set_environment()
    started = time.monotonic()
    with in_process():
        for n, done in enumerate(range(0, given.sequences, _CHUNK)):
            run(min(_CHUNK, given.sequences - done), given.seed + n)
            print(f"{min(done + _CHUNK, given.sequences):,} sequences, {time.monotonic() - started:.0f} s", flush=True)
    print(f"{given.sequences:,} sequences of {STEPS_EACH} steps: 0 illegal states")
    return 0


if __name__ == "__main__":
    sys.exit(main())
