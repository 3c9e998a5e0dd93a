"""A create that happens once, however often it is asked for with the same Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from offer_ranking.catalog.once import AlreadyDoneError, Once
from offer_ranking.http import problem as problems
from offer_ranking.http.api import Answer, Call
from offer_ranking.http.problem import RequestError


class Creates(Protocol):
    """Where the answers of creates are remembered."""

    def remembered(self, key: str, now: datetime) -> tuple[str, str] | None: ...


def once(
    call: Call,
    creates: Creates,
    now: datetime,
    create: Callable[[Callable[[Answer], Once | None]], Answer],
) -> Answer:
    """The answer of `create`, or the one it gave before.

    `create` stores, in its own transaction, what the function handed to it makes of its answer. So there is no
    moment at which the thing exists and the key does not: whoever loses a race, or asks again after a crash, hears
    the winner's answer. Raises RequestError when the key came with another request.
    """
    key = call.idempotency_key()
    if key is None:
        return create(lambda _: None)

    def again() -> Answer | None:
        found = creates.remembered(key, now)
        if found is None:
            return None
        if found[0] != call.request_hash():
            raise RequestError(problems.KEY_REUSED, "This Idempotency-Key came with another request before.")
        return Answer.from_json(found[1])

    if (answer := again()) is not None:
        return answer
    try:
        return create(lambda answer: Once(key, call.request_hash(), answer.to_json(), now))
    except AlreadyDoneError:
        if (answer := again()) is not None:
            return answer
        raise  # expired between the two reads: a day passed inside this call
