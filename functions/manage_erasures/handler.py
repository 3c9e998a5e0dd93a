"""Erasures of people: begin one, and say how far it is. Whom it erases is in no log, no run and no record."""

from __future__ import annotations

import os
import uuid
from datetime import UTC, datetime, timedelta
from typing import Annotated

from aws_lambda_powertools import Logger
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from offer_ranking.catalog.change import Change
from offer_ranking.catalog.value import Key, Value
from offer_ranking.collecting.erasure import Sought
from offer_ranking.events.person import Identity
from offer_ranking.events.visitor import visitor_by, visitor_of
from offer_ranking.http import problem as problems
from offer_ranking.http.api import Answer, Api, Call
from offer_ranking.http.principal import Permission
from offer_ranking.measuring.erasure import BegunErasure, Erasure, erasure
from offer_ranking.storage import clients
from offer_ranking.storage.datasets import Datasets
from offer_ranking.storage.erasures import Erasures, ErasureWork, SoughtPeople
from offer_ranking.storage.token_keys import KeyRing

BUCKET = os.environ["DATASETS_BUCKET"]
# Twice the time for which collected events wait to be written: then all that came before the request lies there.
WAIT = timedelta(seconds=2 * int(os.environ["DELIVERY_SECONDS"]))
ECID = "ECID"

_dynamodb, _catalog = clients.dynamodb(), os.environ["CATALOG_TABLE"]
datasets = Datasets(_dynamodb, _catalog)
erasures = Erasures(clients.stepfunctions(), os.environ["ERASURES"], _dynamodb, _catalog)
people = SoughtPeople(_dynamodb, os.environ["CAPS_TABLE"])
work = ErasureWork(_dynamodb, os.environ["LEDGER_TABLE"])
token_keys = KeyRing(_dynamodb, os.environ["TOKEN_KEYS_TABLE"])
api = Api(Logger(service="manage_erasures"))

_identities = TypeAdapter[str](Key)


class ProfileQuery(BaseModel):
    """In which namespace the id is one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    namespace: Annotated[Key | None, Field(description="such as ECID or Email; in any when it is absent")] = None


class ProfileIdentity(Value):
    """An identity as events name it, in one namespace or in any."""

    id: Key
    namespace: Key | None = None


class NewErasure(Value):
    """Whom to erase, by all the identities that are known of a person; or several people at once."""

    identities: Annotated[tuple[ProfileIdentity, ...], Field(min_length=1, max_length=100, fail_fast=True)]


@api.operation("DELETE", "/profiles/{profile_id}", needs=Permission.MANAGE, gives=BegunErasure, status=202,
               problems=(problems.INVALID, problems.UNAVAILABLE))  # fmt: skip
def erase_profile(call: Call, profile_id: str, query: ProfileQuery) -> Answer:
    """Erase a person's events, and correct what was counted. Asked again, it finds nothing more."""
    try:
        identity = _identities.validate_python(profile_id)
    except ValidationError as error:
        raise problems.invalid(error, under=("path", "profile_id")) from error
    return _begun(call, [Identity(query.namespace or "", identity)])


@api.operation("POST", "/erasures", needs=Permission.MANAGE, gives=BegunErasure, status=202,
               problems=(problems.UNAVAILABLE,))  # fmt: skip
def create_erasure(call: Call, body: NewErasure) -> Answer:
    """Erase by up to 100 identities in one go; traces and proxies keep addresses, and not bodies as this one."""
    return _begun(call, [Identity(one.namespace or "", one.id) for one in body.identities])


@api.operation("GET", "/erasures/{erasure_id}", needs=Permission.READ, gives=Erasure, problems=(problems.NOT_FOUND,))
def read_erasure(erasure_id: str) -> Answer:
    """How far an erasure is, what it did, and where the person may still be."""
    run = erasures.get(erasure_id)
    found = erasure(
        erasures.request(erasure_id),
        run,
        work.of(erasure_id),
        bucket=BUCKET,
        left=work.left(erasure_id),
        datasets=datasets.all(),
    )
    return Answer.of(found)


def _begun(call: Call, identities: list[Identity]) -> Answer:
    now, erasure_id = datetime.now(UTC), str(uuid.uuid4())
    people.put(erasure_id, Sought.of(identities, _visitors(identities)), now)
    # Before it begins: nothing is erased that nobody has asked for.
    change = Change(action="erase", who=call.principal.id, at=now, version=1, before=None, after=None)
    erasures.start(erasure_id, change, WAIT)
    return Answer.of(BegunErasure(id=erasure_id, status="running"), 202, Location=f"/erasures/{erasure_id}")


def _visitors(identities: list[Identity]) -> list[str]:
    """As whom tokens may name a person: by an ECID; by the `profileId` of a ranking, whose namespace nobody knows."""
    found = [visitor_of(id_) for namespace, id_ in identities if namespace in {"", ECID}]
    anywhere = [id_ for namespace, id_ in identities if not namespace]
    keys = token_keys.keys() if anywhere else None
    live = (keys.current, keys.other) if keys else ()
    return found + [visitor_by(id_, key) for id_ in anywhere for key in live if key is not None]


lambda_handler = api
