"""Every principal against every operation, on what exists and on what does not, with the authorizer and without it."""

from __future__ import annotations

import base64
import hmac
import json
import time
from functools import cache
from typing import Any

import jwt
import pytest

from infra.local.issuer import Issuer
from offer_ranking.http.principal import Permission
from offer_ranking.http.verifier import Verifier
from tests.integration.test_snapshots import snapshot
from tests.support.decisions import decision_body
from tests.support.system import EVENT_SCHEMA, ROUTES, System, handler, issuer, rest_event, send

READ, MANAGE, RANK = Permission.READ, Permission.MANAGE, Permission.RANK
P = "offer-ranking/"


def alg_none(token: str) -> str:
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def hs256_with_the_public_key(token: str) -> str:
    key = issuer().keys()["keys"][0]
    header = json.dumps({"alg": "HS256", "typ": "JWT", "kid": key["kid"]}).encode()
    signed = base64.urlsafe_b64encode(header).rstrip(b"=") + b"." + token.split(".")[1].encode()
    signature = hmac.digest(json.dumps(key).encode(), signed, "sha256")
    return (signed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


def claims(**changes: Any) -> dict[str, Any]:
    return jwt.decode(issuer().machine_token("admin"), options={"verify_signature": False}) | changes


def scoped(*permissions: Permission) -> str:
    return issuer().machine_token("admin", scopes=tuple(P + one for one in permissions))


@cache
def unauthenticated() -> dict[str, str | None]:
    good = issuer().machine_token("admin")
    stranger = Issuer("https://issuer.test")
    return {
        "none": None,
        "garbage": "Bearer garbage",
        "basic": "Basic YWRtaW46YWRtaW4=",
        "expired": "Bearer " + issuer().machine_token("admin", expires_in=-60),
        "wrong issuer": "Bearer " + issuer().sign(claims(iss="https://elsewhere.test")),
        "wrong key": "Bearer " + stranger.machine_token("admin"),
        "wrong audience": "Bearer " + issuer().sign(claims(scope="other-api/ranking-strategies.write")),
        "alg none": "Bearer " + alg_none(good),
        "public key as secret": "Bearer " + hs256_with_the_public_key(good),
        "id token": "Bearer " + issuer().sign(claims(token_use="id")),
        "no subject": "Bearer " + issuer().sign({k: v for k, v in claims().items() if k != "sub"}),
        "altered": "Bearer " + good[:-6] + ("AAAAAA" if not good.endswith("AAAAAA") else "BBBBBB"),
    }


@cache
def authenticated() -> dict[str, tuple[str, set[Permission]]]:
    return {
        "rank only": (scoped(RANK), {RANK}),
        "read only": (scoped(READ), {READ}),
        "write only": (scoped(MANAGE), {MANAGE}),
        "no scope": (issuer().sign(claims(scope="")), set()),
        "scope as substring": (issuer().sign(claims(scope=P + "ranking.rankings")), set()),
        "manager group": (issuer().person_token("ada", groups=("ranking-managers",)), {READ, MANAGE}),
        "reader group": (issuer().person_token("bob", groups=("ranking-readers",)), {READ}),
        "other group": (issuer().person_token("eve", groups=("gardeners",)), set()),
    }


HUB_BODY = {
    "xdm:propositionRequests": [{"xdm:activityId": "hero", "xdm:placementId": "top"}],
    "xdm:profiles": [{"xdm:identityMap": {}}],
}
# operation -> (body, status on what exists), in an order in which each leaves what the next ones need
BODIES: dict[str, tuple[Any, int]] = {
    "create_dataset": ({"name": "another", "schema": EVENT_SCHEMA}, 201),
    "list_datasets": (None, 200),
    "read_dataset": (None, 200),
    "change_dataset": ({"description": "changed"}, 200),
    "check_dataset": (None, 200),
    "start_backfill": (None, 202),
    "read_summary": (None, 200),
    "read_accounting": (None, 200),
    "read_refused": (None, 200),
    "read_backfill": (None, 200),
    "delete_dataset": (None, 204),
    "create_model": ({"name": "another", "type": "auto-optimization", "datasetIds": ["{dataset}"]}, 201),
    "list_models": (None, 200),
    "read_model": (None, 200),
    "change_model": ({"description": "changed"}, 200),
    "read_history": (None, 200),
    "duplicate": ({"name": "copy"}, 201),
    "delete_model": (None, 204),
    "create_decision": (decision_body(), 201),
    "list_decisions": (None, 200),
    "read_decision": (None, 200),
    "change_decision": ({"description": "changed"}, 200),
    "delete_decision": (None, 204),
    "read_decision_history": (None, 200),
    "create_datastream": ({"name": "web", "orgId": "ORG@AdobeOrg", "datasetId": "{dataset}"}, 201),
    "list_datastreams": (None, 200),
    "read_datastream": (None, 200),
    "change_datastream": ({"tokenMode": "off"}, 200),
    "delete_datastream": (None, 204),
    "read_datastream_history": (None, 200),
    "read_datastream_requests": (None, 200),
    "activate": (None, 200),
    "deactivate": (None, 200),
    "archive": (None, 200),
    "rank_offers": ({"offers": [{"id": "a"}]}, 200),
    "rank_batch": ({"requests": [{"offers": [{"id": "a"}]}]}, 200),
    "replay_ranking": ({"offers": [{"id": "a"}], "seed": 1, "snapshotVersion": 1}, 200),
    "decide_offers": (HUB_BODY, 200),
    "decide_batch": ({"requests": [HUB_BODY]}, 200),
    "read_report": (None, 200),
    "read_readiness": (None, 200),
    "evaluate": ({"target": {"policy": "uniform"}}, 200),
    "erase_profile": (None, 202),
    "create_erasure": ({"identities": [{"id": "somebody"}]}, 202),
    "read_erasure": (None, 200),
    "read_openapi": (None, 200),
    "read_health": (None, 200),
}


USE_UP_A_DATASET = {
    "read_dataset", "change_dataset", "check_dataset", "start_backfill", "read_summary", "read_accounting",
    "read_refused", "delete_dataset",
}  # fmt: skip


def operations() -> list[tuple[str, Any]]:
    return [(function, operation) for function in ROUTES for operation in handler(function).api.operations]


@pytest.fixture
def world(system: System) -> tuple[System, dict[str, str]]:
    """One thing of each kind, in the state in which each operation would succeed."""
    used, free = system.create_dataset("used"), system.create_dataset("free")
    models = {name: system.create_model([used["id"]], name) for name in ("draft", "live")}
    assert system.call("POST", f"/models/{models['live']['id']}/activate").status == 200
    backfill = system.call("POST", f"/datasets/{used['id']}/backfills").json["id"]
    ids = {"used": used["id"], "free": free["id"], "backfill": backfill, "trained": models["live"]["id"]}
    ids |= {"profile": "somebody", "erasure": system.call("DELETE", "/profiles/somebody").json["id"]}
    ids |= {
        "decision": system.create_decision()["id"],
        "datastream": system.create_datastream(used["id"])["id"],
    }
    system.create_decision("scoped", activityId="hero", placementId="top")
    handler("rank_offers").snapshots.put(snapshot(model=ids["trained"]))
    return system, ids | {name: model["id"] for name, model in models.items()}


def request(operation: Any, ids: dict[str, str], authorization: str | None, *, exists: bool) -> dict[str, Any]:
    live = operation.id in {"rank_offers", "rank_batch", "deactivate", "read_report"}
    state = "trained" if operation.id == "replay_ranking" else "live" if live else "draft"
    model, dataset = (ids[state], ids["free"]) if exists else ("missing", "missing")
    path = operation.path.replace("{model_id}", model).replace("{dataset_id}", dataset)
    for noun in ("backfill", "decision", "datastream", "profile", "erasure"):
        path = path.replace(f"{{{noun}_id}}", ids[noun] if exists else "missing")
    body = json.loads(json.dumps(BODIES[operation.id][0]).replace("{dataset}", ids["used"]))
    headers = {"If-Match": "*"} | ({"Authorization": authorization} if authorization else {})
    return rest_event(operation.method, path, body, headers=headers)


def through_the_authorizer(event: dict[str, Any], function: str, needs: Permission | None) -> int:
    """What the caller sees: API Gateway asks the authorizer first, unless the route is public."""
    if needs is None:
        return send(event, function).status
    token = event["headers"].get("Authorization")
    if token is None:
        return 401
    authorizer = handler("authorize_request")
    authorizer.verifier = handler(function).api._verifier
    arn = f"arn:aws:execute-api:us-east-1:123456789012:abc/v1/{event['httpMethod']}{event['path']}"
    try:
        policy = authorizer.lambda_handler({"type": "TOKEN", "authorizationToken": token, "methodArn": arn}, None)
    except Exception as error:  # noqa: BLE001 - the word is the contract
        return 401 if str(error) == "Unauthorized" else 500
    assert policy["policyDocument"]["Statement"][0]["Resource"].endswith(":abc/v1/*")
    return send(event, function).status


def test_every_operation_is_in_the_table(system: System) -> None:  # noqa: ARG001 - imports the handlers
    assert {operation.id for _, operation in operations()} == set(BODIES)


def test_only_what_explains_a_ranking_is_open_to_two_permissions(system: System) -> None:  # noqa: ARG001 - as above
    found = {operation.id: operation.or_needs for _, operation in operations() if operation.or_needs}
    assert found == {"replay_ranking": Permission.READ}


@pytest.mark.parametrize("authorizer", [True, False], ids=["with authorizer", "without authorizer"])
@pytest.mark.parametrize("exists", [True, False], ids=["existing", "missing"])
@pytest.mark.parametrize("who", list(unauthenticated()))
def test_whoever_proves_nothing_is_answered_401_everywhere_but_on_public_routes(
    world: tuple[System, dict[str, str]], who: str, exists: bool, authorizer: bool
) -> None:
    _, ids = world
    authorization = unauthenticated()[who]
    for function, operation in operations():
        event = request(operation, ids, authorization, exists=exists)
        status = (
            through_the_authorizer(event, function, operation.needs) if authorizer else send(event, function).status
        )
        assert status == (401 if operation.needs else 200), operation.id


@pytest.mark.parametrize("authorizer", [True, False], ids=["with authorizer", "without authorizer"])
@pytest.mark.parametrize("exists", [True, False], ids=["existing", "missing"])
@pytest.mark.parametrize("who", list(authenticated()))
def test_a_permission_opens_its_operations_and_no_others(
    world: tuple[System, dict[str, str]], who: str, exists: bool, authorizer: bool
) -> None:
    system, ids = world
    token, permissions = authenticated()[who]
    for function, operation in operations():
        ids = ids if not exists else fresh(system, ids, operation.id)
        event = request(operation, ids, f"Bearer {token}", exists=exists)
        status = (
            through_the_authorizer(event, function, operation.needs) if authorizer else send(event, function).status
        )
        assert status == expected(operation, permissions, exists=exists), operation.id


def expected(operation: Any, permissions: set[Permission], *, exists: bool) -> int:
    if operation.needs is not None and not {operation.needs, operation.or_needs} & permissions:
        return 403
    is_found = exists or "{" not in operation.path or operation.id == "erase_profile"  # nobody lists people
    return BODIES[operation.id][1] if is_found else 404


def fresh(system: System, ids: dict[str, str], operation: str) -> dict[str, str]:
    """What the operation before used up, made again."""
    stamp = f"{operation} {time.perf_counter_ns()}"
    if operation in USE_UP_A_DATASET:
        return ids | {"free": system.create_dataset(stamp)["id"]}
    if operation in {"duplicate", "delete_model", "activate", "archive"}:
        return ids | {"draft": system.create_model([ids["used"]], stamp)["id"]}
    if operation in {"read_decision", "change_decision", "delete_decision"}:
        return ids | {"decision": system.create_decision(stamp)["id"]}
    if operation in {"read_datastream", "change_datastream", "delete_datastream", "read_datastream_requests"}:
        return ids | {"datastream": system.create_datastream(ids["used"], stamp)["id"]}
    if operation in {"deactivate", "rank_offers", "rank_batch", "read_report"}:
        live = system.create_model([ids["used"]], stamp)["id"]
        assert system.call("POST", f"/models/{live}/activate").status == 200
        return ids | {"live": live}
    return ids


def url_event(
    method: str, path: str, body: Any, iam: dict[str, Any] | None, token: str | None = None
) -> dict[str, Any]:
    context: dict[str, Any] = {"http": {"method": method, "path": path}, "requestId": "r", "stage": "$default"}
    if iam is not None:
        context["authorizer"] = {"iam": iam}
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json"} | ({"authorization": token} if token else {}),
        "requestContext": context,
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }


