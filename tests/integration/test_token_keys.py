"""Keys are made, rotated and retired while functions sign and verify with what they remember of them."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from infra import redrive, rotate
from offer_ranking.events.token import InvalidTokenError, KeysUnavailableError, TokenKeys, sign, verify
from offer_ranking.storage.token_keys import (
    LIVES_SECONDS,
    SIGNS_AFTER_SECONDS,
    ContendedError,
    KeyRing,
    NoKeysError,
    TooEarlyError,
)
from tests.support.collecting import a_token

Client = Callable[[str], Any]
NOW = 1_796_000_000.0
DAY = 86_400.0


class World:
    """A table of keys, and rings that remember what they read of it, in a time of their own."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.now = NOW

    def ring(self, skew: float = 0.0) -> KeyRing:
        """`skew`: seconds by which this machine's clock is wrong."""
        return KeyRing(self.client, "TokenKeys", clock=lambda: self.now + skew)


@pytest.fixture
def world(client: Client) -> World:
    return World(client("dynamodb"))


def keys_of(ring: KeyRing) -> TokenKeys:
    keys = ring.keys()
    assert keys is not None
    return keys


def test_the_first_key_is_made_once(world: World) -> None:
    assert world.ring().keys() is None
    world.ring().ensure()
    first = keys_of(world.ring())
    world.ring().ensure()
    assert keys_of(world.ring()) == first
    assert len(first.current.secret) == 32
    assert first.other is None


def test_a_new_key_verifies_at_once_and_signs_when_everybody_has_read_it(world: World) -> None:
    world.ring().ensure()
    first = keys_of(world.ring()).current
    assert world.ring().rotate() == NOW + SIGNS_AFTER_SECONDS
    before = keys_of(world.ring())
    assert before.current == first
    assert before.other not in {first, None}
    world.now += SIGNS_AFTER_SECONDS
    assert keys_of(world.ring()) == TokenKeys(before.other, first)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(2))
def test_no_token_is_lost_while_keys_rotate_under_functions_that_remember_them(world: World, seed: int) -> None:
    chance = random.Random(seed)
    world.ring().ensure()
    rings = [world.ring(chance.uniform(-60, 60)) for _ in range(6)]
    served: list[tuple[float, str]] = []
    token = a_token()
    rotations = 0
    for _ in range(900):
        world.now += chance.choice([0.1, 5.0, 60.0, 290.0, 310.0, 7200.0, DAY])
        if chance.random() < 0.1:
            rings[chance.randrange(6)] = world.ring(chance.uniform(-60, 60))
        if chance.random() < 0.2:
            with suppress(TooEarlyError):
                world.ring().rotate()
                rotations += 1
        served = [(issued, text) for issued, text in served if world.now - issued <= 30 * DAY][-200:]
        served.append((world.now, sign(token, keys_of(chance.choice(rings)).current)))
        for _, text in chance.sample(served, min(5, len(served))):
            assert verify(text, keys_of(chance.choice(rings))) == token
        assert verify(served[0][1], keys_of(chance.choice(rings))) == token
    assert rotations >= 3


def test_a_rotation_within_thirty_days_of_the_last_is_refused_unless_it_is_forced(world: World) -> None:
    world.ring().ensure()
    first = sign(a_token(), keys_of(world.ring()).current)
    world.ring().rotate()
    world.now += LIVES_SECONDS - 1
    before = keys_of(world.ring())
    with pytest.raises(TooEarlyError) as refused:
        world.ring().rotate()
    assert refused.value.until == NOW + LIVES_SECONDS
    assert keys_of(world.ring()) == before
    assert verify(first, before)
    world.ring().rotate(force=True)
    with pytest.raises(InvalidTokenError):
        verify(first, keys_of(world.ring()))
    assert before.current == keys_of(world.ring()).current
    world.now += LIVES_SECONDS
    world.ring().rotate()


def test_of_two_rotations_at_once_one_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.ring().ensure()
    real = world.client.update_item

    def overtaken(**asked: Any) -> Any:
        monkeypatch.setattr(world.client, "update_item", real)
        world.ring().rotate(force=True)
        return real(**asked)

    monkeypatch.setattr(world.client, "update_item", overtaken)
    with pytest.raises(ContendedError):
        world.ring().rotate(force=True)
    first, second = keys_of(world.ring()).current, keys_of(world.ring()).other
    assert second is not None
    assert first != second


def test_before_the_first_key_there_is_nothing_to_rotate(world: World) -> None:
    with pytest.raises(NoKeysError):
        world.ring().rotate()


def test_keys_are_read_anew_after_five_minutes_and_when_the_clock_has_stepped_back(world: World) -> None:
    world.ring().ensure()
    ring = world.ring()
    before = keys_of(ring)
    world.ring().rotate()
    world.now += 299
    assert keys_of(ring) == before
    world.now += 1
    assert keys_of(ring) != before
    ring, before = world.ring(), keys_of(world.ring())
    keys_of(ring)
    world.ring().rotate(force=True)
    world.now -= 3600
    assert keys_of(ring) != before


def test_remembered_keys_stay_good_while_the_table_is_away_and_it_is_not_asked_at_every_call(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.ring().ensure()
    ring, fresh = world.ring(), world.ring()
    before, real = keys_of(ring), world.client.get_item
    asked: list[None] = []

    def away(**_: Any) -> None:
        asked.append(None)
        raise ConnectTimeoutError(endpoint_url="table")

    monkeypatch.setattr(world.client, "get_item", away)
    world.now += 1000
    assert [keys_of(ring) for _ in range(3)] == [before] * 3
    for _ in range(3):
        with pytest.raises(KeysUnavailableError):
            fresh.keys()
    assert len(asked) == 2
    monkeypatch.setattr(world.client, "get_item", real)
    world.now += 5
    assert keys_of(fresh) == keys_of(ring) == before


# ---- make rotate-keys ------------------------------------------------------------------------------------------------


@pytest.fixture
def command(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`make rotate-keys` with these arguments, of the system that `make serve` runs."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    (tmp_path / "env").write_text("AWS_REGION=us-east-1\n")

    class Stack:
        def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's own
            assert StackName == redrive.STORAGE
            return {"Stacks": [{"Outputs": [{"OutputKey": rotate.TABLE, "OutputValue": "TokenKeys"}]}]}

    clients = {"cloudformation": Stack(), "dynamodb": world.client}
    monkeypatch.setattr(rotate.boto3, "client", clients.__getitem__)

    def run(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["rotate", "--folder", str(tmp_path), *arguments])
        return rotate.main()

    return run


def test_the_command_rotates_once_and_says_why_not_twice(
    world: World, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command() == 1
    assert "there is no key yet" in capsys.readouterr().err
    world.ring().ensure()
    assert command() == 0
    assert "signs from 20" in capsys.readouterr().out
    assert command() == 1
    assert "FORCE=1" in capsys.readouterr().err
    assert command("--force") == 0


def test_the_command_says_when_there_is_no_system(
    command: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "env").unlink()
    assert command() == 1
    assert "could not be rotated" in capsys.readouterr().err
