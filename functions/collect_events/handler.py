"""The door of browsers and apps: what Adobe's clients send, taken, and what they ask for, answered."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from msgspec import Struct

from offer_ranking.catalog.datastream import Datastream
from offer_ranking.catalog.door_request import DoorRequest
from offer_ranking.catalog.errors import NotFoundError
from offer_ranking.catalog.offering import Offering
from offer_ranking.collecting.caps import Limits
from offer_ranking.collecting.collector import Collector
from offer_ranking.collecting.delivery import UnavailableError
from offer_ranking.collecting.mail import FollowLink, click_mail, open_mail
from offer_ranking.collecting.trust import MAIL_LIFE
from offer_ranking.edge import answer as answers
from offer_ranking.edge import consent, identity
from offer_ranking.edge import problem as problems
from offer_ranking.edge.body import read_body
from offer_ranking.edge.personalization import Personalization, Visit
from offer_ranking.edge.problem import RefusedError
from offer_ranking.edge.request import Request, read_request
from offer_ranking.events.instant import to_rfc3339
from offer_ranking.events.token import KeysUnavailableError, TokenKeys
from offer_ranking.http.door import Answer, Call, Route
from offer_ranking.http.measured import measured, timed
from offer_ranking.storage import clients
from offer_ranking.storage.caps import DynamoCaps
from offer_ranking.storage.datastreams import Datastreams
from offer_ranking.storage.decisions import Decisions
from offer_ranking.storage.delivery import StreamDelivery
from offer_ranking.storage.door_log import DoorLog
from offer_ranking.storage.models import Models
from offer_ranking.storage.offerings import Offerings
from offer_ranking.storage.remembered import STORE_FAILED
from offer_ranking.storage.serving import Serving
from offer_ranking.storage.snapshots import S3Snapshots
from offer_ranking.storage.token_keys import KeyRing

logger = Logger(service="collect_events")
metrics = Metrics(service="collect_events")

_dynamodb, _s3, _table = clients.dynamodb(hasty=True), clients.s3(hasty=True), os.environ["CATALOG_TABLE"]
offerings = Offerings(Datastreams(_dynamodb, _table), Decisions(_dynamodb, _table))
serving = Serving(Models(_dynamodb, _table), S3Snapshots(_s3, os.environ["STATE_BUCKET"]))
token_keys = KeyRing(_dynamodb, os.environ["TOKEN_KEYS_TABLE"])
collector = Collector(
    token_keys.keys,
    DynamoCaps(
        _dynamodb,
        os.environ["CAPS_TABLE"],
        Limits(int(os.environ["INTERACTS_PER_VISITOR"]), int(os.environ["INTERACTS_PER_SOURCE"])),
    ),
    StreamDelivery(clients.firehose(), os.environ["EVENTS_STREAM"], _s3, os.environ["DATASETS_BUCKET"]),
)
personalization = Personalization(serving.serve_live)
door_log = DoorLog(_dynamodb, os.environ["CAPS_TABLE"])

_DATASTREAM = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
# What somebody should hear of, by the names of their metrics, of what became of the events of a request.
_TOLD = {
    "UntrustedEvents": "untrusted",
    "ObservedEvents": "observed",
    "CappedEvents": "capped",
    "UncappedEvents": "unasked",
    "OverflowedEvents": "overflowed",
}


class Tally(Struct):
    """What a request brought and was given, as far as it came: for who sets the datastream up."""

    events: int = 0
    stored: int = 0
    untrusted: int = 0
    capped: int = 0
    propositions: int = 0
    problem: str | None = None


class Asked(Struct, frozen=True):
    """A request that may be answered: to which datastream it came, as what, and when."""

    call: Call
    offering: Offering
    now_ms: int
    tally: Tally

    @property
    def id(self) -> str:
        return self.call.request_id

    @property
    def datastream(self) -> Datastream:
        return self.offering.datastream

    def read(self) -> Request:
        """Its body. Raises RefusedError."""
        request = read_request(read_body(self.call.body()), self.call.headers.get("cookie", ""))
        self.tally.events = len(request.events)
        return request

    def noted(self, status: int) -> None:
        """Remember it, with its answer's status."""
        tally = self.tally
        request = DoorRequest(
            at=to_rfc3339(self.now_ms * 1000), route=_route(self.call.path)[0], status=status, events=tally.events,
            stored=tally.stored, untrusted=tally.untrusted, capped=tally.capped, propositions=tally.propositions,
            problem=tally.problem,
        )  # fmt: skip
        door_log.note(self.datastream.id, request)


