"""Two hundred requests while the store fails or lies, in whole or in part; `make soak` sends ten thousand."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from offer_ranking.storage import clients
from tests.simulation import outage
from tests.support.aws import set_environment

ASKS = 200
ATTEMPTS, CONNECT, READ, PAUSE = 2, 0.25, 0.5, 0.05  # the last three in seconds
HANGS = ("a connection that is not made", "an answer that does not come")


@pytest.fixture(autouse=True)
def _environment() -> None:
    set_environment()


def test_while_any_answer_is_possible_it_is_given() -> None:
    asker = outage.run(ASKS)
    assert asker.wrong == []
    assert {answer.rpartition(": ")[0] for answer in asker.answers} == set(outage.REQUESTS)


def test_a_store_that_hangs_is_asked_twice_at_most_for_each_thing_with_a_pause_of_no_account() -> None:
    with outage.failing() as asker:
        asker.store.failing = frozenset(outage.READS)
        for how, request in itertools.product(HANGS, outage.REQUESTS.values()):
            asker.forget()
            asker.store.how = how
            asker.store.asked.clear()
            request(asker)
            assert 1 <= max(asker.store.asked.values()) <= ATTEMPTS  # botocore saves itself the second after many
        assert max(asker.store.paused, default=0) <= PAUSE


def test_the_clients_of_the_rank_path_give_up_in_time() -> None:
    from tests.support.system import handler  # noqa: PLC0415 - the handlers read the environment

    rank, edge = handler("rank_offers"), handler("collect_events")
    hasty = [clients.dynamodb(hasty=True), clients.s3(hasty=True)]
    used: list[Any] = [rank.models, rank.snapshots, rank.token_keys, edge.serving._models, edge.serving._snapshots]
    assert all(any(one._client is client for client in hasty) for one in [*used, edge.token_keys])
    for client in hasty:
        config = client.meta.config
        assert (config.connect_timeout, config.read_timeout) == (CONNECT, READ)
        assert config.retries == {"mode": "standard", "total_max_attempts": ATTEMPTS}
