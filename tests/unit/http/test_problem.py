"""What an error becomes for a caller: worth asking again, or not, and nothing of its inside."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from offer_ranking.http.problem import problem

INSIDE = "table-of-secrets"


def refused(code: str, status: int = 400) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": INSIDE}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetItem")


@pytest.mark.parametrize(
    "error",
    [
        refused("ProvisionedThroughputExceededException"),
        refused("ThrottlingException"),
        refused("SlowDown", 503),
        refused("AnythingNew", 500),
        EndpointConnectionError(endpoint_url=f"https://{INSIDE}.test"),
        ConnectTimeoutError(endpoint_url=f"https://{INSIDE}.test"),
        ReadTimeoutError(endpoint_url=f"https://{INSIDE}.test"),
    ],
)
def test_a_service_that_is_busy_or_away_is_to_be_asked_again(error: Exception) -> None:
    document = problem(error)
    assert (document["status"], document["type"]) == (503, "urn:offer-ranking:problem:unavailable")
    assert INSIDE not in str(document)


@pytest.mark.parametrize("error", [refused("AccessDeniedException"), NoCredentialsError(), KeyError(INSIDE)])
def test_what_will_fail_again_is_our_mistake(error: Exception) -> None:
    document = problem(error)
    assert (document["status"], document["type"]) == (500, "urn:offer-ranking:problem:unexpected")
    assert INSIDE not in str(document)
