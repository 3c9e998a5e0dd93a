"""Decisions in DynamoDB, and one item a pair of activity and placement that says whose it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from offer_ranking.catalog.decision import Decision, Scope
from offer_ranking.catalog.errors import ScopeTakenError, UnsuitableError
from offer_ranking.storage import catalog_items as items
from offer_ranking.storage.definitions import Definitions, stored
from offer_ranking.storage.transaction import Item, Write

# An archived model never ranks again. One that is archived later stays: its decision serves by priority.
_MODEL = items.Use("model", "#status <> :archived AND attribute_exists(pk)", {"#status": "status"},
                   {":archived": {"S": "archived"}})  # fmt: skip


class Decisions(Definitions[Decision]):
    """Reads and writes decisions."""

    noun = "decision"

    def of_scopes(self, scopes: Sequence[Scope]) -> dict[Scope, Decision]:
        """Those of the pairs that a decision has, each with it."""
        wanted = {_scope_key(scope)["sk"]["S"]: scope for scope in scopes}
        claims = items.some(self._client, self._table, [_scope_key(scope) for scope in wanted.values()])
        ids = {wanted[claim["sk"]["S"]]: claim["id"]["S"] for claim in claims}
        found = self.some(list(ids.values()))
        # Between the two reads a decision may have gone, or turned to another pair.
        decisions = {scope: found[id_] for scope, id_ in ids.items() if id_ in found}
        return {scope: decision for scope, decision in decisions.items() if decision.scope == scope}

    def _read(self, item: Item) -> Decision:
        return Decision.model_validate_json(stored(item, usedBy=items.strings(item, "usedBy")), extra="ignore")

    def _held(self, id: str, before: Decision | None, after: Decision | None) -> list[Write]:  # noqa: A002
        """Its pair of activity and placement, which no other decision has, and its model, which stays while it is."""
        old, new = ((one.model_id,) if one and one.model_id else () for one in (before, after))
        model = _MODEL.moved(self._table, id, old, new, _unsuitable_model)
        before_scope, after_scope = (one.scope if one else None for one in (before, after))
        if before_scope == after_scope:
            return model
        scopes = [self._claim(after_scope, id)] if after_scope else []
        scopes += [self._release(before_scope)] if before_scope else []
        return [*scopes, *model]

    def _claim(self, scope: Scope, id: str) -> Write:  # noqa: A002
        put = {
            "TableName": self._table,
            "Item": {**_scope_key(scope), "id": {"S": id}},
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        return Write({"Put": put}, lambda _: ScopeTakenError(*scope))

    def _release(self, scope: Scope) -> Write:
        delete = {"TableName": self._table, "Key": _scope_key(scope)}
        return Write({"Delete": delete}, lambda _: ScopeTakenError(*scope))


def _scope_key(scope: Scope) -> Item:
    """Hashed: two ids of 256 characters can outgrow a key."""
    return {"pk": {"S": "scope"}, "sk": {"S": hashlib.sha256(json.dumps(scope).encode()).hexdigest()}}


def _unsuitable_model(model_id: str) -> Exception:
    return UnsuitableError("/modelId", f"The model {model_id!r} does not exist or is archived.")
