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


class NewErasure(Value):
    """Whom to erase: an identity, as events name it, in one namespace or in any."""

    profile_id: Key
    namespace: Key | None = None


@api.operation("DELETE", "/profiles/{profile_id}", needs=Permission.MANAGE, gives=BegunErasure, status=202,
               problems=(problems.INVALID, problems.UNAVAILABLE))  # fmt: skip
def erase_profile(call: Call, profile_id: str, query: ProfileQuery) -> Answer:
    """Erase a person's events, and correct what was counted. Asked again, it finds nothing more."""
    try:
        identity = _identities.validate_python(profile_id)
    except ValidationError as error:
        raise problems.invalid(error, under=("path", "profile_id")) from error
    return _begun(call, identity, query.namespace)


@api.operation("POST", "/erasures", needs=Permission.MANAGE, gives=BegunErasure, status=202,
               problems=(problems.UNAVAILABLE,))  # fmt: skip
def create_erasure(call: Call, body: NewErasure) -> Answer:
    """Do the same, for whom an address is too public: traces and proxies keep addresses, not bodies."""
    return _begun(call, body.profile_id, body.namespace)


@api.operation("GET", "/erasures/{erasure_id}", needs=Permission.READ, gives=Erasure, problems=(problems.NOT_FOUND,))
def read_erasure(erasure_id: str) -> Answer:
    """How far an erasure is, what it did, and where the person may still be."""
    run = erasures.get(erasure_id)
    found = erasure(
        erasure_id,
        erasures.request(erasure_id),
        run,
        work.of(erasure_id),
        bucket=BUCKET,
        left=work.left(erasure_id),
        datasets=datasets.all(),
    )
    return Answer.of(found)


def _begun(call: Call, identity: str, namespace: str | None) -> Answer:
    now, erasure_id = datetime.now(UTC), str(uuid.uuid4())
    people.put(erasure_id, Sought.of(identity, namespace, _visitors(identity, namespace)), now)
    # Before it begins: nothing is erased that nobody has asked for.
    change = Change(action="erase", who=call.principal.id, at=now, version=1, before=None, after=None)
    erasures.start(erasure_id, change, WAIT)
    return Answer.of(BegunErasure(id=erasure_id, status="running"), 202, Location=f"/erasures/{erasure_id}")


def _visitors(identity: str, namespace: str | None) -> list[str]:
    """As whom tokens may name a person: by an ECID; by the `profileId` of a ranking, whose namespace nobody knows."""
    found = [visitor_of(identity)] if namespace in {None, ECID} else []
    keys = token_keys.keys() if namespace is None else None
    if keys is not None:
        found += [visitor_by(identity, key) for key in (keys.current, keys.other) if key is not None]
    return found


lambda_handler = api
