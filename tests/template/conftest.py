from __future__ import annotations

import pytest

from tests.support.template import Template, Templates


@pytest.fixture(scope="session")
def templates() -> Templates:
    return Templates.all()


@pytest.fixture(scope="session")
def system(templates: Templates) -> Template:
    return templates.system
