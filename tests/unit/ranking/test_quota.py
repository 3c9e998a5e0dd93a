from __future__ import annotations

import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offer_ranking.ranking.quota import BLOCKS, WINDOW_SECONDS, Quota, QuotaExceededError
from tests.support.quotas import FakeCounter

PER_SECOND = 100
LIMIT = PER_SECOND * WINDOW_SECONDS
BLOCK = math.ceil(LIMIT / BLOCKS)
BEGIN = 1_000_000.0 * WINDOW_SECONDS


@pytest.fixture
def now() -> list[float]:
    return [BEGIN]


@pytest.fixture
def counter() -> FakeCounter:
    return FakeCounter()


@pytest.fixture
def quota(counter: FakeCounter, now: list[float]) -> Quota:
    return Quota(PER_SECOND, counter, clock=lambda: now[0])


def admitted(quota: Quota, times: int, client: str = "c", rankings: int = 1) -> int:
    """How many of so many requests in a row were admitted."""
    return sum(_is_admitted(quota, client, rankings) for _ in range(times))


def _is_admitted(quota: Quota, client: str, rankings: int) -> bool:
    try:
        quota.admit(client, rankings)
    except QuotaExceededError:
        return False
    return True


def test_a_lone_client_gets_its_quota_in_every_window_and_nothing_more(quota: Quota, now: list[float]) -> None:
    for _ in range(3):
        assert admitted(quota, 20 * LIMIT) == LIMIT
        now[0] += WINDOW_SECONDS


def test_what_one_client_takes_costs_the_others_nothing(quota: Quota) -> None:
    admitted(quota, 20 * LIMIT, "greedy")
    assert admitted(quota, LIMIT, "modest") == LIMIT


def test_who_has_had_its_rankings_is_told_when_there_are_more(quota: Quota, now: list[float]) -> None:
    admitted(quota, LIMIT)
    now[0] += 0.5
    with pytest.raises(QuotaExceededError) as refused:
        quota.admit("c", 1)
    assert refused.value.retry_after == math.ceil(WINDOW_SECONDS - 0.5)
    now[0] += refused.value.retry_after
    assert admitted(quota, 1) == 1


def test_a_batch_is_admitted_whole_and_what_it_takes_beyond_comes_off_the_next_windows(
    quota: Quota, now: list[float]
) -> None:
    quota.admit("c", 3 * LIMIT + 10)
    with pytest.raises(QuotaExceededError) as refused:
        quota.admit("c", 1)
    assert refused.value.retry_after == 3 * WINDOW_SECONDS
    now[0] += WINDOW_SECONDS
    assert admitted(quota, 1) == 0
    now[0] += 2 * WINDOW_SECONDS
    assert admitted(quota, 2 * LIMIT) == LIMIT - 10


def test_a_slow_client_is_written_nowhere_and_a_busy_one_once_a_block(
    quota: Quota, counter: FakeCounter, now: list[float]
) -> None:
    for _ in range(10):
        admitted(quota, BLOCK - 1)
        now[0] += WINDOW_SECONDS
    assert counter.asked == 0
    admitted(quota, 20 * LIMIT)
    assert counter.asked <= BLOCKS
    assert sum(counter.told.values()) == counter.asked * BLOCK


def test_without_a_quota_everything_is_admitted_and_nothing_counted(counter: FakeCounter) -> None:
    assert admitted(Quota(0, counter), 10_000) == 10_000
    assert counter.asked == 0


def test_while_the_counter_is_away_each_environment_keeps_to_the_quota_and_asks_every_five_seconds(
    quota: Quota, counter: FakeCounter, now: list[float]
) -> None:
    counter.away = True
    assert admitted(quota, 2 * LIMIT) == LIMIT
    assert counter.asked == 1
    now[0] += WINDOW_SECONDS
    assert admitted(quota, 2 * LIMIT) == LIMIT
    assert counter.asked == 1
    now[0] += 2 * WINDOW_SECONDS
    counter.away = False
    assert admitted(quota, BLOCK) == BLOCK
    assert (counter.asked, sum(counter.told.values())) == (2, BLOCK)


def test_a_clock_that_steps_back_begins_anew(quota: Quota, now: list[float]) -> None:
    admitted(quota, LIMIT)
    now[0] -= 3600
    assert admitted(quota, 2 * LIMIT) == LIMIT


def test_of_more_clients_than_are_kept_the_last_ones_are(quota: Quota) -> None:
    admitted(quota, LIMIT, "first")
    for n in range(1023):
        admitted(quota, 1, f"c{n}")
    assert admitted(quota, 1, "first") == 0
    for n in range(1024):
        admitted(quota, 1, f"d{n}")
    assert admitted(quota, 1, "first") == 1


@given(per_second=st.integers(1, 60), environments=st.integers(1, 6), seed=st.integers(0, 2**32))
def test_all_environments_together_admit_the_quota_and_no_more_than_a_block_each_beyond(
    per_second: int, environments: int, seed: int
) -> None:
    chance, counter, limit = random.Random(seed), FakeCounter(), per_second * WINDOW_SECONDS
    quotas = [Quota(per_second, counter, clock=lambda: BEGIN) for _ in range(environments)]
    weights = [chance.random() for _ in quotas]
    found: Counter[bool] = Counter()
    for quota in chance.choices(quotas, weights, k=3 * limit + 200):
        found[_is_admitted(quota, "c", 1)] += 1
    assert limit <= found[True] <= limit + environments * math.ceil(limit / BLOCKS)


@given(seed=st.integers(0, 2**32), most=st.integers(1, 300), windows=st.integers(1, 12), is_away=st.booleans())
def test_whatever_the_batches_a_lone_client_gets_its_quota_on_average(
    seed: int, most: int, windows: int, *, is_away: bool
) -> None:
    chance, counter, now = random.Random(seed), FakeCounter(), [BEGIN]
    counter.away = is_away
    quota = Quota(PER_SECOND, counter, clock=lambda: now[0])
    total = 0
    for _ in range(windows):
        for _ in range(3 * LIMIT // most + 9):
            batch = chance.randint(max(1, most // 2), most)
            total += batch if _is_admitted(quota, "c", batch) else 0
        now[0] += WINDOW_SECONDS
    assert windows * LIMIT <= total < windows * LIMIT + most
