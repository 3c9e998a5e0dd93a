from __future__ import annotations

import pytest

from tests.support.template import Template


@pytest.fixture(scope="session")
def system() -> Template:
    return Template.transformed()


@pytest.fixture(scope="session")
def storage() -> Template:
    return Template.nested("storage")


@pytest.fixture(scope="session")
def alarms() -> Template:
    return Template.nested("alarms")
