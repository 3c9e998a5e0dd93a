"""CloudFormation's intrinsic functions, as far as template.yaml uses them; any other raises an error that names it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Value = Any  # a piece of a template: strings, numbers, booleans, lists and mappings, nested

NOTHING = object()  # what Ref AWS::NoValue stands for: the property is left out
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]+)\}")


class UnresolvedError(Exception):
    """The template says something that the one-machine runner does not understand."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Resolves pieces of a template.

    Args:
        references: what Ref gives: parameters, pseudo parameters, and resources that exist here.
        attributes: what Fn::GetAtt gives, by "Resource.Attribute".
        conditions: the template's conditions, unresolved.

    """

    references: Mapping[str, Value]
    attributes: Mapping[str, str]
    conditions: Mapping[str, Value]

    def resolve(self, value: Value) -> Value:
        """Resolve a piece and all that lies in it. Raises UnresolvedError.

        Only the branch of an Fn::If that is chosen is looked at: what another deployment refers to need not be here.
        """
        if isinstance(value, list):
            return [one for one in map(self.resolve, value) if one is not NOTHING]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if name == "Condition" and isinstance(argument, str):
                return self.holds(argument)
            if name == "Ref" or name.startswith("Fn::"):
                return self._call(name, argument)
        resolved = {key: self.resolve(one) for key, one in value.items()}
        return {key: one for key, one in resolved.items() if one is not NOTHING}

    def holds(self, condition: str) -> bool:
        """Whether a condition of the template is true. Raises UnresolvedError."""
        if condition not in self.conditions:
            raise UnresolvedError(f"the template has no condition {condition!r}")
        return bool(self.resolve(self.conditions[condition]))

    def _call(self, name: str, argument: Value) -> Value:
        functions: dict[str, Callable[[Value], Value]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::If": lambda a: self.resolve(a[1] if self.holds(a[0]) else a[2]),
            "Fn::Join": lambda a: a[0].join(map(str, self.resolve(a[1]))),
            "Fn::Split": lambda a: self.resolve(a[1]).split(a[0]),
            "Fn::Select": lambda a: self.resolve(a[1])[int(a[0])],
            "Fn::Equals": lambda a: self.resolve(a[0]) == self.resolve(a[1]),
            "Fn::Not": lambda a: not self.resolve(a[0]),
            "Fn::And": lambda a: all(map(self.resolve, a)),
            "Fn::Or": lambda a: any(map(self.resolve, a)),
        }
        if name not in functions:
            raise UnresolvedError(f"the one-machine runner does not know {name}")
        return functions[name](argument)

    def _ref(self, name: str) -> Value:
        if name == "AWS::NoValue":
            return NOTHING
        if name not in self.references:
            raise UnresolvedError(f"Ref {name}: not a parameter, and no such resource exists on one machine")
        return self.references[name]

    def _get_att(self, argument: Value) -> str:
        name = argument if isinstance(argument, str) else ".".join(argument)
        if name not in self.attributes:
            raise UnresolvedError(f"GetAtt {name}: no such resource exists on one machine")
        return self.attributes[name]

    def _sub(self, argument: Value) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def replace(match: re.Match[str]) -> str:
            literal, name = match.groups()
            if literal:
                return "${" + name + "}"
            if name in own:
                return str(self.resolve(own[name]))
            return str(self._get_att(name) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(replace, text)
