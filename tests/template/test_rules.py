"""The templates keep to every rule. What each one catches is shown in test_planted.py."""

from __future__ import annotations

import pytest

from tests.support.template import Templates
from tests.template.rules import RULES


@pytest.mark.parametrize("name", RULES)
def test_the_templates_keep_the_rule(name: str, templates: Templates) -> None:
    assert list(RULES[name](templates)) == []
