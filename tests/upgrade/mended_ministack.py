"""MiniStack, mended where it updates a stack otherwise than CloudFormation does. Run by the emulator's own Python.

MiniStack 1.5.33 answers nobody until an update is over, so that no request could tell of downtime; breaks off what
functions are at when they are changed; forgets the attributes (ARNs, names) of what stays the same in a nested stack,
so that none can be updated through its parent; and there names what comes after a bucket by that bucket's seed, which
an update does not know, so that it makes tables anew, without their items.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ministack.app import main
from ministack.core import lambda_runtime
from ministack.services.cloudformation import _stacks, provisioners, stacks

create, update, end = provisioners._provision_resource, provisioners._update_resource, lambda_runtime.kill_workers


def create_by_own_name(*given: Any) -> Any:
    before = provisioners._NAME_SEED.set(provisioners._NAME_SEED.get())
    try:
        return create(*given)
    finally:
        provisioners._NAME_SEED.reset(before)


def update_keeping_attributes(*given: Any) -> Any:
    if len(given) == 6:  # as a nested stack does: without the attributes
        *_, stack, logical_id = given
        given = (*given, _stacks[stack]["_resources"][logical_id]["Attributes"])
    return update(*given)


def end_when_done(workers: Sequence[Any]) -> None:
    for worker in workers:
        with worker._lock:  # held while it answers
            pass
    end(workers)


if __name__ == "__main__":
    provisioners._provision_resource = create_by_own_name
    provisioners._update_resource = update_keeping_attributes
    lambda_runtime.kill_workers = end_when_done
    stacks._runs_on_worker_thread = lambda _: True  # the update of any resource: the server goes on meanwhile
    main()