CALLER = {"userArn": "arn:aws:sts::123456789012:assumed-role/shop/i-1", "accountId": "123456789012"}


@pytest.mark.parametrize("exists", [True, False], ids=["existing", "missing"])
def test_an_iam_principal_on_the_function_url_may_rank_and_nothing_else(
    world: tuple[System, dict[str, str]], exists: bool
) -> None:
    _, ids = world
    for function, operation in operations():
        rest = request(operation, ids, None, exists=exists)
        event = url_event(rest["httpMethod"], rest["path"], json.loads(rest["body"] or "null"), CALLER)
        want = expected(operation, {RANK}, exists=exists) if function == "rank_offers" else 401
        assert send(event, function).status == want, operation.id


def test_the_function_url_without_an_iam_principal_proves_nothing(world: tuple[System, dict[str, str]]) -> None:
    _, ids = world
    for iam in (None, {}, {"userArn": ""}):
        event = url_event("POST", f"/models/{ids['live']}/rankings", {"offers": [{"id": "a"}]}, iam)
        assert send(event, "rank_offers").status == 401


def test_an_iam_principal_in_a_rest_event_is_not_believed(world: tuple[System, dict[str, str]]) -> None:
    _, ids = world
    event = rest_event("POST", f"/models/{ids['live']}/rankings", {"offers": [{"id": "a"}]})
    event["requestContext"]["authorizer"] = {"iam": CALLER}
    assert send(event).status == 401


def test_another_issuer_is_held_to_its_audience() -> None:
    verifier = Verifier(issuer().url, "unused", audience="shop", fetch=lambda _: issuer().keys())
    good = issuer().sign(claims(aud="shop") | {"token_use": "anything"})
    assert verifier.principal(f"Bearer {good}").permissions == {READ, MANAGE}
    for bad in (claims(aud="other"), claims()):
        with pytest.raises(Exception, match=r"not valid"):
            verifier.principal(f"Bearer {issuer().sign(bad)}")
