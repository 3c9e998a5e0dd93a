"""What the console knows by itself agrees with the code that it is taken from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from offer_ranking.catalog.lifecycle import Status, allowed
from offer_ranking.http.principal import GROUPS
from offer_ranking.measuring.lift import Arm, lift
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


@pytest.mark.parametrize("seed", range(5))
def test_lift_over_time_is_pooled_as_the_report_pools_it(manager: Person, seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (2, 12)
    impressions = random.integers(0, 300, shape).astype(float)
    impressions[:, 3] = 0
    conversions = random.binomial(impressions.astype(int), [[0.2], [0.15]]).astype(float)
    points = [
        {
            name: {"impressions": impressions[n, at], "conversions": conversions[n, at]}
            for n, name in enumerate(("model", "random"))
        }
        for at in range(shape[1])
    ]
    shown = exported(manager, "report/lift.js", "(all, points) => all.pooled(points)", points)
    for at, point in enumerate(shown):
        model, other = (Arm(impressions[n, : at + 1], conversions[n, : at + 1]) for n in range(2))
        expected = lift(model, other)
        assert point["value"] == pytest.approx(expected["value"])
        ends = None if point["low"] is None else [point["low"], point["high"]]
        assert ends == pytest.approx(expected["interval"])
