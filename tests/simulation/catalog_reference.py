"""What the catalog's rules say of each request, in memory: what speaks against it, and what it changes.

A request is to succeed exactly when nothing speaks against it, and else to be refused for one of the reasons that do.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

KINDS = ("dataset", "model", "decision", "datastream")
# Names of a row are one name to a reader: cases, widths, ligatures, letters of other alphabets, marks nobody sees.
TWINS = (
    ("Hero", "hero", "\uff28\uff25\uff32\uff2f", "He\u00adro"),
    ("Stra\u00dfe", "STRASSE", "strasse"),
    ("\ufb01x", "FIX", "Fix"),
    ("\u212a 1", "k 1", "K  1"),
    ("\u00c5ngstr\u00f6m", "A\u030angstro\u0308m", "\u212bNGSTR\u00d6M"),
    *((f"other {n}",) for n in range(6)),
)
NAMES = tuple(name for twins in TWINS for name in twins)
_NAME = {name: n for n, twins in enumerate(TWINS) for name in twins}
# From status to status by each step that there is.
STEPS = {
    ("draft", "activate"): "live",
    ("draft", "archive"): "archived",
    ("live", "deactivate"): "draft",
}
_NOT_EDITED, _NOT_DELETED = "archived", "live"
INTERACTIONS = "experience-event-proposition-interactions"


@dataclass
class Thing:
    """A definition: what people said of it, and what became of it. `place` is the bucket and prefix of a dataset."""

    kind: str
    id: str
    body: dict[str, Any]
    version: int = 1
    status: str = "draft"
    place: tuple[str, str] | None = None

    def uses(self) -> list[tuple[str, str]]:
        """Kind and id of all that it refers to."""
        return list(_references(self.kind, self.body))

    @property
    def is_eligible(self) -> bool:
        return bool(self.body["schema"] == INTERACTIONS)

    @property
    def scope(self) -> tuple[str, str] | None:
        return _scope(self.body)


@dataclass(frozen=True)
class Create:
    """A create that is to happen once. `source`: the model that is duplicated."""

    kind: str
    body: dict[str, Any]
    key: str | None = None
    source: str | None = None

    @property
    def operation(self) -> tuple[str, bool, str | None]:
        return self.kind, self.source is not None, self.key


@dataclass
class Reference:
    """The catalog as it should be. `gone` are ids of what was deleted, `answers` what keyed creates heard."""

    things: dict[str, dict[str, Thing]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    gone: dict[str, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    answers: dict[tuple[str, bool, str | None], tuple[Create, str]] = field(default_factory=dict)

    def all(self) -> Iterator[Thing]:
        return (thing for kind in KINDS for thing in self.things[kind].values())

    def users(self, kind: str, id_: str, by: Iterable[str] = KINDS) -> set[str]:
        """Ids of those that refer to a definition."""
        return {thing.id for user in by for thing in self.things[user].values() if (kind, id_) in thing.uses()}

    # ---- What speaks against it -----------------------------------------------------------------------------------

    def against_create(self, create: Create) -> set[str]:
        if create.key is not None and create.operation in self.answers:
            return {"idempotency-key-reused"}  # the same create again is no create: see `answers`
        if create.source is not None and create.source not in self.things["model"]:
            return {"not-found"}
        return self._against(create.kind, None, self.full(create))

    def against_edit(self, kind: str, id_: str, changes: Mapping[str, Any], match: str | None) -> set[str]:
        thing = self.things[kind].get(id_)
        if thing is None or match is None or not self._matches(thing, match):
            return self._against_versioned(thing, match)
        found: set[str] = set()
        if kind == "model" and thing.status == _NOT_EDITED:
            found.add("illegal-transition")
        after = thing.body | changes
        if after != thing.body:
            found |= self._against(kind, thing, after)
        return found

    def against_delete(self, kind: str, id_: str, match: str | None) -> set[str]:
        thing = self.things[kind].get(id_)
        if thing is None or match is None or not self._matches(thing, match):
            return self._against_versioned(thing, match)
        found = {"in-use"} if self.users(kind, id_) else set()
        return found | ({"illegal-transition"} if kind == "model" and thing.status == _NOT_DELETED else set())

    def against_step(self, id_: str, step: str) -> set[str]:
        thing = self.things["model"].get(id_)
        if thing is None:
            return {"not-found"}
        return set() if (thing.status, step) in STEPS else {"illegal-transition"}

    def _against_versioned(self, thing: Thing | None, match: str | None) -> set[str]:
        return {"not-found"} if thing is None else {"match-needed"} if match is None else {"stale"}

    def _against(self, kind: str, before: Thing | None, after: Mapping[str, Any]) -> set[str]:
        others = [thing for thing in self.things[kind].values() if thing is not before]
        found: set[str] = set()
        if any(_NAME[other.body["name"]] == _NAME[after["name"]] for other in others):
            found.add("name-taken")
        if _scope(after) is not None and any(other.scope == _scope(after) for other in others):
            found.add("scope-taken")
        known = before.uses() if before else []
        if any(use not in known and not self._may_be_used(kind, *use) for use in _references(kind, after)):
            found.add("invalid")
        if kind == "dataset" and before and before.is_eligible and after["schema"] != INTERACTIONS:
            found |= {"in-use"} if self.users(kind, before.id) else set()
        if kind == "dataset" and before is None and "prefix" in after and self._overlaps(after):
            found.add("overlap")
        return found

    def _may_be_used(self, by: str, kind: str, id_: str) -> bool:
        thing = self.things[kind].get(id_)
        if thing is None:
            return False
        if kind == "model":
            return thing.status != "archived"
        if kind == "dataset":
            return thing.is_eligible and (by != "datastream" or "prefix" not in thing.body)
        return True

    def _overlaps(self, body: Mapping[str, Any]) -> bool:
        mine = body["prefix"]
        taken = [
            one.place[1] for one in self.things["dataset"].values() if one.place and one.place[0] == body["bucket"]
        ]
        return any(one.startswith(mine) or mine.startswith(one) for one in taken)

    @staticmethod
    def _matches(thing: Thing, match: str) -> bool:
        return match in {"*", f'"{thing.version}"'}

    # ---- What it changes ------------------------------------------------------------------------------------------

    def full(self, create: Create) -> dict[str, Any]:
        """What a create says of the new definition; a duplicate says what its source does, but for the name."""
        return (self.things["model"][create.source].body if create.source else {}) | create.body

    def created(self, create: Create, answer: str, shown: Mapping[str, Any]) -> Thing:
        place = (shown["bucket"], shown["prefix"]) if create.kind == "dataset" else None
        thing = Thing(create.kind, shown["id"], self.full(create), place=place)
        self.things[create.kind][thing.id] = thing
        if create.key is not None:
            self.answers[create.operation] = create, answer
        return thing

    def edited(self, thing: Thing, changes: Mapping[str, Any]) -> None:
        after = thing.body | changes
        thing.version += after != thing.body
        thing.body = after

    def stepped(self, thing: Thing, step: str) -> None:
        thing.status = STEPS[thing.status, step]
        thing.version += 1

    def deleted(self, thing: Thing) -> None:
        del self.things[thing.kind][thing.id]
        self.gone[thing.kind][thing.id] = thing.version + 1


def _references(kind: str, body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if kind == "model":
        yield from (("dataset", id_) for id_ in body["datasetIds"])
    if kind == "decision" and body["modelId"] is not None:
        yield "model", body["modelId"]
    if kind == "datastream":
        yield "dataset", body["datasetId"]
        yield from (("decision", id_) for id_ in body["decisionIds"])


def _scope(body: Mapping[str, Any]) -> tuple[str, str] | None:
    return (body["activityId"], body["placementId"]) if body.get("activityId") else None
