"""A datastream: what one site or app of one organisation may ask for, and where its events go."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from offer_ranking.catalog.value import Key, Moment, Name, Value, distinct

MOST_DECISIONS = 40
"""An edit that exchanges all of them, and the dataset, fits into one transaction of DynamoDB: 100 writes."""

_DEFAULT_PORTS = {"http": "80", "https": "443"}
_ORIGIN = re.compile(r"(https?)://([a-z0-9]([a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")


class TokenMode(StrEnum):
    """What becomes of an event whose proposition is not signed by this deployment.

    off: it counts. observe: it counts, and is reported. enforce: it does not count.
    """

    OFF = "off"
    OBSERVE = "observe"
    ENFORCE = "enforce"


class AnswerStyle(StrEnum):
    """As which of Adobe's products answers: Offer Decisioning (EXD), or Journey Optimizer's surfaces (AJO)."""

    EXD = "EXD"
    AJO = "AJO"


def _origin(origin: str) -> str:
    """As browsers write it: lower case, no port that the scheme implies."""
    parts = _ORIGIN.fullmatch(origin.lower())
    if parts is None:
        msg = "must be scheme://host or scheme://host:port, without a path"
        raise ValueError(msg)
    scheme, host, port = parts[1], parts[2], parts[4]
    return f"{scheme}://{host}" + (f":{port}" if port and port != _DEFAULT_PORTS[scheme] else "")


Origin = Annotated[str, Field(max_length=300), AfterValidator(_origin)]
Origins = Annotated[tuple[Origin, ...], Field(max_length=100, fail_fast=True), AfterValidator(distinct)]
DecisionIds = Annotated[tuple[Key, ...], Field(max_length=MOST_DECISIONS, fail_fast=True), AfterValidator(distinct)]
# It becomes part of a cookie's name, with _ for @.
OrgId = Annotated[str, Field(max_length=128, pattern=r"^[A-Za-z0-9._-]+(@[A-Za-z0-9._-]+)?$")]


class NewDatastream(Value):
    """What a person sends to create a datastream."""

    name: Name
    org_id: Annotated[OrgId, Field(examples=["1234567890ABCDEF12345678@AdobeOrg"])]
    dataset_id: Annotated[Key, Field(description="where its events are counted")]
    decision_ids: DecisionIds = ()
    origins: Annotated[Origins, Field(description="web pages that may ask; apps and servers have no origin")] = ()
    token_mode: TokenMode = TokenMode.ENFORCE
    answer_style: AnswerStyle = AnswerStyle.EXD


class DatastreamEdit(Value):
    """What a person sends to change a datastream; what is absent stays."""

    name: Name | None = None
    org_id: OrgId | None = None
    dataset_id: Key | None = None
    decision_ids: DecisionIds | None = None
    origins: Origins | None = None
    token_mode: TokenMode | None = None
    answer_style: AnswerStyle | None = None


class Datastream(NewDatastream):
    """A datastream as it stands; its id is what clients are configured with."""

    id: str
    version: int
    created_at: Moment
    updated_at: Moment


def define_datastream(new: NewDatastream, *, id: str, now: datetime) -> Datastream:  # noqa: A002 - the field is called id
    """A new datastream."""
    fields = {field: getattr(new, field) for field in NewDatastream.model_fields}
    return Datastream(**fields, id=id, version=1, created_at=now, updated_at=now)


def edit_datastream(datastream: Datastream, edit: DatastreamEdit, *, now: datetime) -> Datastream:
    """The datastream as edited, one version on; itself when nothing changes."""
    changes: dict[str, Any] = {
        field: value for field in DatastreamEdit.model_fields if (value := getattr(edit, field)) is not None
    }
    edited = datastream.model_copy(update=changes)
    if edited == datastream:
        return datastream
    return edited.model_copy(update={"version": datastream.version + 1, "updated_at": now})
