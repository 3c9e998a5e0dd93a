from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from infra.local.system import System
from tests.e2e.browser.console.events import Shop
from tests.e2e.browser.console.person import AXE, Person

_ALONE = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-sandbox",
)

_PATIENCE_MS = 15_000  # of an expectation: another process of the suite has the other processor

Entering = Callable[..., AbstractContextManager[Person]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    found = shutil.which(os.environ.get("CHROMIUM", "chromium"))
    if found is None or not AXE.exists():
        pytest.skip("there is no Chromium, or no axe-core at .venvs/axe-core: run `make test-browser`")
    expect.set_options(timeout=_PATIENCE_MS)
    with (
        sync_playwright() as playwright,
        contextlib.closing(playwright.chromium.launch(executable_path=found, args=list(_ALONE))) as launched,
    ):
        yield launched


@pytest.fixture
def entering(browser: Browser, system: System) -> Entering:
    """Makes people who open the console, each in a browser of their own."""
    return partial(Person.at, browser, system.url)


@pytest.fixture
def manager(entering: Entering) -> Iterator[Person]:
    with entering() as person:
        yield person.sign_in()


@pytest.fixture(scope="module")
def shop(system: System) -> Iterator[Shop]:
    with Shop.of(system) as made:
        yield made
