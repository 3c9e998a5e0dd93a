"""How a model weighs its evidence, and how much of its traffic explores."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from offer_ranking.catalog.value import Value


class Settings(Value):
    """Settings of one AI model; every one has a default that suits a shop.

    `random_share` is the part of traffic ranked uniformly at random, without which no lift could be measured;
    `exploration` is a factor of the variance of what offers draw: below 1 they keep closer to what is known (less
    regret in most runs, and more in some), above 1 they try more.
    """

    window_days: Annotated[int, Field(ge=1, le=3650)] | None = 30
    half_life_days: Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)] | None = None
    random_share: Annotated[float, Field(ge=0.01, le=0.5, allow_inf_nan=False)] = 0.05
    exploration: Annotated[float, Field(ge=0.1, le=2, allow_inf_nan=False)] = 1.0
