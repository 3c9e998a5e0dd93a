"""The keys that sign propositions: two live ones in one item of a table of their own, which only signers may read."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from offer_ranking.events.token import TokenKey, TokenKeys

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ITEM: dict[str, Any] = {"pk": {"S": "token-keys"}}
_REMEMBERED_SECONDS = 300  # a rotation keeps the previous key for longer than this


class KeyRing:
    """Reads the keys, remembers them for five minutes, and makes the first one."""

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._keys: TokenKeys | None = None
        self._read_at = float("-inf")

    def ensure(self) -> None:
        """Make the first key, if there is none yet."""
        key: dict[str, Any] = {
            "currentId": {"S": secrets.token_hex(4)},
            "currentSecret": {"B": secrets.token_bytes(32)},
        }
        try:
            self._client.put_item(
                TableName=self._table, Item=_ITEM | key, ConditionExpression="attribute_not_exists(pk)"
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def keys(self) -> TokenKeys | None:
        """The live keys; None when none was made yet. Those remembered stay good while the table is away."""
        if self._clock() - self._read_at < _REMEMBERED_SECONDS:
            return self._keys
        try:
            item = self._client.get_item(TableName=self._table, Key=_ITEM).get("Item")
        except Exception:
            if self._keys is not None:
                return self._keys
            raise
        if item is None:
            return None
        previous = None
        if "previousId" in item:
            previous = TokenKey(item["previousId"]["S"], bytes(item["previousSecret"]["B"]))
        self._keys = TokenKeys(TokenKey(item["currentId"]["S"], bytes(item["currentSecret"]["B"])), previous)
        self._read_at = self._clock()
        return self._keys
