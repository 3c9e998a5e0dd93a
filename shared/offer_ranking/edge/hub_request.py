"""What a server asks of the Decisioning API (experienceleague.adobe.com, Journey Optimizer, "Deliver offers using the
Decisioning API"; older fields: github.com/AdobeDocs/experience-platform.en, decisioning-service/tutorials/runtime.md).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from offer_ranking.catalog.decision import ItemCount, Scope
from offer_ranking.catalog.value import Key, Value
from offer_ranking.edge.context_data import MOST_VALUES, audiences_of, context_of, count_values
from offer_ranking.events.visitor import visitor_of
from offer_ranking.ranking.decided import Asker

CONTENT_TYPES = ("application/json", "application/vnd.adobe.xdm+json")
MOST_REQUESTS = 100
MOST_PROPOSITIONS_OF_A_BATCH = 1000


def _xdm(field: str) -> str:
    return "xdm:" + to_camel(field)


class _Wire(BaseModel):
    """Frozen and strict like all input. Unknown fields pass: Adobe's callers send merge policies, profile models and
    more that there is nothing here to do with.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, alias_generator=_xdm, defer_build=True)


class PropositionRequest(_Wire):
    """One decision asked for; without an item count as many offers as the decision says."""

    activity_id: Key
    placement_id: Key
    item_count: ItemCount | None = None

    @property
    def scope(self) -> Scope:
        return Scope(self.activity_id, self.placement_id)


class Identity(_Wire):
    """Who somebody is in one namespace."""

    id: Key
    primary: Annotated[bool, Field(alias="primary")] = False


class ContextData(_Wire):
    """What else is known of the moment, an object of XDM; see `offer_ranking.edge.context_data`."""

    type: Annotated[str | None, Field(alias="@type", max_length=1024)] = None
    data: dict[str, Any]


def _bounded(context: tuple[ContextData, ...]) -> tuple[ContextData, ...]:
    if count_values([one.data for one in context]) > MOST_VALUES:
        msg = f"must not hold more than {MOST_VALUES} values"
        raise ValueError(msg)
    return context


class ProfileRequest(_Wire):
    """For whom offers are asked for."""

    identity_map: Annotated[
        dict[Key, Annotated[tuple[Identity, ...], Field(max_length=100, fail_fast=True)]],
        Field(max_length=100, fail_fast=True),
    ]
    context_data: Annotated[
        tuple[ContextData, ...], Field(max_length=100, fail_fast=True), AfterValidator(_bounded)
    ] = ()
    decision_request_id: Annotated[Key | None, Field(description="comes back in the answer")] = None

    @property
    def asker(self) -> Asker:
        """Who asks. A server may send its events to any datastream."""
        data = [one.data for one in self.context_data]
        return Asker(audiences_of(data), context_of(data), visitor=visitor_of(self._identity()))

    def _identity(self) -> str:
        """The ECID, by which events name their visitor, or "": others may be an address, and the token is readable."""
        ecids = self.identity_map.get("ECID", ())
        return ecids[0].id if ecids else ""


class AllowDuplicates(_Wire):
    """Whether one offer may stand in several propositions of an answer. AJO's page does not say what holds where a flag
    is absent; of its present decisioning it says: true.
    """

    across_activities: bool = True
    across_placements: bool = True


class Metadata(_Wire):
    """What is told beside ids and etags: `name` of an activity, `characteristics` of an option; more there is not."""

    activity: Annotated[tuple[Key, ...], Field(max_length=100, fail_fast=True)] = ()
    option: Annotated[tuple[Key, ...], Field(max_length=100, fail_fast=True)] = ()
    placement: Annotated[tuple[Key, ...], Field(max_length=100, fail_fast=True)] = ()


class ResponseFormat(_Wire):
    """What is told of offers."""

    include_content: bool = False
    include_metadata: Metadata = Metadata()


class DecisionRequest(_Wire):
    """Offers asked for one profile, by up to 30 decisions."""

    proposition_requests: Annotated[tuple[PropositionRequest, ...], Field(min_length=1, max_length=30, fail_fast=True)]
    profiles: Annotated[tuple[ProfileRequest, ...], Field(min_length=1, max_length=1, fail_fast=True)]
    allow_duplicate_propositions: AllowDuplicates = AllowDuplicates()
    dry_run: Annotated[bool, Field(description="nothing is signed, and events of it teach nothing")] = False
    response_format: ResponseFormat = ResponseFormat()


def _few(requests: tuple[DecisionRequest, ...]) -> tuple[DecisionRequest, ...]:
    if sum(len(request.proposition_requests) for request in requests) > MOST_PROPOSITIONS_OF_A_BATCH:
        msg = f"the requests must not ask for more than {MOST_PROPOSITIONS_OF_A_BATCH} propositions together"
        raise ValueError(msg)
    return requests


class DecisionBatchRequest(Value):
    """Offers asked for several profiles."""

    requests: Annotated[
        tuple[DecisionRequest, ...], Field(min_length=1, max_length=MOST_REQUESTS, fail_fast=True), AfterValidator(_few)
    ]
