"""The counters of caps: an item each, gone soon after its day."""

from __future__ import annotations

import base64
import hmac
import secrets
import zlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from offer_ranking.collecting.caps import MS_PER_DAY, CapsUnavailableError, Counter, Interact, Limits

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT_SECONDS = 86_400  # after its day
_LETTERS = 22  # 132 bits
# Of one item. It may have 400 KB, some 17,000 marks; and each write is billed, and throttled, by all that it holds.
_MOST_MARKS = 1000
_TOO_MANY = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException"})


class DynamoCaps:
    """See collecting.caps.Caps.

    An item holds the marks of the interacts that it admitted, so one that comes again takes no room. It is named by a
    hash with the day's own salt, which is forgotten soon after: then nobody can tell any more who it was. A counter of
    more than a thousand has several items, each for its part of the marks: it takes a few percent less than its limit.
    """

    def __init__(self, client: DynamoDBClient, table: str, limits: Limits) -> None:
        self._client = client
        self._table = table
        self._limits = limits
        self._salt = (-1, b"")  # of a day

    def admits(self, interact: Interact, *, now_ms: int) -> bool:
        day = now_ms // MS_PER_DAY
        try:
            salt = self._salt_of(day)
            return all(self._takes(counter, interact.mark, day, salt) for counter in self._limits.counters(interact))
        except (ClientError, BotoCoreError) as error:
            raise CapsUnavailableError("The counters of caps cannot be asked.") from error

    def _takes(self, counter: Counter, mark: str, day: int, salt: bytes) -> bool:
        items = -(-counter.limit // _MOST_MARKS)
        names = counter.name if items == 1 else (*counter.name, str(zlib.crc32(mark.encode()) % items))
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": _name(names, salt)}},
                UpdateExpression="ADD marks :marks SET expiresAt = :expires",
                ConditionExpression="attribute_not_exists(marks) OR size(marks) < :limit OR contains(marks, :mark)",
                ExpressionAttributeValues={
                    ":marks": {"SS": [mark]},
                    ":mark": {"S": mark},
                    ":limit": {"N": str(counter.limit // items)},
                    ":expires": {"N": _expiry(day)},
                },
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        except ClientError as error:
            if error.response["Error"]["Code"] in _TOO_MANY:
                return False  # that there are so many, of one visitor or source, is no reason to let them in
            raise
        return True

    def _salt_of(self, day: int) -> bytes:
        """Of all environments the same: the first one makes it."""
        if self._salt[0] != day:
            answer: dict[str, Any] = dict(
                self._client.update_item(
                    TableName=self._table,
                    Key={"pk": {"S": f"salt {day}"}},
                    UpdateExpression="SET salt = if_not_exists(salt, :salt), expiresAt = :expires",
                    ExpressionAttributeValues={
                        ":salt": {"B": secrets.token_bytes(32)},
                        ":expires": {"N": _expiry(day)},
                    },
                    ReturnValues="ALL_NEW",
                )
            )
            self._salt = day, bytes(answer["Attributes"]["salt"]["B"])
        return self._salt[1]


def _name(names: Iterable[str], salt: bytes) -> str:
    named = "\0".join(names).encode(errors="surrogatepass")
    return base64.urlsafe_b64encode(hmac.digest(salt, named, "sha256"))[:_LETTERS].decode()


def _expiry(day: int) -> str:
    return str((day + 1) * MS_PER_DAY // 1000 + _KEPT_SECONDS)
