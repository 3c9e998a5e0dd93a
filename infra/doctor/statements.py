"""Which statements of a resource's own policy speak of a role: IAM's simulator asks the policies of roles only.

Of conditions it knows what is known beforehand of a Lambda function that reads from S3, and says of the others that it
depends on them (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

Statement = Mapping[str, Any]


class Applies(IntEnum):
    """Whether a statement does; by the conjunction of its parts, the least of them."""

    NO = 0
    DEPENDS = 1
    YES = 2


@dataclass(frozen=True, slots=True)
class Asked:
    """May `role` do `action` with `resource`? `known`: the context's values by their keys, in lower case."""

    role: str
    action: str
    resource: str
    known: Mapping[str, str]

    @property
    def account(self) -> str:
        return self.role.split(":")[4]


def read(document: str) -> dict[str, Any]:
    """A policy by its JSON, with its statements as a list: one alone may stand there without."""
    policy = json.loads(document)
    return {**policy, "Statement": each(policy["Statement"])}


def each(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    """What a policy writes as one, or as a list of many."""
    return list(value) if isinstance(value, list | tuple) else [value]


def found(policy: Mapping[str, Any], effect: str, asked: Asked) -> list[tuple[Statement, Applies]]:
    """The statements of one effect ("Allow", "Deny") that apply, or may."""
    statements = [one for one in policy["Statement"] if one["Effect"] == effect]
    return [(one, how) for one in statements if (how := applies(one, asked))]


def applies(statement: Statement, asked: Asked) -> Applies:
    """Whether a statement speaks of this role, action and resource."""
    named = {asked.action.lower()}
    parts = (
        _listed(statement, "Action", named, fold=True),
        _listed(statement, "Resource", {asked.resource}, fold=False),
    )
    if not all(parts):
        return Applies.NO
    return min(_principal(statement, asked), _conditions(statement, asked))


def names(statement: Statement, role: str) -> bool:
    """Whether a statement names the role itself, or everybody, and not only its account."""
    return bool({"*", role} & set(_principals(statement.get("Principal", {}))))


def unknown_keys(asked: Asked, *statements: Statement) -> list[str]:
    """The keys of conditions that nobody knows beforehand, and NotPrincipal where it is in doubt."""
    tested = (key for statement in statements for _, key, _ in _tests(statement))
    unknown = {key for key in tested if key.lower() not in asked.known}
    doubtful = any(_principal(one, asked) is Applies.DEPENDS for one in statements)
    return sorted(unknown | ({"NotPrincipal"} if doubtful else set()))


def _principal(statement: Statement, asked: Asked) -> Applies:
    account = {asked.account, f"{asked.role.rpartition(':')[0]}:root"}
    if "NotPrincipal" not in statement:
        meant = {"*", asked.role, *account} & set(_principals(statement.get("Principal", {})))
        return Applies.YES if meant else Applies.NO
    # IAM compares the account, the role and the session, and may deny where one of them is not excepted:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
    excepted = set(_principals(statement["NotPrincipal"]))
    session = f"arn:aws:sts::{asked.account}:assumed-role/{asked.role.rpartition('/')[2]}/"
    named = (account & excepted, asked.role in excepted, any(one.startswith(session) for one in excepted))
    if "*" in excepted or all(named):
        return Applies.NO
    return Applies.DEPENDS if any(named) else Applies.YES


def _principals(principal: Any) -> list[str]:  # noqa: ANN401 - JSON
    return [principal] if isinstance(principal, str) else [str(one) for one in each(principal.get("AWS", []))]


def _listed(statement: Statement, name: str, texts: Iterable[str], *, fold: bool) -> bool:
    negated = f"Not{name}" in statement
    patterns = [str(one) for one in each(statement.get(f"Not{name}" if negated else name, []))]
    held = any(_like(one.lower() if fold else one, text) for one in patterns for text in texts)
    return held != negated


def _conditions(statement: Statement, asked: Asked) -> Applies:
    answers = [_condition(operator, asked.known.get(key.lower()), held) for operator, key, held in _tests(statement)]
    return min(answers, default=Applies.YES)


def _tests(statement: Statement) -> list[tuple[str, str, list[str]]]:
    return [
        (operator, key, [str(one).lower() if operator.startswith("Bool") else str(one) for one in each(held)])
        for operator, keys in statement.get("Condition", {}).items()
        for key, held in keys.items()
    ]


def _condition(operator: str, value: str | None, held: list[str]) -> Applies:
    operator = operator.removesuffix("IfExists")
    if value is None or not re.fullmatch(r"(String|Arn)(Not)?(Equals|Like)|Bool", operator):
        return Applies.DEPENDS
    exact = operator.startswith("String") and operator.endswith("Equals")
    same = any(one == value if exact else _like(one, value) for one in held)
    return Applies.YES if same != ("Not" in operator) else Applies.NO


def _like(pattern: str, text: str) -> bool:
    """IAM's wildcards: * for any text, ? for one character."""
    parts = (".*" if one == "*" else "." if one == "?" else re.escape(one) for one in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None
