"""A few sequences of requests to the catalog; `make soak` runs five thousand."""

from __future__ import annotations

from typing import Any

import pytest

from offer_ranking.http.api import Call
from offer_ranking.storage import catalog_items
from tests.simulation import catalog
from tests.support.aws import in_process, set_environment

SEQUENCES = 6


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment()
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "CRITICAL")


def test_requests_do_what_the_rules_say_and_leave_a_whole_table() -> None:
    with in_process():
        catalog.run(SEQUENCES, first=0)


PLANTED: dict[str, tuple[object, str, Any]] = {
    "a rename keeps the old name too": (
        catalog_items,
        "rename",
        lambda table, noun, old, new, id_: [] if old == new else [catalog_items.claim_name(table, noun, new, id_)],
    ),
    "an edit of any version is taken": (Call, "must_match", lambda *_: None),
}


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(*PLANTED[bug])
    with in_process(), pytest.raises(AssertionError):
        catalog.run(SEQUENCES, first=0, shrinks=False)
