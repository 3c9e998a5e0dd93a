"""The TOKEN authorizer: whoever proves who they are reaches the API, whose handlers decide what they may do there."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger

from offer_ranking.http.verifier import UnauthenticatedError, Verifier

logger = Logger(service="authorize_request")
verifier = Verifier.from_environment()


def lambda_handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """A policy for the whole stage, since API Gateway caches it for the token, whatever it asks for next."""
    try:
        principal = verifier.principal(event.get("authorizationToken"))
    except UnauthenticatedError as error:
        logger.info("unauthenticated", reason=str(error))
        raise Exception("Unauthorized") from error  # noqa: TRY002 - the one word that API Gateway answers with 401
    arn, stage, *_rest = event["methodArn"].split("/")
    return {
        "principalId": principal.id,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{arn}/{stage}/*"}],
        },
    }
