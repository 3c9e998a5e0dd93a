"""Creates that were asked for with an Idempotency-Key, remembered for a day with the answer they gave."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from offer_ranking.storage import catalog_items as items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Creates:
    """Reads what the creates of `storage.models` and `storage.datasets` stored in their own transactions."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def remembered(self, key: str, now: datetime) -> tuple[str, str] | None:
        """(request hash, answer) of the create that used this key in the last 24 hours."""
        item = items.get(self._client, self._table, "once", key)
        if item is None or int(item["expiresAt"]["N"]) < now.timestamp():  # DynamoDB deletes the expired days later
            return None
        return item["requestHash"]["S"], item["answer"]["S"]
