"""What lists take and give: filters, order and place; a page, and where the next one starts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypedDict

from pydantic import BaseModel, ConfigDict, Field

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.datastream import Datastream
from offer_ranking.catalog.decision import Decision
from offer_ranking.catalog.lifecycle import Status
from offer_ranking.catalog.listing import Page
from offer_ranking.catalog.model import Model, ModelType
from offer_ranking.catalog.value import fold
from offer_ranking.http.api import Answer


class PageQuery(BaseModel):
    """What every list takes. Unknown parameters are refused, so that a misspelt filter does not list everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    start: Annotated[str | None, Field(max_length=4096, description="`next` of the page before")] = None


class _DefinitionQuery(PageQuery):
    name: Annotated[str | None, Field(max_length=255, description="part of the name, compared after folding")] = None

    def names(self, name: str) -> bool:
        """Whether a name is among those asked for."""
        return self.name is None or fold(self.name) in fold(name)


class NamedQuery(_DefinitionQuery):
    """Filter, order and place of a list of what has a name and times."""

    order_by: Annotated[
        Literal["name", "-name", "createdAt", "-createdAt", "updatedAt", "-updatedAt"], Field(alias="orderBy")
    ] = "-updatedAt"


class DatasetQuery(NamedQuery):
    """Filters, order and place of a list of datasets."""

    eligible: bool | None = None


class DecisionQuery(NamedQuery):
    """Filters, order and place of a list of decisions."""

    model_id: Annotated[str | None, Field(max_length=256, alias="modelId")] = None


class ModelQuery(_DefinitionQuery):
    """Filters, order and place of a list of models."""

    status: Status | None = None
    type: ModelType | None = None
    order_by: Annotated[
        Literal[
            "name", "-name", "createdAt", "-createdAt", "updatedAt", "-updatedAt", "status", "-status", "type", "-type"
        ],
        Field(alias="orderBy"),
    ] = "-updatedAt"


class DatasetPage(TypedDict):
    """One page of datasets; `next`, when there is more, is the `start` of the next page."""

    results: list[Dataset]
    count: int
    total: int
    next: str | None


class ModelPage(TypedDict):
    """One page of models; `next`, when there is more, is the `start` of the next page."""

    results: list[Model]
    count: int
    total: int
    next: str | None


class DecisionPage(TypedDict):
    """One page of decisions, shorter than asked for when they are large; `next` is the `start` of the next page."""

    results: list[Decision]
    count: int
    total: int
    next: str | None


class DatastreamPage(TypedDict):
    """One page of datastreams; `next`, when there is more, is the `start` of the next page."""

    results: list[Datastream]
    count: int
    total: int
    next: str | None


def page_answer(shown: Page[Any]) -> Answer:
    """A page of definitions."""
    results = [one.json_ready() for one in shown.results]
    return Answer.of({"results": results, "count": len(results), "total": shown.total, "next": shown.next})


def field_of(order_by: str) -> str:
    """The field that an order names, as the domain spells it."""
    return order_by.replace("At", "_at")
