"""A decision: one place to fill, the offers that may fill it, and what is shown when none of them may."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
)

from offer_ranking.catalog.errors import InUseError, UnsuitableError
from offer_ranking.catalog.model import Audiences
from offer_ranking.catalog.value import Description, Key, Moment, Name, Value, distinct, rfc3339

MOST_OFFERS = 500  # of a collection of Adobe Journey Optimizer's; a request shows at most 30 of them
MOST_BYTES = 1 << 17
"""Of a decision as JSON. Items of DynamoDB end at 400 KiB: an audit record holds it twice (before, after), the answer
of a create escaped within JSON, which triples the worst of texts."""

JSON, IMAGE = "application/json", "image/"


class OfferStatus(StrEnum):
    """Whether an offer may be shown at all."""

    APPROVED = "approved"
    ARCHIVED = "archived"


def _check_json(content: str) -> None:
    def refuse(constant: str) -> None:
        msg = f"{constant} is no JSON"
        raise ValueError(msg)

    try:
        json.loads(content, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        msg = "must be a JSON document, as its format says"
        raise ValueError(msg) from error


def _date_and_time(given: object) -> object:
    """What pydantic may read: it would take a number, or "2026", for seconds since 1970."""
    if isinstance(given, datetime) or (isinstance(given, str) and re.match(r"\d{4}-\d\d-\d\dT", given)):
        return given
    msg = "must be a date and time with its zone, such as 2026-11-24T22:05:12Z"
    raise ValueError(msg)


def _instant(moment: datetime) -> datetime:
    """In UTC and whole milliseconds, as it is stored and shown."""
    if not 1970 <= moment.year <= 9998:
        msg = "must lie in the years from 1970 to 9998"
        raise ValueError(msg)
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Instant = Annotated[
    AwareDatetime,
    Field(strict=False),  # what a validator has looked at counts as Python's, and a strict datetime takes no text then
    BeforeValidator(_date_and_time),
    AfterValidator(_instant),
    PlainSerializer(rfc3339, return_type=str, when_used="json"),
]
Format = Annotated[str, Field(pattern=r"^(text/html|text/plain|application/json|image/[a-z0-9][a-z0-9.+-]{0,63})$")]
Url = Annotated[str, Field(max_length=2048, pattern=r"^https?://[!-~]+$")]
Language = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
Surface = Annotated[str, Field(max_length=1024, pattern=r"^[a-z][a-z0-9+.-]{0,31}://[!-~]+$")]
Characteristic = Annotated[str, Field(max_length=2048)]


class Creative(Value):
    """What is shown: text that stands here (`content`), or something that lies elsewhere (`deliveryURL`)."""

    id: Key
    etag: Annotated[Key, Field(description="names the version of the content; with another one the offer starts anew")]
    format: Annotated[Format, Field(examples=["text/html", "text/plain", "application/json", "image/png"])]
    delivery_url: Annotated[
        Url | None, Field(alias="deliveryURL", description="instead of content; images always so")
    ] = None
    # After the fields it is held against; a default that is refused is refused under the field's own name.
    content: Annotated[
        Annotated[str, Field(max_length=MOST_BYTES)] | None,
        Field(validate_default=True, description="for application/json: a JSON document"),
    ] = None
    language: Annotated[tuple[Language, ...], Field(max_length=20, fail_fast=True)] = ()
    characteristics: Annotated[dict[Key, Characteristic], Field(max_length=50, fail_fast=True)] = Field(
        default_factory=dict
    )

    @field_validator("content")
    @classmethod
    def _content_or_address(cls, content: str | None, info: ValidationInfo) -> str | None:
        if not {"format", "delivery_url"} <= info.data.keys():
            return content  # they are refused themselves
        if (content is None) == (info.data["delivery_url"] is None):
            msg = "give exactly one of content and deliveryURL"
            raise ValueError(msg)
        if content is not None and info.data["format"].startswith(IMAGE):
            msg = "an image is given by its deliveryURL"
            raise ValueError(msg)
        if content is not None and info.data["format"] == JSON:
            _check_json(content)
        return content


class DecisionOffer(Creative):
    """An offer of a decision: what is shown, and when and to whom it may be."""

    priority: Annotated[
        float, Field(ge=-1e9, le=1e9, allow_inf_nan=False, description="the highest first, where no model ranks")
    ] = 0.0
    starts_at: Annotated[Instant | None, Field(description="from this moment on")] = None
    ends_at: Annotated[Instant | None, Field(description="until just before this moment")] = None
    status: OfferStatus = OfferStatus.APPROVED
    audiences_any: Annotated[Audiences, Field(description="who is in any of them may see it; empty: everybody")] = ()

    @field_validator("ends_at")
    @classmethod
    def _ends_after_it_starts(cls, ends_at: datetime | None, info: ValidationInfo) -> datetime | None:
        starts_at = info.data.get("starts_at")
        if ends_at is not None and starts_at is not None and ends_at <= starts_at:
            msg = "must lie after startsAt"
            raise ValueError(msg)
        return ends_at

    @property
    def is_open(self) -> bool:
        """Whether everybody may see it, at any time."""
        return (
            self.status is OfferStatus.APPROVED
            and self.starts_at is None
            and self.ends_at is None
            and not self.audiences_any
        )

    def may_be_shown(self, audiences: Collection[str], now: datetime) -> bool:
        """Whether somebody of these audiences may see it now."""
        return (
            self.status is OfferStatus.APPROVED
            and (self.starts_at is None or self.starts_at <= now)
            and (self.ends_at is None or now < self.ends_at)
            and (not self.audiences_any or any(one in audiences for one in self.audiences_any))
        )


def _distinct(offers: tuple[DecisionOffer, ...]) -> tuple[DecisionOffer, ...]:
    distinct(tuple(offer.id for offer in offers))
    return offers


Offers = Annotated[tuple[DecisionOffer, ...], Field(max_length=MOST_OFFERS, fail_fast=True), AfterValidator(_distinct)]


ItemCount = Annotated[int, Field(ge=1, le=30)]


class Scope(NamedTuple):
    """What a decision is asked for by, beside its name; the ids may be Adobe Journey Optimizer's own."""

    activity_id: str
    placement_id: str


