"""Three hundred requests full of a person's marks; `make soak` sends ten thousand."""

from __future__ import annotations

import pytest

from tests.simulation.canaries import Found, visit
from tests.support.aws import set_environment

REQUESTS = 300


@pytest.fixture(scope="module")
def found() -> Found:
    set_environment()
    return visit(REQUESTS)


def test_no_log_line_and_no_metric_holds_a_mark_of_a_person(found: Found) -> None:
    assert found.leaked == []


def test_every_request_has_one_line(found: Found) -> None:
    assert found.lines == found.expected
    assert found.expected > REQUESTS / 2


def test_what_was_sent_was_answered_well_refused_and_failed(found: Found) -> None:
    """So that the silence of the logs means something."""
    assert {one.partition(" ")[2][0] for one in found.statuses} == {"2", "3", "4", "5"}
    assert found.others.keys() >= {"metrics", "counted", "unreadable hint", "unauthenticated"}