def interact(asked: Asked) -> Answer:
    """Answer what is asked for, and take the events that it rides on, all or nothing."""
    request = asked.read()
    org = asked.datastream.org_id
    is_out = request.is_out(consent.cookie_name(org))
    who = "" if is_out else request.ecid(identity.cookie_name(org))
    ecid = identity.fresh_ecid() if who is None else who
    found = personalization.answer(request, Visit(asked.offering, ecid, _keys(), asked.now_ms))
    asked.tally.propositions = found.propositions
    if found.errors:
        asked.tally.problem = f"{len(found.errors)} scopes: {found.errors[0]['title']}"
    if not is_out:
        _collect(asked, request, ecid)
    handles = [*_known(request, ecid), *found.handles]
    if who is None:
        handles.append(answers.store(answers.identity_entry(org, ecid)))
    if not handles and not found.errors:
        return Answer(204)
    return Answer.of_json(207 if found.errors else 200, answers.document(asked.id, handles, found.errors))


def collect(asked: Asked) -> Answer:
    """Take events; nothing is told to those who send them, who often are gone by then."""
    request = asked.read()
    org = asked.datastream.org_id
    if not request.events:
        raise RefusedError.of_field(problems.INVALID, "/events", "must be a list that is not empty")
    if not request.is_out(consent.cookie_name(org)):
        _collect(asked, request, request.ecid(identity.cookie_name(org)) or "")
    return Answer(204)


def collect_v2(asked: Asked) -> Answer:
    """The same, for servers."""
    collect(asked)
    return Answer.of_json(202, answers.document(asked.id, ()))


def acquire_identity(asked: Asked) -> Answer:
    """The client's ECID, a new one where it has none."""
    request = asked.read()
    return Answer.of_json(200, answers.document(asked.id, _identity(asked, request)))


def set_consent(asked: Asked) -> Answer:
    """What a client lets us do, for it to remember. It does so beside its identity only, also when it is "out"."""
    body = read_body(asked.call.body())
    request = read_request(body, asked.call.headers.get("cookie", ""))
    given = consent.read_consent(body.get("consent"))
    handles = _identity(asked, request)
    if given.general:
        handles.append(answers.store(answers.consent_entry(asked.datastream.org_id, given)))
    if given.preferences is not None:
        handles.append(answers.preferences(given.preferences))
    return Answer.of_json(200, answers.document(asked.id, handles))


def follow(link: FollowLink, sealed: str, call: Call) -> Answer:
    """What a link of a mail leads to, whatever becomes of its events: nobody sends them again."""
    now_ms = time.time_ns() // 1_000_000
    found = link(sealed, call.method, call.headers, _keys(), now_ms=now_ms)
    if found.events:
        try:
            datastream = offerings.get(found.datastream).datastream
            taken = collector.take(
                found.events, datastream=datastream, source=call.source, now_ms=now_ms, life=MAIL_LIFE
            )
            _tell({name: getattr(taken, field) for name, field in _TOLD.items()})
        except (NotFoundError, UnavailableError, *STORE_FAILED) as error:
            logger.error("not taken", reason=repr(error))  # noqa: TRY400 - told in one line
            _tell({"UndeliveredEvents": 1})
    return Answer.of_bytes(found.status, found.body, found.headers)