class NewDecision(Value):
    """What a person sends to create a decision."""

    name: Annotated[Name, Field(description="asked for as a plain decision scope")]
    description: Description | None = None
    activity_id: Annotated[Key | None, Field(examples=["xcore:offer-activity:1234567890abcdef"])] = None
    placement_id: Annotated[Key | None, Field(examples=["xcore:offer-placement:1234567890abcdef"])] = None
    surface: Annotated[Surface | None, Field(examples=["web://shop.example/index.html#hero"])] = None
    model_id: Annotated[Key | None, Field(description="ranks the offers; without one their priority does")] = None
    item_count: Annotated[ItemCount, Field(description="how many are shown, where who asks does not say")] = 1
    offers: Offers
    fallback: Annotated[Creative, Field(description="shown when no offer may be")]


class DecisionEdit(Value):
    """What a person sends to change a decision; what is absent stays, and `offers` are replaced as a whole."""

    name: Name | None = None
    description: Description | None = None
    activity_id: Key | None = None
    placement_id: Key | None = None
    surface: Surface | None = None
    model_id: Key | None = None
    item_count: ItemCount | None = None
    offers: Offers | None = None
    fallback: Creative | None = None


class Decision(NewDecision):
    """A decision as it stands."""

    id: str
    version: int
    used_by: frozenset[str] = Field(default=frozenset(), description="datastreams that serve it")
    created_at: Moment
    updated_at: Moment

    @property
    def scope(self) -> Scope | None:
        """The pair of ids that no other decision has."""
        if self.activity_id is None or self.placement_id is None:
            return None
        return Scope(self.activity_id, self.placement_id)


_CLEARED_BY_NULL = ("description", "activity_id", "placement_id", "surface", "model_id")


def define_decision(new: NewDecision, *, id: str, now: datetime) -> Decision:  # noqa: A002 - the field is called id
    """A new decision. Raises UnsuitableError."""
    fields = {field: getattr(new, field) for field in NewDecision.model_fields}
    return _checked(Decision(**fields, id=id, version=1, created_at=now, updated_at=now))


def edit_decision(decision: Decision, edit: DecisionEdit, *, now: datetime) -> Decision:
    """The decision as edited, one version on; itself when nothing changes. Raises UnsuitableError."""
    changes: dict[str, Any] = {
        field: value
        for field in ("name", "item_count", "offers", "fallback")
        if (value := getattr(edit, field)) is not None
    }
    changes |= {field: getattr(edit, field) for field in _CLEARED_BY_NULL if field in edit.model_fields_set}
    edited = decision.model_copy(update=changes)
    if edited == decision:
        return decision
    return _checked(edited.model_copy(update={"version": decision.version + 1, "updated_at": now}))


def check_unused(decision: Decision) -> None:
    """Raises InUseError for one that datastreams serve."""
    if decision.used_by:
        raise InUseError("decision", decision.used_by)


def eligible(decision: Decision, audiences: Collection[str], now: datetime) -> tuple[DecisionOffer, ...]:
    """The offers that may be shown to somebody of these audiences now, as they stand in the decision.

    Only they are ranked, so that propensities are over what could have been shown. When there is none, the decision's
    fallback is shown: `eligible(...) or decision.fallback`.
    """
    return tuple(offer for offer in decision.offers if offer.may_be_shown(audiences, now))


def _checked(decision: Decision) -> Decision:
    if (decision.activity_id is None) != (decision.placement_id is None):
        missing = "/activityId" if decision.activity_id is None else "/placementId"
        raise UnsuitableError(missing, "activityId and placementId go together: give both, or neither.")
    if decision.fallback.id in {offer.id for offer in decision.offers}:
        detail = "The fallback must not be one of the offers: showing it teaches nothing, showing them does."
        raise UnsuitableError("/fallback/id", detail)
    size = len(decision.model_dump_json(exclude={"used_by"}).encode())
    if size > MOST_BYTES:
        is_fallback = 2 * len(decision.fallback.model_dump_json().encode()) > size
        detail = f"A decision of {size} bytes exceeds {MOST_BYTES}: let large content lie elsewhere, by deliveryURL."
        raise UnsuitableError("/fallback" if is_fallback else "/offers", detail)
    return decision
