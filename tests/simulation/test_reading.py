"""A thousand reads of snapshots while others publish; `make soak` does a hundred thousand."""

from __future__ import annotations

from tests.simulation import reading

READS = 1000


def test_no_snapshot_is_torn_and_none_is_older_than_the_one_before() -> None:
    worlds = reading.run(READS)
    assert sum(world.torn + world.older for world in worlds) == 0
    assert sum(len(world.published) for world in worlds) > READS / 10
