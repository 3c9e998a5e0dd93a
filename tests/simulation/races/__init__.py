"""Many writers at once on everything that is written on a condition.

Over a real server, since moto's transactions are not isolated from each other. A write that was told to have happened
must be found in what is there afterwards, and what is there must be one write after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import boto3
import httpx
from botocore.config import Config

from infra.local.emulator import Emulator
from tests.simulation.races import catalog, counting, keys
from tests.simulation.races.field import Field
from tests.support.aws import create_storage

RACES: dict[str, Callable[[Field], int]] = {
    **{f"edits of a {kind}": partial(catalog.edits, kind=kind) for kind in catalog.EDITS},
    "steps, edits and fits of a model": catalog.lifecycle,
    "names, and pairs of activity and placement": catalog.names_and_pairs,
    "prefixes of a bucket": catalog.prefixes,
    "users of a dataset": catalog.users,
    "creates with a key": catalog.keyed_creates,
    "rows of the ledger": counting.ledger_rows,
    "the pointer to the aggregate": counting.aggregate,
    "snapshots": counting.snapshots,
    "token keys": keys.token_keys,
    "caps": keys.caps,
    "quotas": keys.quotas,
}


def run(name: str, emulator: Emulator, writers: int, writes: int) -> int:
    """How many writes happened, of all that were tried. Raises AssertionError where one was lost."""
    httpx.post(f"{emulator.endpoint}/_ministack/reset", timeout=60).raise_for_status()
    place = {"endpoint_url": emulator.endpoint, "region_name": "us-east-1"}
    create_storage(**place)
    config = Config(
        max_pool_connections=writers, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 1}
    )
    clients = (boto3.client(service, config=config, **place) for service in ("dynamodb", "s3"))
    return RACES[name](Field(*clients, writers, writes))
