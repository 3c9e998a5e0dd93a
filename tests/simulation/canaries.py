"""`python -m tests.simulation.canaries`: requests full of a person's marks, none of which is to stand in a log.

Each request carries marks that nobody else has: ids of visitors and profiles, addresses of mails, pages and the net,
audiences, tokens, secrets of clients. Requests are well made, refused and hostile, at every door, with the store there
and away. All that the functions write is kept: log lines, metric lines, and what other libraries log. X-Ray is told
nothing: no function writes annotations. A mark is looked for as it is, and as base64 or a URL would spell it.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import logging
import os
import random
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote, urlsplit

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from tests.support.aws import in_process, set_environment

FUNCTIONS = Path(__file__).parents[2] / "functions"
SERVICES = sorted(handler.parent.name for handler in FUNCTIONS.glob("*/handler.py"))
EDGE = ("/v1/interact", "/v1/collect", "/v2/interact", "/v2/collect", "/v1/identity/acquire", "/v1/privacy/set-consent")


@dataclass
class Written:
    """All that was written, by the functions' own loggers and by others."""

    own: io.StringIO = field(default_factory=io.StringIO)
    others: io.StringIO = field(default_factory=io.StringIO)

    def lines(self) -> list[dict[str, Any]]:
        """What the functions wrote, a line each; metrics have `_aws`."""
        return [json.loads(line) for line in self.own.getvalue().splitlines()]


@contextlib.contextmanager
def kept() -> Iterator[Written]:
    """Keep what is written meanwhile."""
    written = Written()
    handlers = [one for name in SERVICES for one in logging.getLogger(name).handlers]
    before = [(one, one.setStream(written.own)) for one in handlers if type(one) is logging.StreamHandler]
    other = logging.StreamHandler(written.others)
    logging.getLogger().addHandler(other)
    try:
        with contextlib.redirect_stdout(written.own), contextlib.redirect_stderr(written.others):
            yield written
    finally:
        logging.getLogger().removeHandler(other)
        for handler, stream in before:
            handler.setStream(stream)


class Person:
    """Somebody whose marks nobody else has."""

    def __init__(self, chance: random.Random) -> None:
        self.mark = f"canary{chance.getrandbits(64):016x}"
        self.ecid = f"9090{chance.randrange(10**34):034d}"
        self.email = f"{self.mark}@example.org"
        self.address = f"203.0.113.{chance.randrange(256)}"
        self.agent = f"Mozilla/5.0 ({self.mark})"
        self.page = f"https://www.shop.test/{self.mark}?email={quote(self.email)}#x"
        self.audience = f"audience-{self.mark}"
        self.secret = f"secret-{self.mark}"

    def marks(self) -> list[str]:
        plain = [self.mark, self.ecid, self.address]
        coded = [_coded(text) for text in (self.mark, self.ecid, self.email)]
        return [*plain, quote(self.email), *coded]

    def headers(self) -> dict[str, str]:
        return {
            "User-Agent": self.agent, "Referer": self.page, "X-Forwarded-For": self.address,
            "Idempotency-Key": self.mark,
            "Cookie": f"kndctr_ABCDEF0123456789_AdobeOrg_identity={self.cookie()}; session={self.mark}",
        }  # fmt: skip

    def cookie(self) -> str:
        return base64.urlsafe_b64encode(b"\x0a\x26" + self.ecid.encode()).decode().rstrip("=")

    def identities(self) -> dict[str, Any]:
        named = {"ECID": self.ecid, "Email": self.email, "loyalty": self.mark}
        return {space: [{"id": id_, "xdm:id": id_}] for space, id_ in named.items()}

    def xdm(self, **more: Any) -> dict[str, Any]:
        """An event as a page sends it, with all that it knows of who is there."""
        return {
            "_id": self.mark, "eventType": "web.webpagedetails.pageViews", "timestamp": "2026-11-28T12:00:00Z",
            "identityMap": self.identities(), "web": {"webPageDetails": {"URL": self.page}},
            "environment": {"ipV4": self.address, "browserDetails": {"userAgent": self.agent}},
            "segmentMembership": {"ups": {self.audience: {"status": "realized"}}},
        } | more  # fmt: skip


