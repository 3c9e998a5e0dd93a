"""What all environments have admitted of each client: an item a window, beside the counters of caps."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from offer_ranking.ranking.quota import WINDOW_SECONDS, QuotaUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEPT_SECONDS = 3600  # after its window; DynamoDB deletes what has expired when it comes to it


class DynamoQuotas:
    """See ranking.quota.SharedCounter."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def add(self, client: str, window: int, rankings: int) -> int:
        name = hashlib.sha256(client.encode(errors="surrogatepass")).hexdigest()  # an id may outgrow a key
        try:
            answer = self._client.update_item(
                TableName=self._table,
                Key={"pk": {"S": f"quota {window} {name}"}},
                UpdateExpression="ADD rankings :rankings SET expiresAt = :expires",
                ExpressionAttributeValues={
                    ":rankings": {"N": str(rankings)},
                    ":expires": {"N": str((window + 1) * WINDOW_SECONDS + _KEPT_SECONDS)},
                },
                ReturnValues="UPDATED_NEW",
            )
        except (ClientError, BotoCoreError) as error:
            raise QuotaUnavailableError("The counter of quotas cannot be asked.") from error
        return int(answer["Attributes"]["rankings"]["N"])
