"""A rule of the templates: what it finds wrong, one text each. A template that nothing is found in keeps it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.support.template import Templates

Problems = Iterator[str]
Rule = Callable[[Templates], Problems]

RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """Taken into the room of rules, by its name."""
    name = getattr(check, "__name__", "")
    assert name not in RULES, name
    RULES[name] = check
    return check
