"""What a client hears that asks for more rankings than it gets, and that the others hear nothing of it."""

from __future__ import annotations

from typing import Any

import pytest

from offer_ranking.ranking.quota import WINDOW_SECONDS, Quota
from offer_ranking.storage import clients
from offer_ranking.storage.quotas import DynamoQuotas
from tests.functions.test_datasets import problem
from tests.functions.test_hub import HERO, hub_body, pair
from tests.support.recorded import recorded
from tests.support.system import System, handler, issuer

LIMIT = WINDOW_SECONDS  # of a window, at one ranking a second
OFFERS = [{"id": offer} for offer in "ab"]


@pytest.fixture
def model(system: System, monkeypatch: pytest.MonkeyPatch) -> str:
    """A live model; every client gets one ranking a second, and time stands still."""
    quota = Quota(1, DynamoQuotas(clients.dynamodb(hasty=True), "Caps"), clock=lambda: 0.5)
    monkeypatch.setattr(handler("rank_offers"), "quota", quota)
    return str(system.live_model()[1]["id"])


def calls(system: System, model: str) -> dict[str, tuple[int, Any]]:
    """Requests by what they are, each with how many rankings it counts as."""
    system.create_decision(**pair(HERO))
    one = {"offers": OFFERS}
    return {
        "a ranking": (1, ("POST", f"/models/{model}/rankings", one)),
        "a batch": (3, ("POST", f"/models/{model}/rankings/batch", {"requests": [one] * 3})),
        "a replay": (1, ("POST", f"/models/{model}/rankings/replay", one | {"seed": 1, "snapshotVersion": 0})),
        "decisions": (2, ("POST", "/data/core/ods/decisions", hub_body(HERO, HERO, allowDuplicatePropositions={
            "xdm:acrossActivities": True, "xdm:acrossPlacements": True}))),
        "a batch of decisions": (2, ("POST", "/data/core/ods/decisions/batch", {"requests": [hub_body(HERO)] * 2})),
    }  # fmt: skip


@pytest.mark.parametrize("what", ["a ranking", "a batch", "a replay", "decisions", "a batch of decisions"])
def test_whoever_asks_for_more_than_its_quota_is_told_to_wait(system: System, model: str, what: str) -> None:
    rankings, call = calls(system, model)[what]
    for _ in range(-(-LIMIT // rankings)):
        assert system.call(*call).status < 300
    reply = system.call(*call)
    assert problem(reply)[:2] == (429, "throttled")
    assert reply.headers["Retry-After"] == str(WINDOW_SECONDS)


def test_the_others_are_served_meanwhile(system: System, model: str) -> None:
    path, body = f"/models/{model}/rankings", {"offers": OFFERS}
    statuses = [system.call("POST", path, body).status for _ in range(20 * LIMIT)]
    assert statuses == [200] * LIMIT + [429] * 19 * LIMIT
    claims = issuer()._claims("another client", "another client", 600)
    scope = " ".join(issuer().clients["ranker"].scopes)
    system.tokens["other"] = issuer().sign(claims | {"version": 2, "scope": scope})
    assert [system.call("POST", path, body, who="other").status for _ in range(LIMIT)] == [200] * LIMIT


def test_all_sessions_of_a_role_share_its_quota_at_the_functions_own_address(system: System, model: str) -> None:
    assert system

    def call(session: str, role: str = "shop") -> int:
        event = recorded("rank_offers_url", MODEL_ID=model)
        arn = f"arn:aws:sts::123456789012:assumed-role/{role}/{session}"
        event["requestContext"]["authorizer"]["iam"]["userArn"] = arn
        return int(handler("rank_offers").lambda_handler(event, None)["statusCode"])

    assert [call(f"session-{n}") for n in range(LIMIT + 1)] == [200] * LIMIT + [429]
    assert call("session-1", "warehouse") == 200


def test_what_cannot_be_read_costs_nothing(system: System, model: str) -> None:
    for _ in range(2 * LIMIT):
        assert system.call("POST", f"/models/{model}/rankings", {"offers": 1}).status == 422
    assert system.call("POST", f"/models/{model}/rankings", {"offers": OFFERS}).status == 200
