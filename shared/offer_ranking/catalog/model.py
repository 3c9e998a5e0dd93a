"""An AI model: which events teach the ranking, and how. A deed here returns a new frozen model."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from offer_ranking.catalog.dataset import Dataset
from offer_ranking.catalog.errors import InUseError, UnsuitableError
from offer_ranking.catalog.lifecycle import Action, Status, after
from offer_ranking.catalog.settings import Settings
from offer_ranking.catalog.value import Description, Key, Moment, Name, Value, distinct


class ModelType(StrEnum):
    """What works for everyone, or what works for whom."""

    AUTO_OPTIMIZATION = "auto-optimization"
    PERSONALIZED = "personalized"


class TrainingStatus(StrEnum):
    """How the last fit ended."""

    PENDING = "pending"
    IN_PROGRESS = "in-progress"
    SUCCESS = "success"
    FAILED = "failed"


class TrainingError(Value):
    """Why the last fit brought nothing."""

    reason: str
    request_id: str


class Training(Value):
    """The state of a model's learning."""

    status: TrainingStatus = TrainingStatus.PENDING
    at: Moment
    error: TrainingError | None = None


class SnapshotPointer(Value):
    """Which snapshot a model ranks by, and what that was learned from.

    `key` and `sha256` say where it lies and what it must hash to; `trained_on` gives each dataset's generation, the
    rest by which definition.
    """

    version: Annotated[int, Field(ge=1)]
    as_of: Moment
    key: str
    sha256: str
    trained_on: dict[str, int]
    settings: Settings
    audiences: tuple[str, ...] = ()
    context_keys: tuple[str, ...] = ()


DatasetIds = Annotated[tuple[Key, ...], Field(min_length=1, max_length=20, fail_fast=True), AfterValidator(distinct)]
Audiences = Annotated[tuple[Key, ...], Field(max_length=50, fail_fast=True), AfterValidator(distinct)]
ContextKeys = Annotated[tuple[Key, ...], Field(max_length=10, fail_fast=True), AfterValidator(distinct)]


class NewModel(Value):
    """What a person sends to create an AI model."""

    name: Name
    description: Description | None = None
    type: ModelType
    dataset_ids: DatasetIds
    audiences: Audiences = ()
    context_keys: ContextKeys = ()
    settings: Settings = Field(default_factory=Settings)

    @model_validator(mode="after")
    def _audiences_fit_the_type(self) -> NewModel:
        if self.type is ModelType.AUTO_OPTIMIZATION and (self.audiences or self.context_keys):
            msg = "audiences and contextKeys belong to a personalized model"
            raise ValueError(msg)
        return self


class ModelEdit(Value):
    """What a person sends to change a model; what is absent stays. The type never changes."""

    name: Name | None = None
    description: Description | None = None
    dataset_ids: DatasetIds | None = None
    audiences: Audiences | None = None
    context_keys: ContextKeys | None = None
    settings: Settings | None = Field(default=None, description="those that are absent stay")


class Duplicate(Value):
    """What a person sends to duplicate a model."""

    name: Name


class Model(Value):
    """An AI model as it stands."""

    id: str
    name: Name
    description: Description | None
    type: ModelType
    dataset_ids: DatasetIds
    audiences: Audiences
    context_keys: ContextKeys
    settings: Settings
    status: Status
    version: int
    training: Training
    snapshot: SnapshotPointer | None = None
    used_by: frozenset[str] = Field(default=frozenset(), description="decisions that rank by it")
    created_at: Moment
    updated_at: Moment


def define_model(new: NewModel, *, id: str, now: datetime) -> Model:  # noqa: A002 - the field is called id
    """A new draft."""
    return Model(
        **{field: getattr(new, field) for field in NewModel.model_fields},
        id=id,
        status=Status.DRAFT,
        version=1,
        training=Training(at=now),
        created_at=now,
        updated_at=now,
    )


def edit_model(model: Model, edit: ModelEdit, *, now: datetime) -> Model:
    """The model as edited, one version on; itself when nothing changes.

    Raises IllegalTransitionError for an archived one and UnsuitableError.
    """
    after(model.status, Action.EDIT)
    given = edit.model_fields_set
    changes: dict[str, Any] = {
        field: value
        for field in ("name", "dataset_ids", "audiences", "context_keys")
        if (value := getattr(edit, field)) is not None
    }
    if "description" in given:
        changes["description"] = edit.description
    if edit.settings is not None:
        settings = {field: getattr(edit.settings, field) for field in edit.settings.model_fields_set}
        changes["settings"] = model.settings.model_copy(update=settings)
    edited = model.model_copy(update=changes)
    if model.type is ModelType.AUTO_OPTIMIZATION and (edited.audiences or edited.context_keys):
        pointer = "/audiences" if edited.audiences else "/contextKeys"
        raise UnsuitableError(pointer, "Audiences and context keys belong to a personalized model.")
    return model if edited == model else _next(edited, now)


def move_model(model: Model, action: Action, *, now: datetime) -> Model:
    """The model after activate, deactivate or archive. Raises IllegalTransitionError."""
    status = after(model.status, action)
    changes: dict[str, Any] = {"status": status}
    if action is Action.ACTIVATE:
        changes["training"] = Training(at=now)
    return _next(model.model_copy(update=changes), now)


def duplicate_model(model: Model, name: str, *, id: str, now: datetime) -> Model:  # noqa: A002
    """A draft with the same definition and nothing learned. Raises IllegalTransitionError."""
    after(model.status, Action.DUPLICATE)
    new = NewModel(**{field: getattr(model, field) for field in NewModel.model_fields} | {"name": name})
    return define_model(new, id=id, now=now)


def check_deletable(model: Model) -> None:
    """Raises IllegalTransitionError for a live model and InUseError for one that decisions use."""
    after(model.status, Action.DELETE)
    if model.used_by:
        raise InUseError("model", model.used_by)


def check_datasets(dataset_ids: Iterable[str], datasets: dict[str, Dataset]) -> None:
    """Raises UnsuitableError naming the first dataset that does not exist or does not qualify."""
    for position, dataset_id in enumerate(dataset_ids):
        dataset = datasets.get(dataset_id)
        if dataset is None:
            raise UnsuitableError(f"/datasetIds/{position}", f"There is no dataset {dataset_id!r}.")
        if not dataset.eligible:
            raise UnsuitableError(
                f"/datasetIds/{position}", f"The dataset {dataset.name!r} is not eligible. {dataset.reason}"
            )


def _next(model: Model, now: datetime) -> Model:
    return model.model_copy(update={"version": model.version + 1, "updated_at": now})
