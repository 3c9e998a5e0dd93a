from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from offer_ranking.storage.remembered import Remembered

FAULTS = [
    EndpointConnectionError(endpoint_url="https://store.test"),
    ClientError({"Error": {"Code": "ThrottlingException"}}, "BatchGetItem"),
    ValueError("no such JSON"),
    KeyError("definition"),
]


class Letters(Remembered[str, str]):
    """Of a store in which every key stands for itself and the number of reads so far; but for those that are gone."""

    def __init__(self, clock: Callable[[], float]) -> None:
        super().__init__(self._stored, most=3, clock=clock)
        self.reads: list[list[str]] = []
        self.gone: set[str] = set()
        self.fault: Exception | None = None

    def _stored(self, keys: Sequence[str]) -> Mapping[str, str]:
        self.reads.append(list(keys))
        if self.fault is not None:
            raise self.fault
        return {key: f"{key}{len(self.reads)}" for key in keys if key not in self.gone}


@pytest.fixture
def now() -> list[float]:
    return [100.0]


@pytest.fixture
def letters(now: list[float]) -> Letters:
    return Letters(lambda: now[0])


def test_what_is_fresh_is_not_read_again_and_the_rest_is_read_at_once(letters: Letters, now: list[float]) -> None:
    assert letters.some(["a", "b", "a"]) == {"a": "a1", "b": "b1"}
    now[0] += 1.9
    assert letters.some(["c", "a"]) == {"a": "a1", "c": "c2"}
    assert letters.reads == [["a", "b"], ["c"]]


def test_after_two_seconds_it_is_read_again(letters: Letters, now: list[float]) -> None:
    letters.some(["a"])
    now[0] += 2
    assert letters.some(["a"]) == {"a": "a2"}


def test_what_has_gone_is_forgotten_and_asked_for_each_time(letters: Letters, now: list[float]) -> None:
    letters.some(["a"])
    letters.gone = {"a"}
    now[0] += 2
    assert letters.some(["a"]) == {}
    letters.fault = FAULTS[0]
    with pytest.raises(EndpointConnectionError):
        letters.some(["a"])


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_while_the_store_is_away_what_was_read_last_is_good(
    letters: Letters, now: list[float], fault: Exception
) -> None:
    letters.some(["a"])
    letters.fault = fault
    now[0] += 3600
    assert letters.some(["a"]) == {"a": "a1"}
    assert letters.some(["a"]) == {"a": "a1"}
    assert len(letters.reads) == 2  # a store that is away is not asked at every call


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_what_was_never_read_cannot_be_told_while_the_store_is_away(letters: Letters, fault: Exception) -> None:
    letters.some(["a"])
    letters.fault = fault
    with pytest.raises(type(fault)):
        letters.some(["a", "b"])


def test_the_last_ones_asked_for_are_kept(letters: Letters) -> None:
    letters.some(["a", "b", "c"])
    letters.some(["a"])
    letters.some(["d"])
    assert letters.some(["a", "c", "d"]) == {"a": "a1", "c": "c1", "d": "d2"}
    assert letters.some(["b"]) == {"b": "b3"}


def test_more_than_are_kept_can_be_asked_for_at_once(letters: Letters) -> None:
    assert letters.some("abcde") == {key: f"{key}1" for key in "abcde"}
