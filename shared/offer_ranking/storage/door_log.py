"""The last requests of each datastream, for who sets one up: a sample, kept for a day beside the counters of caps.

A door notes each request in memory, and writes what it has seen at most every five seconds a datastream, so the log
costs a busy door next to nothing, and the last requests of a burst may wait for the next one to be seen.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from offer_ranking.catalog.door_request import DoorRequest

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

WRITTEN_EVERY_SECONDS = 5
_REQUESTS = 20
_DATASTREAMS = 128
_LIVE_SECONDS = 86_400
_LONGEST = 200  # characters of a text


@dataclass(slots=True)
class _Seen:
    requests: deque[DoorRequest] = field(default_factory=lambda: _last(()))
    written_at: float = float("-inf")


class DoorLog:
    """Notes requests, and reads them. `clock` tells seconds since 1970."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def note(self, datastream_id: str, request: DoorRequest) -> None:
        """Remember a request of a datastream that exists. Whether it can be written is no matter to the request."""
        seen = self._seen.get(datastream_id)
        if seen is None:
            seen = self._seen[datastream_id] = _Seen()
        self._seen.move_to_end(datastream_id)
        if len(self._seen) > _DATASTREAMS:
            self._seen.popitem(last=False)
        seen.requests.appendleft(_short(request))
        now = self._clock()
        if now - seen.written_at >= WRITTEN_EVERY_SECONDS:
            seen.written_at = now
            self._write(datastream_id, seen, now)

    def read(self, datastream_id: str) -> list[DoorRequest]:
        """The requests as last written, newest first."""
        answer = self._client.get_item(TableName=self._table, Key=_key(datastream_id), ConsistentRead=True)
        return _read(answer.get("Item", {}))

    def _write(self, datastream_id: str, seen: _Seen, now: float) -> None:
        """Write over what is there, and learn from it what other environments saw: the next write holds that too."""
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key=_key(datastream_id),
                UpdateExpression="SET requests = :requests, expiresAt = :expires",
                ExpressionAttributeValues={
                    ":requests": {"S": json.dumps(_newest(seen.requests), separators=(",", ":"))},
                    ":expires": {"N": str(int(now) + _LIVE_SECONDS)},
                },
                ReturnValues="UPDATED_OLD",
            )
        except (BotoCoreError, ClientError):
            return  # the requests are remembered, and written with the next ones
        seen.requests = _last(_newest([*seen.requests, *_read(answer.get("Attributes", {}))]))


def _last(requests: Iterable[DoorRequest]) -> deque[DoorRequest]:
    """The newest first; one more drives out the oldest."""
    return deque(requests, _REQUESTS)


def _short(request: DoorRequest) -> DoorRequest:
    route, problem = request["route"], request["problem"]
    if len(route) <= _LONGEST and (problem is None or len(problem) <= _LONGEST):
        return request
    return DoorRequest(**request | {"route": route[:_LONGEST], "problem": problem and problem[:_LONGEST]})


def _key(datastream_id: str) -> Any:  # noqa: ANN401 - an item of DynamoDB
    return {"pk": {"S": f"door#{datastream_id}"}}


def _read(item: Any) -> list[DoorRequest]:  # noqa: ANN401 - an item of DynamoDB
    requests: list[DoorRequest] = json.loads(item["requests"]["S"]) if "requests" in item else []
    return requests


def _newest(requests: Iterable[DoorRequest]) -> list[DoorRequest]:
    """The newest ones, each once: what was written comes back from the table."""
    distinct = {json.dumps(request, sort_keys=True): request for request in requests}
    return sorted(distinct.values(), key=lambda request: request["at"], reverse=True)[:_REQUESTS]
