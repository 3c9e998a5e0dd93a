"""The handlers as API Gateway and SQS call them, over AWS in the process."""

from __future__ import annotations

import gzip
import importlib
import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3

from infra.local.issuer import Issuer
from offer_ranking.http.verifier import Verifier
from tests.support.aws import ENVIRONMENT
from tests.support.decisions import decision_body

ROUTES = ("manage_models", "manage_decisions", "activate_model", "rank_offers", "report_performance", "manage_erasures")
EVENT_SCHEMA = "experience-event-proposition-interactions"


@cache
def issuer() -> Issuer:
    """One key pair for the whole run: making one takes a while."""
    return Issuer("https://issuer.test")


@cache
def handler(function: str) -> Any:
    return importlib.import_module(f"functions.{function}.handler")


@dataclass(frozen=True)
class Reply:
    """What a caller sees."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def etag(self) -> str:
        return self.headers["ETag"]


@dataclass
class Context:
    """What Lambda hands to a handler, by Lambda's names. `milliseconds` are left for each thing in turn."""

    milliseconds: list[int] = field(default_factory=list)
    memory_limit_in_mb: str = "2048"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds.pop(0) if self.milliseconds else 120_000


@dataclass
class System:
    """Calls operations and pumps queues. `clock` moves what the rank path remembers."""

    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for function in ROUTES:
            handler(function).api._verifier = Verifier(
                issuer=issuer().url, jwks_url="unused", fetch=lambda _: issuer().keys()
            )
        rank = handler("rank_offers")
        rank.serving._kept.clear()
        for remembered in (rank.decisions, rank.datastreams):
            remembered._kept.clear()
        rank.token_keys._keys, rank.token_keys._read_at = None, float("-inf")
        self.tokens = {
            "admin": token("admin"),
            "ranker": token("ranker"),
        }

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        who: str | None = None,
        query: Mapping[str, str] | None = None,
        **headers: str,
    ) -> Reply:
        """One request; `body` is sent as JSON unless it is text, headers are named with underscores."""
        who = who or caller_of(path)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if who in self.tokens:
            sent.setdefault("Authorization", f"Bearer {self.tokens[who]}")
        return send(rest_event(method, path, body, query=query, headers=sent))

    def create_dataset(self, name: str = "events", **fields: Any) -> dict[str, Any]:
        reply = self.call("POST", "/datasets", {"name": name, "schema": EVENT_SCHEMA, **fields})
        assert reply.status == 201, reply.text
        return reply.json

    def create_model(self, dataset_ids: Iterable[str], name: str = "model", **fields: Any) -> dict[str, Any]:
        body = {"name": name, "type": "auto-optimization", "datasetIds": list(dataset_ids), **fields}
        reply = self.call("POST", "/models", body)
        assert reply.status == 201, reply.text
        return reply.json

    def create_decision(self, name: str = "decision", **fields: Any) -> dict[str, Any]:
        reply = self.call("POST", "/decisions", decision_body(name=name, **fields))
        assert reply.status == 201, reply.text
        return reply.json

    def create_datastream(self, dataset_id: str, name: str = "datastream", **fields: Any) -> dict[str, Any]:
        body = {"name": name, "orgId": "ORG@AdobeOrg", "datasetId": dataset_id, **fields}
        reply = self.call("POST", "/datastreams", body)
        assert reply.status == 201, reply.text
        return reply.json

    def live_model(self, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """A dataset, and a live model that learns from it."""
        dataset = self.create_dataset()
        model = self.create_model([dataset["id"]], **fields)
        reply = self.call("POST", f"/models/{model['id']}/activate")
        assert reply.status == 200, reply.text
        return dataset, reply.json

    def put(
        self, dataset: Mapping[str, Any], key: str, lines: Iterable[Mapping[str, Any] | str], *, zipped: bool = True
    ) -> str:
        """An object of lines in the dataset; the key comes back whole."""
        text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines).encode()
        whole = dataset["prefix"] + key
        boto3.client("s3").put_object(
            Bucket=dataset["bucket"], Key=whole, Body=gzip.compress(text, mtime=0) if zipped else text
        )
        return whole

    def notify(self, bucket: str, *keys: str) -> list[str]:
        """The refresh hears of objects as EventBridge tells it; ids of messages that failed."""
        bodies = [
            {
                "source": "aws.s3",
                "detail-type": "Object Created",
                "detail": {"bucket": {"name": bucket}, "object": {"key": key}},
            }
            for key in keys
        ]
        return refresh([json.dumps(body) for body in bodies])

    def land(
        self, dataset: Mapping[str, Any], key: str, lines: Iterable[Mapping[str, Any] | str], *, zipped: bool = True
    ) -> None:
        """An object lands, is counted, and the models have learned from it."""
        assert self.notify(dataset["bucket"], self.put(dataset, key, lines, zipped=zipped)) == []
        self.settle()

    def backfill(self, dataset: Mapping[str, Any], *, at_once: int = 100, context: Any = None, **headers: str) -> str:
        """A backfill as template.yaml defines it, from start to end, and what it leads to; its id."""
        reply = self.call("POST", f"/datasets/{dataset['id']}/backfills", **headers)
        assert reply.status == 202, reply.text
        listed = boto3.client("s3").list_objects_v2(Bucket=dataset["bucket"], Prefix=dataset["prefix"])
        items = [
            {
                "datasetId": dataset["id"],
                "backfillId": reply.json["id"],
                "key": one["Key"],
                "version": one["ETag"],
                "bytes": one["Size"],
            }
            for one in listed.get("Contents", [])
        ]
        for start in range(0, len(items), at_once):
            batch = {"Items": items[start : start + at_once]}
            while batch["Items"]:
                batch = handler("refresh_rankings").lambda_handler({"backfill": batch}, context or Context())
        self.settle()
        return reply.json["id"]

    def erase(self, path: str, body: Any = None, *, at_once: int = 100, context: Any = None, **query: str) -> str:
        """An erasure as template.yaml defines it, from start to end; its id. Nobody tells the refresh of it here."""
        reply = self.call("POST" if body else "DELETE", path, body, query=query or None)
        assert reply.status == 202, reply.text
        keys = [one["Key"] for one in boto3.client("s3").list_objects_v2(Bucket="datasets").get("Contents", [])]
        worker = handler("erase_profiles").lambda_handler
        for start in range(0, len(keys), at_once):
            batch = {"Items": [{"erasureId": reply.json["id"], "key": key} for key in keys[start : start + at_once]]}
            while batch["Items"]:
                batch = worker({"erase": batch}, context or Context(milliseconds=[900_000] * 1000))
        assert worker({"forget": reply.json["id"]}, None) == {}
        return reply.json["id"]

    def settle(self) -> None:
        """Work off both queues until they are empty."""
        sqs = boto3.client("sqs")
        quiet = False
        while not quiet:
            quiet = True
            for queue in (ENVIRONMENT["OBJECTS_QUEUE"], ENVIRONMENT["FITS_QUEUE"]):
                undelay(queue)
                found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
                if found:
                    quiet = False
                    assert refresh([message["Body"] for message in found]) == []
                    for message in found:
                        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        handler("rank_offers").serving._kept.clear()


