"""Objects without a person's lines, as Step Functions has an erasure go through them. Alone it may rewrite them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger

from offer_ranking.collecting.erasing import Erased, Erasing, UnerasableError
from offer_ranking.measuring.erasure import Left, Work
from offer_ranking.storage import clients
from offer_ranking.storage.erasable_objects import S3ErasableObjects
from offer_ranking.storage.erasures import Batch, ErasureWork, SoughtPeople, read_batch

# Of the 900 seconds of a call: an object that is begun before, of ten million lines at most, is read twice (490 s).
MILLISECONDS_TO_END = 600_000

logger = Logger(service="erase_profiles")
people = SoughtPeople(clients.dynamodb(), os.environ["CAPS_TABLE"])
work = ErasureWork(clients.dynamodb(), os.environ["LEDGER_TABLE"])
objects = S3ErasableObjects(clients.s3(), os.environ["DATASETS_BUCKET"])


class UnknownCallError(ValueError):
    """A call of another kind than the state machine makes."""


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401 - Lambda's own
    """A batch of objects, answered with what is left of it; or that an erasure is over."""
    match event:
        case {"erase": dict(given)}:
            batch = read_batch(given)
            return _erase(batch, lambda: context.get_remaining_time_in_millis() > MILLISECONDS_TO_END)
        case {"forget": str(erasure_id)}:
            people.forget(erasure_id)
            return {}
    raise UnknownCallError("neither objects of an erasure nor its end")


def _erase(batch: Batch, has_time: Callable[[], bool]) -> dict[str, Any]:
    """One object at least is gone through, and more while there is time; those that failed come last.

    Raises what the last one failed with where no other was done: the state machine tries again, after a while.
    """
    erasing = Erasing(batch.erasure_id, people.get(batch.erasure_id), objects)
    done, failed, failure = 0, [], None
    for n, key in enumerate(batch.keys):
        if n and not has_time():
            waiting = batch.keys[n:]
            break
        try:
            _erase_one(erasing, key)
            done += 1
        except Exception as error:  # whatever it was, the others are gone through
            logger.exception("object failed", erasure_id=batch.erasure_id)
            failed.append(key)
            failure = error
    else:
        waiting = ()
    if failure is not None and (not done or not waiting):
        raise failure
    return batch.left([*waiting, *failed])


def _erase_one(erasing: Erasing, key: str) -> None:
    try:
        erased = erasing.erase(key)
    except UnerasableError as error:
        work.leave(erasing.id, Left(key, error.reason))
        logger.info("left", erasure_id=erasing.id, reason=error.reason)
        return
    if erased != Erased():
        work.add(erasing.id, Work(erased.lines, erased.rewritten, erased.versions))
        logger.info("erased", erasure_id=erasing.id, lines=erased.lines, versions=erased.versions)
