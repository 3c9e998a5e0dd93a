"""The keys that sign propositions: two live ones in one item of a table of their own, which only signers may read.

A new key verifies at once and signs ten minutes later, when everybody who verifies has read it. The one before it
verifies until the next rotation, which is refused while one of its tokens may live.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from offer_ranking.collecting.trust import MAIL_LIFE
from offer_ranking.events.token import KeysUnavailableError, TokenKey, TokenKeys
from offer_ranking.storage.remembered import STORE_FAILED

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_ITEM: dict[str, Any] = {"pk": {"S": "token-keys"}}
_REMEMBERED_SECONDS = 300
_AGAIN_SECONDS = 5  # while the table is away
SIGNS_AFTER_SECONDS = 2 * _REMEMBERED_SECONDS
LIVES_SECONDS = SIGNS_AFTER_SECONDS + int(MAIL_LIFE.total_seconds())
"""How long after its successor was made a key can be missed: the longest of tokens is that of a mail."""


class NoKeysError(RuntimeError):
    """There is no key to follow: none was made yet."""


class TooEarlyError(RuntimeError):
    """Tokens of the key that a rotation would retire may live. `until`: seconds since 1970 UTC."""

    def __init__(self, until: float) -> None:
        super().__init__("Tokens of the key before the current one may live.")
        self.until = until


class ContendedError(RuntimeError):
    """Somebody else has rotated the keys in between."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """The two live keys, and when the newer one was made: 0 of the very first."""

    newer: TokenKey
    older: TokenKey | None
    rotated_at: float

    @classmethod
    def of(cls, item: dict[str, Any]) -> _Stored:
        older = None
        if "previousId" in item:
            older = TokenKey(item["previousId"]["S"], bytes(item["previousSecret"]["B"]))
        newer = TokenKey(item["currentId"]["S"], bytes(item["currentSecret"]["B"]))
        return cls(newer, older, float(item.get("rotatedAt", {"N": "0"})["N"]))

    def at(self, now: float) -> TokenKeys:
        if self.older is not None and now < self.rotated_at + SIGNS_AFTER_SECONDS:
            return TokenKeys(self.older, self.newer)
        return TokenKeys(self.newer, self.older)


class KeyRing:
    """Reads the keys, remembers them for five minutes, makes the first one and its successors.

    `clock`: seconds since 1970 UTC. A monotonic clock may stand still while an environment is frozen.
    """

    def __init__(self, client: DynamoDBClient, table: str, *, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table
        self._clock = clock
        self._keys: _Stored | None = None
        self._read_at = self._failed_at = float("-inf")

    def ensure(self) -> None:
        """Make the first key, if there is none yet."""
        id_, secret = _new()
        item: dict[str, Any] = _ITEM | {"currentId": id_, "currentSecret": secret}
        try:
            self._client.put_item(TableName=self._table, Item=item, ConditionExpression="attribute_not_exists(pk)")
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def keys(self) -> TokenKeys | None:
        """The live keys; None when none was made yet. Those remembered stay good while the table is away.

        Raises KeysUnavailableError.
        """
        now = self._clock()
        if not 0 <= now - self._read_at < _REMEMBERED_SECONDS:  # clocks step back, too
            self._read(now)
        return self._keys.at(now) if self._keys else None

    def rotate(self, *, force: bool = False) -> float:
        """Make a new key, retire the one before the current one; when the new one begins to sign.

        Args:
            force: although tokens of the key that is retired may live. They no longer verify then.

        Raises NoKeysError, TooEarlyError, ContendedError.

        """
        now = self._clock()
        item = self._client.get_item(TableName=self._table, Key=_ITEM, ConsistentRead=True).get("Item")
        if item is None:
            raise NoKeysError
        stored = _Stored.of(item)
        if stored.older is not None and now < stored.rotated_at + LIVES_SECONDS and not force:
            raise TooEarlyError(stored.rotated_at + LIVES_SECONDS)
        id_, secret = _new()
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_ITEM,
                UpdateExpression="SET previousId = currentId, previousSecret = currentSecret, "
                "currentId = :id, currentSecret = :secret, rotatedAt = :now",
                ConditionExpression="currentId = :seen",
                ExpressionAttributeValues={
                    ":id": id_, ":secret": secret, ":now": {"N": f"{now:.3f}"}, ":seen": {"S": stored.newer.id},
                },
            )  # fmt: skip
        except self._client.exceptions.ConditionalCheckFailedException as error:
            raise ContendedError from error
        return now + SIGNS_AFTER_SECONDS

    def _read(self, now: float) -> None:
        if 0 <= now - self._failed_at < _AGAIN_SECONDS:
            self._missed(None)
            return
        try:
            item = self._client.get_item(TableName=self._table, Key=_ITEM).get("Item")
            found = _Stored.of(item) if item is not None else None
        except STORE_FAILED as error:
            self._failed_at = now
            self._missed(error)
            return
        if found is not None:
            self._keys, self._read_at = found, now

    def _missed(self, error: Exception | None) -> None:
        if self._keys is None:
            raise KeysUnavailableError("The table of keys does not answer.") from error


def _new() -> tuple[dict[str, Any], dict[str, Any]]:
    """An id and a secret, as the table has them."""
    return {"S": secrets.token_hex(4)}, {"B": secrets.token_bytes(32)}
