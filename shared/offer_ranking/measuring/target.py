"""The policies that an evaluation can be asked about, and those of them that need nothing learned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

import numpy as np
from pydantic import AfterValidator, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import InitErrorDetails, PydanticCustomError

from offer_ranking.catalog.settings import Settings
from offer_ranking.catalog.value import Key, Value, distinct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from offer_ranking.measuring.evaluation import Policy
    from offer_ranking.measuring.log import Contest

    Array = NDArray[np.float64]


PolicyName = Literal["priority", "uniform", "current", "model", "settings"]
# What a policy is told beside its name.
_NEEDS: dict[str, PolicyName] = {"order": "priority", "model_id": "model", "settings": "settings"}


class Target(Value):
    """The policy that is judged.

    `priority`: the first of `order` that is a candidate is shown; offers that it does not name follow by id.
    `uniform`: every candidate comes first equally often. `current`: the model as it ranks now, uniformly before its
    first snapshot. `model`: the model `modelId` likewise. `settings`: this model, fitted anew from the same counts with
    other `settings`; those that are absent stay.
    """

    policy: PolicyName
    order: (
        Annotated[tuple[Key, ...], Field(min_length=1, max_length=10_000, fail_fast=True), AfterValidator(distinct)]
        | None
    ) = None
    model_id: Key | None = None
    settings: Settings | None = None

    @model_validator(mode="after")
    def _has_what_its_policy_needs(self) -> Self:
        """Refuse at the field itself, as absent ones have no validator that knows their name outside."""
        wrong = [
            InitErrorDetails(
                type=PydanticCustomError("belongs", "goes with the policy {policy}", {"policy": policy}),
                loc=(to_camel(name),),
                input=getattr(self, name),
            )
            for name, policy in _NEEDS.items()
            if (getattr(self, name) is not None) != (self.policy == policy)
        ]
        if wrong:
            raise ValidationError.from_exception_data(type(self).__name__, wrong)
        return self


class PriorityPolicy:
    """Shows the candidate with the least place in an order."""

    def __init__(self, order: tuple[str, ...]) -> None:
        self._places = {offer: place for place, offer in enumerate(order)}

    def __call__(self, contest: Contest) -> Array:
        last = len(self._places)
        places = [self._places.get(offer, last) for offer in contest.offers]
        shares = np.zeros(len(places))
        shares[int(np.argmin(places))] = 1.0  # the first of equals: contests list offers by id
        return shares


def uniform(contest: Contest) -> Array:
    """1/K each."""
    return np.full(len(contest.offers), 1 / len(contest.offers))


def policy_of(target: Target) -> Policy | None:
    """What a target shows, where nothing learned is needed to know it."""
    if target.order is not None:
        return PriorityPolicy(target.order)
    return uniform if target.policy == "uniform" else None
