"""What the console knows by itself agrees with the code that it is taken from."""

from __future__ import annotations

import unicodedata
from typing import Any

from offer_ranking.catalog.lifecycle import Status, allowed
from offer_ranking.catalog.value import fold
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


def test_names_are_compared_as_the_api_compares_them(manager: Person) -> None:
    """Letter by letter, but for those that no name may have; in Cherokee small letters fold to capitals, here not."""
    letters = [
        letter
        for letter in map(chr, range(0x110000))
        if unicodedata.category(letter) not in {"Cc", "Cn", "Co", "Cs"}
        and not unicodedata.name(letter, "").startswith("CHEROKEE")
    ]
    words = [f"Q{letter}ͅq" for letter in letters] + ["", " Two  words ", "ΟΔΟΣ", "Straße", "ŉ ǰ ΐ ﬃ"]
    folded = exported(manager, "parts/folding.js", "(all, words) => words.map(all.folded)", words)
    assert [one for one in zip(words, folded, map(fold, words), strict=True) if one[1] != one[2]] == []