def undelay(queue: str) -> None:
    """Time passes: moto's own messages become visible now."""
    from moto.backends import get_backend  # noqa: PLC0415 - only where moto is at work

    backend = get_backend("sqs")["123456789012"]["us-east-1"]
    for message in backend.queues[queue.rpartition("/")[2]]._messages:
        message.delayed_until = 0


def token(client: str) -> str:
    """An access token as the issuer gives it to a dev client."""
    return issuer().machine_token(client)


def rest_event(
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """API Gateway's REST proxy event."""
    text = None if body is None else body if isinstance(body, str) else json.dumps(body)
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "multiValueHeaders": {},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": None,
        "body": text,
        "isBase64Encoded": False,
        "requestContext": {"requestId": str(uuid.uuid4()), "resourcePath": path, "httpMethod": method, "path": path},
    }


def send(event: dict[str, Any], function: str | None = None) -> Reply:
    """Call the function that has the route."""
    answer = handler(function or function_of(event["path"])).lambda_handler(event, None)
    headers = {name: values[0] for name, values in (answer.get("multiValueHeaders") or {}).items()}
    return Reply(answer["statusCode"], headers | (answer.get("headers") or {}), answer.get("body") or "")


def caller_of(path: str) -> str:
    """Who may call a route, of the dev clients."""
    return "ranker" if "/rankings" in path or path.startswith("/data/core/ods/") else "admin"


def function_of(path: str) -> str:
    """The function that has a route, as the template says it too."""
    last = path.rstrip("/").rpartition("/")[2]
    if last in {"activate", "deactivate", "archive"}:
        return "activate_model"
    if caller_of(path) == "ranker":
        return "rank_offers"
    if path.startswith(("/decisions", "/datastreams")):
        return "manage_decisions"
    if path.startswith(("/profiles/", "/erasures")):
        return "manage_erasures"
    of_datasets = {"summary", "accounting", "refused"}
    reports = last in {"report", "readiness", "evaluate", *of_datasets} or path.startswith("/backfills/")
    return "report_performance" if reports else "manage_models"


def refresh(bodies: Iterable[str], context: Context | None = None) -> list[str]:
    """The refresh gets a batch of messages; which of them failed, by place."""
    records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
    answer = handler("refresh_rankings").lambda_handler({"Records": records}, context or Context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def display(offer: str, *, kind: str = "display", at: datetime | None = None, **more: Any) -> dict[str, Any]:
    """A compact XDM display or interact of one offer."""
    moment = (at or datetime.now(UTC)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    proposition = {"id": str(uuid.uuid4()), "scope": "test", "items": [{"id": offer}]} | more
    return {
        "_id": str(uuid.uuid4()),
        "timestamp": moment,
        "eventType": f"decisioning.proposition{kind.capitalize()}",
        "_experience": {"decisioning": {"propositionEventType": {kind: 1}, "propositions": [proposition]}},
    }