def _coded(text: str) -> str:
    """The middle of its base64, which stands in that of any text around it that begins at a third byte."""
    return base64.b64encode(text[: len(text) // 3 * 3].encode()).decode()[:40]


class Visits:
    """A system, and requests to all its doors."""

    def __init__(self, chance: random.Random) -> None:
        from tests.support.door import a_door  # noqa: PLC0415 - the handlers read the environment
        from tests.support.system import System, handler  # noqa: PLC0415

        for name in SERVICES:
            handler(name)  # which makes its logger
        self.chance = chance
        self.system = System()
        self.handler = handler
        real = handler("collect_events").collector
        self.door = a_door(self.system)
        handler("collect_events").collector = real
        self.dataset = self.system.call("GET", "/datasets").json["results"][0]
        self.told: list[str] = []
        """Tokens that the answers gave, and that the requests carried."""
        self.expected = 0
        """How many lines called "request" there should be."""
        self.statuses: Counter[str] = Counter()

    def kinds(self) -> list[Callable[[Person], None]]:
        return [
            self.rank, self.rank_badly, self.hub, self.interact, self.interact_hostile, self.edge_badly, self.mail,
            self.administer, self.administer_badly, self.erase, self.authorize, self.console, self.land, self.hint,
        ]  # fmt: skip

    # ---- The API ----------------------------------------------------------------------------------------------------

    def rest(self, method: str, path: str, body: Any, person: Person, resource: str, **headers: str) -> Any:
        """A request as API Gateway hands it on: its `resource` is the route, not what was asked for."""
        from tests.support.system import caller_of, function_of, rest_event  # noqa: PLC0415

        token = self.system.tokens[caller_of(path)]
        sent = person.headers() | {"Authorization": f"Bearer {token}", "If-Match": "*"} | headers
        self.carried(sent["Authorization"])
        event = rest_event(method, path, body, headers=sent)
        event["resource"] = resource
        event["requestContext"] |= {"identity": {"sourceIp": person.address, "userAgent": person.agent}}
        self.expected += 1
        answer = self.handler(function_of(path)).lambda_handler(event, None)
        return self.answered("api", answer)

    def carried(self, authorization: str) -> None:
        self.told += [part for part in authorization.rpartition(" ")[2].split(".") if len(part) > 40]

    def answered(self, door: str, answer: dict[str, Any]) -> Any:
        self.statuses[f"{door} {answer['statusCode']}"] += 1
        text = answer.get("body") or ""
        self.told += [token for token in _tokens_in(text) if len(self.told) < 50_000]
        return json.loads(text) if text.startswith("{") else None

    def rank(self, person: Person) -> None:
        body = {
            "offers": [{"id": name} for name in ("summer", "autumn", person.mark)], "profileId": person.email,
            "audiences": [person.audience], "context": {"page": person.page[:200]}, "requestId": person.mark,
        }  # fmt: skip
        if self.chance.random() < 0.3:
            body |= {
                "channel": "email",
                "datastreamId": self.door.datastream["id"],
                "count": 1,
                "offers": [{"id": "summer", "link": person.page}],
            }
        body.pop("requestId")
        model = self.door.model["id"]
        self.rest("POST", f"/models/{model}/rankings", body, person, "/models/{model_id}/rankings")

    def rank_badly(self, person: Person) -> None:
        model, resource = self.door.model["id"], "/models/{model_id}/rankings"
        body = self.chance.choice([
            {"offers": person.email}, {person.mark: person.ecid}, f'{{"profileId": "{person.email}", ',
            {"offers": [{"id": person.mark, "priority": person.email}]},
            {"offers": [{"id": "a"}], "seed": person.email},
            {"offers": [{"id": "\ud800" + person.mark}]}, {"offers": [{"id": "a"}], "datastreamId": person.mark},
            {"offers": [{"id": "a"}], "channel": "email", "datastreamId": person.mark},
        ])  # fmt: skip
        authorization = self.chance.choice([None, f"Bearer {_claiming(person)}", f"Basic {_basic(person)}"])
        more = {"Authorization": authorization} if authorization and self.chance.random() < 0.5 else {}
        path = f"/models/{self.chance.choice([model, person.mark])}/rankings"
        self.rest("POST", path, body, person, resource, **more)

    def hub(self, person: Person) -> None:
        pair = {f"xdm:{name}": self.door.decision[name] for name in ("activityId", "placementId")}
        if self.chance.random() < 0.2:
            pair = {"xdm:activityId": person.mark, "xdm:placementId": person.email}
        profile = {
            "xdm:identityMap": person.identities(),
            "xdm:contextData": [{"@type": "_xdm.context.additionalParameters;version=1",
                                 "xdm:data": {"audiences": [person.audience], "email": person.email}}],
        }  # fmt: skip
        body = {"xdm:propositionRequests": [pair], "xdm:profiles": [profile], "xdm:requestId": person.mark}
        self.rest("POST", "/data/core/ods/decisions", body, person, "/data/core/ods/decisions")

    def administer(self, person: Person) -> None:
        path, resource = self.chance.choice([
            ("/models", "/models"), (f"/models/{self.door.model['id']}", "/models/{model_id}"),
            (f"/models/{self.door.model['id']}/report", "/models/{model_id}/report"),
            (f"/datasets/{self.dataset['id']}/refused", "/datasets/{dataset_id}/refused"),
            (f"/datastreams/{self.door.datastream['id']}/requests", "/datastreams/{datastream_id}/requests"),
            ("/decisions", "/decisions"),
        ])  # fmt: skip
        who = self.chance.choice([self.system.tokens["admin"], _person_token(person)])
        self.rest("GET", path, None, person, resource, Authorization=f"Bearer {who}")

    def administer_badly(self, person: Person) -> None:
        method, path, resource, body = self.chance.choice([
            ("POST", "/models", "/models", {"name": person.email, "type": person.mark}),
            ("POST", "/datasets", "/datasets", {"name": person.email, "schema": {person.mark: person.email}}),
            ("POST", "/decisions", "/decisions", {"name": "x", "offers": [{"content": person.email}]}),
            ("GET", f"/models/{person.mark}", "/models/{model_id}", None),
            ("DELETE", f"/datastreams/{person.mark}", "/datastreams/{datastream_id}", None),
            ("PATCH", f"/models/{self.door.model['id']}", "/models/{model_id}", f'"{person.email}'),
            ("GET", f"/{person.mark}/{person.email}", "", None),
        ])  # fmt: skip
        self.rest(method, path, body, person, resource)

    def erase(self, person: Person) -> None:
        path = f"/profiles/{quote(self.chance.choice([person.email, person.ecid, person.mark]))}"
        self.rest("DELETE", path, None, person, "/profiles/{profile_id}")

    def authorize(self, person: Person) -> None:
        token = self.chance.choice([
            _person_token(person), _claiming(person), f"{person.mark}.{person.mark}.{person.mark}", person.email,
        ])  # fmt: skip
        self.carried(token)
        event = {
            "type": "TOKEN", "authorizationToken": f"Bearer {token}",
            "methodArn": f"arn:aws:execute-api:us-east-1:123456789012:abc/v1/GET/profiles/{person.email}",
        }  # fmt: skip
        with contextlib.suppress(Exception):  # "Unauthorized" is the contract
            self.handler("authorize_request").lambda_handler(event, None)

    # ---- The edge ---------------------------------------------------------------------------------------------------

    def edge(self, path: str, body: Any, person: Person, **event: Any) -> Any:
        self.expected += 1
        event.setdefault("query", {"configId": self.door.datastream["id"], "requestId": person.mark})
        context = {"requestId": str(uuid.uuid4()), "identity": {"sourceIp": person.address, "userAgent": person.agent}}
        reply = self.door.call(path, body, headers=person.headers(), requestContext=context, **event)
        return self.answered("edge", {"statusCode": reply.status, "body": reply.text})

    def interact(self, person: Person) -> None:
        event: dict[str, Any] = {
            "xdm": person.xdm(), "data": {"__offerRanking": {"audiences": [person.audience]}, "email": person.email},
            "query": {"personalization": {"decisionScopes": ["home", person.mark], "surfaces": [person.page]},
                      "identity": {"fetch": ["ECID"]}},
        }  # fmt: skip
        state = {"entries": [{"key": "kndctr_ABCDEF0123456789_AdobeOrg_identity", "value": person.cookie()}]}
        answer = self.edge("/v1/interact", {"events": [event], "meta": {"state": state}}, person)
        for handle in (answer or {}).get("handle", ()):
            if handle["type"] == "personalization:decisions" and handle["payload"]:
                decisioning = {"propositionEventType": {"display": 1}, "propositions": handle["payload"]}
                shown = person.xdm(eventType="decisioning.propositionDisplay", _experience={"decisioning": decisioning})
                self.edge("/v1/collect", {"events": [{"xdm": shown}]}, person)

    def interact_hostile(self, person: Person) -> None:
        whole = json.dumps({"events": [{"xdm": person.xdm(), "data": {"email": person.email}}]})
        text = self.chance.choice([
            whole[:-7], whole.replace('"eventType"', '"a": NaN, "eventType"'), whole + whole,
            f'{{"{person.mark}": 1e400}}',
            whole.replace('"timestamp"', '"timestamp": 1, "timestamp"'), json.dumps({person.mark: "\ud800"}),
            json.dumps({"events": {person.email: 1}}), json.dumps({"events": [{"xdm": person.email}]}),
            '{"' + person.mark + '":' + "[" * 40 + f'"{person.email}"' + "]" * 40 + "}", person.email,
            json.dumps({"query": {"personalization": {"decisionScopes": [person.email] * 40}}}),
            json.dumps({"consent": [{"standard": person.mark, "value": person.email}]}),
        ])  # fmt: skip
        self.edge(self.chance.choice(EDGE), text, person)

    def edge_badly(self, person: Person) -> None:
        body = {"events": [{"xdm": person.xdm()}]}
        changes: dict[str, Any] = self.chance.choice([
            {"query": {"configId": person.mark}}, {"query": {"configId": person.email}}, {"query": {person.mark: "x"}},
            {"origin": f"https://{person.mark}.example"}, {"method": "PUT"}, {"isBase64Encoded": True},
            {"query": {"configId": self.door.datastream["id"], "requestId": f"{person.email} x"}},
        ])  # fmt: skip
        path = self.chance.choice([*EDGE, f"/v1/{person.mark}", f"/{person.email}", f"/{person.mark}/v1/interact"])
        self.edge(path, body, person, **changes)

    def mail(self, person: Person) -> None:
        body = {
            "offers": [{"id": "summer", "link": person.page}], "profileId": person.email, "channel": "email",
            "datastreamId": self.door.datastream["id"], "count": 1,
        }  # fmt: skip
        path = f"/models/{self.door.model['id']}/rankings"
        answer = self.rest("POST", path, body, person, "/models/{model_id}/rankings") or {}
        links = [value for offer in answer.get("offers", ()) for name, value in offer.items() if name.endswith("URL")]
        for link in links or [f"https://edge.test/ee/v1/click/{person.mark}.{person.mark}"]:
            sealed = urlsplit(link).path.removeprefix("/ee")
            self.told += [part for part in sealed.rpartition("/")[2].split(".") if len(part) > 20]
            self.edge(sealed, None, person, method="GET", query={})

    # ---- The others -------------------------------------------------------------------------------------------------

    def console(self, person: Person) -> None:
        path = f"/console/{person.mark}/{person.email}"
        event = {
            "resource": "/console/{file+}", "path": path, "httpMethod": "GET", "headers": person.headers(),
            "pathParameters": {"file": path},
            "requestContext": {"path": path, "identity": {"sourceIp": person.address}},
        }  # fmt: skip
        self.expected += 1
        self.answered("console", self.handler("serve_console").lambda_handler(event, None))

    def land(self, person: Person) -> None:
        """An object: events that count, and lines that are refused or no JSON."""
        shown = {"propositionEventType": {"display": 1}, "propositions": [{"id": "p", "items": [{"id": "summer"}]}]}
        lines = [
            json.dumps(person.xdm(_experience={"decisioning": shown})), json.dumps(person.xdm(timestamp=person.email)),
            f'{{"email": "{person.email}"', f'"{person.ecid}"', json.dumps(person.xdm(_id="", _experience=shown)),
        ]  # fmt: skip
        key = self.system.put(
            self.dataset, f"{self.chance.randrange(50)}.json", lines, zipped=self.chance.random() < 0.5
        )
        self.system.notify(self.dataset["bucket"], key)

    def hint(self, person: Person) -> None:
        """A message that is no hint, and one of an object that is not there."""
        from tests.support.system import refresh  # noqa: PLC0415

        event = {"source": "aws.s3", "detail": {"bucket": {"name": person.mark}, "object": {"key": person.email}}}
        refresh([f"{person.email} {{", json.dumps({person.mark: person.email}), json.dumps(event)])


def _tokens_in(text: str) -> Iterator[str]:
    """Signatures of tokens and links in an answer: what proves something."""
    for part in text.replace("\\", '"').split('"'):
        head, dot, signature = part.rpartition(".")
        if dot and len(signature) == 22 and len(head) > 40:
            yield signature


def _basic(person: Person) -> str:
    return base64.b64encode(f"{person.mark}:{person.secret}".encode()).decode()


def _claiming(person: Person) -> str:
    """A token that nobody signed."""
    header, claims = {"alg": "RS256", "kid": person.mark}, {"sub": person.email, "iss": person.page, "aud": person.mark}
    spelled = (base64.urlsafe_b64encode(json.dumps(one).encode()).decode().rstrip("=") for one in (header, claims))
    return ".".join([*spelled, "A" * 86])


def _person_token(person: Person) -> str:
    from tests.support.system import issuer  # noqa: PLC0415

    return issuer().person_token(person.email, groups=("ranking-readers", person.mark))


@contextlib.contextmanager
def away(chance: random.Random) -> Iterator[None]:
    """The store fails, in one of its ways."""
    code = chance.choice(["ProvisionedThroughputExceededException", "InternalServerError", "AccessDeniedException", ""])

    def fails(_: object, operation: str, __: object) -> Any:
        if not code:
            raise EndpointConnectionError(endpoint_url="https://dynamodb.us-east-1.amazonaws.com/")
        raise ClientError({"Error": {"Code": code, "Message": "away"}}, operation)

    with patch.object(BaseClient, "_make_api_call", fails):
        yield


@dataclass(frozen=True, slots=True)
class Found:
    """What the logs of so many requests hold."""

    requests: int
    leaked: list[str]
    expected: int
    """Requests that a function should have written one line about."""
    lines: int
    """Lines called "request"."""
    others: Counter[str]
    """Other lines, by what they are called."""
    statuses: Counter[str]


def visit(requests: int, *, seed: int = 1, fault: float = 0.05) -> Found:
    """Send requests of all kinds in turn, some while the store is away; look through all that was written."""
    chance = random.Random(seed)
    people: list[Person] = []
    with in_process():
        visits = Visits(chance)
        kinds = visits.kinds()
        with kept() as written:
            for n in range(requests):
                people.append(Person(chance))
                is_away = chance.random() < fault
                with (
                    away(chance) if is_away else contextlib.nullcontext(),
                    contextlib.suppress(ClientError, BotoCoreError),
                ):
                    kinds[n % len(kinds)](people[-1])
    text = written.own.getvalue() + written.others.getvalue()
    lines = Counter(line.get("message", "metrics") for line in written.lines())
    marks = {mark for person in people for mark in person.marks()} | set(visits.told)
    return Found(
        requests,
        sorted(mark for mark in marks if mark in text),
        visits.expected,
        lines.pop("request", 0),
        lines,
        visits.statuses,
    )


def main() -> int:
    """0 when nothing leaked, and each request has its line."""
    parser = argparse.ArgumentParser(prog="tests.simulation.canaries", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    given = parser.parse_args()
    set_environment()
    found = visit(given.requests)
    print(f"{found.requests:,} requests, answered {json.dumps(dict(sorted(found.statuses.items())))}")
    print(f"lines of requests: {found.lines:,} of {found.expected:,}; others: {json.dumps(dict(found.others))}")
    print(f"marks of persons in what was written: {len(found.leaked)} {found.leaked[:5]}")
    return int(bool(found.leaked) or found.lines != found.expected)


if __name__ == "__main__":
    os.environ["POWERTOOLS_LOG_LEVEL"] = "INFO"
    sys.exit(main())
