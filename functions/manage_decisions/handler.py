"""Decisions and datastreams: create, list, read, edit, delete."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime

from aws_lambda_powertools import Logger

from offer_ranking.catalog.datastream import (
    Datastream,
    DatastreamEdit,
    NewDatastream,
    define_datastream,
    edit_datastream,
)
from offer_ranking.catalog.decision import (
    Decision,
    DecisionEdit,
    NewDecision,
    check_unused,
    define_decision,
    edit_decision,
)
from offer_ranking.catalog.door_request import DoorRequests
from offer_ranking.catalog.listing import page, size_of
from offer_ranking.http import problem as problems
from offer_ranking.http.api import Answer, Api, Call
from offer_ranking.http.definitions import HistoryPage, change_of, creating, history_page, shown
from offer_ranking.http.lists import (
    DatastreamPage,
    DecisionPage,
    DecisionQuery,
    NamedQuery,
    PageQuery,
    field_of,
    page_answer,
)
from offer_ranking.http.once import once
from offer_ranking.http.principal import Permission
from offer_ranking.storage import clients
from offer_ranking.storage.creates import Creates
from offer_ranking.storage.datastreams import Datastreams
from offer_ranking.storage.decisions import Decisions
from offer_ranking.storage.door_log import DoorLog
from offer_ranking.storage.token_keys import KeyRing

TABLE = os.environ["CATALOG_TABLE"]

decisions = Decisions(clients.dynamodb(), TABLE)
datastreams = Datastreams(clients.dynamodb(), TABLE)
token_keys = KeyRing(clients.dynamodb(), os.environ["TOKEN_KEYS_TABLE"])
door_log = DoorLog(clients.dynamodb(), os.environ["CAPS_TABLE"])
creates = Creates(clients.dynamodb(), TABLE)
api = Api(Logger(service="manage_decisions"))


@api.operation("POST", "/decisions", needs=Permission.MANAGE, gives=Decision, status=201,
               problems=(problems.NAME_TAKEN, problems.SCOPE_TAKEN, problems.KEY_REUSED))  # fmt: skip
def create_decision(call: Call, body: NewDecision) -> Answer:
    """Create a decision: the offers of one place, their AI model and their fallback."""
    now = datetime.now(UTC)
    decision = define_decision(body, id=str(uuid.uuid4()), now=now)
    return once(call, creates, now, creating(call, decisions, decision, now))


@api.operation("GET", "/decisions", needs=Permission.READ, gives=DecisionPage)
def list_decisions(query: DecisionQuery) -> Answer:
    """List decisions."""
    found = [
        decision
        for decision in decisions.all()
        if query.model_id in {None, decision.model_id} and query.names(decision.name)
    ]
    order_by = field_of(query.order_by)
    return page_answer(page(found, order_by=order_by, limit=query.limit, start=query.start, size=size_of))


@api.operation("GET", "/decisions/{decision_id}", needs=Permission.READ, gives=Decision,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def read_decision(decision_id: str) -> Answer:
    """Read a decision."""
    return shown(decisions.get(decision_id))


@api.operation("PATCH", "/decisions/{decision_id}", needs=Permission.MANAGE, gives=Decision,
               problems=(problems.NOT_FOUND, problems.NAME_TAKEN, problems.SCOPE_TAKEN, problems.STALE,
                         problems.MATCH_NEEDED))  # fmt: skip
def change_decision(call: Call, decision_id: str, body: DecisionEdit) -> Answer:
    """Edit a decision; its offers are replaced as a whole."""
    before = decisions.get(decision_id)
    call.must_match("decision", before.version)
    now = datetime.now(UTC)
    after = edit_decision(before, body, now=now)
    if after is not before:
        decisions.save(before, after, change_of(call, "edit", now, before, after))
    return shown(after)


@api.operation("DELETE", "/decisions/{decision_id}", needs=Permission.MANAGE, status=204,
               problems=(problems.NOT_FOUND, problems.IN_USE, problems.STALE, problems.MATCH_NEEDED))  # fmt: skip
def delete_decision(call: Call, decision_id: str) -> Answer:
    """Delete a decision that no datastream serves. Its history stays."""
    decision = decisions.get(decision_id)
    call.must_match("decision", decision.version)
    check_unused(decision)
    decisions.delete(decision, change_of(call, "delete", datetime.now(UTC), decision, None))
    return Answer.none()


@api.operation("GET", "/decisions/{decision_id}/history", needs=Permission.READ, gives=HistoryPage,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def read_decision_history(decision_id: str, query: PageQuery) -> Answer:
    """Who changed the decision, when, from what, to what."""
    return history_page(decisions, decision_id, query)


@api.operation("POST", "/datastreams", needs=Permission.MANAGE, gives=Datastream, status=201,
               problems=(problems.NAME_TAKEN, problems.KEY_REUSED))  # fmt: skip
def create_datastream(call: Call, body: NewDatastream) -> Answer:
    """Create a datastream: what one site or app may ask for, and where its events go."""
    now = datetime.now(UTC)
    datastream = define_datastream(body, id=str(uuid.uuid4()), now=now)
    token_keys.ensure()  # its doors sign and verify with it, and they only read
    return once(call, creates, now, creating(call, datastreams, datastream, now))


@api.operation("GET", "/datastreams", needs=Permission.READ, gives=DatastreamPage)
def list_datastreams(query: NamedQuery) -> Answer:
    """List datastreams."""
    found = [datastream for datastream in datastreams.all() if query.names(datastream.name)]
    order_by = field_of(query.order_by)
    return page_answer(page(found, order_by=order_by, limit=query.limit, start=query.start, size=size_of))


@api.operation("GET", "/datastreams/{datastream_id}", needs=Permission.READ, gives=Datastream,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def read_datastream(datastream_id: str) -> Answer:
    """Read a datastream."""
    return shown(datastreams.get(datastream_id))


@api.operation("PATCH", "/datastreams/{datastream_id}", needs=Permission.MANAGE, gives=Datastream,
               problems=(problems.NOT_FOUND, problems.NAME_TAKEN, problems.STALE, problems.MATCH_NEEDED))  # fmt: skip
def change_datastream(call: Call, datastream_id: str, body: DatastreamEdit) -> Answer:
    """Edit a datastream."""
    before = datastreams.get(datastream_id)
    call.must_match("datastream", before.version)
    now = datetime.now(UTC)
    after = edit_datastream(before, body, now=now)
    if after is not before:
        datastreams.save(before, after, change_of(call, "edit", now, before, after))
    return shown(after)


@api.operation("DELETE", "/datastreams/{datastream_id}", needs=Permission.MANAGE, status=204,
               problems=(problems.NOT_FOUND, problems.STALE, problems.MATCH_NEEDED))  # fmt: skip
def delete_datastream(call: Call, datastream_id: str) -> Answer:
    """Delete a datastream. Its events stay in their dataset, its history stays."""
    datastream = datastreams.get(datastream_id)
    call.must_match("datastream", datastream.version)
    datastreams.delete(datastream, change_of(call, "delete", datetime.now(UTC), datastream, None))
    return Answer.none()


@api.operation("GET", "/datastreams/{datastream_id}/history", needs=Permission.READ, gives=HistoryPage,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def read_datastream_history(datastream_id: str, query: PageQuery) -> Answer:
    """Who changed the datastream, when, from what, to what."""
    return history_page(datastreams, datastream_id, query)


@api.operation("GET", "/datastreams/{datastream_id}/requests", needs=Permission.READ, gives=DoorRequests,
               problems=(problems.NOT_FOUND,))  # fmt: skip
def read_datastream_requests(datastream_id: str) -> Answer:
    """The last requests that came in by the datastream, and what became of them."""
    datastream = datastreams.get(datastream_id)
    return Answer.of(DoorRequests(results=door_log.read(datastream.id)))


lambda_handler = api