def to_datastream(operation: Callable[[Asked], Answer]) -> Callable[[Call], Answer]:
    """An operation of a client that names a datastream."""

    def answer(call: Call) -> Answer:
        if call.query.get("requestId", call.request_id) != call.request_id:
            detail = "must have 1 to 128 characters of ASCII, and no space"
            raise RefusedError.of_field(problems.INVALID, "requestId", detail)
        asked = Asked(call, _offering(call), time.time_ns() // 1_000_000, Tally())
        try:
            _check_origin(asked)
            answered = operation(asked)
        except RefusedError as error:
            asked.tally.problem = error.kept
            asked.noted(error.kind.status)
            raise
        except Exception as error:
            kind = problems.UNAVAILABLE if isinstance(error, UnavailableError) else problems.UNEXPECTED
            asked.tally.problem = kind.title
            asked.noted(kind.status)
            raise
        asked.noted(answered.status)
        return answered

    return answer


_POST, _GET = frozenset({"POST"}), frozenset({"GET", "HEAD"})
ROUTES: Mapping[str, Route] = {
    "v1/interact": Route(_POST, to_datastream(interact)),
    "v1/collect": Route(_POST, to_datastream(collect)),
    "v1/identity/acquire": Route(_POST, to_datastream(acquire_identity)),
    "v1/privacy/set-consent": Route(_POST, to_datastream(set_consent)),
    "v2/interact": Route(_POST, to_datastream(interact)),
    "v2/collect": Route(_POST, to_datastream(collect_v2)),
}
"""By path, before which one segment may stand: the hint at a place, of which Adobe's edge has several."""
MAIL = {"v1/open": open_mail, "v1/click": click_mail}
"""What follows a link of a mail, of which the rest of the path is signed."""


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401, ARG001 - Lambda's own
    """API Gateway's REST proxy event, from one route for all paths."""
    started = time.perf_counter()
    call = Call.of(event)
    name, route = _route(call.path)
    answer = _answer(call, route)
    milliseconds = round(1000 * (time.perf_counter() - started), 2)
    logger.info(
        "request",
        method=call.method,
        route=name,
        status=answer.status,
        milliseconds=milliseconds,
        request_id=call.gateway_id,
        **measured(timed(serving.measures(), milliseconds) | collector.measures()),
    )
    return answer.for_origin(call.origin)


def _route(path: str) -> tuple[str, Route | None]:
    """The route of a path and its name, for the log too: a path may hold anything."""
    whole = path.strip("/")
    for name in (whole, whole.partition("/")[2]):
        if name in ROUTES:
            return name, ROUTES[name]
        head, _, sealed = name.rpartition("/")
        if head in MAIL:
            return head, Route(_GET, partial(follow, MAIL[head], sealed))
    return "none", None


def _answer(call: Call, route: Route | None) -> Answer:
    try:
        if route is None:
            raise RefusedError(problems.NO_ROUTE, "There is no such route.")  # noqa: TRY301 - answered as all refusals
        return route.answer(call)
    except RefusedError as error:
        return Answer.refusing(error, call)
    except UnavailableError as error:
        logger.error("not taken", reason=str(error))  # noqa: TRY400 - told in one line
        _tell({"UndeliveredEvents": 1})
        return Answer.refusing(RefusedError(problems.UNAVAILABLE, "The events were not taken: send them again."), call)
    except Exception:
        logger.exception("failed")
        _tell({"FailedRequests": 1})
        return Answer.refusing(RefusedError(problems.UNEXPECTED, "It was logged; ask again, or ask us."), call)


def _offering(call: Call) -> Offering:
    """What the datastream offers that the client is configured with. Raises RefusedError."""
    query = call.query
    name = "datastreamId" if "configId" not in query and "datastreamId" in query else "configId"
    datastream_id = query.get(name, "")
    try:
        if not _DATASTREAM.fullmatch(datastream_id):
            raise NotFoundError("datastream", datastream_id[:128])  # noqa: TRY301 - as the store would say
        offering = offerings.get(datastream_id)
    except NotFoundError as error:
        raise RefusedError.of_field(problems.UNKNOWN_DATASTREAM, name, str(error)) from error
    except STORE_FAILED as error:
        logger.error("store away", reason=repr(error))  # noqa: TRY400 - told in one line
        raise RefusedError(problems.UNAVAILABLE, "The datastream cannot be read: ask again.") from error
    return offering


def _check_origin(asked: Asked) -> None:
    """Raises RefusedError for a page that may not ask; apps and servers have no origin."""
    if asked.call.origin is not None and asked.call.origin not in asked.datastream.origins:
        detail = "must be one of the datastream's origins"
        raise RefusedError.of_field(problems.FOREIGN_ORIGIN, "Origin", detail)


def _collect(asked: Asked, request: Request, ecid: str) -> None:
    """Hand over what happened. Raises UnavailableError."""
    happened = [(n, event) for n, event in enumerate(request.events) if event.says_something]
    if not happened:
        return
    events = [event.collected(id_=f"{asked.id}-{n}", ecid=ecid) for n, event in happened]
    taken = collector.take(events, datastream=asked.datastream, source=asked.call.source, now_ms=asked.now_ms)
    asked.tally.stored, asked.tally.untrusted, asked.tally.capped = len(events), taken.untrusted, taken.capped
    _tell({name: getattr(taken, field) for name, field in _TOLD.items()})


def _tell(counts: Mapping[str, int]) -> None:
    """What is not 0 of what somebody should hear of."""
    if not any(counts.values()):
        return
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()


def _identity(asked: Asked, request: Request) -> list[str]:
    """The handles that tell a client who it is, and let it remember that where it did not know."""
    org = asked.datastream.org_id
    known = request.ecid(identity.cookie_name(org))
    ecid = known or identity.fresh_ecid()
    kept = [] if known else [answers.store(answers.identity_entry(org, ecid))]
    return [answers.ecid_result(ecid), *kept]


def _known(request: Request, ecid: str) -> list[str]:
    return [answers.ecid_result(ecid)] if ecid and request.asks_for_ecid else []


def _keys() -> TokenKeys | None:
    """The signing keys; an answer is better unsigned than none."""
    try:
        return token_keys.keys()
    except KeysUnavailableError as error:
        logger.warning("unsigned", reason=str(error))
        return None
