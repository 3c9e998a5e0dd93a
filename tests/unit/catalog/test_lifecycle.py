from __future__ import annotations

import pytest

from offer_ranking.catalog.errors import IllegalTransitionError
from offer_ranking.catalog.lifecycle import Action, Status, after, allowed

# Written down apart from the code, from the product's description.
DOCUMENTED = {
    "draft": {"edit": "draft", "activate": "live", "archive": "archived", "duplicate": "draft", "delete": None},
    "live": {"edit": "live", "deactivate": "draft", "duplicate": "live"},
    "archived": {"duplicate": "archived", "delete": None},
}


@pytest.mark.parametrize("action", list(Action))
@pytest.mark.parametrize("status", list(Status))
def test_a_step_leads_where_the_documentation_says_or_is_refused_with_what_is_allowed(
    status: Status, action: Action
) -> None:
    steps = DOCUMENTED[status]
    if action in steps:
        assert after(status, action) == steps[action]
        return
    with pytest.raises(IllegalTransitionError) as refused:
        after(status, action)
    assert set(refused.value.allowed) == set(steps) == set(allowed(status))
    assert status in str(refused.value)
