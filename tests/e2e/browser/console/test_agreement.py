"""What the console knows by itself agrees with the code that it is taken from."""

from __future__ import annotations

from typing import Any

from offer_ranking.catalog.lifecycle import Status, allowed
from offer_ranking.http.principal import GROUPS
from tests.e2e.browser.console.person import Person


def exported(person: Person, file: str, use: str, given: Any = None) -> Any:
    """What an expression over a module's exports, `all`, comes to."""
    source = person.page.locator("script[type=module]").evaluate("one => one.src")
    module = source.replace("app.js", file)
    return person.page.evaluate(f"given => import('{module}').then(all => ({use})(all, given))", given)


def test_groups_grant_what_the_api_grants_them(manager: Person) -> None:
    known = exported(manager, "session.js", "all => all.GROUPS")
    assert {group: set(some) for group, some in known.items()} == {
        group: {str(one) for one in some} for group, some in GROUPS.items()
    }


def test_a_model_is_offered_the_steps_that_its_status_allows(manager: Person) -> None:
    steps = exported(manager, "models/actions.js", "all => all.STEPS")
    for status in Status:
        assert set(steps[status]) == set(allowed(status))
