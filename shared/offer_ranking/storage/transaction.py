"""All or nothing: conditional writes of one DynamoDB transaction, each with what its refusal means."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from offer_ranking.catalog.errors import ContentionError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]

_TRANSIENT = frozenset({"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"})
_ATTEMPTS = 12
# The operating system's, since environments that are restored from one image share the state of any other.
_CHANCE = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Write:
    """One write of a transaction.

    `request` is a Put, Update, Delete or ConditionCheck as DynamoDB takes it. `refused` makes the error that a failed
    condition means, from the item that stood there (None when there was none).
    """

    request: dict[str, Any]
    refused: Callable[[Item | None], Exception]


def commit(client: DynamoDBClient, writes: Sequence[Write]) -> None:
    """Apply all writes or none.

    The first write whose condition fails decides the error that is raised: order them by what the caller should
    hear first. Conflicts with other transactions are tried again with growing, random pauses; ContentionError after
    the last.
    """
    requests: list[Any] = [_returning_old(write.request) for write in writes]
    for attempt in range(_ATTEMPTS):
        try:
            client.transact_write_items(TransactItems=requests)
        except client.exceptions.TransactionCanceledException as error:
            _raise_refusal(writes, error)
        except client.exceptions.TransactionInProgressException:
            pass
        else:
            return
        time.sleep(pause(attempt))
    raise ContentionError


def pause(attempt: int) -> float:
    """Seconds to wait after so many attempts that met others: at random, and otherwise in every environment."""
    return _CHANCE.uniform(0, min(1.0, 0.01 * 2**attempt))


def _returning_old(request: dict[str, Any]) -> dict[str, Any]:
    return {
        verb: {**body, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"} if "ConditionExpression" in body else body
        for verb, body in request.items()
    }


def _raise_refusal(writes: Sequence[Write], error: ClientError) -> None:
    """Raise what the first failed condition means; return when only passing conflicts stood in the way."""
    reasons: list[Any] = error.response.get("CancellationReasons", [])
    for write, reason in zip(writes, reasons, strict=True):
        if reason.get("Code") == "ConditionalCheckFailed":
            raise write.refused(reason.get("Item")) from error
    codes = {reason.get("Code") for reason in reasons} - {"None", None}
    if not codes or not codes <= _TRANSIENT:
        raise error
